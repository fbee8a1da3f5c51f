// Text as tokens that show how surprising they are, and what else could have stood there.

import { create, percent, visible } from "./elements.js";

export interface Token {
  text: string;
  /** Log-probability in nats; null if it is unknown. */
  logProb: number | null;
  /** The likeliest tokens in this place with their log-probabilities. */
  top: Record<string, number> | null;
  rank: number | null;
  /** Whether the model has no token for it. */
  isUnknown?: boolean;
}

const BYTES = "bytes:"; // begins the name of a token that is no whole character

/** Join tokens that are parts of a character; tokens of a character that is not complete yet are left over. */
export function joinBytes(tokens: Token[]): { whole: Token[]; rest: Token[] } {
  const whole: Token[] = [];
  let rest: Token[] = [];
  for (const token of tokens) {
    if (!token.text.startsWith(BYTES)) {
      whole.push(...rest, token);
      rest = [];
      continue;
    }
    rest.push(token);
    const text = decoded(rest);
    if (text === null) continue;
    const logProb = rest.reduce<number | null>((sum, { logProb: part }) => (sum === null || part === null ? null : sum + part), 0);
    whole.push({ text, logProb, top: rest[0]!.top, rank: null });
    rest = [];
  }
  return { whole, rest };
}

/** The text of tokens that are bytes; null if it ends within a character. */
function decoded(tokens: Token[]): string | null {
  const digits = tokens.flatMap(({ text }) => [...text.matchAll(/\\x([0-9a-f]{2})/g)].map(([, pair]) => parseInt(pair!, 16)));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(digits));
  } catch {
    return null;
  }
}

/** Put scored tokens in their places in a text; what stands between them is unknown to the model. */
export function placed(text: string, tokens: Token[]): Token[] {
  const result: Token[] = [];
  const lower = text.toLowerCase(); // a run may have learned lower-case text
  let place = 0;
  for (const token of tokens) {
    const found = lower.indexOf(token.text.toLowerCase(), place);
    if (found > place) result.push(unknown(text.slice(place, found)));
    result.push(found < 0 ? token : { ...token, text: text.slice(found, found + token.text.length) });
    if (found >= 0) place = found + token.text.length;
  }
  if (place < text.length) result.push(unknown(text.slice(place)));
  return result;
}

function unknown(text: string): Token {
  return { text, logProb: null, top: null, rank: null, isUnknown: true };
}

const LEVELS = 5;

/** How surprising a token is, from 0 (expected) to 5, by steps of about 1.5 bits. */
export function surpriseLevel(logProb: number): number {
  return Math.min(LEVELS, Math.floor(-logProb / Math.LN2 / 1.5));
}

export function describe(token: Token): string {
  if (token.isUnknown) return `${visible(token.text)}: the model does not know it`;
  if (token.logProb === null) return `${visible(token.text)}: nothing stands before it`;
  const bits = -token.logProb / Math.LN2;
  const rank = token.rank === null ? "" : `, rank ${token.rank + 1}`;
  return `${visible(token.text)}: ${percent(Math.exp(token.logProb))}, ${bits.toFixed(1)} bits${rank}`;
}

/** A text of tokens; `branch` is called with the index of a token and another token for its place. */
export class TokenText {
  private tokens: Token[] = [];
  private waiting: Token[] = []; // parts of a character that is not complete
  private isPinned = false;

  constructor(
    private readonly output: HTMLElement,
    private readonly details: HTMLElement,
    private readonly branch: ((index: number, token: string) => void) | null,
  ) {
    // The pointer shows any token that it passes; a click holds one, so that its alternatives can be reached.
    output.addEventListener("pointerover", (event) => this.isPinned || this.select(event.target));
    output.addEventListener("focusin", (event) => this.select(event.target));
    output.addEventListener("click", (event) => this.pin(event.target));
    output.addEventListener("keydown", (event) => this.move(event));
    this.clear();
  }

  clear(): void {
    this.tokens = [];
    this.waiting = [];
    this.isPinned = false;
    this.output.replaceChildren();
    this.details.replaceChildren(create("p", "hint", this.hint));
  }

  private get hint(): string {
    return this.branch
      ? "Point at a character to see what else it could have been. A click holds it; Escape lets it go."
      : "Point at a character to see how expected it was.";
  }

  /** Hold a token; a second click lets it go. */
  private pin(target: EventTarget | null): void {
    const selected = this.output.querySelector(".selected");
    this.isPinned = !(this.isPinned && target === selected);
    this.select(target);
    this.showPin();
  }

  /** Let a held token go. */
  release(): void {
    this.isPinned = false;
    this.showPin();
  }

  private showPin(): void {
    this.output.classList.toggle("pinned", this.isPinned);
  }

  /** The text of all tokens before an index. */
  before(index: number): string {
    return this.tokens
      .slice(0, index)
      .map((token) => token.text)
      .join("");
  }

  append(tokens: Token[]): void {
    const { whole, rest } = joinBytes([...this.waiting, ...tokens]);
    this.waiting = rest;
    for (const token of whole) {
      const span = create("span", "token", token.text);
      if (token.logProb !== null) span.classList.add(`surprise-${surpriseLevel(token.logProb)}`);
      if (token.isUnknown) span.classList.add("unknown");
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
    return [create("p", "hint", "What else could have been here, at temperature 1. Choose one to go on from it:"), list];
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
