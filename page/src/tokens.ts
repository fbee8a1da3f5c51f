// Tokens of a text with their log-probabilities.

import { percent, visible } from "./elements.js";
import { bytesOf, isPart, START } from "./names.js";

export interface Token {
  /** The unique name of the token. */
  name: string;
  /** What it adds to the text. */
  text: string;
  /** Log-probability in nats; null if it is unknown. */
  logProb: number | null;
  /** The likeliest tokens in this place by name, with their log-probabilities, the likeliest first. */
  top: [string, number][];
  rank: number | null;
  /** Whether the model has no token for it. */
  isUnknown?: boolean;
  /** Whether it is a character of several tokens; `top` is then about the first of these. */
  isJoined?: boolean;
}

/** Join tokens that are parts of a character; tokens of a character that is not complete yet are left over. */
export function joinBytes(tokens: Token[]): { whole: Token[]; rest: Token[] } {
  const whole: Token[] = [];
  let rest: Token[] = [];
  for (const token of tokens) {
    if (!isPart(token.name)) {
      whole.push(...rest.map((part) => ({ ...part, text: "\ufffd" })), token);
      rest = [];
      continue;
    }
    rest.push(token);
    while (rest.length && !canBecomeCharacter(rest)) whole.push({ ...rest.shift()!, text: "\ufffd" });
    const text = decoded(rest);
    if (!rest.length || text === null) continue;
    const logProbs = rest.map(({ logProb }) => logProb);
    const isKnown = logProbs.every((value) => value !== null);
    const logProb = isKnown ? logProbs.reduce<number>((sum, value) => sum + (value ?? 0), 0) : null;
    whole.push({ ...rest[0]!, name: text, text, logProb, rank: null, isJoined: rest.length > 1 });
    rest = [];
  }
  return { whole, rest };
}

/** Whether bytes are those of a character of UTF-8, or begin one. */
function canBecomeCharacter(tokens: Token[]): boolean {
  const [first, ...others] = tokens.flatMap(({ name }) => bytesOf(name));
  if (first === undefined || first < 0xc2 || first > 0xf4) return false;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return others.length < length && others.every((byte) => byte >= 0x80 && byte < 0xc0);
}

/** The text of tokens that are parts of a character; null if it is not complete. */
function decoded(tokens: Token[]): string | null {
  const bytes = tokens.flatMap(({ name }) => bytesOf(name));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
  } catch {
    return null;
  }
}

/** Put scored tokens in their places in a text; what stands between them is unknown to the model. */
export function placed(text: string, tokens: Token[]): Token[] {
  const result: Token[] = [];
  const lower = text.toLowerCase(); // a run may have learned lower-case text
  let place = 0;
  for (const token of tokens) {
    const position = lower.indexOf(token.text.toLowerCase(), place);
    if (position > place) result.push(unknown(text.slice(place, position)));
    result.push(position < 0 ? token : { ...token, text: text.slice(position, position + token.text.length) });
    if (position >= 0) place = position + token.text.length;
  }
  if (place < text.length) result.push(unknown(text.slice(place)));
  return result;
}

function unknown(text: string): Token {
  return { name: text, text, logProb: null, top: [], rank: null, isUnknown: true };
}

const LEVELS = 5;

/** How surprising a token is, from 0 (expected) to 5, by steps of some bits. */
export function surpriseLevel(logProb: number, bits: number): number {
  return Math.min(LEVELS, Math.floor(-logProb / Math.LN2 / bits));
}

export function describe(token: Token): string {
  const name = token.name === START ? "end of the text" : visible(token.text);
  if (token.isUnknown) return `${name}: the model does not know it`;
  if (token.logProb === null) return `${name}: nothing stands before it`;
  const bits = -token.logProb / Math.LN2;
  const rank = token.rank === null ? "" : `, rank ${token.rank + 1}`;
  return `${name}: ${percent(Math.exp(token.logProb))}, ${bits.toFixed(1)} bits${rank}`;
}
