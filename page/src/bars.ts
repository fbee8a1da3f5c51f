// The distribution of the next token as bars, which move with the temperature, and its entropy.

import type { Distribution } from "./api.js";
import { create, percent, visible } from "./elements.js";

const NUM_BARS = 14;

/** Probabilities at a temperature: proportional to those of the model to the power of 1 / temperature. */
export function reweighted(logProbs: number[], temperature: number): number[] {
  const largest = Math.max(...logProbs);
  if (temperature <= 0) return logProbs.map((_, index) => (index === logProbs.indexOf(largest) ? 1 : 0));
  const masses = logProbs.map((value) => Math.exp((value - largest) / temperature));
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
    private readonly choose: (token: string) => void,
  ) {}

  show(distribution: Distribution, temperature: number): void {
    this.distribution = distribution;
    this.list.replaceChildren(...distribution.tokens.slice(0, NUM_BARS).map((token) => this.row(token)));
    this.move(temperature);
  }

  /** Move the bars to another temperature, without a request. */
  move(temperature: number): void {
    const probabilities = reweighted(this.distribution.log_probs, temperature);
    [...this.list.children].forEach((row, index) => {
      const share = probabilities[index] ?? 0;
      const bar = row.querySelector<HTMLElement>(".bar");
      const label = row.querySelector<HTMLElement>(".share");
      if (bar) bar.style.width = `${100 * share}%`;
      if (label) label.textContent = percent(share);
    });
    const bits = entropy(probabilities);
    this.summary.textContent = probabilities.length
      ? `${bits.toFixed(2)} bits: as uncertain as a choice among ${(2 ** bits).toFixed(1)} equal ones`
      : "";
  }

  private row(token: string): HTMLElement {
    const row = create("li");
    const button = create("button", "choice");
    button.type = "button";
    button.title = `append ${visible(token)} to the prompt`;
    button.addEventListener("click", () => this.choose(token));
    const track = create("span", "track");
    track.append(create("span", "bar"));
    button.append(create("span", "token", visible(token)), track, create("span", "share"));
    row.append(button);
    return row;
  }
}
