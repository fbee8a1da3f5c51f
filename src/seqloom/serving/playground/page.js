// src/api.ts
var token = new URLSearchParams(location.hash.slice(1)).get("token");
function headers() {
  const fields = { "Content-Type": "application/json" };
  if (token) fields["Authorization"] = `Bearer ${token}`;
  return fields;
}
async function checked(answer) {
  if (answer.ok) return answer;
  let message = `the server answered ${answer.status}`;
  try {
    message = (await answer.json()).error.message;
  } catch {
  }
  throw new Error(message);
}
async function post(path, body, signal) {
  const options = { method: "POST", headers: headers(), body: JSON.stringify(body) };
  if (signal) options.signal = signal;
  return checked(await fetch(path, options));
}
async function get(path) {
  return (await checked(await fetch(path, { headers: headers() }))).json();
}
async function served() {
  return get("api/served");
}
async function nextTokens(model, prompt, rating, signal) {
  return (await post("api/next", rating ? { model, prompt, rating } : { model, prompt }, signal)).json();
}
async function score(model, text) {
  return (await post("score", { model, text, skip_unknown: true })).json();
}
async function rate(text) {
  const { ratings } = await (await post("rate", { texts: [text] })).json();
  return ratings[0];
}
async function detect(text) {
  return (await post("api/explain", { text })).json();
}
async function generate(sampling, count, signal) {
  return (await post("api/generate", { ...sampling, n: count }, signal)).json();
}
async function* complete(sampling, logprobs, signal) {
  const answer = await post("v1/completions", { ...sampling, logprobs, stream: true }, signal);
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      if (!event.startsWith("data: ") || event === "data: [DONE]") continue;
      const body = JSON.parse(event.slice("data: ".length));
      if (body.error) throw new Error(body.error.message);
      if (body.choices.length) yield body.choices[0];
    }
  }
}
async function training(model) {
  return get(`api/training?${new URLSearchParams({ model })}`);
}
async function epochSamples(model, epoch) {
  return get(`api/training/samples?${new URLSearchParams({ model, epoch: String(epoch) })}`);
}

// src/elements.ts
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}
function create(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
function visible(token2) {
  const signs = { " ": "␣", "\n": "↵", "	": "⇥", "": "∅" };
  return signs[token2] ?? token2.replaceAll("\n", "↵").replaceAll("	", "⇥");
}
function percent(share) {
  if (share > 0 && share < 1e-3) return "<0.1 %";
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
function fitted(canvas, width, height) {
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context?.scale(scale, scale);
  return context;
}

// src/bars.ts
var NUM_BARS = 14;
function reweighted(logProbs, temperature) {
  const largest = Math.max(...logProbs);
  if (temperature <= 0) return logProbs.map((_, index) => index === logProbs.indexOf(largest) ? 1 : 0);
  const masses = logProbs.map((value) => Math.exp((value - largest) / temperature));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return masses.map((mass) => mass / total);
}
function entropy(probabilities) {
  return probabilities.reduce((sum, share) => share > 0 ? sum - share * Math.log2(share) : sum, 0);
}
var Bars = class {
  constructor(list, summary, choose) {
    this.list = list;
    this.summary = summary;
    this.choose = choose;
  }
  distribution = { tokens: [], log_probs: [] };
  show(distribution, temperature) {
    this.distribution = distribution;
    this.list.replaceChildren(...distribution.tokens.slice(0, NUM_BARS).map((token2) => this.row(token2)));
    this.move(temperature);
  }
  /** Move the bars to another temperature, without a request. */
  move(temperature) {
    const probabilities = reweighted(this.distribution.log_probs, temperature);
    [...this.list.children].forEach((row, index) => {
      const share = probabilities[index] ?? 0;
      const bar = row.querySelector(".bar");
      const label = row.querySelector(".share");
      if (bar) bar.style.width = `${100 * share}%`;
      if (label) label.textContent = percent(share);
    });
    const bits = entropy(probabilities);
    this.summary.textContent = probabilities.length ? `${bits.toFixed(2)} bits: as uncertain as a choice among ${(2 ** bits).toFixed(1)} equal ones` : "";
  }
  row(token2) {
    const row = create("li");
    const button = create("button", "choice");
    button.type = "button";
    button.title = `append ${visible(token2)} to the prompt`;
    button.addEventListener("click", () => this.choose(token2));
    const track = create("span", "track");
    track.append(create("span", "bar"));
    button.append(create("span", "token", visible(token2)), track, create("span", "share"));
    row.append(button);
    return row;
  }
};

// src/controls.ts
var Controls = class {
  constructor(changed) {
    this.changed = changed;
    for (const id of ["prompt", "temperature", "length", "seed", "top-k", "min-p", "guidance"]) {
      byId(id).addEventListener("input", () => this.show());
    }
    this.chosen.addEventListener("change", () => {
      this.prompts.set(this.shownModel, this.prompt);
      this.prompt = this.prompts.get(this.model) ?? "";
      this.showModel();
      this.show();
    });
  }
  models = [];
  prompts = /* @__PURE__ */ new Map();
  // by model, for which a person has written them
  shownModel = "";
  chosen = byId("model");
  promptBox = byId("prompt");
  columns = byId("columns");
  fill(served2) {
    this.models = served2.models;
    this.chosen.replaceChildren(...served2.models.map(({ name }) => new Option(name, name)));
    this.showModel();
    this.showValues();
  }
  /** The name of the chosen model. */
  get model() {
    return this.chosen.value;
  }
  /** Take the next seed. */
  nextSeed() {
    byId("seed").value = String(number("seed") + 1);
  }
  /** The kind of sequence that the chosen model generates. */
  get kind() {
    return this.chosenModel?.kind ?? "text";
  }
  /** Whether the chosen model predicts tokens, which can be listed, and no points. */
  get hasTokens() {
    return !this.chosenModel?.is_density;
  }
  get chosenModel() {
    return this.models.find(({ name }) => name === this.chosen.value);
  }
  get prompt() {
    return this.promptBox.value;
  }
  set prompt(text) {
    this.promptBox.value = text;
  }
  get temperature() {
    return number("temperature");
  }
  sampling() {
    const rating = {};
    for (const input of this.columns.querySelectorAll("[data-column]")) {
      const name = input.dataset["column"];
      if (!name || input.disabled || input.value === "") continue;
      rating[name] = input instanceof HTMLSelectElement ? input.value : Number(input.value);
    }
    const sampling = {
      model: this.chosen.value,
      prompt: this.prompt,
      max_tokens: number("length"),
      temperature: this.temperature,
      top_k: this.hasTokens ? number("top-k") : 0,
      min_p: this.hasTokens ? number("min-p") : 0,
      seed: number("seed")
    };
    return Object.keys(rating).length ? { ...sampling, rating, guidance: number("guidance") } : sampling;
  }
  show() {
    this.showValues();
    this.changed();
  }
  /** Show the value of each slider beside it. */
  showValues() {
    for (const slider of document.querySelectorAll("aside input[type=range]")) {
      const output = document.querySelector(`output[for="${slider.id}"]`);
      if (output) output.textContent = slider.disabled ? "any" : slider.value;
    }
  }
  /** Show what the chosen model has: its description, its temperature, its ratings and categories. */
  showModel() {
    const model = this.chosenModel;
    this.shownModel = this.model;
    byId("description").textContent = model?.description ?? "";
    byId("temperature").value = String(model?.temperature ?? 1);
    byId("guidance-row").hidden = !model?.columns.length;
    this.columns.replaceChildren(...(model?.columns ?? []).map((column) => this.control(column)));
  }
  control(column) {
    const id = `column-${column.name}`;
    const row = create("div", "row");
    const label = create("label", "", column.name);
    label.htmlFor = id;
    if (column.kind === "category") {
      const select = create("select");
      select.id = id;
      select.dataset["column"] = column.name;
      select.append(new Option("any", ""), ...(column.choices ?? []).map((choice) => new Option(choice, choice)));
      select.addEventListener("change", () => this.show());
      row.append(label, select);
      return row;
    }
    const slider = create("input");
    const { lowest = 1, highest = 5 } = column;
    Object.assign(slider, { id, type: "range", min: String(lowest), max: String(highest), step: "any" });
    slider.value = String(highest);
    slider.step = highest - lowest <= 20 ? "0.5" : "1";
    slider.disabled = true;
    slider.dataset["column"] = column.name;
    const output = create("output");
    output.htmlFor.add(id);
    const use = create("input");
    Object.assign(use, { type: "checkbox", id: `${id}-use` });
    use.setAttribute("aria-label", `request a ${column.name}`);
    use.addEventListener("change", () => {
      slider.disabled = !use.checked;
      this.show();
    });
    slider.addEventListener("input", () => this.show());
    row.append(label, use, slider, output);
    return row;
  }
};
function number(id) {
  return Number(byId(id).value);
}

// src/payloads.ts
var DRAW_SECONDS = 1.5;
var SIZE = 240;
var ROLL_HEIGHT = 200;
var PIXELS_PER_SECOND = 40;
var MAX_ROLL_WIDTH = 2e4;
var DRUMS = 128;
function prefersStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
function ink(element) {
  return getComputedStyle(element).getPropertyValue("--ink") || "#000";
}
function drawing(sample, grid, number2) {
  const canvas = create("canvas", "drawing");
  const strokes = sample.strokes ?? [];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `drawing ${number2} of ${strokes.length} strokes`);
  const context = fitted(canvas, SIZE, SIZE);
  const numPoints = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  const place = (value) => 8 + value / (grid - 1) * (SIZE - 16);
  const show = (count) => {
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
  const step = (now) => {
    const share = prefersStill() ? 1 : Math.min(1, (now - start) / 1e3 / DRAW_SECONDS);
    show(Math.ceil(share * numPoints));
    if (share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
  return canvas;
}
function frequency(pitch) {
  return 440 * 2 ** ((pitch - 69) / 12);
}
var Player = class {
  context = null;
  play(notes, ended) {
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
      gain.gain.linearRampToValueAtTime(0.12 * note.velocity / 127, from + 0.01);
      gain.gain.setTargetAtTime(0, Math.max(from + 0.01, to - 0.05), 0.04);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(from);
      oscillator.stop(to + 0.3);
      end = Math.max(end, to + 0.3);
    }
    setTimeout(ended, 1e3 * (end - context.currentTime));
  }
  stop() {
    void this.context?.close();
    this.context = null;
  }
};
function pianoRoll(notes, number2) {
  const canvas = create("canvas", "roll");
  const seconds = Math.max(1, ...notes.map((note) => note.start + note.duration));
  const width = Math.min(MAX_ROLL_WIDTH, Math.ceil(seconds * PIXELS_PER_SECOND));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${ROLL_HEIGHT}px`;
  const context = fitted(canvas, width, ROLL_HEIGHT);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `piano roll ${number2}: ${notes.length} notes, ${seconds.toFixed(0)} seconds`);
  const pitches = notes.map((note) => note.pitch);
  const [lowest, highest] = [Math.min(...pitches) - 1, Math.max(...pitches) + 1];
  const height = ROLL_HEIGHT / (highest - lowest + 1);
  requestAnimationFrame(() => {
    if (!context) return;
    const style = getComputedStyle(canvas);
    for (const note of notes) {
      context.fillStyle = style.getPropertyValue(note.program === DRUMS ? "--faint" : "--accent");
      context.globalAlpha = 0.4 + 0.6 * note.velocity / 127;
      const x = note.start / seconds * width;
      context.fillRect(x, (highest - note.pitch) * height, Math.max(2, note.duration / seconds * width - 1), height);
    }
  });
  const player = new Player();
  const button = create("button", "", "Play");
  button.type = "button";
  button.disabled = notes.length === 0;
  let isPlaying = false;
  const show = (playing) => {
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
  scroller.setAttribute("aria-label", `piano roll ${number2}`);
  scroller.append(canvas);
  return [scroller, button];
}
function sampleItem(sample, grid, number2) {
  const item = create("article", "sample");
  if (sample.strokes) item.append(drawing(sample, grid, number2));
  else if (sample.notes) item.append(...pianoRoll(sample.notes, number2), notation(sample.text));
  else item.append(textOf(sample.text));
  return item;
}
function notation(text) {
  const details = create("details");
  details.append(create("summary", "hint", "as text"), textOf(text));
  return details;
}
function textOf(text) {
  const element = create("p", "text", text);
  element.tabIndex = 0;
  return element;
}
function samplesOf(generated) {
  return generated.samples.map((sample, index) => sampleItem(sample, generated.grid, index + 1));
}

// src/tokens.ts
var BYTES = "bytes:";
function joinBytes(tokens) {
  const whole = [];
  let rest = [];
  for (const token2 of tokens) {
    if (!token2.text.startsWith(BYTES)) {
      whole.push(...rest, token2);
      rest = [];
      continue;
    }
    rest.push(token2);
    const text = decoded(rest);
    if (text === null) continue;
    const logProb = rest.reduce((sum, { logProb: part }) => sum === null || part === null ? null : sum + part, 0);
    whole.push({ text, logProb, top: rest[0].top, rank: null });
    rest = [];
  }
  return { whole, rest };
}
function decoded(tokens) {
  const digits = tokens.flatMap(({ text }) => [...text.matchAll(/\\x([0-9a-f]{2})/g)].map(([, pair]) => parseInt(pair, 16)));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(digits));
  } catch {
    return null;
  }
}
function placed(text, tokens) {
  const result = [];
  const lower = text.toLowerCase();
  let place = 0;
  for (const token2 of tokens) {
    const found = lower.indexOf(token2.text.toLowerCase(), place);
    if (found > place) result.push(unknown(text.slice(place, found)));
    result.push(found < 0 ? token2 : { ...token2, text: text.slice(found, found + token2.text.length) });
    if (found >= 0) place = found + token2.text.length;
  }
  if (place < text.length) result.push(unknown(text.slice(place)));
  return result;
}
function unknown(text) {
  return { text, logProb: null, top: null, rank: null, isUnknown: true };
}
var LEVELS = 5;
function surpriseLevel(logProb) {
  return Math.min(LEVELS, Math.floor(-logProb / Math.LN2 / 1.5));
}
function describe(token2) {
  if (token2.isUnknown) return `${visible(token2.text)}: the model does not know it`;
  if (token2.logProb === null) return `${visible(token2.text)}: nothing stands before it`;
  const bits = -token2.logProb / Math.LN2;
  const rank = token2.rank === null ? "" : `, rank ${token2.rank + 1}`;
  return `${visible(token2.text)}: ${percent(Math.exp(token2.logProb))}, ${bits.toFixed(1)} bits${rank}`;
}
var TokenText = class {
  constructor(output, details, branch) {
    this.output = output;
    this.details = details;
    this.branch = branch;
    output.addEventListener("pointerover", (event) => this.isPinned || this.select(event.target));
    output.addEventListener("focusin", (event) => this.select(event.target));
    output.addEventListener("click", (event) => this.pin(event.target));
    output.addEventListener("keydown", (event) => this.move(event));
    this.clear();
  }
  tokens = [];
  waiting = [];
  // parts of a character that is not complete
  isPinned = false;
  clear() {
    this.tokens = [];
    this.waiting = [];
    this.isPinned = false;
    this.output.replaceChildren();
    this.details.replaceChildren(create("p", "hint", this.hint));
  }
  get hint() {
    return this.branch ? "Point at a character to see what else it could have been. A click holds it; Escape lets it go." : "Point at a character to see how expected it was.";
  }
  /** Hold a token; a second click lets it go. */
  pin(target) {
    const selected = this.output.querySelector(".selected");
    this.isPinned = !(this.isPinned && target === selected);
    this.select(target);
    this.showPin();
  }
  /** Let a held token go. */
  release() {
    this.isPinned = false;
    this.showPin();
  }
  showPin() {
    this.output.classList.toggle("pinned", this.isPinned);
  }
  /** The text of all tokens before an index. */
  before(index) {
    return this.tokens.slice(0, index).map((token2) => token2.text).join("");
  }
  append(tokens) {
    const { whole, rest } = joinBytes([...this.waiting, ...tokens]);
    this.waiting = rest;
    for (const token2 of whole) {
      const span = create("span", "token", token2.text);
      if (token2.logProb !== null) span.classList.add(`surprise-${surpriseLevel(token2.logProb)}`);
      if (token2.isUnknown) span.classList.add("unknown");
      span.dataset["index"] = String(this.tokens.length);
      span.tabIndex = this.tokens.length === 0 ? 0 : -1;
      this.tokens.push(token2);
      this.output.append(span);
    }
  }
  select(target) {
    if (!(target instanceof HTMLElement) || target.dataset["index"] === void 0) return;
    const index = Number(target.dataset["index"]);
    const token2 = this.tokens[index];
    if (!token2) return;
    this.output.querySelector(".selected")?.classList.remove("selected");
    target.classList.add("selected");
    this.details.replaceChildren(create("p", "", describe(token2)), ...this.alternatives(index, token2));
  }
  alternatives(index, token2) {
    if (!token2.top) return [];
    const list = create("ul", "alternatives");
    const others = Object.entries(token2.top).sort(([, first], [, second]) => second - first);
    for (const [text, logProb] of others) {
      const item = create("li");
      const button = create("button", "", `${visible(text)}  ${percent(Math.exp(logProb))}`);
      button.type = "button";
      button.disabled = text === token2.text || this.branch === null;
      button.addEventListener("click", () => this.branch?.(index, text));
      item.append(button);
      list.append(item);
    }
    return [create("p", "hint", "What else could have been here, at temperature 1. Choose one to go on from it:"), list];
  }
  /** Move between tokens with the arrow keys. */
  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !(event.target instanceof HTMLElement)) return;
    const next = this.output.children[Number(event.target.dataset["index"]) + step];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
};

// src/training.ts
var HEIGHT = 180;
var LEFT = 44;
var BOTTOM = 24;
var SETTLED = 0.02;
var PAUSE = 2e3;
function ticks(low, high) {
  const range = high - low || 1;
  const unit = 10 ** Math.floor(Math.log10(range));
  const step = [0.2, 0.5, 1, 2].map((factor) => factor * unit).find((size) => range / size <= 5) ?? 2 * unit;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}
function short(value) {
  return value >= 1e3 ? `${+(value / 1e3).toFixed(1)}k` : String(+value.toFixed(2));
}
var TrainingView = class {
  constructor(weightsChanged) {
    this.weightsChanged = weightsChanged;
    this.epoch.addEventListener("input", () => void this.showSamples());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }
  panel = byId("training");
  canvas = byId("loss");
  epoch = byId("epoch");
  course = null;
  model = "";
  unit = "token";
  shownEpoch = "";
  timer = 0;
  /** Show the training of another model, whose losses are nats per `unit`. */
  show(model, unit) {
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
  async look() {
    const model = this.model;
    let course;
    try {
      course = await training(model);
    } catch {
      return;
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
  describe() {
    const { training: training2, validation, step, total_steps, is_finished, weights_step, is_newest } = this.course;
    const last = (curve) => curve.at(-1)?.[1].toFixed(3) ?? "";
    const parts = [
      is_finished ? `${step.toLocaleString("en")} steps` : `step ${step.toLocaleString("en")} of ${total_steps.toLocaleString("en")}`,
      `loss ${last(training2)} nats per ${this.unit}`
    ];
    if (validation.length) parts.push(`in validation ${last(validation)}`);
    if (!(is_finished && is_newest) && weights_step !== null) parts.push(`the page writes with the weights of step ${weights_step.toLocaleString("en")}`);
    byId("course").textContent = parts.join(", ");
    byId("training-state").textContent = is_finished ? "" : "not finished";
    this.canvas.setAttribute("aria-label", `curve of the loss: ${parts.join(", ")}`);
  }
  draw() {
    if (!this.course || this.panel.hidden) return;
    const { training: training2, validation, step, total_steps, is_finished } = this.course;
    const width = this.canvas.clientWidth;
    const context = fitted(this.canvas, width, HEIGHT);
    if (!context) return;
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name);
    const steps = is_finished ? step : Math.max(step, total_steps);
    const settled = [...training2, ...validation].filter(([at]) => at >= SETTLED * step);
    const losses = settled.map(([, loss]) => loss);
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    const x = (value) => LEFT + value / steps * (width - LEFT - 8);
    const y = (loss) => 8 + (high - loss) / (high - low || 1) * (HEIGHT - BOTTOM - 16);
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
    line(context, training2.map(([at, loss]) => [x(at), y(loss)]), 1.5);
    context.strokeStyle = colour("--accent");
    line(context, validation.map(([at, loss]) => [x(at), y(loss)]), 2.5);
  }
  /** Let the slider reach all epochs that have samples; it follows the newest unless a person has moved it. */
  showEpochs(before) {
    const { epochs } = this.course;
    byId("epochs").hidden = epochs.length === 0;
    if (epochs.length === 0) return;
    const follows = !before || before.epochs.length === 0 || Number(this.epoch.value) === before.epochs.length - 1;
    this.epoch.max = String(epochs.length - 1);
    if (follows) this.epoch.value = this.epoch.max;
    void this.showSamples();
  }
  async showSamples() {
    const epoch = this.course?.epochs[Number(this.epoch.value)];
    if (epoch === void 0) return;
    byId("epoch-number").textContent = String(epoch);
    this.epoch.setAttribute("aria-valuetext", `epoch ${epoch}`);
    const key = `${this.model} ${epoch}`;
    if (key === this.shownEpoch) return;
    this.shownEpoch = key;
    const { samples, grid } = await epochSamples(this.model, epoch);
    if (key !== this.shownEpoch) return;
    const items = samples.map((sample, index) => {
      const item = sampleItem(sample, grid, index + 1);
      item.prepend(create("h3", "", `temperature ${sample.temperature}`));
      return item;
    });
    byId("epoch-samples").replaceChildren(...items);
  }
};
function line(context, points, width) {
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  points.forEach(([x, y], index) => index ? context.lineTo(x, y) : context.moveTo(x, y));
  context.stroke();
}

// src/page.ts
var COMPARED = [0.2, 0.5, 1, 1.2];
var NUM_ALTERNATIVES = 8;
var NUM_PICTURES = 8;
var NUM_TUNES = 2;
var TYPING_PAUSE = 150;
function tokensOf(logprobs) {
  return logprobs.tokens.map((text, index) => ({
    text: text === "<|start|>" ? "" : text,
    logProb: logprobs.token_logprobs[index] ?? null,
    top: logprobs.top_logprobs[index] ?? null,
    rank: null
  }));
}
var Page = class {
  constructor(served2) {
    this.served = served2;
    this.controls.fill(served2);
    byId("write").addEventListener("click", () => this.write(this.controls.prompt));
    byId("another").addEventListener("click", () => this.another());
    byId("stop").addEventListener("click", () => this.running?.abort());
    byId("compare").addEventListener("click", () => this.compare());
    byId("colour").addEventListener("click", () => this.colour());
    byId("judge").addEventListener("click", () => this.judge());
    byId("judges").hidden = !(served2.critic || served2.detector);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.running?.abort();
        this.written.release();
        this.pasted.release();
      }
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.write(this.controls.prompt);
    });
    this.controlsChanged();
  }
  controls = new Controls(() => this.controlsChanged());
  written = new TokenText(byId("written"), byId("details"), (index, token2) => this.branch(index, token2));
  pasted = new TokenText(byId("pasted-text"), byId("pasted-details"), null);
  bars = new Bars(byId("bars"), byId("entropy"), (token2) => this.append(token2));
  training = new TrainingView(() => this.weightsChanged());
  status = byId("status");
  running = null;
  asking = null;
  typing = 0;
  shownFor = "";
  text = "";
  /** Write again, with other draws. */
  another() {
    this.controls.nextSeed();
    void this.write(this.controls.prompt);
  }
  weightsChanged() {
    this.shownFor = "";
    void this.askForBars();
  }
  modelShown = "";
  controlsChanged() {
    if (this.controls.model !== this.modelShown) this.training.show(this.modelShown = this.controls.model, this.controls.hasTokens ? "token" : "point");
    document.body.classList.toggle("no-text", this.controls.kind !== "text");
    document.body.classList.toggle("no-list", !this.controls.hasTokens);
    this.bars.move(this.controls.temperature);
    clearTimeout(this.typing);
    this.typing = window.setTimeout(() => this.askForBars(), TYPING_PAUSE);
  }
  async askForBars() {
    const { model, prompt, rating } = this.controls.sampling();
    if (!this.controls.hasTokens) return;
    const key = JSON.stringify([model, prompt, rating]);
    if (key === this.shownFor) return;
    this.asking?.abort();
    this.asking = new AbortController();
    try {
      const distribution = await nextTokens(model, prompt, rating, this.asking.signal);
      this.shownFor = key;
      this.bars.show(distribution, this.controls.temperature);
      this.say("");
    } catch (error) {
      this.report(error);
    }
  }
  append(token2) {
    this.controls.prompt += token2;
    this.controlsChanged();
  }
  branch(index, token2) {
    this.controls.prompt = this.promptOf + this.written.before(index) + token2;
    void this.write(this.controls.prompt);
  }
  promptOf = "";
  /** Run one request at a time; the buttons show it. */
  async run(work) {
    this.running?.abort();
    const controller = new AbortController();
    this.running = controller;
    document.body.classList.add("busy");
    this.say("writing ...");
    try {
      await work(controller.signal);
      this.say("");
    } catch (error) {
      this.report(error);
    } finally {
      if (this.running === controller) {
        this.running = null;
        document.body.classList.remove("busy");
      }
    }
  }
  write(prompt) {
    if (this.controls.kind !== "text") return this.show();
    this.promptOf = prompt;
    byId("written-prompt").textContent = prompt;
    this.written.clear();
    this.text = prompt;
    return this.run(async (signal) => {
      const sampling = { ...this.controls.sampling(), prompt };
      for await (const piece of complete(sampling, NUM_ALTERNATIVES, signal)) {
        if (piece.logprobs) this.written.append(tokensOf(piece.logprobs));
        this.text += piece.text;
      }
    });
  }
  /** Show samples of a run that writes no text. */
  show() {
    return this.run(async (signal) => {
      const count = this.controls.kind === "drawings" ? NUM_PICTURES : NUM_TUNES;
      const generated = await generate(this.controls.sampling(), count, signal);
      byId("samples").classList.toggle("rolls", this.controls.kind !== "drawings");
      byId("samples").replaceChildren(...samplesOf(generated));
    });
  }
  compare() {
    const columns = COMPARED.map((temperature) => {
      const column = create("article", "sample");
      const text = textOf("");
      column.append(create("h3", "", `temperature ${temperature}`), text);
      return { temperature, column, text };
    });
    byId("samples").classList.remove("rolls");
    byId("samples").replaceChildren(...columns.map(({ column }) => column));
    return this.run(async (signal) => {
      const sampling = this.controls.sampling();
      await Promise.all(
        columns.map(async ({ temperature, text }) => {
          for await (const piece of complete({ ...sampling, temperature }, null, signal)) {
            text.append(piece.text);
          }
        })
      );
    });
  }
  colour() {
    const text = byId("paste").value;
    return this.run(async () => {
      this.pasted.clear();
      byId("pasted-mean").textContent = "";
      const scores = await score(this.controls.sampling().model, text);
      const tokens = scores.tokens.map((name, index) => ({
        text: name,
        logProb: scores.log_probs[index] ?? null,
        top: null,
        rank: scores.ranks[index] ?? null
      }));
      this.pasted.append(placed(text, joinBytes(tokens).whole));
      const bits = scores.log_probs.reduce((sum, value) => sum - value / Math.LN2, 0) / Math.max(1, scores.tokens.length);
      byId("pasted-mean").textContent = `${bits.toFixed(2)} bits per token in the mean`;
    });
  }
  judge() {
    return this.run(async () => {
      const lines = [];
      if (this.served.critic) lines.push(`The critic rates this text ${(await rate(this.text)).toFixed(2)}.`);
      if (this.served.detector) {
        const verdict = await detect(this.text);
        lines.push(`Generated with a probability of ${percent(verdict.probability)}.`, ...verdict.sentences);
      }
      byId("verdict").replaceChildren(...lines.map((line2) => create("p", "", line2)));
    });
  }
  report(error) {
    if (error instanceof DOMException && error.name === "AbortError") this.say("stopped");
    else this.say(error instanceof Error ? error.message : String(error), true);
  }
  say(message, isError = false) {
    this.status.textContent = message;
    this.status.classList.toggle("error", isError);
  }
};
served().then(
  (served2) => {
    new Page(served2);
    document.body.dataset["ready"] = "true";
  },
  (error) => {
    const status = byId("status");
    status.textContent = error instanceof Error ? error.message : String(error);
    status.classList.add("error");
  }
);
