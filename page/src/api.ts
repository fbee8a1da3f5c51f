// The server's API, as far as the page uses it.

export interface Column {
  name: string;
  kind: "rating" | "category";
  lowest?: number;
  highest?: number;
  choices?: string[];
}

export interface Model {
  name: string;
  kind: string;
  /** What the model is, in words. */
  description: string;
  /** The temperature that suits it. */
  temperature: number;
  /** Whether it predicts points by a density, which has no list of tokens. */
  is_density: boolean;
  columns: Column[];
  /** Bits between two levels of surprise. */
  surprise_step: number;
  /** Texts of tokens by name, where they differ. */
  texts: Record<string, string>;
}

export interface Served {
  models: Model[];
  critic: boolean;
  detector: boolean;
}

/** The distribution of the next token at temperature 1: names, and log-probabilities in nats, the likeliest first. */
export interface Distribution {
  tokens: string[];
  log_probs: number[];
}

export interface Scores {
  tokens: string[];
  log_probs: number[];
  ranks: number[];
  entropies: number[];
}

export interface LogProbs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
}

export interface Sampling {
  model: string;
  prompt: string;
  max_tokens: number;
  temperature: number;
  top_k: number;
  top_p: number;
  min_p: number;
  seed: number;
  rating?: Record<string, number | string>;
  /** Factor that amplifies the effect of the rating. */
  guidance?: number;
}

export interface Piece {
  text: string;
  logprobs: LogProbs | null;
  finish_reason: string | null;
}

// The token of a server with one comes in the fragment of the address, which browsers send to nobody.
const token = /^#token=(.+)$/.exec(location.hash)?.[1];
addEventListener("hashchange", () => location.reload());

function headers(): Record<string, string> {
  const fields: Record<string, string> = { "Content-Type": "application/json" };
  if (token) fields["Authorization"] = `Bearer ${token}`;
  return fields;
}

/** Return the answer to a request; throw what the server says if it refuses it. */
async function answered(path: string, options: RequestInit): Promise<Response> {
  let answer: Response;
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
    // no JSON: the status must do
  }
  throw new Error(message);
}

async function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const options: RequestInit = { method: "POST", headers: headers(), body: JSON.stringify(body) };
  if (signal) options.signal = signal;
  return answered(path, options);
}

async function get<T>(path: string): Promise<T> {
  return (await answered(path, { headers: headers() })).json();
}

export async function served(): Promise<Served> {
  return get("api/served");
}

export async function nextTokens(sampling: Sampling, signal: AbortSignal): Promise<Distribution> {
  const { model, prompt, rating, guidance } = sampling;
  return (await post("api/next", rating ? { model, prompt, rating, guidance } : { model, prompt }, signal)).json();
}

/** Score the tokens of a text; symbols that the model does not know are left out. */
export async function score(model: string, text: string): Promise<Scores> {
  return (await post("score", { model, text, skip_unknown: true })).json();
}

export async function rate(text: string): Promise<number> {
  const { ratings } = await (await post("rate", { texts: [text] })).json();
  return ratings[0];
}

export interface Detection {
  probability: number;
  sentences: string[];
}

export async function detect(text: string): Promise<Detection> {
  return (await post("api/explain", { text })).json();
}

export interface Note {
  start: number;
  duration: number;
  pitch: number;
  velocity: number;
  program: number;
}

export interface Sample {
  text: string;
  strokes?: [number, number][][] | null;
  notes?: Note[] | null;
  /** The sample as a file: its name, and its bytes in base64. */
  file?: { name: string; content: string } | null;
}

export interface Generated {
  kind: string;
  grid: number;
  samples: Sample[];
}

/** Generate samples of a run of any kind, which arrive when they are finished. */
export async function generate(sampling: Sampling, count: number, signal: AbortSignal): Promise<Generated> {
  return (await post("api/generate", { ...sampling, n: count }, signal)).json();
}

/** Generate a text, and yield its pieces as they arrive. */
export async function* complete(sampling: Sampling, logprobs: number | null, signal: AbortSignal): AsyncGenerator<Piece> {
  const answer = await post("v1/completions", { ...sampling, logprobs, stream: true }, signal);
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
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

/** The course of a training: steps with losses in nats per token, and the epochs that have samples. */
export interface Course {
  training: [number, number][];
  validation: [number, number][];
  step: number;
  total_steps: number;
  is_finished: boolean;
  /** Step of the weights that the server uses. */
  weights_step: number | null;
  /** Whether there are no newer ones, which the server will use soon. */
  is_newest: boolean;
  epochs: number[];
}

export async function training(model: string): Promise<Course> {
  return get(`api/training?${new URLSearchParams({ model })}`);
}

export interface EpochSamples {
  grid: number;
  samples: (Sample & { temperature: number })[];
}

export async function epochSamples(model: string, epoch: number): Promise<EpochSamples> {
  return get(`api/training/samples?${new URLSearchParams({ model, epoch: String(epoch) })}`);
}
