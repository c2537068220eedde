// Draws the heat map, and selects rectangles in it.

/** @import { App } from "./app.js" */
/** @import { Heat, Cell } from "./heat.js" */
/** @import { State } from "./store.js" */
import { byId, canvasById, CANVAS_FONT, fitCanvas, make, setData } from "./dom.js";
import { HEAT_ROWS, heatOf, heatTest, rectanglesOf, rectangleSelection } from "./heat.js";
import { css, heatColour, themeOf } from "./palette.js";
import { ALL_TRACKS, trackText } from "./selection.js";
import { remember } from "./store.js";
import { viewAround } from "./viewport.js";
import { countOf, countText, durationText, secondsText } from "./words.js";

const CELL_HEIGHT = 6;
const LEFT = 64;
const BOTTOM = 18;
/** Columns of a short recording are no wider than this. */
const WIDEST_COLUMN = 160;
/** Room for a time below the columns. */
const LABEL_WIDTH = 90;
/** Tasks in the list of colours. */
const LISTED_COMMS = 40;

/**
 * @param {number} width of the canvas
 * @param {Heat} heat
 * @returns {number} the width of a column
 */
function columnWidth(width, heat) {
  return Math.min(WIDEST_COLUMN, (width - LEFT - 4) / heat.columns);
}

/** @param {App} app */
export function startHeat(app) {
  const { model, store } = app;
  const canvas = canvasById("heat-canvas");
  fillChoices(app);
  const compute = remember(
    (/** @type {string} */ by, /** @type {number} */ track, /** @type {string} */ query) => {
      const tracks = track === ALL_TRACKS ? model.tracks : model.tracks.slice(track, track + 1);
      return heatOf(model, tracks, heatTest(model, by, app.matches(query)));
    },
  );
  const trackOf = (/** @type {State} */ state) => (state.heatAll ? ALL_TRACKS : state.selection.track);
  const heatFor = (/** @type {State} */ state) =>
    compute(state.heatBy, trackOf(state), state.heatBy === "match" ? state.query : "");

  store.onChange(
    ["mode", "heatBy", "heatAll", "heatFrom", "heatTo", "selection", "query", "isDark", "width"],
    (state) => {
      byId("heat-panel").hidden = state.mode !== "heat";
      if (state.mode !== "heat") return;
      const heat = heatFor(state);
      drawHeat(state, heat, canvas, model.startNs);
      const what = /** @type {HTMLSelectElement} */ (byId("heat-by")).selectedOptions[0]?.textContent ?? "";
      const whole = heat.sampleSum > 0 ? ` of ${countOf(heat.sampleSum, "sample")}` : "";
      byId("heat-caption").textContent =
        `${trackText(model, trackOf(state))}: ${countText(heat.hitSum)}${whole}. ` +
        `A column is ${durationText(heat.period)}, a row ${durationText(heat.period / HEAT_ROWS)} of it; ` +
        `the hottest cell has ${countOf(heat.most, "sample")}. Drag over a rectangle to select it.`;
      canvas.setAttribute(
        "aria-label",
        `Heat map, ${what}: ${heat.columns} columns of ${durationText(heat.period)}, ` +
          `${HEAT_ROWS} rows. Arrow keys move, Shift and arrow keys extend, Enter selects.`,
      );
      setData(canvas, {
        samples: heat.sampleSum,
        hits: heat.hitSum,
        columns: heat.columns,
        rows: HEAT_ROWS,
        most: heat.most,
        periodNs: heat.period,
      });
    },
  );
  byId("heat-by").addEventListener("change", (event) => {
    store.update({ heatBy: /** @type {HTMLSelectElement} */ (event.target).value });
  });
  byId("heat-all").addEventListener("change", (event) => {
    store.update({ heatAll: /** @type {HTMLInputElement} */ (event.target).checked });
  });
  addHeatInput(
    app,
    canvas,
    () => heatFor(store.state),
    () => trackOf(store.state),
  );
}

/** @param {App} app */
function fillChoices(app) {
  const { model, comms, store } = app;
  const select = /** @type {HTMLSelectElement} */ (byId("heat-by"));
  const culprits = culpritComms(app);
  const listed = comms.filter(({ comm }, index) => index < LISTED_COMMS || culprits.includes(comm));
  const options = listed.map(({ comm, samples }) =>
    make("option", { value: `comm:${comm}` }, [`${model.page.strings[comm]} (${countText(samples)})`]),
  );
  if (options.length > 0) select.append(make("optgroup", { label: "task" }, options));
  if (comms.length > listed.length) {
    const rest = countText(comms.length - listed.length);
    select.append(make("option", { disabled: "" }, [`${rest} rarer tasks: search for their names`]));
  }
  // Where a culprit is known, its times are what shows whether it comes periodically.
  if (culprits.length > 0) store.update({ heatBy: `comm:${culprits[0]}` });
  select.value = store.state.heatBy;
}

/**
 * @param {App} app
 * @returns {number[]} comms of culprits, the one with most samples first
 */
function culpritComms({ model, comms }) {
  const culprits = new Set(model.tasks.filter(({ culprit }) => culprit).map(({ comm }) => comm));
  return comms.map(({ comm }) => comm).filter((comm) => culprits.has(comm));
}

/**
 * @param {State} state
 * @param {Heat} heat
 * @param {HTMLCanvasElement} canvas
 * @param {bigint} startNs
 */
function drawHeat(state, heat, canvas, startNs) {
  const theme = themeOf(state.isDark);
  const { context, width, height } = fitCanvas(
    canvas,
    canvas.clientWidth,
    HEAT_ROWS * CELL_HEIGHT + BOTTOM + 2,
  );
  context.fillStyle = css(theme.ground);
  context.fillRect(0, 0, width, height);
  const wide = columnWidth(width, heat);
  const space = wide > 6 ? 1 : 0;
  for (let column = 0; column < heat.columns; column++) {
    for (let row = 0; row < HEAT_ROWS; row++) {
      const cell = column * HEAT_ROWS + row;
      if (heat.samples[cell] === 0 && heat.hits[cell] === 0) continue;
      context.fillStyle = css(heatColour(heat.most > 0 ? heat.hits[cell] / heat.most : 0, theme));
      context.fillRect(LEFT + column * wide, row * CELL_HEIGHT, wide - space, CELL_HEIGHT - 1);
    }
  }
  context.font = CANVAS_FONT;
  context.fillStyle = theme.faint;
  for (let row = 0; row <= HEAT_ROWS; row += 10) {
    context.textBaseline = row === 0 ? "top" : row === HEAT_ROWS ? "bottom" : "middle";
    context.fillText(row === 0 ? "0" : durationText((row * heat.period) / HEAT_ROWS), 4, row * CELL_HEIGHT);
  }
  context.textBaseline = "top";
  for (let column = 0; column < heat.columns; column += Math.ceil(LABEL_WIDTH / wide)) {
    const text = `${secondsText(startNs + BigInt(column * heat.period)).slice(0, -7)} s`;
    const x = Math.min(LEFT + column * wide, width - context.measureText(text).width);
    context.fillText(text, x, HEAT_ROWS * CELL_HEIGHT + 3);
  }

  context.strokeStyle = theme.accent;
  context.lineWidth = 2;
  const draft =
    state.heatFrom && state.heatTo
      ? rectangleSelection(state.heatFrom, state.heatTo, heat.period, ALL_TRACKS)
      : state.selection;
  for (const { column, top, bottom } of rectanglesOf(draft, heat.period)) {
    const high = Math.max(2, (bottom - top) * CELL_HEIGHT);
    context.strokeRect(LEFT + column * wide, top * CELL_HEIGHT, wide - space, high);
  }
}

/**
 * @param {App} app
 * @param {HTMLCanvasElement} canvas
 * @param {() => Heat} heatNow
 * @param {() => number} trackNow
 */
function addHeatInput(app, canvas, heatNow, trackNow) {
  const { store, model } = app;
  /** @type {(event: MouseEvent) => Cell} */
  const cellAt = (event) => {
    const { left, top, width } = canvas.getBoundingClientRect();
    const heat = heatNow();
    const column = Math.floor((event.clientX - left - LEFT) / columnWidth(width, heat));
    const row = Math.floor((event.clientY - top) / CELL_HEIGHT);
    return limitCell({ column, row }, heat);
  };
  const finish = () => {
    const { heatFrom, heatTo } = store.state;
    store.update({ heatFrom: null, heatTo: null });
    if (!heatFrom || !heatTo) return;
    const selection = rectangleSelection(heatFrom, heatTo, heatNow().period, trackNow());
    app.select(selection);
    const end = selection.end + (selection.times - 1) * selection.period;
    store.update({ view: viewAround({ start: selection.start, end }, model.duration) });
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    store.update({ heatFrom: cellAt(event), heatTo: cellAt(event), tip: null });
  });
  canvas.addEventListener("pointermove", (event) => {
    const cell = cellAt(event);
    if (event.buttons & 1 && store.state.heatFrom) store.update({ heatTo: cell });
    else if (event.pointerType !== "touch") {
      store.update({
        tip: { x: event.clientX, y: event.clientY, ...cellFacts(heatNow(), cell, model.startNs) },
      });
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (event.button === 0) finish();
  });
  canvas.addEventListener("pointerleave", () => store.update({ tip: null }));
  canvas.addEventListener("keydown", (event) => {
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    });
    const step = steps[event.key];
    const { heatFrom, heatTo } = store.state;
    if (step) {
      const at = heatTo ?? { column: 0, row: 0 };
      const cell = heatTo ? limitCell({ column: at.column + step[0], row: at.row + step[1] }, heatNow()) : at;
      store.update({ heatTo: cell, heatFrom: event.shiftKey && heatFrom ? heatFrom : cell });
      const { left, top, width } = canvas.getBoundingClientRect();
      const x = left + LEFT + (cell.column + 1) * columnWidth(width, heatNow());
      const facts = cellFacts(heatNow(), cell, model.startNs);
      store.update({ tip: { x, y: top + cell.row * CELL_HEIGHT, ...facts } });
    } else if (event.key === "Enter" || event.key === " ") finish();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * @param {Cell} cell
 * @param {Heat} heat
 * @returns {Cell}
 */
function limitCell({ column, row }, heat) {
  return {
    column: Math.max(0, Math.min(heat.columns - 1, column)),
    row: Math.max(0, Math.min(HEAT_ROWS - 1, row)),
  };
}

/**
 * @param {Heat} heat
 * @param {Cell} cell
 * @param {bigint} startNs
 */
function cellFacts(heat, { column, row }, startNs) {
  const index = column * HEAT_ROWS + row;
  const start = column * heat.period + (row * heat.period) / HEAT_ROWS;
  return {
    title: `${countText(heat.hits[index])} of ${countOf(heat.samples[index], "sample")}`,
    lines: [
      `from ${secondsText(startNs + BigInt(Math.round(start)))} s`,
      `for ${durationText(heat.period / HEAT_ROWS)}`,
    ],
  };
}
