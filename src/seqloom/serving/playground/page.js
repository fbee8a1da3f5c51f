// src/api.ts
var token = /^#token=(.+)$/.exec(location.hash)?.[1];
addEventListener("hashchange", () => location.reload());
function headers() {
  const fields = { "Content-Type": "application/json" };
  if (token) fields["Authorization"] = `Bearer ${token}`;
  return fields;
}
async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException) throw error;
    throw new Error("the server does not answer: is it running?");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) {
    const fault = token ? "the server does not accept the token in the address" : "this server needs a token";
    throw new Error(`${fault}: end the address of this page with #token=TOKEN`);
  }
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
  return answered(path, options);
}
async function get(path) {
  return (await answered(path, { headers: headers() })).json();
}
async function served() {
  return get("api/served");
}
async function nextTokens(sampling, signal) {
  const { model, prompt, rating, guidance } = sampling;
  return (await post("api/next", rating ? { model, prompt, rating, guidance } : { model, prompt }, signal)).json();
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
  if (token2 === "") return "∅";
  const shown = token2.trim() ? token2 : token2.replaceAll(" ", "␣");
  return shown.replaceAll("\n", "↵").replaceAll("	", "⇥");
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
function onSchemeChange(canvas, draw) {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => {
    if (canvas.isConnected) draw();
    else scheme.removeEventListener("change", redraw);
  };
  scheme.addEventListener("change", redraw);
  requestAnimationFrame(redraw);
}

// src/bars.ts
var NUM_BARS = 14;
function reweighted(logProbs, temperature) {
  const largest = Math.max(...logProbs);
  if (temperature <= 0) return logProbs.map((_, index) => index === logProbs.indexOf(largest) ? 1 : 0);
  return normalized(logProbs.map((value) => Math.exp((value - largest) / temperature)));
}
function filtered(logProbs, { temperature, topK, topP, minP }) {
  let shares = reweighted(logProbs, temperature);
  if (topK > 0) shares = normalized(shares.map((share, index) => index < topK ? share : 0));
  if (topP < 1) {
    let before = 0;
    shares = normalized(shares.map((share) => (before += share) - share < topP ? share : 0));
  }
  return normalized(shares.map((share) => share >= minP * shares[0] ? share : 0));
}
function normalized(masses) {
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
  /** Whether the bars are those of an earlier prompt, until the next ones come; until then, no click appends one. */
  set isPending(isPending) {
    this.list.ariaBusy = String(isPending);
  }
  /** Show a distribution; a bar that has the focus keeps its place. */
  show(distribution, names, filters) {
    const focused = [...this.list.children].findIndex((row) => row.contains(document.activeElement));
    this.distribution = distribution;
    this.list.replaceChildren(...distribution.tokens.slice(0, NUM_BARS).map((name) => this.row(name, names)));
    this.move(filters);
    this.isPending = false;
    if (focused >= 0) this.list.children[focused]?.querySelector("button")?.focus();
  }
  clear() {
    this.distribution = { tokens: [], log_probs: [] };
    this.list.replaceChildren();
    this.isPending = false;
    this.summary.textContent = "";
  }
  /** Move the bars to other settings, without a request. */
  move(filters) {
    if (!this.distribution.tokens.length) return;
    const probabilities = filtered(this.distribution.log_probs, filters);
    [...this.list.children].forEach((row, index) => {
      const share = probabilities[index] ?? 0;
      const bar = row.querySelector(".bar");
      const label = row.querySelector(".share");
      if (bar) bar.style.width = `${100 * share}%`;
      if (label) label.textContent = percent(share);
    });
    const bits = entropy(probabilities);
    this.summary.textContent = `${bits.toFixed(2)} bits: as uncertain as a choice among ${(2 ** bits).toFixed(1)} equal ones`;
  }
  row(name, names) {
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
};

// src/names.ts
var BYTES = "bytes:";
var START = "<|start|>";
var TokenNames = class {
  constructor(model) {
    this.model = model;
  }
  /** Bits between two levels of surprise: a word says more than a character. */
  get surpriseStep() {
    return this.model?.surprise_step ?? 1;
  }
  /** The text of a token; empty for the end of a document, null for a part of a character. */
  text(name) {
    if (name === START) return "";
    if (isPart(name)) return null;
    const texts = this.model?.texts ?? {};
    return Object.hasOwn(texts, name) ? texts[name] : name;
  }
  /** A token as people can see it. */
  label(name) {
    if (name === START) return "end";
    return visible(this.text(name) ?? name.slice(BYTES.length));
  }
  /** Whether a text can go on with the token: it is neither its end nor a part of a character. */
  continues(name) {
    return Boolean(this.text(name));
  }
};
function isPart(name) {
  return name.startsWith(BYTES);
}
function bytesOf(name) {
  return [...name.matchAll(/\\x([0-9a-f]{2})/g)].map(([, digits]) => parseInt(digits, 16));
}

// src/controls.ts
var LARGEST_SEED = Number.MAX_SAFE_INTEGER;
var Controls = class {
  constructor(changed, modelChanged) {
    this.changed = changed;
    this.modelChanged = modelChanged;
    for (const id of ["prompt", "temperature", "length", "seed", "top-k", "top-p", "min-p", "guidance"]) {
      byId(id).addEventListener("input", () => this.show());
    }
    byId("seed").addEventListener("change", () => this.showSeed());
    this.chosen.addEventListener("change", () => {
      this.showModel();
      this.show();
    });
  }
  models = [];
  settings = /* @__PURE__ */ new Map();
  shown;
  chosen = byId("model");
  promptBox = byId("prompt");
  temperatureBox = byId("temperature");
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
  /** The kind of sequence that it generates. */
  get kind() {
    return this.shown?.kind ?? "text";
  }
  /** Whether it predicts tokens, which can be listed, and no points. */
  get hasTokens() {
    return !this.shown?.is_density;
  }
  /** The names of its tokens. */
  get names() {
    return new TokenNames(this.shown);
  }
  get prompt() {
    return this.promptBox.value;
  }
  set prompt(text) {
    this.promptBox.value = text;
  }
  get filters() {
    return { temperature: number("temperature"), topK: number("top-k"), topP: number("top-p"), minP: number("min-p") };
  }
  /** Take the next seed. */
  nextSeed() {
    byId("seed").value = String((seed() + 1) % LARGEST_SEED);
  }
  /** Show the seed that is used, whatever a person has typed. */
  showSeed() {
    byId("seed").value = String(seed());
  }
  sampling() {
    const rating = this.rating;
    const { temperature, topK, topP, minP } = this.filters;
    const sampling = {
      model: this.model,
      prompt: this.hasTokens ? this.prompt : "",
      max_tokens: number("length"),
      temperature,
      top_k: this.hasTokens ? topK : 0,
      top_p: this.hasTokens ? topP : 1,
      min_p: this.hasTokens ? minP : 0,
      seed: seed()
    };
    return Object.keys(rating).length ? { ...sampling, rating, guidance: number("guidance") } : sampling;
  }
  /** The requested ratings and categories by column. */
  get rating() {
    const entries = [];
    for (const input of this.columns.querySelectorAll("[data-column]")) {
      const name = input.dataset["column"];
      if (!name || input.disabled || input.value === "") continue;
      entries.push([name, input instanceof HTMLSelectElement ? input.value : Number(input.value)]);
    }
    return Object.fromEntries(entries);
  }
  show() {
    this.showValues();
    this.changed();
  }
  /** Show the value of each slider beside it. Guidance acts on a rating only. */
  showValues() {
    byId("guidance").disabled = Object.keys(this.rating).length === 0;
    for (const slider of document.querySelectorAll(".side input[type=range]")) {
      const output = document.querySelector(`output[for="${slider.id}"]`);
      if (output) output.textContent = slider.disabled ? slider.dataset["column"] ? "any" : "" : slider.value;
    }
  }
  /** Show what the chosen model has: its description, its prompt, its temperature, its ratings and categories. */
  showModel() {
    if (this.shown) {
      this.settings.set(this.shown.name, {
        prompt: this.prompt,
        temperature: this.temperatureBox.value,
        columns: [...this.columns.children]
      });
    }
    const model = this.models.find(({ name }) => name === this.model);
    this.shown = model;
    const before = this.settings.get(this.model);
    byId("description").textContent = model?.description ?? "";
    byId("guidance-row").hidden = !model?.columns.length;
    this.prompt = before?.prompt ?? "";
    this.promptBox.placeholder = placeholder(model?.kind ?? "text");
    this.temperatureBox.value = before?.temperature ?? String(model?.temperature ?? 1);
    this.columns.replaceChildren(...before?.columns ?? (model?.columns ?? []).map((column, index) => this.control(column, index)));
    this.modelChanged();
  }
  control(column, index) {
    const id = `column-${index}`;
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
function seed() {
  return Math.min(LARGEST_SEED, Math.max(0, Math.floor(number("seed")) || 0));
}
function placeholder(kind) {
  if (kind === "tunes") return "An empty prompt begins a tune. A tune begins like this: M:4/4, L:1/8, K:Gmaj, each in a line of its own.";
  return kind === "text" ? "The model goes on from here. An empty prompt begins a text." : "An empty prompt begins a piece.";
}

// src/files.ts
var LONGEST_START = 1e4;
function save(name, content) {
  const link = create("a");
  link.download = name;
  link.href = URL.createObjectURL(new Blob([content]));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LONGEST_START);
}
function saveButton(name, content) {
  const button = create("button", "save", `Save .${name.split(".").pop()}`);
  button.type = "button";
  button.title = name;
  button.addEventListener("click", () => save(name, Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0))));
  return button;
}

// src/judges.ts
var Judges = class {
  constructor(served2, ask) {
    this.served = served2;
    this.ask = ask;
    byId("judges").hidden = !(served2.critic || served2.detector);
    this.ofWritten.addEventListener("click", () => this.judge("The written text, with its prompt", this.text, this.rating));
    byId("judge-paste").addEventListener("click", () => {
      this.judge("The pasted text", byId("paste").value, void 0);
    });
    this.clear();
  }
  text = "";
  question = 0;
  // number of the last question, whose answer alone is shown
  rating;
  ofWritten = byId("judge");
  verdict = byId("verdict");
  /** Forget the written text and its verdict, also one that is still to come. */
  clear() {
    this.question += 1;
    this.text = "";
    this.ofWritten.disabled = true;
    this.verdict.replaceChildren();
  }
  /** A text grows. */
  show(written, piece) {
    this.text = (this.text || written.prompt) + piece;
    this.rating = written.rating;
    this.ofWritten.disabled = false;
  }
  judge(title, text, rating) {
    this.verdict.replaceChildren();
    const question = this.question += 1;
    void this.ask(async () => {
      if (!text.trim()) throw new Error("there is no text to judge: write or paste one");
      const lines = [];
      if (this.served.critic) {
        const requested = Object.entries(rating ?? {}).map(([name, value]) => `${name} ${value}`).join(", ");
        lines.push(`The critic rates it ${(await rate(text)).toFixed(2)}${requested ? `; requested was ${requested}` : ""}.`);
      }
      if (this.served.detector) {
        const { probability, sentences } = await detect(text);
        lines.push(`It was generated with a probability of ${percent(probability)}.`, ...sentences);
      }
      if (question !== this.question) return;
      this.verdict.replaceChildren(create("h3", "", title), ...lines.map((line2) => create("p", "", line2)));
    });
  }
};

// src/music.ts
var ROLL_HEIGHT = 200;
var PIXELS_PER_SECOND = 40;
var MAX_ROLL_WIDTH = 2e4;
var DRUMS = 128;
var LEAD = 0.1;
var DECAY = 0.3;
function frequency(pitch) {
  return 440 * 2 ** ((pitch - 69) / 12);
}
var Player = class {
  context = null;
  frame = 0;
  onEnd = null;
  /** Play notes; `moved` receives the time in seconds while they sound. */
  play(notes, moved, ended) {
    this.stop();
    const context = new AudioContext();
    const first = Math.min(...notes.map((note) => note.start));
    const begin = context.currentTime + LEAD - first;
    const last = Math.max(...notes.map((note) => sound(context, note, begin)));
    this.context = context;
    this.onEnd = ended;
    const step = () => {
      moved(Math.max(first, context.currentTime - begin));
      if (context.currentTime > last) this.stop();
      else this.frame = requestAnimationFrame(step);
    };
    step();
  }
  stop() {
    cancelAnimationFrame(this.frame);
    void this.context?.close();
    this.context = null;
    const ended = this.onEnd;
    this.onEnd = null;
    ended?.();
  }
};
var player = new Player();
function sound(context, note, begin) {
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
  oscillator.stop(to + DECAY);
  return to + DECAY;
}
function pianoRoll(notes, number2) {
  const canvas = create("canvas", "roll");
  const seconds = Math.max(1, ...notes.map((note) => note.start + note.duration));
  const width = Math.min(MAX_ROLL_WIDTH, Math.ceil(seconds * PIXELS_PER_SECOND));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${ROLL_HEIGHT}px`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `piano roll ${number2}: ${notes.length} notes, ${seconds.toFixed(0)} seconds`);
  onSchemeChange(canvas, () => drawRoll(canvas, notes, width, seconds));
  const cursor = create("div", "cursor");
  cursor.hidden = true;
  const scroller = create("div", "scroller");
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "group");
  scroller.setAttribute("aria-label", `piano roll ${number2}`);
  scroller.append(canvas, cursor);
  return [scroller, playButton(notes, cursor, scroller, width / seconds)];
}
function playButton(notes, cursor, scroller, scale) {
  const button = create("button", "", "Play");
  button.type = "button";
  button.disabled = notes.length === 0;
  const moved = (seconds) => {
    const left = seconds * scale;
    cursor.style.left = `${left}px`;
    const { scrollLeft, clientWidth } = scroller;
    if (left > scrollLeft + 0.9 * clientWidth || left < scrollLeft) scroller.scrollLeft = left - 0.1 * clientWidth;
  };
  const show = (isPlaying) => {
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
function drawRoll(canvas, notes, width, seconds) {
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
    context.globalAlpha = 0.4 + 0.6 * note.velocity / 127;
    const x = note.start / seconds * width;
    context.fillRect(x, (highest - note.pitch) * height, Math.max(2, note.duration / seconds * width - 1), height);
  }
}

// src/payloads.ts
var DRAW_SECONDS = 1.5;
var SIZE = 240;
function prefersStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
function drawing(sample, grid, number2) {
  const canvas = create("canvas", "drawing");
  const strokes = sample.strokes ?? [];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `drawing ${number2} of ${strokes.length} strokes`);
  const numPoints = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  const place = (value) => 8 + value / (grid - 1) * (SIZE - 16);
  const show = (count) => {
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
  const draw = () => {
    const start = performance.now();
    const step = (now) => {
      const share = prefersStill() ? 1 : Math.min(1, (now - start) / 1e3 / DRAW_SECONDS);
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
function sampleItem(sample, grid, number2) {
  const item = create("article", "sample");
  const save2 = sample.file ? [saveButton(sample.file.name, sample.file.content)] : [];
  if (sample.strokes) item.append(drawing(sample, grid, number2), ...save2);
  else if (sample.notes) item.append(...pianoRoll(sample.notes, number2), ...save2, notation(sample.text));
  else item.append(textOf(sample.text), ...save2);
  return item;
}
function samplesOf(generated) {
  return generated.samples.map((sample, index) => sampleItem(sample, generated.grid, index + 1));
}

// src/tokens.ts
function joinBytes(tokens) {
  const whole = [];
  let rest = [];
  for (const token2 of tokens) {
    if (!isPart(token2.name)) {
      whole.push(...rest.map((part) => ({ ...part, text: "�" })), token2);
      rest = [];
      continue;
    }
    rest.push(token2);
    while (rest.length && !canBecomeCharacter(rest)) whole.push({ ...rest.shift(), text: "�" });
    const text = decoded(rest);
    if (!rest.length || text === null) continue;
    const logProbs = rest.map(({ logProb: logProb2 }) => logProb2);
    const isKnown = logProbs.every((value) => value !== null);
    const logProb = isKnown ? logProbs.reduce((sum, value) => sum + (value ?? 0), 0) : null;
    whole.push({ ...rest[0], name: text, text, logProb, rank: null, isJoined: rest.length > 1 });
    rest = [];
  }
  return { whole, rest };
}
function canBecomeCharacter(tokens) {
  const [first, ...others] = tokens.flatMap(({ name }) => bytesOf(name));
  if (first === void 0 || first < 194 || first > 244) return false;
  const length = first < 224 ? 2 : first < 240 ? 3 : 4;
  return others.length < length && others.every((byte) => byte >= 128 && byte < 192);
}
function decoded(tokens) {
  const bytes = tokens.flatMap(({ name }) => bytesOf(name));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
  } catch {
    return null;
  }
}
function placed(text, tokens) {
  const result = [];
  const lower = text.toLowerCase();
  let place = 0;
  for (const token2 of tokens) {
    const position = lower.indexOf(token2.text.toLowerCase(), place);
    if (position > place) result.push(unknown(text.slice(place, position)));
    result.push(position < 0 ? token2 : { ...token2, text: text.slice(position, position + token2.text.length) });
    if (position >= 0) place = position + token2.text.length;
  }
  if (place < text.length) result.push(unknown(text.slice(place)));
  return result;
}
function unknown(text) {
  return { name: text, text, logProb: null, top: [], rank: null, isUnknown: true };
}
var LEVELS = 5;
function surpriseLevel(logProb, bits) {
  return Math.min(LEVELS, Math.floor(-logProb / Math.LN2 / bits));
}
function describe(token2) {
  const name = token2.name === START ? "end of the text" : visible(token2.text);
  if (token2.isUnknown) return `${name}: the model does not know it`;
  if (token2.logProb === null) return `${name}: nothing stands before it`;
  const bits = -token2.logProb / Math.LN2;
  const rank = token2.rank === null ? "" : `, rank ${token2.rank + 1}`;
  return `${name}: ${percent(Math.exp(token2.logProb))}, ${bits.toFixed(1)} bits${rank}`;
}

// src/token_text.ts
var END_SIGN = "∎";
var TokenText = class {
  constructor(output, details, branch) {
    this.output = output;
    this.branch = branch;
    this.line.setAttribute("aria-live", "polite");
    details.append(this.line, this.others);
    output.addEventListener("pointerover", (event) => this.pinned ?? this.select(indexOf(event.target)));
    output.addEventListener("focusin", (event) => this.focused(indexOf(event.target)));
    output.addEventListener("click", (event) => this.pin(indexOf(event.target)));
    output.addEventListener("keydown", (event) => this.move(event));
    this.clear();
  }
  names = null;
  tokens = [];
  waiting = [];
  // parts of a character that is not complete
  pinned = null;
  line = create("p", "line");
  others = create("div");
  clear() {
    this.tokens = [];
    this.waiting = [];
    this.output.replaceChildren();
    this.hold(null);
    this.others.replaceChildren();
    this.line.className = "line hint";
    this.line.textContent = this.branch ? "Point at a character of the text to see what else it could have been. A click holds it; Escape lets it go." : "Point at a character of the text to see how expected it was.";
  }
  /** Show a character that stays incomplete, at the end of a text. */
  end() {
    for (const token2 of this.waiting) this.output.append(this.span({ ...token2, text: "�" }));
    this.waiting = [];
  }
  get isEmpty() {
    return this.tokens.length === 0;
  }
  append(tokens) {
    const { whole, rest } = joinBytes([...this.waiting, ...tokens]);
    this.waiting = rest;
    for (const token2 of whole) this.output.append(this.span(token2));
  }
  /** Let a held token go. */
  release() {
    this.hold(null);
  }
  /** Focus the first token. */
  focus() {
    this.output.firstElementChild?.focus();
  }
  span(token2) {
    const span = create("span", "token", token2.name === START ? END_SIGN : token2.text);
    if (token2.logProb !== null) span.classList.add(`surprise-${surpriseLevel(token2.logProb, this.names?.surpriseStep ?? 1)}`);
    if (token2.isUnknown) span.classList.add("unknown");
    if (token2.name === START) span.classList.add("end");
    span.dataset["index"] = String(this.tokens.length);
    span.setAttribute("role", "option");
    span.setAttribute("aria-selected", "false");
    span.setAttribute("aria-label", token2.name === START ? "end of the text" : visible(token2.text));
    span.tabIndex = this.tokens.length === 0 ? 0 : -1;
    this.tokens.push(token2);
    return span;
  }
  hold(index) {
    this.pinned = index;
    this.output.classList.toggle("pinned", index !== null);
  }
  /** Hold a token; a second click lets it go. */
  pin(index) {
    if (index === null) return;
    this.hold(this.pinned === index ? null : index);
    this.select(index);
  }
  focused(index) {
    if (index === null || !(document.activeElement?.matches(":focus-visible") ?? false)) return;
    if (this.pinned !== null) this.hold(index);
    this.select(index);
  }
  select(index) {
    const token2 = index === null ? void 0 : this.tokens[index];
    const span = index === null ? void 0 : this.output.children[index];
    if (index === null || !token2 || !span) return;
    const selected = this.output.querySelector(".selected");
    selected?.classList.remove("selected");
    selected?.setAttribute("aria-selected", "false");
    span.classList.add("selected");
    span.setAttribute("aria-selected", "true");
    this.line.className = "line";
    this.line.textContent = describe(token2);
    this.others.replaceChildren(...this.alternatives(index, token2));
  }
  alternatives(index, token2) {
    if (!token2.top.length) return [];
    const list = create("ul", "alternatives");
    const before = this.tokens.slice(0, index).map(({ text }) => text).join("");
    for (const [name, logProb] of token2.top) {
      const item = create("li");
      const button = create("button", "", `${this.names?.label(name) ?? name}  ${percent(Math.exp(logProb))}`);
      button.type = "button";
      button.disabled = name === token2.name || !this.names?.continues(name);
      button.addEventListener("click", () => this.branch?.(before, name));
      item.append(button);
      list.append(item);
    }
    const what = token2.isJoined ? "What the first byte of this character could have been" : "What else could have been here";
    const hint = `${what}, at temperature 1. Choose one to go on from it:`;
    return [create("p", "hint", hint), list];
  }
  /** Move between tokens: by one, to the first and the last one, and between lines. */
  move(event) {
    const index = indexOf(event.target);
    if (index === null || !(event.target instanceof HTMLElement)) return;
    const last = this.tokens.length - 1;
    const targets = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: last };
    const target = event.key in targets ? targets[event.key] : this.inOtherLine(index, event.key);
    const next = target === void 0 ? void 0 : this.output.children[target];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
  /** The token below or above another one. */
  inOtherLine(index, key) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (!step) return void 0;
    const place = (position) => this.output.children[position]?.getBoundingClientRect();
    const from = place(index);
    let best;
    let line2 = from.top;
    for (let position = index + step; place(position); position += step) {
      const { left, top } = place(position);
      if (Math.abs(top - line2) > from.height / 2) {
        if (best !== void 0) break;
        line2 = top;
      }
      if (line2 === from.top) continue;
      if (best === void 0 || Math.abs(left - from.left) <= Math.abs(place(best).left - from.left)) best = position;
    }
    return best;
  }
};
function indexOf(target) {
  if (!(target instanceof HTMLElement) || target.dataset["index"] === void 0) return null;
  return Number(target.dataset["index"]);
}

// src/training.ts
var HEIGHT = 180;
var LEFT = 44;
var BOTTOM = 24;
var SETTLED = 0.02;
var LONG_PAUSE = 1e4;
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
      if (model === this.model) this.timer = window.setTimeout(() => void this.look(), LONG_PAUSE);
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
    byId("no-epochs").hidden = epochs.length > 0;
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
    let samples;
    let grid;
    try {
      ({ samples, grid } = await epochSamples(this.model, epoch));
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
var WRITING = "writing ...";
var WRITE = { text: "Write", drawings: "Draw" };
function tokensOf(logprobs, names) {
  return logprobs.tokens.map((name, index) => ({
    name,
    text: names.text(name) ?? "",
    logProb: logprobs.token_logprobs[index] ?? null,
    top: Object.entries(logprobs.top_logprobs[index] ?? {}).sort(([, first], [, second]) => second - first),
    rank: null
  }));
}
function afterPrompt(tokens, text, written) {
  const [first, ...others] = tokens;
  if (!first || !written.isEmpty || !first.text.startsWith(" ") || text.startsWith(" ")) return tokens;
  return [{ ...first, text: first.text.slice(1) }, ...others];
}
var Page = class {
  written = new TokenText(byId("written"), byId("details"), (before, name) => this.branch(before, name));
  pasted = new TokenText(byId("pasted-text"), byId("pasted-details"), null);
  bars = new Bars(byId("bars"), byId("entropy"), (name) => this.append(name));
  training = new TrainingView(() => this.weightsChanged());
  status = byId("status");
  output = byId("output");
  undo = byId("undo");
  saveText = byId("save");
  judges;
  controls = new Controls(() => this.controlsChanged(), () => this.modelChanged());
  running = null;
  asking = null;
  typing = 0;
  colouring = 0;
  // number of the last text to be coloured, whose answer alone is shown
  shownFor = "";
  promptOf = "";
  whole = { name: "", text: "" };
  // the written text with its prompt, and the name of a file for it
  promptsBefore = [];
  // before each branch
  constructor(served2) {
    this.judges = new Judges(served2, (work) => this.ask(work));
    this.controls.fill(served2);
    byId("write").addEventListener("click", () => this.write());
    byId("another").addEventListener("click", () => this.another());
    byId("stop").addEventListener("click", () => this.running?.abort());
    byId("compare").addEventListener("click", () => this.compare());
    this.saveText.addEventListener("click", () => save(this.whole.name, this.whole.text));
    byId("colour").addEventListener("click", () => this.colour());
    this.undo.addEventListener("click", () => this.goBack());
    byId("prompt").addEventListener("input", () => this.forgetBranches());
    document.addEventListener("keydown", (event) => this.pressed(event));
    if (matchMedia("(max-width: 56rem)").matches) byId("controls").open = false;
    this.controlsChanged();
  }
  pressed(event) {
    if (event.key === "Escape") {
      this.running?.abort();
      player.stop();
      this.written.release();
      this.pasted.release();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      this.controls.showSeed();
      if (document.activeElement === byId("paste")) this.colour();
      else void this.write();
    }
  }
  /** Show another model: nothing of the one before stays. */
  modelChanged() {
    this.running?.abort();
    this.running = null;
    document.body.classList.remove("busy");
    this.colouring += 1;
    player.stop();
    const names = this.controls.names;
    this.written.names = this.pasted.names = names;
    this.written.clear();
    this.pasted.clear();
    this.judges?.clear();
    for (const id of ["written-prompt", "samples", "pasted-mean"]) byId(id).replaceChildren();
    this.bars.clear();
    this.shownFor = "";
    this.promptOf = "";
    this.forgetBranches();
    this.saveText.disabled = true;
    const kind = this.controls.kind;
    [...byId("surprise").children].forEach((level, index) => level.textContent = String(index * names.surpriseStep));
    document.body.classList.toggle("no-text", kind !== "text");
    document.body.classList.toggle("no-list", !this.controls.hasTokens);
    byId("write").textContent = byId("write-title").textContent = WRITE[kind] ?? "Compose";
    this.training.show(this.controls.model, this.controls.hasTokens ? "token" : "point");
    this.say("");
  }
  controlsChanged() {
    this.bars.move(this.controls.filters);
    this.bars.isPending = this.controls.hasTokens && this.barsKey() !== this.shownFor;
    clearTimeout(this.typing);
    this.typing = window.setTimeout(() => this.askForBars(), TYPING_PAUSE);
  }
  /** What the bars depend on, apart from the settings that move them. */
  barsKey() {
    const { model, prompt, rating, guidance } = this.controls.sampling();
    return JSON.stringify([model, prompt, rating, guidance]);
  }
  async askForBars() {
    const sampling = this.controls.sampling();
    if (!this.controls.hasTokens) return;
    const key = this.barsKey();
    this.asking?.abort();
    if (key === this.shownFor) return;
    this.bars.isPending = true;
    const asking = this.asking = new AbortController();
    const hint = byId("entropy");
    try {
      const distribution = await nextTokens(sampling, asking.signal);
      if (key !== this.barsKey()) return;
      this.shownFor = key;
      hint.classList.remove("error");
      this.bars.show(distribution, this.controls.names, this.controls.filters);
    } catch (error) {
      if (asking.signal.aborted || key !== this.barsKey()) return;
      this.shownFor = "";
      this.bars.clear();
      hint.classList.add("error");
      hint.textContent = messageOf(error);
    }
  }
  weightsChanged() {
    this.shownFor = "";
    void this.askForBars();
  }
  append(name) {
    this.controls.prompt += this.controls.names.text(name) ?? "";
    this.controlsChanged();
  }
  /** Go on from another token than the one that was written. */
  branch(before, name) {
    this.promptsBefore.push(this.controls.prompt);
    this.undo.hidden = false;
    this.controls.prompt = this.promptOf + before + (this.controls.names.text(name) ?? "");
    void this.write().then(() => this.written.focus());
  }
  /** A prompt that a person has typed is no branch, and is not taken back. */
  forgetBranches() {
    this.promptsBefore = [];
    this.undo.hidden = true;
  }
  /** Return to the prompt before the last branch, and to its text. */
  goBack() {
    const prompt = this.promptsBefore.pop();
    if (prompt === void 0) return;
    this.undo.hidden = this.promptsBefore.length === 0;
    this.controls.prompt = prompt;
    void this.write();
  }
  /** Write again, with other draws. */
  another() {
    this.controls.nextSeed();
    void this.write();
  }
  /** Run one text at a time; the buttons show it. */
  async run(work) {
    this.running?.abort();
    const controller = new AbortController();
    this.running = controller;
    document.body.classList.add("busy");
    this.say(WRITING);
    try {
      await work(controller.signal);
      if (this.running === controller) this.say("");
    } catch (error) {
      if (this.running === controller) this.report(error);
    } finally {
      if (this.running === controller) {
        this.running = null;
        document.body.classList.remove("busy");
      }
    }
  }
  /** Ask for something beside the text that grows. */
  async ask(work) {
    try {
      await work();
      this.say(this.running ? WRITING : "");
    } catch (error) {
      this.report(error);
    }
  }
  write() {
    player.stop();
    if (this.controls.kind !== "text") return this.show();
    const sampling = this.controls.sampling();
    const names = this.controls.names;
    this.controlsChanged();
    return this.run(async (signal) => {
      this.judges.clear();
      let isFirst = true;
      let text = "";
      const begin = () => {
        if (!isFirst) return;
        isFirst = false;
        this.promptOf = sampling.prompt;
        byId("written-prompt").textContent = sampling.prompt;
        this.written.clear();
        this.output.scrollTop = 0;
      };
      for await (const piece of complete(sampling, NUM_ALTERNATIVES, signal)) {
        if (signal.aborted) return;
        begin();
        const { scrollTop, scrollHeight, clientHeight } = this.output;
        const isAtEnd = scrollTop + clientHeight > scrollHeight - 40;
        text += piece.text;
        this.whole = { name: `${sampling.model}-seed-${sampling.seed}.txt`, text: sampling.prompt + text };
        this.saveText.disabled = false;
        if (piece.logprobs) this.written.append(afterPrompt(tokensOf(piece.logprobs, names), text, this.written));
        if (isAtEnd) this.output.scrollTop = this.output.scrollHeight;
        this.judges.show({ prompt: sampling.prompt, rating: sampling.rating }, piece.text);
      }
      begin();
      this.written.end();
    });
  }
  /** Show samples of a run that writes no text. */
  show() {
    return this.run(async (signal) => {
      const isDrawing = this.controls.kind === "drawings";
      const generated = await generate(this.controls.sampling(), isDrawing ? NUM_PICTURES : NUM_TUNES, signal);
      byId("samples").className = `samples ${isDrawing ? "pictures" : "rolls"}`;
      byId("samples").replaceChildren(...samplesOf(generated));
    });
  }
  compare() {
    const sampling = this.controls.sampling();
    const columns = COMPARED.map((temperature) => {
      const column = create("article", "sample");
      const text = textOf("");
      text.append(create("span", "prompt", sampling.prompt));
      column.append(create("h3", "", `temperature ${temperature}`), text);
      return { temperature, column, text };
    });
    byId("samples").className = "samples";
    byId("samples").replaceChildren(...columns.map(({ column }) => column));
    return this.run(async (signal) => {
      await Promise.all(
        columns.map(async ({ temperature, text }) => {
          for await (const piece of complete({ ...sampling, temperature }, null, signal)) text.append(piece.text);
        })
      );
    });
  }
  colour() {
    const text = byId("paste").value;
    const mean = byId("pasted-mean");
    this.pasted.clear();
    mean.textContent = "";
    const question = this.colouring += 1;
    void this.ask(async () => {
      if (!text) throw new Error("there is no text to colour: paste one into the field above");
      const { model, names } = this.controls;
      const scores = await score(model, text);
      if (question !== this.colouring) return;
      const tokens = scores.tokens.map((name, index) => ({
        name,
        text: names.text(name) ?? "",
        logProb: scores.log_probs[index] ?? null,
        top: [],
        rank: scores.ranks[index] ?? null
      }));
      this.pasted.append(placed(text, joinBytes(tokens).whole));
      const bits = -scores.log_probs.reduce((sum, value) => sum + value, 0) / Math.LN2 / tokens.length;
      mean.textContent = tokens.length ? `${bits.toFixed(2)} bits per token in the mean` : "The model knows no character of this text.";
    });
  }
  report(error) {
    if (error instanceof DOMException && error.name === "AbortError") this.say("stopped");
    else this.say(messageOf(error), true);
  }
  say(message, isError = false) {
    this.status.textContent = message;
    this.status.classList.toggle("error", isError);
  }
};
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
served().then(
  (served2) => {
    new Page(served2);
    document.body.dataset["ready"] = "true";
  },
  (error) => {
    const status = byId("status");
    status.textContent = messageOf(error);
    status.classList.add("error");
  }
);
