// The page of a server: write, look at the next token, compare temperatures, and see how surprising a text is.

import * as api from "./api.js";
import { Bars } from "./bars.js";
import { Controls } from "./controls.js";
import { byId, create } from "./elements.js";
import { save } from "./files.js";
import { Judges } from "./judges.js";
import { player } from "./music.js";
import type { TokenNames } from "./names.js";
import { samplesOf, textOf } from "./payloads.js";
import { TokenText } from "./token_text.js";
import { joinBytes, placed, type Token } from "./tokens.js";
import { TrainingView } from "./training.js";

const COMPARED = [0.2, 0.5, 1.0, 1.2];
const NUM_ALTERNATIVES = 8;
const NUM_PICTURES = 8;
const NUM_TUNES = 2;
const TYPING_PAUSE = 150; // milliseconds without a key after which the bars are asked for
const WRITING = "writing ...";
const WRITE = { text: "Write", drawings: "Draw" } as Record<string, string>;

function tokensOf(logprobs: api.LogProbs, names: TokenNames): Token[] {
  return logprobs.tokens.map((name, index) => ({
    name,
    text: names.text(name) ?? "",
    logProb: logprobs.token_logprobs[index] ?? null,
    top: Object.entries(logprobs.top_logprobs[index] ?? {}).sort(([, first], [, second]) => second - first),
    rank: null,
  }));
}

/** The first token of a text may begin with the space that ends the prompt, and that is there already. */
function afterPrompt(tokens: Token[], text: string, written: TokenText): Token[] {
  const [first, ...others] = tokens;
  if (!first || !written.isEmpty || !first.text.startsWith(" ") || text.startsWith(" ")) return tokens;
  return [{ ...first, text: first.text.slice(1) }, ...others];
}

class Page {
  private readonly written = new TokenText(byId("written"), byId("details"), (before, name) => this.branch(before, name));
  private readonly pasted = new TokenText(byId("pasted-text"), byId("pasted-details"), null);
  private readonly bars = new Bars(byId("bars"), byId("entropy"), (name) => this.append(name));
  private readonly training = new TrainingView(() => this.weightsChanged());
  private readonly status = byId("status");
  private readonly output = byId("output");
  private readonly undo = byId<HTMLButtonElement>("undo");
  private readonly saveText = byId<HTMLButtonElement>("save");
  private readonly judges: Judges;
  private readonly controls = new Controls(() => this.controlsChanged(), () => this.modelChanged());
  private running: AbortController | null = null;
  private asking: AbortController | null = null;
  private typing = 0;
  private colouring = 0; // number of the last text to be coloured, whose answer alone is shown
  private shownFor = "";
  private promptOf = "";
  private whole = { name: "", text: "" }; // the written text with its prompt, and the name of a file for it
  private promptsBefore: string[] = []; // before each branch

  constructor(served: api.Served) {
    this.judges = new Judges(served, (work) => this.ask(work));
    this.controls.fill(served);
    byId("write").addEventListener("click", () => this.write());
    byId("another").addEventListener("click", () => this.another());
    byId("stop").addEventListener("click", () => this.running?.abort());
    byId("compare").addEventListener("click", () => this.compare());
    this.saveText.addEventListener("click", () => save(this.whole.name, this.whole.text));
    byId("colour").addEventListener("click", () => this.colour());
    this.undo.addEventListener("click", () => this.goBack());
    byId("prompt").addEventListener("input", () => this.forgetBranches());
    document.addEventListener("keydown", (event) => this.pressed(event));
    if (matchMedia("(max-width: 56rem)").matches) byId<HTMLDetailsElement>("controls").open = false;
    this.controlsChanged();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      this.running?.abort();
      player.stop();
      this.written.release();
      this.pasted.release();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      this.controls.showSeed();
      if (document.activeElement === byId("paste")) this.colour();
      else void this.write();
    }
  }

  /** Show another model: nothing of the one before stays. */
  private modelChanged(): void {
    this.running?.abort();
    this.running = null;
    document.body.classList.remove("busy");
    this.colouring += 1;
    player.stop();
    const names = this.controls.names;
    this.written.names = this.pasted.names = names;
    this.written.clear();
    this.pasted.clear();
    this.judges?.clear();
    for (const id of ["written-prompt", "samples", "pasted-mean"]) byId(id).replaceChildren();
    this.bars.clear();
    this.shownFor = "";
    this.promptOf = "";
    this.forgetBranches();
    this.saveText.disabled = true;
    const kind = this.controls.kind;
    [...byId("surprise").children].forEach((level, index) => (level.textContent = String(index * names.surpriseStep)));
    document.body.classList.toggle("no-text", kind !== "text");
    document.body.classList.toggle("no-list", !this.controls.hasTokens);
    byId("write").textContent = byId("write-title").textContent = WRITE[kind] ?? "Compose";
    this.training.show(this.controls.model, this.controls.hasTokens ? "token" : "point");
    this.say("");
  }

  private controlsChanged(): void {
    this.bars.move(this.controls.filters);
    this.bars.isPending = this.controls.hasTokens && this.barsKey() !== this.shownFor;
    clearTimeout(this.typing);
    this.typing = window.setTimeout(() => this.askForBars(), TYPING_PAUSE);
  }

  /** What the bars depend on, apart from the settings that move them. */
  private barsKey(): string {
    const { model, prompt, rating, guidance } = this.controls.sampling();
    return JSON.stringify([model, prompt, rating, guidance]);
  }

  private async askForBars(): Promise<void> {
    const sampling = this.controls.sampling();
    if (!this.controls.hasTokens) return;
    const key = this.barsKey();
    this.asking?.abort();
    if (key === this.shownFor) return;
    this.bars.isPending = true;
    const asking = (this.asking = new AbortController());
    const hint = byId("entropy");
    try {
      const distribution = await api.nextTokens(sampling, asking.signal);
      if (key !== this.barsKey()) return;
      this.shownFor = key;
      hint.classList.remove("error");
      this.bars.show(distribution, this.controls.names, this.controls.filters);
    } catch (error) {
      if (asking.signal.aborted || key !== this.barsKey()) return;
      this.shownFor = "";
      this.bars.clear();
      hint.classList.add("error");
      hint.textContent = messageOf(error);
    }
  }

  private weightsChanged(): void {
    this.shownFor = "";
    void this.askForBars();
  }

  private append(name: string): void {
    this.controls.prompt += this.controls.names.text(name) ?? "";
    this.controlsChanged();
  }

  /** Go on from another token than the one that was written. */
  private branch(before: string, name: string): void {
    this.promptsBefore.push(this.controls.prompt);
    this.undo.hidden = false;
    this.controls.prompt = this.promptOf + before + (this.controls.names.text(name) ?? "");
    void this.write().then(() => this.written.focus());
  }

  /** A prompt that a person has typed is no branch, and is not taken back. */
  private forgetBranches(): void {
    this.promptsBefore = [];
    this.undo.hidden = true;
  }

  /** Return to the prompt before the last branch, and to its text. */
  private goBack(): void {
    const prompt = this.promptsBefore.pop();
    if (prompt === undefined) return;
    this.undo.hidden = this.promptsBefore.length === 0;
    this.controls.prompt = prompt;
    void this.write();
  }

  /** Write again, with other draws. */
  private another(): void {
    this.controls.nextSeed();
    void this.write();
  }

  /** Run one text at a time; the buttons show it. */
  private async run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.running?.abort();
    const controller = new AbortController();
    this.running = controller;
    document.body.classList.add("busy");
    this.say(WRITING);
    try {
      await work(controller.signal);
      if (this.running === controller) this.say("");
    } catch (error) {
      if (this.running === controller) this.report(error);
    } finally {
      if (this.running === controller) {
        this.running = null;
        document.body.classList.remove("busy");
      }
    }
  }

  /** Ask for something beside the text that grows. */
  private async ask(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.say(this.running ? WRITING : "");
    } catch (error) {
      this.report(error);
    }
  }

  private write(): Promise<void> {
    player.stop();
    if (this.controls.kind !== "text") return this.show();
    const sampling = this.controls.sampling();
    const names = this.controls.names;
    this.controlsChanged();
    return this.run(async (signal) => {
      this.judges.clear();
      let isFirst = true;
      let text = "";
      const begin = (): void => {
        if (!isFirst) return;
        isFirst = false;
        this.promptOf = sampling.prompt;
        byId("written-prompt").textContent = sampling.prompt;
        this.written.clear();
        this.output.scrollTop = 0;
      };
      for await (const piece of api.complete(sampling, NUM_ALTERNATIVES, signal)) {
        if (signal.aborted) return;
        begin();
        const { scrollTop, scrollHeight, clientHeight } = this.output;
        const isAtEnd = scrollTop + clientHeight > scrollHeight - 40;
        text += piece.text;
        this.whole = { name: `${sampling.model}-seed-${sampling.seed}.txt`, text: sampling.prompt + text };
        this.saveText.disabled = false;
        if (piece.logprobs) this.written.append(afterPrompt(tokensOf(piece.logprobs, names), text, this.written));
        if (isAtEnd) this.output.scrollTop = this.output.scrollHeight;
        this.judges.show({ prompt: sampling.prompt, rating: sampling.rating }, piece.text);
      }
      begin();
      this.written.end();
    });
  }

  /** Show samples of a run that writes no text. */
  private show(): Promise<void> {
    return this.run(async (signal) => {
      const isDrawing = this.controls.kind === "drawings";
      const generated = await api.generate(this.controls.sampling(), isDrawing ? NUM_PICTURES : NUM_TUNES, signal);
      byId("samples").className = `samples ${isDrawing ? "pictures" : "rolls"}`;
      byId("samples").replaceChildren(...samplesOf(generated));
    });
  }

  private compare(): Promise<void> {
    const sampling = this.controls.sampling();
    const columns = COMPARED.map((temperature) => {
      const column = create("article", "sample");
      const text = textOf("");
      text.append(create("span", "prompt", sampling.prompt));
      column.append(create("h3", "", `temperature ${temperature}`), text);
      return { temperature, column, text };
    });
    byId("samples").className = "samples";
    byId("samples").replaceChildren(...columns.map(({ column }) => column));
    return this.run(async (signal) => {
      await Promise.all(
        columns.map(async ({ temperature, text }) => {
          for await (const piece of api.complete({ ...sampling, temperature }, null, signal)) text.append(piece.text);
        }),
      );
    });
  }

  private colour(): void {
    const text = byId<HTMLTextAreaElement>("paste").value;
    const mean = byId("pasted-mean");
    this.pasted.clear();
    mean.textContent = "";
    const question = (this.colouring += 1);
    void this.ask(async () => {
      if (!text) throw new Error("there is no text to colour: paste one into the field above");
      const { model, names } = this.controls;
      const scores = await api.score(model, text);
      if (question !== this.colouring) return;
      const tokens = scores.tokens.map((name, index) => ({
        name,
        text: names.text(name) ?? "",
        logProb: scores.log_probs[index] ?? null,
        top: [],
        rank: scores.ranks[index] ?? null,
      }));
      this.pasted.append(placed(text, joinBytes(tokens).whole));
      const bits = -scores.log_probs.reduce((sum, value) => sum + value, 0) / Math.LN2 / tokens.length;
      mean.textContent = tokens.length
        ? `${bits.toFixed(2)} bits per token in the mean`
        : "The model knows no character of this text.";
    });
  }

  private report(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") this.say("stopped");
    else this.say(messageOf(error), true);
  }

  private say(message: string, isError = false): void {
    this.status.textContent = message;
    this.status.classList.toggle("error", isError);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

api.served().then(
  (served) => {
    new Page(served);
    document.body.dataset["ready"] = "true";
  },
  (error: unknown) => {
    const status = byId("status");
    status.textContent = messageOf(error);
    status.classList.add("error");
  },
);
