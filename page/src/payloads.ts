// Samples of any kind: texts, drawings that are drawn stroke by stroke, and music.

import type { Generated, Sample } from "./api.js";
import { create, fitted, onSchemeChange } from "./elements.js";
import { saveButton } from "./files.js";
import { pianoRoll } from "./music.js";

const DRAW_SECONDS = 1.5;
const SIZE = 240; // pixels of a drawing

/** Whether a person prefers pictures that do not move. */
function prefersStill(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** A drawing, whose strokes appear in their order, and again after a click. */
function drawing(sample: Sample, grid: number, number: number): HTMLElement {
  const canvas = create("canvas", "drawing");
  const strokes = sample.strokes ?? [];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `drawing ${number} of ${strokes.length} strokes`);
  const numPoints = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  const place = (value: number): number => 8 + (value / (grid - 1)) * (SIZE - 16);

  const show = (count: number): void => {
    const context = fitted(canvas, SIZE, SIZE);
    if (!context) return;
    context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--ink");
    context.lineWidth = 2.5;
    context.lineCap = context.lineJoin = "round";
    let left = count;
    for (const stroke of strokes) {
      context.beginPath();
      stroke.slice(0, left).forEach(([x, y], index) => {
        if (index === 0) context.moveTo(place(x), place(y));
        context.lineTo(place(x), place(y));
      });
      context.stroke();
      left -= stroke.length;
      if (left <= 0) break;
    }
  };

  const draw = (): void => {
    const start = performance.now();
    const step = (now: number): void => {
      const share = prefersStill() ? 1 : Math.min(1, (now - start) / 1000 / DRAW_SECONDS);
      show(Math.ceil(share * numPoints));
      if (share < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  };
  canvas.addEventListener("click", draw);
  onSchemeChange(canvas, () => show(numPoints));
  draw();
  return canvas;
}

/** The text or the tokens of a tune, to be opened. */
function notation(text: string): HTMLElement {
  const details = create("details");
  details.append(create("summary", "hint", "as text"), textOf(text));
  return details;
}

/** A text that scrolls if it is long, also by keys. */
export function textOf(text: string): HTMLElement {
  const element = create("p", "text", text);
  element.tabIndex = 0;
  return element;
}

/** An element that shows a sample of any kind; `number` names it to screen readers. */
export function sampleItem(sample: Sample, grid: number, number: number): HTMLElement {
  const item = create("article", "sample");
  const save = sample.file ? [saveButton(sample.file.name, sample.file.content)] : [];
  if (sample.strokes) item.append(drawing(sample, grid, number), ...save);
  else if (sample.notes) item.append(...pianoRoll(sample.notes, number), ...save, notation(sample.text));
  else item.append(textOf(sample.text), ...save);
  return item;
}

/** Elements that show samples of any kind. */
export function samplesOf(generated: Generated): HTMLElement[] {
  return generated.samples.map((sample, index) => sampleItem(sample, generated.grid, index + 1));
}
