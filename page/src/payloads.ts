// Samples that are no text: drawings, which are drawn stroke by stroke, and music, as a piano roll that can be played.

import type { Generated, Note, Sample } from "./api.js";
import { create, fitted } from "./elements.js";

const DRAW_SECONDS = 1.5;
const SIZE = 240; // pixels of a drawing
const ROLL_HEIGHT = 200;
const PIXELS_PER_SECOND = 40;
const MAX_ROLL_WIDTH = 20000;
const DRUMS = 128;

/** Whether a person prefers pictures that do not move. */
function prefersStill(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function ink(element: Element): string {
  return getComputedStyle(element).getPropertyValue("--ink") || "#000";
}

/** A drawing, whose strokes appear in their order. */
function drawing(sample: Sample, grid: number, number: number): HTMLElement {
  const canvas = create("canvas", "drawing");
  const strokes = sample.strokes ?? [];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `drawing ${number} of ${strokes.length} strokes`);
  const context = fitted(canvas, SIZE, SIZE);
  const numPoints = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  const place = (value: number): number => 8 + (value / (grid - 1)) * (SIZE - 16);

  const show = (count: number): void => {
    if (!context) return;
    context.clearRect(0, 0, SIZE, SIZE);
    context.strokeStyle = ink(canvas);
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

  const start = performance.now();
  const step = (now: number): void => {
    const share = prefersStill() ? 1 : Math.min(1, (now - start) / 1000 / DRAW_SECONDS);
    show(Math.ceil(share * numPoints));
    if (share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
  return canvas;
}

function frequency(pitch: number): number {
  return 440 * 2 ** ((pitch - 69) / 12);
}

/** Plays notes with the sound of the browser; `stop` ends them. */
class Player {
  private context: AudioContext | null = null;

  play(notes: Note[], ended: () => void): void {
    this.stop();
    const context = new AudioContext();
    this.context = context;
    const first = Math.min(...notes.map((note) => note.start));
    const begin = context.currentTime + 0.1 - first;
    let end = 0;
    for (const note of notes) {
      const oscillator = context.createOscillator();
      const gain = context.createGain();
      const isDrum = note.program === DRUMS;
      oscillator.type = isDrum ? "square" : "triangle";
      oscillator.frequency.value = isDrum ? 60 + note.pitch : frequency(note.pitch);
      const [from, to] = [begin + note.start, begin + note.start + (isDrum ? 0.06 : note.duration)];
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime((0.12 * note.velocity) / 127, from + 0.01);
      gain.gain.setTargetAtTime(0, Math.max(from + 0.01, to - 0.05), 0.04);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(from);
      oscillator.stop(to + 0.3);
      end = Math.max(end, to + 0.3);
    }
    setTimeout(ended, 1000 * (end - context.currentTime));
  }

  stop(): void {
    void this.context?.close();
    this.context = null;
  }
}

/** A piano roll: time to the right, pitch upwards; and a button that plays it. */
function pianoRoll(notes: Note[], number: number): HTMLElement[] {
  const canvas = create("canvas", "roll");
  const seconds = Math.max(1, ...notes.map((note) => note.start + note.duration));
  const width = Math.min(MAX_ROLL_WIDTH, Math.ceil(seconds * PIXELS_PER_SECOND));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${ROLL_HEIGHT}px`;
  const context = fitted(canvas, width, ROLL_HEIGHT);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `piano roll ${number}: ${notes.length} notes, ${seconds.toFixed(0)} seconds`);
  const pitches = notes.map((note) => note.pitch);
  const [lowest, highest] = [Math.min(...pitches) - 1, Math.max(...pitches) + 1];
  const height = ROLL_HEIGHT / (highest - lowest + 1);
  requestAnimationFrame(() => {
    if (!context) return;
    const style = getComputedStyle(canvas);
    for (const note of notes) {
      context.fillStyle = style.getPropertyValue(note.program === DRUMS ? "--faint" : "--accent");
      context.globalAlpha = 0.4 + (0.6 * note.velocity) / 127;
      const x = (note.start / seconds) * width;
      context.fillRect(x, (highest - note.pitch) * height, Math.max(2, (note.duration / seconds) * width - 1), height);
    }
  });
  const player = new Player();
  const button = create("button", "", "Play");
  button.type = "button";
  button.disabled = notes.length === 0;
  let isPlaying = false;
  const show = (playing: boolean): void => {
    isPlaying = playing;
    button.textContent = playing ? "Stop" : "Play";
  };
  button.addEventListener("click", () => {
    if (isPlaying) player.stop();
    else player.play(notes, () => show(false));
    show(!isPlaying);
  });
  const scroller = create("div", "scroller");
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "group");
  scroller.setAttribute("aria-label", `piano roll ${number}`);
  scroller.append(canvas);
  return [scroller, button];
}

/** An element that shows a sample of any kind; `number` names it to screen readers. */
export function sampleItem(sample: Sample, grid: number, number: number): HTMLElement {
  const item = create("article", "sample");
  if (sample.strokes) item.append(drawing(sample, grid, number));
  else if (sample.notes) item.append(...pianoRoll(sample.notes, number), notation(sample.text));
  else item.append(textOf(sample.text));
  return item;
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

/** Elements that show samples of any kind. */
export function samplesOf(generated: Generated): HTMLElement[] {
  return generated.samples.map((sample, index) => sampleItem(sample, generated.grid, index + 1));
}
