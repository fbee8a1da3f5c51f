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
async function served() {
  return (await checked(await fetch("api/served", { headers: headers() }))).json();
}
async function nextTokens(model, prompt, rating, signal) {
  return (await post("api/next", rating ? { model, prompt, rating } : { model, prompt }, signal)).json();
}
async function score(model, text) {
  return (await post("score", { model, text })).json();
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
    button.title = "append this token to the prompt";
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
    for (const id of ["prompt", "temperature", "length", "seed", "top-k", "min-p"]) {
      byId(id).addEventListener("input", () => this.show());
    }
    this.model.addEventListener("change", () => {
      this.showColumns();
      this.show();
    });
  }
  models = [];
  model = byId("model");
  promptBox = byId("prompt");
  columns = byId("columns");
  fill(served2) {
    this.models = served2.models;
    this.model.replaceChildren(...served2.models.map(({ name }) => new Option(name, name)));
    this.showColumns();
    this.showValues();
  }
  /** The kind of sequence that the chosen model generates. */
  get kind() {
    return this.models.find(({ name }) => name === this.model.value)?.kind ?? "text";
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
      model: this.model.value,
      prompt: this.prompt,
      max_tokens: number("length"),
      temperature: this.temperature,
      top_k: number("top-k"),
      min_p: number("min-p"),
      seed: number("seed")
    };
    return Object.keys(rating).length ? { ...sampling, rating } : sampling;
  }
  show() {
    this.showValues();
    this.changed();
  }
  /** Show the value of each slider beside it. */
  showValues() {
    for (const slider of document.querySelectorAll("input[type=range]")) {
      const output = document.querySelector(`output[for="${slider.id}"]`);
      if (output) output.textContent = slider.disabled ? "any" : slider.value;
    }
  }
  showColumns() {
    const model = this.models.find(({ name }) => name === this.model.value);
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
function prepared(canvas, width, height) {
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context?.scale(scale, scale);
  return context;
}
function drawing(sample, grid, number2) {
  const canvas = create("canvas", "drawing");
  const strokes = sample.strokes ?? [];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `drawing ${number2} of ${strokes.length} strokes`);
  const context = prepared(canvas, SIZE, SIZE);
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
  const context = prepared(canvas, width, ROLL_HEIGHT);
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
function samplesOf(generated) {
  return generated.samples.map((sample, index) => {
    const item = create("article", "sample");
    if (sample.strokes) item.append(drawing(sample, generated.grid, index + 1));
    else if (sample.notes) item.append(...pianoRoll(sample.notes, index + 1));
    else item.append(create("p", "text", sample.text));
    return item;
  });
}

// src/tokens.ts
var LEVELS = 5;
function surpriseLevel(logProb) {
  return Math.min(LEVELS, Math.floor(-logProb / Math.LN2 / 1.5));
}
function describe(token2) {
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
    output.addEventListener("pointerover", (event) => this.select(event.target));
    output.addEventListener("focusin", (event) => this.select(event.target));
    output.addEventListener("click", (event) => this.select(event.target));
    output.addEventListener("keydown", (event) => this.move(event));
  }
  tokens = [];
  clear() {
    this.tokens = [];
    this.output.replaceChildren();
    this.details.replaceChildren();
  }
  /** The text of all tokens before an index. */
  before(index) {
    return this.tokens.slice(0, index).map((token2) => token2.text).join("");
  }
  append(tokens) {
    for (const token2 of tokens) {
      const span = create("span", "token", token2.text);
      if (token2.logProb !== null) span.classList.add(`surprise-${surpriseLevel(token2.logProb)}`);
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
    return [create("p", "hint", "What else could have been here. Choose one to go on from it:"), list];
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

// src/page.ts
var COMPARED = [0.2, 0.5, 1, 1.2];
var NUM_ALTERNATIVES = 8;
var NUM_PICTURES = 6;
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
    byId("stop").addEventListener("click", () => this.running?.abort());
    byId("compare").addEventListener("click", () => this.compare());
    byId("colour").addEventListener("click", () => this.colour());
    byId("judge").addEventListener("click", () => this.judge());
    byId("judges").hidden = !(served2.critic || served2.detector);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.running?.abort();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.write(this.controls.prompt);
    });
    this.controlsChanged();
  }
  controls = new Controls(() => this.controlsChanged());
  written = new TokenText(byId("written"), byId("details"), (index, token2) => this.branch(index, token2));
  pasted = new TokenText(byId("pasted-text"), byId("pasted-details"), null);
  bars = new Bars(byId("bars"), byId("entropy"), (token2) => this.append(token2));
  status = byId("status");
  running = null;
  asking = null;
  typing = 0;
  shownFor = "";
  text = "";
  controlsChanged() {
    document.body.classList.toggle("no-text", this.controls.kind !== "text");
    document.body.classList.toggle("no-list", this.controls.kind === "drawings");
    this.bars.move(this.controls.temperature);
    clearTimeout(this.typing);
    this.typing = window.setTimeout(() => this.askForBars(), TYPING_PAUSE);
  }
  async askForBars() {
    const { model, prompt, rating } = this.controls.sampling();
    if (this.controls.kind === "drawings") return;
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
      byId("samples").replaceChildren(...samplesOf(generated));
    });
  }
  compare() {
    const columns = COMPARED.map((temperature) => {
      const column = create("article", "sample");
      const text = create("p", "text");
      text.tabIndex = 0;
      column.append(create("h3", "", `temperature ${temperature}`), text);
      return { temperature, column, text };
    });
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
      const scores = await score(this.controls.sampling().model, text);
      this.pasted.append(
        scores.tokens.map((name, index) => ({
          text: name,
          logProb: scores.log_probs[index] ?? null,
          top: null,
          rank: scores.ranks[index] ?? null
        }))
      );
      const bits = scores.log_probs.reduce((sum, value) => sum - value / Math.LN2, 0) / Math.max(1, scores.tokens.length);
      byId("pasted-details").replaceChildren(create("p", "", `${bits.toFixed(2)} bits per token in the mean`));
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
      byId("verdict").replaceChildren(...lines.map((line) => create("p", "", line)));
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
