// The strip of the whole recording: all tracks, the stalls, and the visible part.

/** @import { App } from "./app.js" */
/** @import { State } from "./store.js" */
/** @import { Paper } from "./dom.js" */
/** @import { Range } from "./viewport.js" */
/** @import { Stall } from "./places.js" */
/** @import { Matches } from "./search.js" */
import { canvasById, CANVAS_FONT, fitCanvas, setData } from "./dom.js";
import { addColumns, newColumns, NO_TASK } from "./levels.js";
import { clockTime } from "./model.js";
import { css, STALL_COLOUR, themeOf, WINDOW_COLOUR } from "./palette.js";
import { stallText, withBefore } from "./places.js";
import { paintActivity } from "./raster.js";
import { matchedUntil } from "./search.js";
import { betweenText } from "./selection.js";
import { remember } from "./store.js";
import { clampView, Scale } from "./viewport.js";
import { axisTicks, countOf, durationText, secondsText, tickText } from "./words.js";

const MARKERS_HEIGHT = 18;
const AXIS_ROOM = 16;
const MARGIN = 10;
/** A stall is hit within so many pixels. */
const MARKER_REACH = 6;

/** @param {App} app */
export function startOverview(app) {
  const { model, store, places } = app;
  const canvas = canvasById("overview-canvas");
  const rows = Math.min(72, Math.max(40, model.tracks.length * 4));
  const height = MARKERS_HEIGHT + rows + AXIS_ROOM;
  const whole = { start: 0, end: model.duration };
  const scale = () => new Scale(whole, MARGIN, canvas.clientWidth - 2 * MARGIN);
  const picture = remember(
    (/** @type {number} */ across, /** @type {number} */ down, /** @type {boolean} */ isDark) =>
      paintTracks(app, across, down, isDark),
  );

  const found = remember((/** @type {Matches} */ matches, /** @type {number} */ width) =>
    matchedPixels(app, matches, scale(), width),
  );

  store.onChange(["view", "selection", "query", "isDark", "width"], (state) => {
    const paper = fitCanvas(canvas, canvas.clientWidth, height);
    const { context, width, ratio } = paper;
    const theme = themeOf(state.isDark);
    context.fillStyle = css(theme.ground);
    context.fillRect(0, 0, width, height);
    const across = Math.max(1, Math.round((width - 2 * MARGIN) * ratio));
    const image = picture(across, Math.round(rows * ratio), state.isDark);
    context.putImageData(image, Math.round(MARGIN * ratio), Math.round(MARKERS_HEIGHT * ratio));
    drawTimes(app, state, paper, scale(), MARKERS_HEIGHT + rows);
    const matches = app.matches(state.query);
    context.fillStyle = css(theme.match);
    for (const x of matches ? found(matches, width) : []) {
      context.fillRect(x, MARKERS_HEIGHT + rows - 3, 1, 3);
    }
    drawView(state, paper, scale(), rows, model.duration);
    const marks = drawPlaces(app, state, paper, scale(), rows);
    setData(canvas, {
      startNs: Math.round(state.view.start),
      endNs: Math.round(state.view.end),
      stalls: marks,
    });
    canvas.setAttribute(
      "aria-label",
      `The whole recording of ${durationText(model.duration)}, with ` +
        `${countOf(places.stalls.length, "stall")}; the timeline shows ${betweenText(model, state.view)}.`,
    );
  });
  addOverviewInput(app, canvas, scale);
}

/**
 * @param {App} app
 * @param {number} across
 * @param {number} down
 * @param {boolean} isDark
 * @returns {ImageData}
 */
function paintTracks(app, across, down, isDark) {
  const { tracks, duration } = app.model;
  const image = new ImageData(across, down);
  const pixels = { data: new Uint32Array(image.data.buffer), width: across, height: down };
  const colours = app.pixels(isDark);
  pixels.data.fill(colours.ground);
  // With more tracks than there is room for, several share a row.
  const rows = Math.min(tracks.length, Math.max(1, Math.floor(down / 2)));
  for (let row = 0; row < rows; row++) {
    const from = Math.floor((row * tracks.length) / rows);
    const to = Math.floor(((row + 1) * tracks.length) / rows);
    const columns = newColumns(across);
    columns.task.fill(NO_TASK);
    for (const track of tracks.slice(from, to)) {
      addColumns(columns, track, app.who, app.levelsOf(track), { start: 0, end: duration });
    }
    const top = Math.round((row * down) / rows);
    const space = down / rows >= 4 ? 1 : 0;
    const band = { top, height: Math.round(((row + 1) * down) / rows) - top - space };
    const columnNs = (duration / across) * (to - from);
    const lostIn = (/** @type {number} */ x) =>
      tracks
        .slice(from, to)
        .reduce(
          (sum, { gaps }) => sum + gaps.cover.within((x * duration) / across, ((x + 1) * duration) / across),
          0,
        );
    paintActivity(pixels, band, columns, columnNs, colours, lostIn);
  }
  return image;
}

/**
 * @param {App} app
 * @param {State} state
 * @param {Paper} paper
 * @param {Scale} scale
 * @param {number} top
 */
function drawTimes({ model }, state, { context, width }, scale, top) {
  const theme = themeOf(state.isDark);
  context.font = CANVAS_FONT;
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillStyle = theme.faint;
  const origin = -Number(model.startNs % 1000000000n);
  const { step, places } = axisTicks(0, model.duration, Math.max(2, Math.floor(width / 120)), origin);
  for (const place of places) {
    const text = `${tickText(clockTime(model, place), step)} s`;
    const half = context.measureText(text).width / 2;
    context.fillText(
      text,
      Math.min(Math.max(scale.x(place), half + 2), width - half - 2),
      top + AXIS_ROOM / 2 + 1,
    );
  }
  context.textAlign = "left";
}

/**
 * @param {App} app
 * @param {Matches} matches
 * @param {Scale} scale
 * @param {number} width
 * @returns {number[]} the pixels in which something is found, on any track
 */
function matchedPixels(app, matches, scale, width) {
  const until = app.model.tracks.map((track) =>
    matchedUntil(matches, track, app.matchedTimesOf(matches, track)),
  );
  const pixels = [];
  for (let x = MARGIN; x < width - MARGIN; x++) {
    const [start, end] = [scale.time(x), scale.time(x + 1)];
    if (until.some((before) => before(end) > before(start))) pixels.push(x);
  }
  return pixels;
}

/**
 * Shades what is not visible, and frames what is.
 * @param {State} state
 * @param {Paper} paper
 * @param {Scale} scale
 * @param {number} rows
 * @param {number} duration
 */
function drawView({ view, isDark }, { context }, scale, rows, duration) {
  const theme = themeOf(isDark);
  const [left, right] = [scale.x(view.start), Math.max(scale.x(view.start) + 3, scale.x(view.end))];
  const [first, last] = [scale.x(0), scale.x(duration)];
  context.fillStyle = css(theme.ground);
  context.globalAlpha = 0.5;
  context.fillRect(first, MARKERS_HEIGHT, left - first, rows);
  context.fillRect(right, MARKERS_HEIGHT, last - right, rows);
  context.globalAlpha = 1;
  context.strokeStyle = theme.text;
  context.lineWidth = 2;
  context.strokeRect(left, MARKERS_HEIGHT, right - left, rows);
}

/**
 * @param {App} app
 * @param {State} state
 * @param {Paper} paper
 * @param {Scale} scale
 * @param {number} rows
 * @returns {number} stalls that are drawn: several at one place are one
 */
function drawPlaces({ places }, state, { context }, scale, rows) {
  context.fillStyle = WINDOW_COLOUR;
  let last = -Infinity;
  for (const { start, end } of places.windows) {
    const x = scale.x(start);
    if (x - last < 1) continue;
    last = x;
    context.fillRect(x, MARKERS_HEIGHT - 4, Math.max(2, scale.x(end) - x), 2);
  }
  last = -Infinity;
  let marks = 0;
  for (const stall of places.stalls) {
    const [left, right] = [scale.x(stall.start), Math.max(scale.x(stall.start) + 1.5, scale.x(stall.end))];
    const middle = (left + right) / 2;
    const isSelected = stall.end === state.selection.end && stall.track === state.selection.track;
    if (middle - last < 1 && !isSelected) continue;
    last = middle;
    marks++;
    drawStall(context, stall, { left, right, rows, isSelected });
  }
  return marks;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Stall} stall
 * @param {{ left: number, right: number, rows: number, isSelected: boolean }} shape
 */
function drawStall(context, stall, { left, right, rows, isSelected }) {
  const middle = (left + right) / 2;
  const half = isSelected ? 7 : 5;
  context.fillStyle = STALL_COLOUR;
  context.strokeStyle = STALL_COLOUR;
  context.lineWidth = 1.5;
  context.globalAlpha = 0.3;
  context.fillRect(left, MARKERS_HEIGHT, right - left, rows);
  context.globalAlpha = 1;
  context.beginPath();
  context.moveTo(middle - half, MARKERS_HEIGHT - 5 - 1.7 * half);
  context.lineTo(middle + half, MARKERS_HEIGHT - 5 - 1.7 * half);
  context.lineTo(middle, MARKERS_HEIGHT - 5);
  context.closePath();
  // What is not sure is hollow.
  if (stall.confidence === "low") context.stroke();
  else context.fill();
}

/**
 * @param {App} app
 * @param {HTMLCanvasElement} canvas
 * @param {() => Scale} scale
 */
function addOverviewInput(app, canvas, scale) {
  const { store, model, places } = app;
  const xOf = (/** @type {MouseEvent} */ event) => event.clientX - canvas.getBoundingClientRect().left;
  const stallAt = (/** @type {MouseEvent} */ event) => {
    const [x, axis] = [xOf(event), scale()];
    const distance = (/** @type {Stall} */ stall) =>
      Math.max(axis.x(stall.start) - x, x - axis.x(stall.end), 0);
    const near = places.stalls.filter((stall) => distance(stall) <= MARKER_REACH);
    const size = (/** @type {Stall} */ stall) => stall.end - stall.start;
    return near.sort((a, b) => distance(a) - distance(b) || size(b) - size(a))[0];
  };
  /** @type {{ x: number, view: Range, isPan: boolean } | null} */
  let drag = null;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const { view } = store.state;
    const time = scale().time(xOf(event));
    const isWhole = view.end - view.start >= model.duration;
    drag = { x: xOf(event), view, isPan: !isWhole && view.start <= time && time <= view.end };
  });
  canvas.addEventListener("pointermove", (event) => {
    const x = xOf(event);
    if (drag && Math.abs(x - drag.x) >= 3) {
      const [from, to] = [scale().time(drag.x), scale().time(x)];
      const view = drag.isPan
        ? { start: drag.view.start + to - from, end: drag.view.end + to - from }
        : { start: Math.max(0, Math.min(from, to)), end: Math.max(from, to) };
      store.update({ view: clampView(view, model.duration), tip: null });
      return;
    }
    const stall = drag || event.pointerType === "touch" ? undefined : stallAt(event);
    const tip = stall && {
      x: event.clientX,
      y: event.clientY,
      title: `Stall ${stall.number}`,
      lines: [stallText(stall), `from ${secondsText(clockTime(model, stall.start))} s`, "click to go there"],
    };
    if (tip || store.state.tip) store.update({ tip: tip ?? null });
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && Math.abs(xOf(event) - drag.x) < 3) {
      const stall = stallAt(event);
      const { view } = store.state;
      const half = (view.end - view.start) / 2;
      const time = scale().time(xOf(event));
      if (stall && stall.track >= 0) app.show(withBefore(stall));
      else store.update({ view: clampView({ start: time - half, end: time + half }, model.duration) });
    }
    drag = null;
  });
  canvas.addEventListener("pointerleave", () => store.update({ tip: null }));
}
