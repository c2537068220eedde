// Small helpers for elements. Text from the recording only ever becomes text.

/**
 * @param {string} id of an element that page.html has
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element ${id}`);
  return element;
}

/**
 * @param {string} id
 * @returns {HTMLCanvasElement}
 */
export function canvasById(id) {
  return /** @type {HTMLCanvasElement} */ (byId(id));
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes, children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** No canvas is larger than browsers can draw. */
const MOST_PIXELS = 16000;

/**
 * @typedef {{ context: CanvasRenderingContext2D, width: number, height: number, ratio: number }} Paper
 * width and height in CSS pixels
 */

/**
 * Makes a canvas as fine as the screen.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width in CSS pixels
 * @param {number} height
 * @returns {Paper}
 */
export function fitCanvas(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 3, MOST_PIXELS / Math.max(1, width, height));
  const [pixelsAcross, pixelsDown] = [
    Math.max(1, Math.round(width * ratio)),
    Math.max(1, Math.round(height * ratio)),
  ];
  if (canvas.width !== pixelsAcross || canvas.height !== pixelsDown) {
    canvas.width = pixelsAcross;
    canvas.height = pixelsDown;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("this browser cannot draw");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height, ratio };
}

/** The font of text in pictures. */
export const CANVAS_FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} room in CSS pixels
 * @returns {string} as much of the text as there is room for
 */
export function fitText(context, text, room) {
  if (room < 12) return "";
  if (text.length * 12 < room || context.measureText(text).width <= room) return text;
  let low = 0;
  let high = Math.min(text.length, Math.floor(room / 3));
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
    else high = middle - 1;
  }
  return low < 2 ? "" : `${text.slice(0, low)}…`;
}

/**
 * @param {HTMLElement} element
 * @param {Record<string, string | number>} values of its data attributes, which tests read
 */
export function setData(element, values) {
  for (const [name, value] of Object.entries(values)) element.dataset[name] = String(value);
}

/**
 * @param {string} text
 * @param {HTMLElement} button that says whether it worked
 */
export async function copyText(text, button) {
  button.dataset.label ??= button.textContent ?? "";
  button.textContent = (await writeClipboard(text)) ? "Copied" : "Could not copy";
  setTimeout(() => {
    button.textContent = button.dataset.label ?? "";
  }, 1500);
}

/**
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page of file: may have no clipboard, but a selected field can be copied everywhere.
    const field = make("textarea", { readonly: "", class: "hidden" }, []);
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
