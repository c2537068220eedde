// The keyboard.

/** @import { App } from "./app.js" */
/** @import { Place } from "./places.js" */
import { byId } from "./dom.js";
import { stepEntry } from "./details.js";
import { neighbourOf, withBefore } from "./places.js";
import { selectionOf } from "./selection.js";
import { MODES } from "./store.js";
import { panView, viewAround, zoomView } from "./viewport.js";

/** The share of the view that a key moves it by. */
const STEP = 0.15;
const ZOOM = 0.7;

/** @param {App} app */
export function startKeys(app) {
  const help = /** @type {HTMLDialogElement} */ (byId("help"));
  byId("help-open").addEventListener("click", () => help.showModal());
  byId("help-close").addEventListener("click", () => help.close());

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    if (target.closest("input, select, textarea")) return;
    // A focused list scrolls with its own keys, and Space and Enter press buttons.
    if (actOnKey(app, event, help)) event.preventDefault();
  });
}

/**
 * @param {App} app
 * @param {KeyboardEvent} event
 * @param {HTMLDialogElement} help
 * @returns {boolean} whether the key means something
 */
function actOnKey(app, event, help) {
  const { store, model } = app;
  const { view, selection } = store.state;
  const pan = (/** @type {number} */ direction) =>
    store.update({
      view: panView(view, direction * STEP * (view.end - view.start), model.duration),
      tip: null,
    });
  const zoom = (/** @type {number} */ factor) =>
    store.update({ view: zoomView(view, factor, (view.start + view.end) / 2, model.duration), tip: null });
  switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
    case "a":
    case "ArrowLeft":
      pan(-1);
      break;
    case "d":
    case "ArrowRight":
      pan(1);
      break;
    case "w":
    case "ArrowUp":
    case "+":
      zoom(ZOOM);
      break;
    case "s":
    case "ArrowDown":
    case "-":
      zoom(1 / ZOOM);
      break;
    case "0":
      store.update({ view: { start: 0, end: model.duration } });
      break;
    case "f":
      store.update({ view: viewAround(selection, model.duration) });
      break;
    case "v":
      app.select(selectionOf({ track: selection.track, ...view }));
      break;
    case "j":
      app.select({ ...selection, track: Math.min(selection.track + 1, model.tracks.length - 1) });
      break;
    case "k":
      app.select({ ...selection, track: Math.max(selection.track - 1, -1) });
      break;
    case ",":
      stepEntry(app, -1);
      break;
    case ".":
      stepEntry(app, 1);
      break;
    case "[":
      goToStall(app, -1);
      break;
    case "]":
      goToStall(app, 1);
      break;
    case "/":
      byId("query").focus();
      break;
    case "?":
      help.showModal();
      break;
    case "Escape":
      clear(app);
      break;
    case "1":
    case "2":
    case "3":
    case "4":
    case "5":
      store.update({ mode: MODES[Number(event.key) - 1], focus: [], zoom: null, block: -1 });
      break;
    default:
      return false;
  }
  return true;
}

/**
 * @param {App} app
 * @param {1 | -1} direction
 */
export function goToStall(app, direction) {
  const { places, store } = app;
  /** @type {Place[]} */
  const list = places.stalls.length > 0 ? places.stalls : places.windows;
  const next = neighbourOf(list, store.state.selection, direction);
  if (next) app.show(withBefore(next));
}

/**
 * Takes back one thing at a time.
 * @param {App} app
 */
function clear({ store }) {
  const { entry, zoom, focus, query } = store.state;
  store.update({ tip: null, draft: null, heatFrom: null, heatTo: null });
  if (entry) store.update({ entry: null });
  else if (zoom || focus.length > 0) store.update({ zoom: null, focus: [], block: -1 });
  else if (query) store.update({ query: "" });
}
