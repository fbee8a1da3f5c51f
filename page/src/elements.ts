// Elements of the page. All text goes through `textContent`, so that no text can become markup.

export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element as T;
}

export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** A token as people can see it: white space and control characters get visible signs. */
export function visible(token: string): string {
  if (token === "") return "∅";
  const shown = token.trim() ? token : token.replaceAll(" ", "␣");
  return shown.replaceAll("\n", "↵").replaceAll("\t", "⇥");
}

export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "<0.1 %";
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** Give a canvas a size in CSS pixels, and return its context with these units. */
export function fitted(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context?.scale(scale, scale);
  return context;
}

/** Draw a canvas once it is in the page, and again when the page becomes light or dark. */
export function onSchemeChange(canvas: HTMLCanvasElement, draw: () => void): void {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = (): void => {
    if (canvas.isConnected) draw();
    else scheme.removeEventListener("change", redraw);
  };
  scheme.addEventListener("change", redraw);
  requestAnimationFrame(redraw);
}
