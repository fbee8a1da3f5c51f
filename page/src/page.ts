// The page of a server: write, look at the next token, compare temperatures, and see how surprising a text is.

import * as api from "./api.js";
import { Bars } from "./bars.js";
import { Controls } from "./controls.js";
import { byId, create, percent } from "./elements.js";
import { samplesOf, textOf } from "./payloads.js";
import { joinBytes, placed, TokenText, type Token } from "./tokens.js";
import { TrainingView } from "./training.js";

const COMPARED = [0.2, 0.5, 1.0, 1.2];
const NUM_ALTERNATIVES = 8;
const NUM_PICTURES = 8;
const NUM_TUNES = 2;
const TYPING_PAUSE = 150; // milliseconds without a key after which the bars are asked for

function tokensOf(logprobs: api.LogProbs): Token[] {
  return logprobs.tokens.map((text, index) => ({
    text: text === "<|start|>" ? "" : text,
    logProb: logprobs.token_logprobs[index] ?? null,
    top: logprobs.top_logprobs[index] ?? null,
    rank: null,
  }));
}

class Page {
  private readonly controls = new Controls(() => this.controlsChanged());
  private readonly written = new TokenText(byId("written"), byId("details"), (index, token) => this.branch(index, token));
  private readonly pasted = new TokenText(byId("pasted-text"), byId("pasted-details"), null);
  private readonly bars = new Bars(byId("bars"), byId("entropy"), (token) => this.append(token));
  private readonly training = new TrainingView(() => this.weightsChanged());
  private readonly status = byId("status");
  private running: AbortController | null = null;
  private asking: AbortController | null = null;
  private typing = 0;
  private shownFor = "";
  private text = "";

  constructor(private readonly served: api.Served) {
    this.controls.fill(served);
    byId("write").addEventListener("click", () => this.write(this.controls.prompt));
    byId("another").addEventListener("click", () => this.another());
    byId("stop").addEventListener("click", () => this.running?.abort());
    byId("compare").addEventListener("click", () => this.compare());
    byId("colour").addEventListener("click", () => this.colour());
    byId("judge").addEventListener("click", () => this.judge());
    byId("judges").hidden = !(served.critic || served.detector);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.running?.abort();
        this.written.release();
        this.pasted.release();
      }
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.write(this.controls.prompt);
    });
    this.controlsChanged();
  }

  /** Write again, with other draws. */
  private another(): void {
    this.controls.nextSeed();
    void this.write(this.controls.prompt);
  }

  private weightsChanged(): void {
    this.shownFor = "";
    void this.askForBars();
  }

  private modelShown = "";

  private controlsChanged(): void {
    if (this.controls.model !== this.modelShown) this.training.show((this.modelShown = this.controls.model), this.controls.hasTokens ? "token" : "point");
    document.body.classList.toggle("no-text", this.controls.kind !== "text");
    document.body.classList.toggle("no-list", !this.controls.hasTokens);
    this.bars.move(this.controls.temperature);
    clearTimeout(this.typing);
    this.typing = window.setTimeout(() => this.askForBars(), TYPING_PAUSE);
  }

  private async askForBars(): Promise<void> {
    const { model, prompt, rating } = this.controls.sampling();
    if (!this.controls.hasTokens) return;
    const key = JSON.stringify([model, prompt, rating]);
    if (key === this.shownFor) return;
    this.asking?.abort();
    this.asking = new AbortController();
    try {
      const distribution = await api.nextTokens(model, prompt, rating, this.asking.signal);
      this.shownFor = key;
      this.bars.show(distribution, this.controls.temperature);
      this.say("");
    } catch (error) {
      this.report(error);
    }
  }

  private append(token: string): void {
    this.controls.prompt += token;
    this.controlsChanged();
  }

  private branch(index: number, token: string): void {
    this.controls.prompt = this.promptOf + this.written.before(index) + token;
    void this.write(this.controls.prompt);
  }

  private promptOf = "";

  /** Run one request at a time; the buttons show it. */
  private async run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.running?.abort();
    const controller = new AbortController();
    this.running = controller;
    document.body.classList.add("busy");
    this.say("writing ...");
    try {
      await work(controller.signal);
      this.say("");
    } catch (error) {
      this.report(error);
    } finally {
      if (this.running === controller) {
        this.running = null;
        document.body.classList.remove("busy");
      }
    }
  }

  private write(prompt: string): Promise<void> {
    if (this.controls.kind !== "text") return this.show();
    this.promptOf = prompt;
    byId("written-prompt").textContent = prompt;
    this.written.clear();
    this.text = prompt;
    return this.run(async (signal) => {
      const sampling = { ...this.controls.sampling(), prompt };
      for await (const piece of api.complete(sampling, NUM_ALTERNATIVES, signal)) {
        if (piece.logprobs) this.written.append(tokensOf(piece.logprobs));
        this.text += piece.text;
      }
    });
  }

  /** Show samples of a run that writes no text. */
  private show(): Promise<void> {
    return this.run(async (signal) => {
      const count = this.controls.kind === "drawings" ? NUM_PICTURES : NUM_TUNES;
      const generated = await api.generate(this.controls.sampling(), count, signal);
      byId("samples").classList.toggle("rolls", this.controls.kind !== "drawings");
      byId("samples").replaceChildren(...samplesOf(generated));
    });
  }

  private compare(): Promise<void> {
    const columns = COMPARED.map((temperature) => {
      const column = create("article", "sample");
      const text = textOf("");
      column.append(create("h3", "", `temperature ${temperature}`), text);
      return { temperature, column, text };
    });
    byId("samples").classList.remove("rolls");
    byId("samples").replaceChildren(...columns.map(({ column }) => column));
    return this.run(async (signal) => {
      const sampling = this.controls.sampling();
      await Promise.all(
        columns.map(async ({ temperature, text }) => {
          for await (const piece of api.complete({ ...sampling, temperature }, null, signal)) {
            text.append(piece.text);
          }
        }),
      );
    });
  }

  private colour(): Promise<void> {
    const text = byId<HTMLTextAreaElement>("paste").value;
    return this.run(async () => {
      this.pasted.clear();
      byId("pasted-mean").textContent = "";
      const scores = await api.score(this.controls.sampling().model, text);
      const tokens = scores.tokens.map((name, index) => ({
        text: name,
        logProb: scores.log_probs[index] ?? null,
        top: null,
        rank: scores.ranks[index] ?? null,
      }));
      this.pasted.append(placed(text, joinBytes(tokens).whole));
      const bits = scores.log_probs.reduce((sum, value) => sum - value / Math.LN2, 0) / Math.max(1, scores.tokens.length);
      byId("pasted-mean").textContent = `${bits.toFixed(2)} bits per token in the mean`;
    });
  }

  private judge(): Promise<void> {
    return this.run(async () => {
      const lines: string[] = [];
      if (this.served.critic) lines.push(`The critic rates this text ${(await api.rate(this.text)).toFixed(2)}.`);
      if (this.served.detector) {
        const verdict = await api.detect(this.text);
        lines.push(`Generated with a probability of ${percent(verdict.probability)}.`, ...verdict.sentences);
      }
      byId("verdict").replaceChildren(...lines.map((line) => create("p", "", line)));
    });
  }

  private report(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") this.say("stopped");
    else this.say(error instanceof Error ? error.message : String(error), true);
  }

  private say(message: string, isError = false): void {
    this.status.textContent = message;
    this.status.classList.toggle("error", isError);
  }
}

api.served().then(
  (served) => {
    new Page(served);
    document.body.dataset["ready"] = "true";
  },
  (error: unknown) => {
    const status = byId("status");
    status.textContent = error instanceof Error ? error.message : String(error);
    status.classList.add("error");
  },
);
