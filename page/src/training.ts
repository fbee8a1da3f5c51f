// The course of a training: the curve of its losses, which grows while the run trains, and the samples of each epoch.

import * as api from "./api.js";
import { byId, create, fitted } from "./elements.js";
import { sampleItem } from "./payloads.js";

const HEIGHT = 180;
const LEFT = 44; // pixels for the numbers of the axis
const BOTTOM = 24;
const SETTLED = 0.02; // share of the steps whose losses may leave the picture
const LONG_PAUSE = 10_000;
const PAUSE = 2000; // milliseconds between two looks at a run that trains

type Curve = [number, number][];

/** Round numbers between two limits, a few. */
export function ticks(low: number, high: number): number[] {
  const range = high - low || 1;
  const unit = 10 ** Math.floor(Math.log10(range));
  const step = [0.2, 0.5, 1, 2].map((factor) => factor * unit).find((size) => range / size <= 5) ?? 2 * unit;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function short(value: number): string {
  return value >= 1000 ? `${+(value / 1000).toFixed(1)}k` : String(+value.toFixed(2));
}

export class TrainingView {
  private readonly panel = byId("training");
  private readonly canvas = byId<HTMLCanvasElement>("loss");
  private readonly epoch = byId<HTMLInputElement>("epoch");
  private course: api.Course | null = null;
  private model = "";
  private unit = "token";
  private shownEpoch = "";
  private timer = 0;

  constructor(private readonly weightsChanged: () => void) {
    this.epoch.addEventListener("input", () => void this.showSamples());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Show the training of another model, whose losses are nats per `unit`. */
  show(model: string, unit: string): void {
    this.model = model;
    this.unit = unit;
    this.course = null;
    this.panel.hidden = true;
    this.shownEpoch = "";
    byId("epoch-samples").replaceChildren();
    clearTimeout(this.timer);
    void this.look();
  }

  /** Ask for the course, and again after a while if the run still trains. */
  private async look(): Promise<void> {
    const model = this.model;
    let course: api.Course;
    try {
      course = await api.training(model);
    } catch {
      if (model === this.model) this.timer = window.setTimeout(() => void this.look(), LONG_PAUSE);
      return; // the server says why a request fails where a person makes one
    }
    if (model !== this.model) return;
    const before = this.course;
    this.course = course;
    this.panel.hidden = course.training.length === 0;
    this.describe();
    this.draw();
    this.showEpochs(before);
    if (before && before.weights_step !== course.weights_step) this.weightsChanged();
    if (!course.is_finished || !course.is_newest) this.timer = window.setTimeout(() => void this.look(), PAUSE);
  }

  private describe(): void {
    const { training, validation, step, total_steps, is_finished, weights_step, is_newest } = this.course!;
    const last = (curve: Curve): string => curve.at(-1)?.[1].toFixed(3) ?? "";
    const parts = [
      is_finished ? `${step.toLocaleString("en")} steps` : `step ${step.toLocaleString("en")} of ${total_steps.toLocaleString("en")}`,
      `loss ${last(training)} nats per ${this.unit}`,
    ];
    if (validation.length) parts.push(`in validation ${last(validation)}`);
    if (!(is_finished && is_newest) && weights_step !== null) parts.push(`the page writes with the weights of step ${weights_step.toLocaleString("en")}`);
    byId("course").textContent = parts.join(", ");
    byId("training-state").textContent = is_finished ? "" : "not finished";
    this.canvas.setAttribute("aria-label", `curve of the loss: ${parts.join(", ")}`);
  }

  private draw(): void {
    if (!this.course || this.panel.hidden) return;
    const { training, validation, step, total_steps, is_finished } = this.course;
    const width = this.canvas.clientWidth;
    const context = fitted(this.canvas, width, HEIGHT);
    if (!context) return;
    const style = getComputedStyle(this.canvas);
    const colour = (name: string): string => style.getPropertyValue(name);
    const steps = is_finished ? step : Math.max(step, total_steps);
    // The fall of the first steps would leave no room for all that follows.
    const settled = [...training, ...validation].filter(([at]) => at >= SETTLED * step);
    const losses = settled.map(([, loss]) => loss);
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    const x = (value: number): number => LEFT + (value / steps) * (width - LEFT - 8);
    const y = (loss: number): number => 8 + ((high - loss) / (high - low || 1)) * (HEIGHT - BOTTOM - 16);
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colour("--faint");
    context.strokeStyle = colour("--line");
    for (const value of ticks(low, high)) {
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText(short(value), LEFT - 8, y(value));
      line(context, [[LEFT, y(value)], [width - 8, y(value)]], 1);
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    for (const value of ticks(0, steps)) context.fillText(short(value), Math.min(x(value), width - 16), HEIGHT - BOTTOM + 6);
    context.beginPath();
    context.rect(LEFT, 0, width, HEIGHT - BOTTOM);
    context.clip();
    context.strokeStyle = colour("--faint");
    line(context, training.map(([at, loss]) => [x(at), y(loss)]), 1.5);
    context.strokeStyle = colour("--accent");
    line(context, validation.map(([at, loss]) => [x(at), y(loss)]), 2.5);
  }

  /** Let the slider reach all epochs that have samples; it follows the newest unless a person has moved it. */
  private showEpochs(before: api.Course | null): void {
    const { epochs } = this.course!;
    byId("epochs").hidden = epochs.length === 0;
    byId("no-epochs").hidden = epochs.length > 0;
    if (epochs.length === 0) return;
    const follows = !before || before.epochs.length === 0 || Number(this.epoch.value) === before.epochs.length - 1;
    this.epoch.max = String(epochs.length - 1);
    if (follows) this.epoch.value = this.epoch.max;
    void this.showSamples();
  }

  private async showSamples(): Promise<void> {
    const epoch = this.course?.epochs[Number(this.epoch.value)];
    if (epoch === undefined) return;
    byId("epoch-number").textContent = String(epoch);
    this.epoch.setAttribute("aria-valuetext", `epoch ${epoch}`);
    const key = `${this.model} ${epoch}`;
    if (key === this.shownEpoch) return;
    this.shownEpoch = key;
    let samples: api.EpochSamples["samples"];
    let grid: number;
    try {
      ({ samples, grid } = await api.epochSamples(this.model, epoch));
    } catch (error) {
      this.shownEpoch = "";
      byId("epoch-samples").replaceChildren(create("p", "hint", error instanceof Error ? error.message : String(error)));
      return;
    }
    if (key !== this.shownEpoch) return;
    const items = samples.map((sample, index) => {
      const item = sampleItem(sample, grid, index + 1);
      item.prepend(create("h3", "", `temperature ${sample.temperature}`));
      return item;
    });
    byId("epoch-samples").replaceChildren(...items);
  }
}

function line(context: CanvasRenderingContext2D, points: [number, number][], width: number): void {
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}
