// A text in the page as tokens that show how surprising they are, and what else could have stood there.

import { create, percent, visible } from "./elements.js";
import { START, type TokenNames } from "./names.js";
import { describe, joinBytes, surpriseLevel, type Token } from "./tokens.js";

const END_SIGN = "∎";

/** `branch` is called with the text before a token and the name of another token for its place. */
export class TokenText {
  names: TokenNames | null = null;
  private tokens: Token[] = [];
  private waiting: Token[] = []; // parts of a character that is not complete
  private pinned: number | null = null;
  private readonly line = create("p", "line");
  private readonly others = create("div");

  constructor(
    private readonly output: HTMLElement,
    details: HTMLElement,
    private readonly branch: ((before: string, name: string) => void) | null,
  ) {
    this.line.setAttribute("aria-live", "polite");
    details.append(this.line, this.others);
    // The pointer shows any token that it passes; a click holds one, so that its alternatives can be reached.
    output.addEventListener("pointerover", (event) => this.pinned ?? this.select(indexOf(event.target)));
    output.addEventListener("focusin", (event) => this.focused(indexOf(event.target)));
    output.addEventListener("click", (event) => this.pin(indexOf(event.target)));
    output.addEventListener("keydown", (event) => this.move(event));
    this.clear();
  }

  clear(): void {
    this.tokens = [];
    this.waiting = [];
    this.output.replaceChildren();
    this.hold(null);
    this.others.replaceChildren();
    this.line.className = "line hint";
    this.line.textContent = this.branch
      ? "Point at a character of the text to see what else it could have been. A click holds it; Escape lets it go."
      : "Point at a character of the text to see how expected it was.";
  }

  /** Show a character that stays incomplete, at the end of a text. */
  end(): void {
    for (const token of this.waiting) this.output.append(this.span({ ...token, text: "\ufffd" }));
    this.waiting = [];
  }

  get isEmpty(): boolean {
    return this.tokens.length === 0;
  }

  append(tokens: Token[]): void {
    const { whole, rest } = joinBytes([...this.waiting, ...tokens]);
    this.waiting = rest;
    for (const token of whole) this.output.append(this.span(token));
  }

  /** Let a held token go. */
  release(): void {
    this.hold(null);
  }

  /** Focus the first token. */
  focus(): void {
    (this.output.firstElementChild as HTMLElement | null)?.focus();
  }

  private span(token: Token): HTMLElement {
    const span = create("span", "token", token.name === START ? END_SIGN : token.text);
    if (token.logProb !== null) span.classList.add(`surprise-${surpriseLevel(token.logProb, this.names?.surpriseStep ?? 1)}`);
    if (token.isUnknown) span.classList.add("unknown");
    if (token.name === START) span.classList.add("end");
    span.dataset["index"] = String(this.tokens.length);
    span.setAttribute("role", "option");
    span.setAttribute("aria-selected", "false");
    span.setAttribute("aria-label", token.name === START ? "end of the text" : visible(token.text));
    span.tabIndex = this.tokens.length === 0 ? 0 : -1;
    this.tokens.push(token);
    return span;
  }

  private hold(index: number | null): void {
    this.pinned = index;
    this.output.classList.toggle("pinned", index !== null);
  }

  /** Hold a token; a second click lets it go. */
  private pin(index: number | null): void {
    if (index === null) return;
    this.hold(this.pinned === index ? null : index);
    this.select(index);
  }

  private focused(index: number | null): void {
    if (index === null || !(document.activeElement?.matches(":focus-visible") ?? false)) return; // a click pins
    if (this.pinned !== null) this.hold(index);
    this.select(index);
  }

  private select(index: number | null): void {
    const token = index === null ? undefined : this.tokens[index];
    const span = index === null ? undefined : this.output.children[index];
    if (index === null || !token || !span) return;
    const selected = this.output.querySelector(".selected");
    selected?.classList.remove("selected");
    selected?.setAttribute("aria-selected", "false");
    span.classList.add("selected");
    span.setAttribute("aria-selected", "true");
    this.line.className = "line";
    this.line.textContent = describe(token);
    this.others.replaceChildren(...this.alternatives(index, token));
  }

  private alternatives(index: number, token: Token): HTMLElement[] {
    if (!token.top.length) return [];
    const list = create("ul", "alternatives");
    const before = this.tokens.slice(0, index).map(({ text }) => text).join(""); // prettier-ignore
    for (const [name, logProb] of token.top) {
      const item = create("li");
      const button = create("button", "", `${this.names?.label(name) ?? name}  ${percent(Math.exp(logProb))}`);
      button.type = "button";
      button.disabled = name === token.name || !this.names?.continues(name);
      button.addEventListener("click", () => this.branch?.(before, name));
      item.append(button);
      list.append(item);
    }
    const what = token.isJoined ? "What the first byte of this character could have been" : "What else could have been here";
    const hint = `${what}, at temperature 1. Choose one to go on from it:`;
    return [create("p", "hint", hint), list];
  }

  /** Move between tokens: by one, to the first and the last one, and between lines. */
  private move(event: KeyboardEvent): void {
    const index = indexOf(event.target);
    if (index === null || !(event.target instanceof HTMLElement)) return;
    const last = this.tokens.length - 1;
    const targets: Record<string, number | undefined> = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: last };
    const target = event.key in targets ? targets[event.key] : this.inOtherLine(index, event.key);
    const next = target === undefined ? undefined : this.output.children[target];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** The token below or above another one. */
  private inOtherLine(index: number, key: string): number | undefined {
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (!step) return undefined;
    const place = (position: number): DOMRect | undefined => this.output.children[position]?.getBoundingClientRect();
    const from = place(index)!;
    let best: number | undefined;
    let line = from.top;
    for (let position = index + step; place(position); position += step) {
      const { left, top } = place(position)!;
      if (Math.abs(top - line) > from.height / 2) {
        if (best !== undefined) break; // the line after the next one
        line = top;
      }
      if (line === from.top) continue;
      if (best === undefined || Math.abs(left - from.left) <= Math.abs(place(best)!.left - from.left)) best = position;
    }
    return best;
  }
}

function indexOf(target: EventTarget | null): number | null {
  if (!(target instanceof HTMLElement) || target.dataset["index"] === undefined) return null;
  return Number(target.dataset["index"]);
}
