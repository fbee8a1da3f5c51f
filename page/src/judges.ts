// What critic and detector say about the written text, and about a pasted one.

import * as api from "./api.js";
import { byId, create, percent } from "./elements.js";

export interface Written {
  prompt: string;
  rating: api.Sampling["rating"];
}

export class Judges {
  private text = "";
  private question = 0; // number of the last question, whose answer alone is shown
  private rating: api.Sampling["rating"];
  private readonly ofWritten = byId<HTMLButtonElement>("judge");
  private readonly verdict = byId("verdict");

  constructor(
    private readonly served: api.Served,
    private readonly ask: (work: () => Promise<void>) => Promise<void>,
  ) {
    byId("judges").hidden = !(served.critic || served.detector);
    this.ofWritten.addEventListener("click", () => this.judge("The written text, with its prompt", this.text, this.rating));
    byId("judge-paste").addEventListener("click", () => {
      this.judge("The pasted text", byId<HTMLTextAreaElement>("paste").value, undefined);
    });
    this.clear();
  }

  /** Forget the written text and its verdict, also one that is still to come. */
  clear(): void {
    this.question += 1;
    this.text = "";
    this.ofWritten.disabled = true;
    this.verdict.replaceChildren();
  }

  /** A text grows. */
  show(written: Written, piece: string): void {
    this.text = (this.text || written.prompt) + piece;
    this.rating = written.rating;
    this.ofWritten.disabled = false;
  }

  private judge(title: string, text: string, rating: api.Sampling["rating"]): void {
    this.verdict.replaceChildren();
    const question = (this.question += 1);
    void this.ask(async () => {
      if (!text.trim()) throw new Error("there is no text to judge: write or paste one");
      const lines: string[] = [];
      if (this.served.critic) {
        const requested = Object.entries(rating ?? {}).map(([name, value]) => `${name} ${value}`).join(", "); // prettier-ignore
        lines.push(`The critic rates it ${(await api.rate(text)).toFixed(2)}${requested ? `; requested was ${requested}` : ""}.`);
      }
      if (this.served.detector) {
        const { probability, sentences } = await api.detect(text);
        lines.push(`It was generated with a probability of ${percent(probability)}.`, ...sentences);
      }
      if (question !== this.question) return;
      this.verdict.replaceChildren(create("h3", "", title), ...lines.map((line) => create("p", "", line)));
    });
  }
}
