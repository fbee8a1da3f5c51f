// The controls: prompt, model, settings of the draws, and a control for each rating or category of the model.

import type { Column, Model, Sampling, Served } from "./api.js";
import { byId, create } from "./elements.js";

export class Controls {
  private models: Model[] = [];
  private readonly prompts = new Map<string, string>(); // by model, for which a person has written them
  private shownModel = "";
  private readonly chosen = byId<HTMLSelectElement>("model");
  private readonly promptBox = byId<HTMLTextAreaElement>("prompt");
  private readonly columns = byId("columns");

  constructor(private readonly changed: () => void) {
    for (const id of ["prompt", "temperature", "length", "seed", "top-k", "min-p", "guidance"]) {
      byId(id).addEventListener("input", () => this.show());
    }
    this.chosen.addEventListener("change", () => {
      this.prompts.set(this.shownModel, this.prompt);
      this.prompt = this.prompts.get(this.model) ?? "";
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

  /** Take the next seed. */
  nextSeed(): void {
    byId<HTMLInputElement>("seed").value = String(number("seed") + 1);
  }

  /** The kind of sequence that the chosen model generates. */
  get kind(): string {
    return this.chosenModel?.kind ?? "text";
  }

  /** Whether the chosen model predicts tokens, which can be listed, and no points. */
  get hasTokens(): boolean {
    return !this.chosenModel?.is_density;
  }

  private get chosenModel(): Model | undefined {
    return this.models.find(({ name }) => name === this.chosen.value);
  }

  get prompt(): string {
    return this.promptBox.value;
  }

  set prompt(text: string) {
    this.promptBox.value = text;
  }

  get temperature(): number {
    return number("temperature");
  }

  sampling(): Sampling {
    const rating: Record<string, number | string> = {};
    for (const input of this.columns.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[data-column]")) {
      const name = input.dataset["column"];
      if (!name || input.disabled || input.value === "") continue;
      rating[name] = input instanceof HTMLSelectElement ? input.value : Number(input.value);
    }
    const sampling: Sampling = {
      model: this.chosen.value,
      prompt: this.prompt,
      max_tokens: number("length"),
      temperature: this.temperature,
      top_k: this.hasTokens ? number("top-k") : 0,
      min_p: this.hasTokens ? number("min-p") : 0,
      seed: number("seed"),
    };
    return Object.keys(rating).length ? { ...sampling, rating, guidance: number("guidance") } : sampling;
  }

  private show(): void {
    this.showValues();
    this.changed();
  }

  /** Show the value of each slider beside it. */
  private showValues(): void {
    for (const slider of document.querySelectorAll<HTMLInputElement>("aside input[type=range]")) {
      const output = document.querySelector<HTMLOutputElement>(`output[for="${slider.id}"]`);
      if (output) output.textContent = slider.disabled ? "any" : slider.value;
    }
  }

  /** Show what the chosen model has: its description, its temperature, its ratings and categories. */
  private showModel(): void {
    const model = this.chosenModel;
    this.shownModel = this.model;
    byId("description").textContent = model?.description ?? "";
    byId<HTMLInputElement>("temperature").value = String(model?.temperature ?? 1);
    byId("guidance-row").hidden = !model?.columns.length;
    this.columns.replaceChildren(...(model?.columns ?? []).map((column) => this.control(column)));
  }

  private control(column: Column): HTMLElement {
    const id = `column-${column.name}`;
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
