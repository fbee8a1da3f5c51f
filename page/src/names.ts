// What the names of tokens stand for. A name is unique, so that it may differ from the text of its token.

import type { Model } from "./api.js";
import { visible } from "./elements.js";

const BYTES = "bytes:"; // begins the name of a token that is no whole character
export const START = "<|start|>"; // stands before a document, and so after the one before it

export class TokenNames {
  constructor(private readonly model: Model | undefined) {}

  /** Bits between two levels of surprise: a word says more than a character. */
  get surpriseStep(): number {
    return this.model?.surprise_step ?? 1;
  }

  /** The text of a token; empty for the end of a document, null for a part of a character. */
  text(name: string): string | null {
    if (name === START) return "";
    if (isPart(name)) return null;
    const texts = this.model?.texts ?? {};
    return Object.hasOwn(texts, name) ? texts[name]! : name; // a name such as "constructor" is no member of its own
  }

  /** A token as people can see it. */
  label(name: string): string {
    if (name === START) return "end";
    return visible(this.text(name) ?? name.slice(BYTES.length));
  }

  /** Whether a text can go on with the token: it is neither its end nor a part of a character. */
  continues(name: string): boolean {
    return Boolean(this.text(name));
  }
}

export function isPart(name: string): boolean {
  return name.startsWith(BYTES);
}

/** The bytes of the name of a part of a character. */
export function bytesOf(name: string): number[] {
  return [...name.matchAll(/\\x([0-9a-f]{2})/g)].map(([, digits]) => parseInt(digits!, 16));
}
