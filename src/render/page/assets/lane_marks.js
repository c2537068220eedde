// What is drawn over the lanes: stalls, windows, the selection, and the axis.

/** @import { App } from "./app.js" */
/** @import { State } from "./store.js" */
/** @import { Scale } from "./viewport.js" */
/** @import { Paper } from "./dom.js" */
/** @import { LaneShape } from "./lane_shape.js" */
/** @import { Place } from "./places.js" */
import { CANVAS_FONT } from "./dom.js";
import { AXIS_HEIGHT, laneShape, RIGHT_MARGIN } from "./lane_shape.js";
import { clockTime } from "./model.js";
import { css, STALL_COLOUR, themeOf, WINDOW_COLOUR } from "./palette.js";
import { ALL_TRACKS } from "./selection.js";
import { axisTicks, tickText } from "./words.js";

/** Room for a label of the axis. */
const TICK_WIDTH = 85;
/** Pieces of a selection that are drawn: more would fill the picture. */
const MOST_PIECES = 2000;

/**
 * @param {App} app
 * @param {State} state
 * @param {Paper} paper
 * @param {Scale} scale
 * @param {number} track
 * @param {number} top of the lane
 * @returns {number} markers that are drawn
 */
export function drawLaneMarks(app, state, { context, width }, scale, track, top) {
  const { places, model } = app;
  const shape = laneShape(model.page);
  const right = width - RIGHT_MARGIN;
  context.save();
  context.beginPath();
  context.rect(scale.left, top, right - scale.left, shape.height);
  context.clip();
  let marks = 0;
  let drawnTo = -Infinity;
  const isVisible = (/** @type {Place} */ place) =>
    place.track === track && scale.x(place.end) >= scale.left && scale.x(place.start) <= right;
  for (const window of places.windows) {
    if (!isVisible({ ...window, end: window.episodeEnd })) continue;
    const x = scale.x(window.start);
    const end = Math.max(x + 2, scale.x(window.end));
    if (end <= drawnTo) continue;
    drawnTo = end;
    marks++;
    context.fillStyle = WINDOW_COLOUR;
    context.fillRect(x, top + 1, end - x, 1.5);
    context.fillRect(end, top, Math.max(2, scale.x(window.episodeEnd) - end), 3.5);
  }
  drawnTo = -Infinity;
  for (const stall of places.stalls) {
    if (!isVisible(stall)) continue;
    const x = scale.x(stall.start);
    const wide = Math.max(2, scale.x(stall.end) - x);
    if (x + wide <= drawnTo) continue;
    drawnTo = x + wide;
    marks++;
    context.fillStyle = STALL_COLOUR;
    context.globalAlpha = stall.confidence === "low" ? 0.5 : 1;
    context.fillRect(x, top + 4, wide, shape.markers - 4);
    context.globalAlpha = 1;
  }
  drawSelection(state, context, scale, track, top, shape);
  drawEntry(app, state, context, scale, track, top);
  context.restore();
  return marks;
}

/**
 * @param {State} state
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {number} track
 * @param {number} top
 * @param {LaneShape} shape
 */
function drawSelection(state, context, scale, track, top, { markers, activity, height }) {
  const selection = state.draft ?? state.selection;
  if (selection.track !== track && selection.track !== ALL_TRACKS) return;
  const theme = themeOf(state.isDark);
  for (let i = 0; i < Math.min(selection.times, MOST_PIECES); i++) {
    const x = scale.x(selection.start + i * selection.period);
    const wide = Math.max(1, scale.x(selection.end + i * selection.period) - x);
    context.fillStyle = theme.accent;
    // Not over what ran: its colours mean something.
    context.globalAlpha = 0.15;
    context.fillRect(x, top, wide, markers);
    context.fillRect(x, top + markers + activity, wide, height - markers - activity - 2);
    context.globalAlpha = 1;
    context.fillRect(x, top + height - 3, wide, 2);
    context.fillRect(x - 1, top, 1.5, height - 1);
    context.fillRect(x + wide, top, 1.5, height - 1);
  }
}

/**
 * @param {App} app
 * @param {State} state
 * @param {CanvasRenderingContext2D} context
 * @param {Scale} scale
 * @param {number} index of the track
 * @param {number} top
 */
function drawEntry(app, state, context, scale, index, top) {
  if (state.entry?.track !== index) return;
  const track = app.model.tracks[index];
  const shape = laneShape(app.model.page);
  const x = scale.x(track.start[state.entry.index]);
  const wide = Math.max(2, scale.x(track.end[state.entry.index]) - x);
  context.strokeStyle = themeOf(state.isDark).text;
  context.lineWidth = 2;
  context.strokeRect(x, top + shape.markers, wide, shape.activity);
}

/**
 * @param {App} app
 * @param {State} state
 * @param {Paper} paper
 * @param {Scale} scale
 */
export function drawAxis({ model }, state, { context, width, height }, scale) {
  const theme = themeOf(state.isDark);
  context.fillStyle = css(theme.ground);
  context.fillRect(0, 0, width, AXIS_HEIGHT);
  context.font = CANVAS_FONT;
  context.textBaseline = "middle";
  context.textAlign = "center";
  // Round numbers of the recording's clock, not of the time since its start.
  const origin = -Number(model.startNs % 1000000000n);
  const room = Math.floor((width - scale.left) / TICK_WIDTH);
  const { step, places } = axisTicks(state.view.start, state.view.end, room, origin);
  for (const place of places) {
    const x = scale.x(place);
    if (x > width - RIGHT_MARGIN) continue;
    context.fillStyle = theme.line;
    context.globalAlpha = 0.6;
    context.fillRect(Math.round(x), AXIS_HEIGHT - 4, 1, height);
    context.globalAlpha = 1;
    const text = tickText(clockTime(model, place), step);
    const half = context.measureText(text).width / 2;
    context.fillStyle = theme.faint;
    context.fillText(text, Math.min(Math.max(x, half + 2), width - half - 2), AXIS_HEIGHT / 2);
  }
  context.textAlign = "left";
  context.fillText("s", 4, AXIS_HEIGHT / 2);
}
