// Draws the timeline: one lane for each track.

/** @import { App } from "./app.js" */
/** @import { Track } from "./model.js" */
/** @import { State } from "./store.js" */
/** @import { Pixels } from "./raster.js" */
/** @import { Columns } from "./levels.js" */
/** @import { Matches } from "./search.js" */
/** @import { Paper } from "./dom.js" */
import { byId, canvasById, CANVAS_FONT, fitCanvas, fitText, setData } from "./dom.js";
import { AXIS_HEIGHT, gutterOf, laneShape, RIGHT_MARGIN } from "./lane_shape.js";
import { drawAxis, drawLaneMarks } from "./lane_marks.js";
import { fillColumns, newColumns } from "./levels.js";
import { matchedUntil } from "./search.js";
import { css, themeOf } from "./palette.js";
import { packetPeak } from "./plot_data.js";
import { paintActivity, paintBars } from "./raster.js";
import { ALL_TRACKS, betweenText, selectionText } from "./selection.js";
import { countBelow } from "./sorted.js";
import { Scale } from "./viewport.js";
import { countOf, durationText } from "./words.js";

/** The timeline is at most so high; further lanes are scrolled to. */
const MOST_HEIGHT = 430;

/** Buffers that are kept from one picture to the next. */
class LaneBuffers {
  constructor() {
    /** @type {ImageData | null} */
    this.image = null;
    /** @type {Columns} */
    this.columns = newColumns(1);
  }

  /**
   * @param {number} width in pixels
   * @param {number} height
   * @returns {Pixels & { image: ImageData }}
   */
  pixels(width, height) {
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.columns = newColumns(width);
    }
    return { image: this.image, data: new Uint32Array(this.image.data.buffer), width, height };
  }
}

/**
 * @param {App} app
 */
export function startLanes(app) {
  const { model, store } = app;
  const shape = laneShape(model.page);
  const box = byId("lanes");
  const canvas = canvasById("lane-canvas");
  const buffers = new LaneBuffers();
  byId("lane-space").style.height = `${AXIS_HEIGHT + shape.height * model.tracks.length}px`;
  const peaks = model.tracks.map(({ packets }) => packetPeak(packets, 0, model.duration, model.binNs));
  const most = peaks.reduce((greatest, peak) => Math.max(greatest, peak), 1);

  store.onChange(
    ["view", "selection", "draft", "entry", "query", "isDark", "width", "laneScroll"],
    (state) => {
      const height = Math.min(MOST_HEIGHT, AXIS_HEIGHT + shape.height * Math.max(1, model.tracks.length));
      box.style.height = `${height}px`;
      const paper = fitCanvas(canvas, box.clientWidth, height);
      drawLanes(app, state, paper, buffers, most);
      const { start, end } = state.view;
      setData(canvas, { startNs: Math.round(start), endNs: Math.round(end) });
      canvas.setAttribute(
        "aria-label",
        `Timeline of ${countOf(model.tracks.length, "CPU")}, showing ${betweenText(model, state.view)} ` +
          `(${durationText(end - start)}). Selected: ${selectionText(model, state.selection)}.`,
      );
    },
  );

  store.onChange(["selection"], ({ selection }) => {
    if (selection.track === ALL_TRACKS) return;
    const top = selection.track * shape.height;
    const room = box.clientHeight - AXIS_HEIGHT;
    if (top < box.scrollTop || top + shape.height > box.scrollTop + room) box.scrollTop = top - room / 2;
  });
}

/**
 * @param {App} app
 * @param {State} state
 * @param {Paper} paper
 * @param {LaneBuffers} buffers
 * @param {number} mostPackets in a bin of any track
 */
function drawLanes(app, state, paper, buffers, mostPackets) {
  const { model } = app;
  const { context, width, height, ratio } = paper;
  const theme = themeOf(state.isDark);
  const shape = laneShape(model.page);
  const gutter = gutterOf(model, width);
  const scale = new Scale(state.view, gutter, width - gutter - RIGHT_MARGIN);
  context.fillStyle = css(theme.ground);
  context.fillRect(0, 0, width, height);

  const across = Math.max(1, Math.round((width - gutter - RIGHT_MARGIN) * ratio));
  const down = Math.max(1, Math.round((height - AXIS_HEIGHT) * ratio));
  const pixels = buffers.pixels(across, down);
  pixels.data.fill(app.pixels(state.isDark).ground);
  const first = Math.max(0, Math.floor(state.laneScroll / shape.height));
  const last = Math.min(
    model.tracks.length,
    Math.ceil((state.laneScroll + height - AXIS_HEIGHT) / shape.height),
  );
  const matches = app.matches(state.query);
  let entries = 0;
  for (let index = first; index < last; index++) {
    const track = model.tracks[index];
    paintLane(app, state, track, pixels, buffers.columns, {
      top: index * shape.height - state.laneScroll,
      ratio,
      matches,
      mostPackets,
    });
    entries += countBelow(track.start, state.view.end) - countBelow(track.start, state.view.start);
  }
  context.putImageData(pixels.image, Math.round(gutter * ratio), Math.round(AXIS_HEIGHT * ratio));

  context.save();
  context.beginPath();
  context.rect(0, AXIS_HEIGHT, width, height - AXIS_HEIGHT);
  context.clip();
  context.font = CANVAS_FONT;
  context.textBaseline = "middle";
  let marks = 0;
  for (let index = first; index < last; index++) {
    const top = AXIS_HEIGHT + index * shape.height - state.laneScroll;
    const isSelected = index === state.selection.track;
    context.fillStyle = isSelected ? theme.accent : theme.text;
    context.font = isSelected ? `bold ${CANVAS_FONT}` : CANVAS_FONT;
    context.fillText(
      fitText(context, model.tracks[index].name, gutter - 12),
      4,
      top + shape.markers + shape.activity / 2,
    );
    marks += drawLaneMarks(app, state, paper, scale, index, top);
  }
  context.restore();
  drawAxis(app, state, paper, scale);
  setData(context.canvas, { entries, lanes: last - first, firstLane: first, marks });
}

/**
 * @param {App} app
 * @param {State} state
 * @param {Track} track
 * @param {Pixels} pixels
 * @param {Columns} columns
 * @param {{ top: number, ratio: number, matches: Matches | null, mostPackets: number }} lane
 */
function paintLane(app, state, track, pixels, columns, { top, ratio, matches, mostPackets }) {
  const { page, binNs } = app.model;
  const shape = laneShape(page);
  const colours = app.pixels(state.isDark);
  const { start, end } = state.view;
  const columnNs = (end - start) / columns.width;
  const time = (/** @type {number} */ column) => start + column * columnNs;
  /** @type {(from: number, height: number) => { top: number, height: number }} a band inside the pixels */
  const band = (from, height) => {
    const above = Math.max(0, Math.round((top + from) * ratio));
    const below = Math.min(pixels.height, Math.round((top + from + height) * ratio));
    return { top: above, height: Math.max(0, below - above) };
  };

  fillColumns(columns, track, app.who, app.levelsOf(track), state.view);
  const lostIn =
    track.gaps.start.length === 0
      ? null
      : (/** @type {number} */ column) => track.gaps.cover.within(time(column), time(column + 1));
  paintActivity(pixels, band(shape.markers, shape.activity), columns, columnNs, colours, lostIn);

  if (matches) {
    const until = matchedUntil(matches, track, app.matchedTimesOf(matches, track));
    const stripe = band(shape.markers + shape.activity - 4, 4);
    paintBars(pixels, stripe, colours.match, (column) =>
      until(time(column + 1)) > until(time(column)) ? 1 : 0,
    );
  }
  if (track.waits.start.length > 0) {
    const under = band(shape.markers + shape.activity, shape.waits);
    const { cover } = track.waits;
    // A wait is a line of full height, however short: waits matter even where they are a pixel.
    paintBars(pixels, under, colours.wait, (column) =>
      cover.within(time(column), time(column + 1)) > 0 ? 1 : 0,
    );
  }
  if (track.packets.start.length > 0) {
    const under = band(shape.markers + shape.activity + shape.waits + 1, shape.packets - 1);
    paintBars(pixels, under, colours.packets, (column) => {
      return packetPeak(track.packets, time(column), time(column + 1), binNs) / mostPackets;
    });
  }
}
