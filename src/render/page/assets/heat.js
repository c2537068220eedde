// The heat map: periods from left to right, the offset within a period from top to bottom.

/** @import { Model, Track } from "./model.js" */
/** @import { Matches } from "./search.js" */
/** @import { Selection } from "./selection.js" */
import { samplesOf } from "./model.js";
import { isMatch } from "./search.js";

export const HEAT_ROWS = 50;
/** More columns would be too narrow to point at. */
const MOST_COLUMNS = 300;

/**
 * @typedef {{ columns: number, period: number, samples: Uint32Array, hits: Uint32Array, most: number,
 *   sampleSum: number, hitSum: number }} Heat cells by column, then by row
 * @typedef {(track: Track, index: number) => boolean} Test
 */

/**
 * @param {number} duration
 * @returns {number} the length of a column: a second, or a round number of them
 */
export function heatPeriod(duration) {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
  const seconds = duration / 1e9 / MOST_COLUMNS;
  return (steps.find((step) => step >= seconds) ?? Math.ceil(seconds / 3600) * 3600) * 1e9;
}

/**
 * What counts as a hit.
 * @param {Model} model
 * @param {string} by "busy", "softirq", "match" or "comm:" and the number of a comm
 * @param {Matches | null} matches
 * @returns {Test}
 */
export function heatTest(model, by, matches) {
  if (by === "softirq") return (track, index) => model.stacks.inSoftirq[track.stack[index]] === 1;
  if (by === "match") return (track, index) => matches !== null && isMatch(matches, track, index);
  if (by.startsWith("comm:")) {
    const comm = Number(by.slice(5));
    return (track, index) => model.tasks[track.task[index]].comm === comm;
  }
  return (track, index) => track.isIdle[index] === 0;
}

/**
 * @param {Model} model
 * @param {Track[]} tracks
 * @param {Test} test
 * @returns {Heat}
 */
export function heatOf(model, tracks, test) {
  const period = heatPeriod(model.duration);
  const columns = Math.max(1, Math.ceil(model.duration / period));
  const samples = new Uint32Array(columns * HEAT_ROWS);
  const hits = new Uint32Array(columns * HEAT_ROWS);
  for (const track of tracks) {
    for (let i = 0; i < track.start.length; i++) {
      const column = Math.floor(track.start[i] / period);
      const row = Math.floor(((track.start[i] - column * period) * HEAT_ROWS) / period);
      const cell = Math.min(column, columns - 1) * HEAT_ROWS + row;
      const count = samplesOf(track, i);
      samples[cell] += count;
      if (test(track, i)) hits[cell] += count;
    }
  }
  const sum = (/** @type {Uint32Array} */ cells) => cells.reduce((total, cell) => total + cell, 0);
  const most = hits.reduce((greatest, cell) => Math.max(greatest, cell), 0);
  return { columns, period, samples, hits, most, sampleSum: sum(samples), hitSum: sum(hits) };
}

/**
 * The comms with the most samples.
 * @param {Model} model
 * @returns {{ comm: number, samples: number }[]} all of them, the most frequent first
 */
export function commsBySamples(model) {
  /** @type {Map<number, number>} */
  const sums = new Map();
  for (const track of model.tracks) {
    for (let i = 0; i < track.start.length; i++) {
      if (track.isIdle[i]) continue;
      const { comm } = model.tasks[track.task[i]];
      sums.set(comm, (sums.get(comm) ?? 0) + samplesOf(track, i));
    }
  }
  const sorted = [...sums].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return sorted.map(([comm, samples]) => ({ comm, samples }));
}

/** @typedef {{ column: number, row: number }} Cell */

/**
 * The time of a rectangle: the same rows of each column, or one time if the rows are all.
 * @param {Cell} from
 * @param {Cell} to
 * @param {number} period
 * @param {number} track
 * @returns {Selection}
 */
export function rectangleSelection(from, to, period, track) {
  const [left, right] = [Math.min(from.column, to.column), Math.max(from.column, to.column)];
  const [top, bottom] = [Math.min(from.row, to.row), Math.max(from.row, to.row)];
  const row = period / HEAT_ROWS;
  const start = left * period + top * row;
  const times = right - left + 1;
  if (top === 0 && bottom === HEAT_ROWS - 1)
    return { track, start, end: start + times * period, period: 0, times: 1 };
  return { track, start, end: left * period + (bottom + 1) * row, period: times > 1 ? period : 0, times };
}

/**
 * The rectangles that cover a selection.
 * @param {Selection} selection
 * @param {number} period
 * @returns {{ column: number, top: number, bottom: number }[]} top and bottom in rows, with fractions
 */
export function rectanglesOf(selection, period) {
  const rectangles = [];
  const row = period / HEAT_ROWS;
  for (let i = 0; i < selection.times; i++) {
    const end = selection.end + i * selection.period;
    for (let at = selection.start + i * selection.period; at < end;) {
      const column = Math.floor(at / period);
      const to = Math.min(end, (column + 1) * period);
      rectangles.push({ column, top: (at - column * period) / row, bottom: (to - column * period) / row });
      at = to;
    }
  }
  return rectangles;
}
