// The controls: prompt, model, settings of the draws, and a control for each rating or category of the model.

import type { Column, Model, Sampling, Served } from "./api.js";
import type { Filters } from "./bars.js";
import { byId, create } from "./elements.js";
import { TokenNames } from "./names.js";

const LARGEST_SEED = Number.MAX_SAFE_INTEGER;

/** What a person has set for a model. */
interface Settings {
  prompt: string;
  temperature: string;
  columns: HTMLElement[];
}

export class Controls {
  private models: Model[] = [];
  private readonly settings = new Map<string, Settings>();
  private shown: Model | undefined;
  private readonly chosen = byId<HTMLSelectElement>("model");
  private readonly promptBox = byId<HTMLTextAreaElement>("prompt");
  private readonly temperatureBox = byId<HTMLInputElement>("temperature");
  private readonly columns = byId("columns");

  constructor(
    private readonly changed: () => void,
    private readonly modelChanged: () => void,
  ) {
    for (const id of ["prompt", "temperature", "length", "seed", "top-k", "top-p", "min-p", "guidance"]) {
      byId(id).addEventListener("input", () => this.show());
    }
    byId("seed").addEventListener("change", () => this.showSeed());
    this.chosen.addEventListener("change", () => {
      this.showModel();
      this.show();
    });
  }

  fill(served: Served): void {
    this.models = served.models;
    this.chosen.replaceChildren(...served.models.map(({ name }) => new Option(name, name)));
    this.showModel();
    this.showValues();
  }

  /** The name of the chosen model. */
  get model(): string {
    return this.chosen.value;
  }

  /** The kind of sequence that it generates. */
  get kind(): string {
    return this.shown?.kind ?? "text";
  }

  /** Whether it predicts tokens, which can be listed, and no points. */
  get hasTokens(): boolean {
    return !this.shown?.is_density;
  }

  /** The names of its tokens. */
  get names(): TokenNames {
    return new TokenNames(this.shown);
  }

  get prompt(): string {
    return this.promptBox.value;
  }

  set prompt(text: string) {
    this.promptBox.value = text;
  }

  get filters(): Filters {
    return { temperature: number("temperature"), topK: number("top-k"), topP: number("top-p"), minP: number("min-p") };
  }

  /** Take the next seed. */
  nextSeed(): void {
    byId<HTMLInputElement>("seed").value = String((seed() + 1) % LARGEST_SEED);
  }

  /** Show the seed that is used, whatever a person has typed. */
  showSeed(): void {
    byId<HTMLInputElement>("seed").value = String(seed());
  }

  sampling(): Sampling {
    const rating = this.rating;
    const { temperature, topK, topP, minP } = this.filters;
    const sampling: Sampling = {
      model: this.model,
      prompt: this.hasTokens ? this.prompt : "",
      max_tokens: number("length"),
      temperature,
      top_k: this.hasTokens ? topK : 0,
      top_p: this.hasTokens ? topP : 1,
      min_p: this.hasTokens ? minP : 0,
      seed: seed(),
    };
    return Object.keys(rating).length ? { ...sampling, rating, guidance: number("guidance") } : sampling;
  }

  /** The requested ratings and categories by column. */
  get rating(): Record<string, number | string> {
    const entries: [string, number | string][] = []; // a column may have any name, as "__proto__"
    for (const input of this.columns.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[data-column]")) {
      const name = input.dataset["column"];
      if (!name || input.disabled || input.value === "") continue;
      entries.push([name, input instanceof HTMLSelectElement ? input.value : Number(input.value)]);
    }
    return Object.fromEntries(entries);
  }

  private show(): void {
    this.showValues();
    this.changed();
  }

  /** Show the value of each slider beside it. Guidance acts on a rating only. */
  private showValues(): void {
    byId<HTMLInputElement>("guidance").disabled = Object.keys(this.rating).length === 0;
    for (const slider of document.querySelectorAll<HTMLInputElement>(".side input[type=range]")) {
      const output = document.querySelector<HTMLOutputElement>(`output[for="${slider.id}"]`);
      if (output) output.textContent = slider.disabled ? (slider.dataset["column"] ? "any" : "") : slider.value;
    }
  }

  /** Show what the chosen model has: its description, its prompt, its temperature, its ratings and categories. */
  private showModel(): void {
    if (this.shown) {
      this.settings.set(this.shown.name, {
        prompt: this.prompt,
        temperature: this.temperatureBox.value,
        columns: [...this.columns.children] as HTMLElement[],
      });
    }
    const model = this.models.find(({ name }) => name === this.model);
    this.shown = model;
    const before = this.settings.get(this.model);
    byId("description").textContent = model?.description ?? "";
    byId("guidance-row").hidden = !model?.columns.length;
    this.prompt = before?.prompt ?? "";
    this.promptBox.placeholder = placeholder(model?.kind ?? "text");
    this.temperatureBox.value = before?.temperature ?? String(model?.temperature ?? 1);
    this.columns.replaceChildren(...(before?.columns ?? (model?.columns ?? []).map((column, index) => this.control(column, index))));
    this.modelChanged();
  }

  private control(column: Column, index: number): HTMLElement {
    const id = `column-${index}`; // a name may have any signs
    const row = create("div", "row");
    const label = create("label", "", column.name);
    label.htmlFor = id;
    if (column.kind === "category") {
      const select = create("select");
      select.id = id;
      select.dataset["column"] = column.name;
      select.append(new Option("any", ""), ...(column.choices ?? []).map((choice) => new Option(choice, choice)));
      select.addEventListener("change", () => this.show());
      row.append(label, select);
      return row;
    }
    const slider = create("input");
    const { lowest = 1, highest = 5 } = column;
    Object.assign(slider, { id, type: "range", min: String(lowest), max: String(highest), step: "any" });
    slider.value = String(highest);
    slider.step = highest - lowest <= 20 ? "0.5" : "1";
    slider.disabled = true;
    slider.dataset["column"] = column.name;
    const output = create("output");
    output.htmlFor.add(id);
    const use = create("input");
    Object.assign(use, { type: "checkbox", id: `${id}-use` });
    use.setAttribute("aria-label", `request a ${column.name}`);
    use.addEventListener("change", () => {
      slider.disabled = !use.checked;
      this.show();
    });
    slider.addEventListener("input", () => this.show());
    row.append(label, use, slider, output);
    return row;
  }
}

function number(id: string): number {
  return Number(byId<HTMLInputElement>(id).value);
}

/** The seed, as a whole number in its range. */
function seed(): number {
  return Math.min(LARGEST_SEED, Math.max(0, Math.floor(number("seed")) || 0));
}

function placeholder(kind: string): string {
  if (kind === "tunes") return "An empty prompt begins a tune. A tune begins like this: M:4/4, L:1/8, K:Gmaj, each in a line of its own.";
  return kind === "text" ? "The model goes on from here. An empty prompt begins a text." : "An empty prompt begins a piece.";
}
