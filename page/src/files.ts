// Files that a person saves.

import { create } from "./elements.js";

const LONGEST_START = 10_000; // milliseconds after which the browser has begun to save a file

/** Let the browser save a file. */
export function save(name: string, content: BlobPart): void {
  const link = create("a");
  link.download = name;
  link.href = URL.createObjectURL(new Blob([content]));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LONGEST_START);
}

/** A button that saves a file, whose content is given in base64. */
export function saveButton(name: string, content: string): HTMLElement {
  const button = create("button", "save", `Save .${name.split(".").pop()}`);
  button.type = "button";
  button.title = name;
  button.addEventListener("click", () => save(name, Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0))));
  return button;
}
