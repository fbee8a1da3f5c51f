// Text as tokens that show how surprising they are, and what else could have stood there.

import { create, percent, visible } from "./elements.js";

export interface Token {
  text: string;
  /** Log-probability in nats; null if it is unknown. */
  logProb: number | null;
  /** The likeliest tokens in this place with their log-probabilities. */
  top: Record<string, number> | null;
  rank: number | null;
}

const LEVELS = 5;

/** How surprising a token is, from 0 (expected) to 5, by steps of about 1.5 bits. */
export function surpriseLevel(logProb: number): number {
  return Math.min(LEVELS, Math.floor(-logProb / Math.LN2 / 1.5));
}

export function describe(token: Token): string {
  if (token.logProb === null) return `${visible(token.text)}: nothing stands before it`;
  const bits = -token.logProb / Math.LN2;
  const rank = token.rank === null ? "" : `, rank ${token.rank + 1}`;
  return `${visible(token.text)}: ${percent(Math.exp(token.logProb))}, ${bits.toFixed(1)} bits${rank}`;
}

/** A text of tokens; `branch` is called with the index of a token and another token for its place. */
export class TokenText {
  private tokens: Token[] = [];

  constructor(
    private readonly output: HTMLElement,
    private readonly details: HTMLElement,
    private readonly branch: ((index: number, token: string) => void) | null,
  ) {
    output.addEventListener("pointerover", (event) => this.select(event.target));
    output.addEventListener("focusin", (event) => this.select(event.target));
    output.addEventListener("click", (event) => this.select(event.target));
    output.addEventListener("keydown", (event) => this.move(event));
  }

  clear(): void {
    this.tokens = [];
    this.output.replaceChildren();
    this.details.replaceChildren();
  }

  /** The text of all tokens before an index. */
  before(index: number): string {
    return this.tokens
      .slice(0, index)
      .map((token) => token.text)
      .join("");
  }

  append(tokens: Token[]): void {
    for (const token of tokens) {
      const span = create("span", "token", token.text);
      if (token.logProb !== null) span.classList.add(`surprise-${surpriseLevel(token.logProb)}`);
      span.dataset["index"] = String(this.tokens.length);
      span.tabIndex = this.tokens.length === 0 ? 0 : -1;
      this.tokens.push(token);
      this.output.append(span);
    }
  }

  private select(target: EventTarget | null): void {
    if (!(target instanceof HTMLElement) || target.dataset["index"] === undefined) return;
    const index = Number(target.dataset["index"]);
    const token = this.tokens[index];
    if (!token) return;
    this.output.querySelector(".selected")?.classList.remove("selected");
    target.classList.add("selected");
    this.details.replaceChildren(create("p", "", describe(token)), ...this.alternatives(index, token));
  }

  private alternatives(index: number, token: Token): HTMLElement[] {
    if (!token.top) return [];
    const list = create("ul", "alternatives");
    const others = Object.entries(token.top).sort(([, first], [, second]) => second - first);
    for (const [text, logProb] of others) {
      const item = create("li");
      const button = create("button", "", `${visible(text)}  ${percent(Math.exp(logProb))}`);
      button.type = "button";
      button.disabled = text === token.text || this.branch === null;
      button.addEventListener("click", () => this.branch?.(index, text));
      item.append(button);
      list.append(item);
    }
    return [create("p", "hint", "What else could have been here. Choose one to go on from it:"), list];
  }

  /** Move between tokens with the arrow keys. */
  private move(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !(event.target instanceof HTMLElement)) return;
    const next = this.output.children[Number(event.target.dataset["index"]) + step];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}
