// The distribution of the next token as bars, which move with the controls, and its entropy.

import type { Distribution } from "./api.js";
import { create, percent } from "./elements.js";
import type { TokenNames } from "./names.js";

const NUM_BARS = 14;

export interface Filters {
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
}

/** Probabilities at a temperature: proportional to those of the model to the power of 1 / temperature. */
export function reweighted(logProbs: number[], temperature: number): number[] {
  const largest = Math.max(...logProbs);
  if (temperature <= 0) return logProbs.map((_, index) => (index === logProbs.indexOf(largest) ? 1 : 0));
  return normalized(logProbs.map((value) => Math.exp((value - largest) / temperature)));
}

/** Probabilities, the largest first, after temperature, top-k, top-p and min-p, in the order of the draws. */
export function filtered(logProbs: number[], { temperature, topK, topP, minP }: Filters): number[] {
  let shares = reweighted(logProbs, temperature);
  if (topK > 0) shares = normalized(shares.map((share, index) => (index < topK ? share : 0)));
  if (topP < 1) {
    let before = 0;
    shares = normalized(shares.map((share) => ((before += share) - share < topP ? share : 0)));
  }
  return normalized(shares.map((share) => (share >= minP * shares[0]! ? share : 0)));
}

function normalized(masses: number[]): number[] {
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return masses.map((mass) => mass / total);
}

/** Entropy in bits. */
export function entropy(probabilities: number[]): number {
  return probabilities.reduce((sum, share) => (share > 0 ? sum - share * Math.log2(share) : sum), 0);
}

export class Bars {
  private distribution: Distribution = { tokens: [], log_probs: [] };

  constructor(
    private readonly list: HTMLElement,
    private readonly summary: HTMLElement,
    private readonly choose: (name: string) => void,
  ) {}

  /** Whether the bars are those of an earlier prompt, until the next ones come; until then, no click appends one. */
  set isPending(isPending: boolean) {
    this.list.ariaBusy = String(isPending);
  }

  /** Show a distribution; a bar that has the focus keeps its place. */
  show(distribution: Distribution, names: TokenNames, filters: Filters): void {
    const focused = [...this.list.children].findIndex((row) => row.contains(document.activeElement));
    this.distribution = distribution;
    this.list.replaceChildren(...distribution.tokens.slice(0, NUM_BARS).map((name) => this.row(name, names)));
    this.move(filters);
    this.isPending = false;
    if (focused >= 0) this.list.children[focused]?.querySelector<HTMLElement>("button")?.focus();
  }

  clear(): void {
    this.distribution = { tokens: [], log_probs: [] };
    this.list.replaceChildren();
    this.isPending = false;
    this.summary.textContent = "";
  }

  /** Move the bars to other settings, without a request. */
  move(filters: Filters): void {
    if (!this.distribution.tokens.length) return;
    const probabilities = filtered(this.distribution.log_probs, filters);
    [...this.list.children].forEach((row, index) => {
      const share = probabilities[index] ?? 0;
      const bar = row.querySelector<HTMLElement>(".bar");
      const label = row.querySelector<HTMLElement>(".share");
      if (bar) bar.style.width = `${100 * share}%`;
      if (label) label.textContent = percent(share);
    });
    const bits = entropy(probabilities);
    this.summary.textContent = `${bits.toFixed(2)} bits: as uncertain as a choice among ${(2 ** bits).toFixed(1)} equal ones`;
  }

  private row(name: string, names: TokenNames): HTMLElement {
    const row = create("li");
    const button = create("button", "choice");
    button.type = "button";
    button.disabled = !names.continues(name);
    button.title = button.disabled ? names.label(name) : `append ${names.label(name)} to the prompt`;
    button.addEventListener("click", () => {
      if (this.list.ariaBusy !== "true") this.choose(name);
    });
    const track = create("span", "track");
    track.append(create("span", "bar"));
    button.append(create("span", "token", names.label(name)), track, create("span", "share"));
    row.append(button);
    return row;
  }
}
