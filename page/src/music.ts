// Music: a piano roll with a button that plays it, and the player, which plays one piece at a time.

import type { Note } from "./api.js";
import { create, fitted, onSchemeChange } from "./elements.js";

const ROLL_HEIGHT = 200;
const PIXELS_PER_SECOND = 40;
const MAX_ROLL_WIDTH = 20000;
const DRUMS = 128;
const LEAD = 0.1; // seconds between the press of the button and the first sound
const DECAY = 0.3; // seconds that a note sounds after its end

function frequency(pitch: number): number {
  return 440 * 2 ** ((pitch - 69) / 12);
}

/** Plays notes with the sound of the browser; a new piece ends the one before. */
class Player {
  private context: AudioContext | null = null;
  private frame = 0;
  private onEnd: (() => void) | null = null;

  /** Play notes; `moved` receives the time in seconds while they sound. */
  play(notes: Note[], moved: (seconds: number) => void, ended: () => void): void {
    this.stop();
    const context = new AudioContext();
    const first = Math.min(...notes.map((note) => note.start));
    const begin = context.currentTime + LEAD - first;
    const last = Math.max(...notes.map((note) => sound(context, note, begin)));
    this.context = context;
    this.onEnd = ended;
    const step = (): void => {
      moved(Math.max(first, context.currentTime - begin));
      if (context.currentTime > last) this.stop();
      else this.frame = requestAnimationFrame(step);
    };
    step();
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    void this.context?.close();
    this.context = null;
    const ended = this.onEnd;
    this.onEnd = null;
    ended?.();
  }
}

export const player = new Player();

/** Let a note sound, and return the time of its end. */
function sound(context: AudioContext, note: Note, begin: number): number {
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
  oscillator.stop(to + DECAY);
  return to + DECAY;
}

/** A piano roll: time to the right, pitch upwards, a line at each C; and a button that plays it. */
export function pianoRoll(notes: Note[], number: number): HTMLElement[] {
  const canvas = create("canvas", "roll");
  const seconds = Math.max(1, ...notes.map((note) => note.start + note.duration));
  const width = Math.min(MAX_ROLL_WIDTH, Math.ceil(seconds * PIXELS_PER_SECOND));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${ROLL_HEIGHT}px`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `piano roll ${number}: ${notes.length} notes, ${seconds.toFixed(0)} seconds`);
  onSchemeChange(canvas, () => drawRoll(canvas, notes, width, seconds));
  const cursor = create("div", "cursor");
  cursor.hidden = true;
  const scroller = create("div", "scroller");
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "group");
  scroller.setAttribute("aria-label", `piano roll ${number}`);
  scroller.append(canvas, cursor);
  return [scroller, playButton(notes, cursor, scroller, width / seconds)];
}

function playButton(notes: Note[], cursor: HTMLElement, scroller: HTMLElement, scale: number): HTMLElement {
  const button = create("button", "", "Play");
  button.type = "button";
  button.disabled = notes.length === 0;
  const moved = (seconds: number): void => {
    const left = seconds * scale;
    cursor.style.left = `${left}px`;
    const { scrollLeft, clientWidth } = scroller;
    if (left > scrollLeft + 0.9 * clientWidth || left < scrollLeft) scroller.scrollLeft = left - 0.1 * clientWidth;
  };
  const show = (isPlaying: boolean): void => {
    button.textContent = isPlaying ? "Stop" : "Play";
    cursor.hidden = !isPlaying;
  };
  button.addEventListener("click", () => {
    if (button.textContent === "Stop") {
      player.stop();
      return;
    }
    player.play(notes, moved, () => show(false));
    show(true);
  });
  return button;
}

function drawRoll(canvas: HTMLCanvasElement, notes: Note[], width: number, seconds: number): void {
  const context = fitted(canvas, width, ROLL_HEIGHT);
  if (!context) return;
  const style = getComputedStyle(canvas);
  const pitches = notes.map((note) => note.pitch);
  const [lowest, highest] = [Math.min(...pitches) - 1, Math.max(...pitches) + 1];
  const height = ROLL_HEIGHT / (highest - lowest + 1);
  context.fillStyle = style.getPropertyValue("--line");
  for (let octave = 12 * Math.ceil(lowest / 12); octave <= highest; octave += 12) {
    context.fillRect(0, (highest - octave + 0.5) * height, width, 1);
  }
  for (const note of notes) {
    context.fillStyle = style.getPropertyValue(note.program === DRUMS ? "--faint" : "--accent");
    context.globalAlpha = 0.4 + (0.6 * note.velocity) / 127;
    const x = (note.start / seconds) * width;
    context.fillRect(x, (highest - note.pitch) * height, Math.max(2, (note.duration / seconds) * width - 1), height);
  }
}
