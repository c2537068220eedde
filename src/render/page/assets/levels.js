// Levels of detail: what a track did in buckets of 1, 2, 4, … times a shortest length. They are
// made once, so that drawing never touches each entry.

/** @import { Model, Track } from "./model.js" */
/** @import { Range } from "./viewport.js" */
import { countBelow, lastUpTo } from "./sorted.js";

/** Who ran; the order is that of the sums below. */
export const WHO = { culprit: 0, server: 1, other: 2, idle: 3 };
const WHO_COUNT = 4;
/** In place of a task. */
export const NO_TASK = 0xffffffff;

/** More entries than this in a bucket would blur what can be told apart. */
const ENTRIES_PER_BUCKET = 4;
const MOST_BUCKETS = 1 << 18;

/**
 * `sums` has for each bucket the ns of each of WHO, `task` the task that had most of "other".
 * @typedef {{ bucket: number, sums: Float32Array, task: Uint32Array }} Level
 */

/**
 * What was done in each column of a picture.
 * @typedef {{ width: number, sums: Float32Array, task: Uint32Array, most: Float32Array }} Columns
 */

/**
 * @param {Model} model
 * @returns {Uint8Array} of each task, which of WHO it is when it is not idle
 */
export function whoOfTasks(model) {
  return Uint8Array.from(model.tasks, (task) => {
    if (task.culprit) return WHO.culprit;
    return task.kind === "ksoftirqd" || task.kind === "server" ? WHO.server : WHO.other;
  });
}

/**
 * @param {number} width
 * @returns {Columns}
 */
export function newColumns(width) {
  return {
    width,
    sums: new Float32Array(width * WHO_COUNT),
    task: new Uint32Array(width),
    most: new Float32Array(width),
  };
}

/**
 * Adds the entries of a view to columns of equal length.
 * @param {Columns} columns
 * @param {Track} track
 * @param {Uint8Array} who
 * @param {Range} view
 */
function addEntries(columns, track, who, view) {
  const { sums, task, most, width } = columns;
  const length = (view.end - view.start) / width;
  const first = Math.max(0, lastUpTo(track.start, view.start));
  const last = countBelow(track.start, view.end);
  for (let i = first; i < last; i++) {
    const start = Math.max(track.start[i], view.start) - view.start;
    const end = Math.min(track.end[i], view.end) - view.start;
    const ran = track.isIdle[i] ? WHO.idle : who[track.task[i]];
    const lastColumn = Math.min(width - 1, Math.floor(end / length));
    for (let column = Math.floor(start / length); column <= lastColumn; column++) {
      const held = Math.min(end, (column + 1) * length) - Math.max(start, column * length);
      if (!(held > 0)) continue;
      sums[column * WHO_COUNT + ran] += held;
      if (ran === WHO.other && held > most[column]) {
        most[column] = held;
        task[column] = track.task[i];
      }
    }
  }
}

/**
 * @param {Level} fine
 * @returns {Level} with buckets twice as long
 */
function coarser(fine) {
  const buckets = fine.task.length / 2;
  const sums = new Float32Array(buckets * WHO_COUNT);
  const task = new Uint32Array(buckets);
  for (let i = 0; i < buckets; i++) {
    const left = 2 * i * WHO_COUNT;
    const right = left + WHO_COUNT;
    for (let who = 0; who < WHO_COUNT; who++) {
      sums[i * WHO_COUNT + who] = fine.sums[left + who] + fine.sums[right + who];
    }
    task[i] =
      fine.sums[left + WHO.other] >= fine.sums[right + WHO.other] ? fine.task[2 * i] : fine.task[2 * i + 1];
  }
  return { bucket: fine.bucket * 2, sums, task };
}

/**
 * @param {Track} track
 * @param {Uint8Array} who of each task
 * @param {number} duration
 * @returns {Level[]} the finest first
 */
export function makeLevels(track, who, duration) {
  let buckets = 64;
  while (buckets * ENTRIES_PER_BUCKET < track.start.length && buckets < MOST_BUCKETS) buckets *= 2;
  const columns = newColumns(buckets);
  columns.task.fill(NO_TASK);
  addEntries(columns, track, who, { start: 0, end: duration });
  const levels = [{ bucket: duration / buckets, sums: columns.sums, task: columns.task }];
  while (levels[levels.length - 1].task.length > 64) levels.push(coarser(levels[levels.length - 1]));
  return levels;
}

/**
 * Fills the columns of a picture from the level whose buckets are just shorter than a column, or
 * from the entries where columns are shorter than any bucket.
 * @param {Columns} columns
 * @param {Track} track
 * @param {Uint8Array} who
 * @param {Level[]} levels
 * @param {Range} view
 */
export function fillColumns(columns, track, who, levels, view) {
  columns.sums.fill(0);
  columns.task.fill(NO_TASK);
  columns.most.fill(0);
  addColumns(columns, track, who, levels, view);
}

/**
 * As fillColumns, but on top of what the columns have: the rows of the overview are sums of tracks.
 * @param {Columns} columns
 * @param {Track} track
 * @param {Uint8Array} who
 * @param {Level[]} levels
 * @param {Range} view
 */
export function addColumns(columns, track, who, levels, view) {
  const length = (view.end - view.start) / columns.width;
  const finer = levels.filter((level) => level.bucket <= length);
  if (finer.length === 0) addEntries(columns, track, who, view);
  else addLevel(columns, finer[finer.length - 1], view);
}

/**
 * @param {Columns} columns
 * @param {Level} level with buckets that are no longer than a column
 * @param {Range} view
 */
function addLevel(columns, level, view) {
  const { sums, task, most, width } = columns;
  const length = (view.end - view.start) / width;
  const { bucket } = level;
  const last = Math.min(level.task.length, Math.ceil(view.end / bucket));
  for (let i = Math.floor(view.start / bucket); i < last; i++) {
    const start = (i * bucket - view.start) / length;
    const column = Math.floor(start);
    // A bucket lies in one column, or across the border of two.
    const inNext = Math.max(0, (start + bucket / length - column - 1) / (bucket / length));
    for (let part = 0; part < 2; part++) {
      const share = part === 0 ? 1 - inNext : inNext;
      const to = column + part;
      if (share <= 0 || to < 0 || to >= width) continue;
      for (let who = 0; who < WHO_COUNT; who++) {
        sums[to * WHO_COUNT + who] += share * level.sums[i * WHO_COUNT + who];
      }
      const other = share * level.sums[i * WHO_COUNT + WHO.other];
      if (other > most[to]) {
        most[to] = other;
        task[to] = level.task[i];
      }
    }
  }
}
