// Unpacks the data, and starts everything.

/** @import { Model, Documents } from "./model.js" */
/** @import { State } from "./store.js" */
import { formatAddress, parseAddress } from "./address.js";
import { App } from "./app.js";
import { bytesOfBase64, gunzip, joinBytes, NumberReader } from "./bytes.js";
import { startDetails } from "./details.js";
import { byId, setData } from "./dom.js";
import { startFlame, flameMaker } from "./flame_view.js";
import { startFlameInput } from "./flame_input.js";
import { startHeat } from "./heat_view.js";
import { startKeys } from "./keys.js";
import { startLaneInput } from "./lane_input.js";
import { startLanes } from "./lanes.js";
import { startList } from "./list_view.js";
import { readModel } from "./model.js";
import { startOverview } from "./overview.js";
import { findPlaces, firstPlace } from "./places.js";
import { startPlots } from "./plots.js";
import { clampSelection, selectionOf } from "./selection.js";
import { MODES, Store } from "./store.js";
import { startTables } from "./table_view.js";
import { startTip } from "./tip.js";
import { startToolbar } from "./toolbar.js";
import { viewAround } from "./viewport.js";

/** Work of so many ms may pass before the browser gets time to draw and to react. */
const PATIENCE_MS = 30;
/** Browsers refuse to change an address many times a second. */
const ADDRESS_MS = 300;

/**
 * @returns {() => Promise<void>} lets the browser react, if it has waited
 */
function makePause() {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < PATIENCE_MS) return;
    await new Promise((go) => setTimeout(go, 0));
    last = performance.now();
  };
}

/**
 * @param {string} id
 * @returns {Promise<Uint8Array>}
 */
async function unpack(id) {
  const elements = document.querySelectorAll(`script[id^="${id}"]`);
  const texts = Array.from(elements, (element) => element.textContent ?? "");
  return joinBytes(await Promise.all(texts.map((text) => gunzip(bytesOfBase64(text)))));
}

/**
 * @param {App["model"]} model
 * @param {App["places"]} places
 * @returns {State}
 */
function firstState(model, places) {
  const place = firstPlace(model, places);
  const selection = clampSelection(model, selectionOf(place));
  return {
    view: viewAround(selection, model.duration),
    selection,
    entry: null,
    mode: "ordered",
    order: "name",
    query: "",
    heatBy: "busy",
    heatAll: true,
    heatFrom: null,
    heatTo: null,
    table: places.stalls.length > 0 || places.windows.length === 0 ? "stalls" : "windows",
    sort: { column: 0, isDown: false },
    hasAllRows: false,
    zoom: null,
    focus: [],
    block: -1,
    draft: null,
    tip: null,
    isDark: false,
    width: 0,
    laneScroll: 0,
  };
}

/**
 * The changes that an address asks for.
 * @param {Model} model
 * @returns {Partial<State>}
 */
function addressChanges(model) {
  const { mode, ...address } = parseAddress(model, location.hash);
  const known = MODES.find((name) => name === mode);
  const view = address.view ?? (address.selection && viewAround(address.selection, model.duration));
  return { ...address, ...(known ? { mode: known } : {}), ...(view ? { view } : {}) };
}

/**
 * @param {Store} store
 * @param {Model} model
 */
function keepAddress(store, model) {
  let timer = 0;
  let written = "";
  store.onChange(["selection", "view", "mode", "table", "query"], (state) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      written = `#${formatAddress(model, state)}`;
      history.replaceState(null, "", written);
    }, ADDRESS_MS);
  });
  window.addEventListener("hashchange", () => {
    if (location.hash === written) return;
    store.update({ entry: null, zoom: null, focus: [], block: -1, ...addressChanges(model) });
  });
}

/**
 * Follows the system's colours and the size of the window. Paper is always light.
 * @param {Store} store
 */
function followWindow(store) {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  store.update({ isDark: scheme.matches });
  scheme.addEventListener("change", () => store.update({ isDark: scheme.matches }));
  // The room for pictures changes with the window, and when the pane of details opens.
  new ResizeObserver(([{ contentRect }]) => {
    const { width } = contentRect;
    if (width !== store.state.width) store.update({ width, tip: null });
  }).observe(byId("panels"));
  window.addEventListener("beforeprint", () => {
    store.update({ isDark: false, tip: null });
    store.draw();
  });
  window.addEventListener("afterprint", () => store.update({ isDark: scheme.matches }));
}

async function start() {
  byId("loading").hidden = false;
  const pause = makePause();
  /** @type {Documents} */
  const documents = JSON.parse(new TextDecoder().decode(await unpack("documents")));
  await pause();
  const model = await readModel(documents, new NumberReader(await unpack("columns")), pause);
  const places = findPlaces(model);
  const store = new Store({ ...firstState(model, places), ...addressChanges(model) });
  const app = new App(model, places, store);
  for (const track of model.tracks) {
    app.levelsOf(track);
    await pause();
  }
  byId("loading").hidden = true;
  byId("page").hidden = false;
  followWindow(store);
  startOverview(app);
  startLanes(app);
  startLaneInput(app);
  startPlots(app);
  const flameOf = flameMaker(app);
  startFlame(app, flameOf);
  startFlameInput(app, flameOf);
  startList(app);
  startHeat(app);
  startDetails(app);
  startTables(app);
  startTip(store);
  startToolbar(app);
  startKeys(app);
  keepAddress(store, model);
  store.draw();
  setData(document.documentElement, { ready: "true" });
}

start().catch((error) => {
  byId("loading").textContent =
    `This page cannot be shown: ${error instanceof Error ? error.message : error}`;
  setData(document.documentElement, { ready: "failed" });
  throw error;
});
