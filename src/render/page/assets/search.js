// Search: which functions and tasks match, then which stacks and entries hold them.

/** @import { Model, Track } from "./model.js" */
/** @import { Segment } from "./selection.js" */
import { functionText, samplesOf } from "./model.js";
import { entriesIn } from "./selection.js";
import { lastUpTo } from "./sorted.js";

/**
 * @typedef {{ fn: Uint8Array, task: Uint8Array, stack: Uint8Array }} Matches 1 for each that matches
 * @typedef {{ test: (text: string) => boolean, error: string }} Pattern
 */

/**
 * A search for text ignores case; between slashes it is a regular expression, as it is written.
 * @param {string} query
 * @returns {Pattern | null} null if nothing is searched for
 */
export function parseQuery(query) {
  const expression = /^\/(.*)\/(i?)$/.exec(query);
  if (expression && expression[1] !== "") {
    try {
      const regular = new RegExp(expression[1], expression[2]);
      return { test: (text) => regular.test(text), error: "" };
    } catch (error) {
      return { test: () => false, error: error instanceof Error ? error.message : String(error) };
    }
  }
  const text = query.trim().toLowerCase();
  return text === "" ? null : { test: (name) => name.toLowerCase().includes(text), error: "" };
}

/**
 * @param {Model} model
 * @param {Pattern} pattern
 * @returns {Matches}
 */
export function findMatches(model, pattern) {
  const { stacks, tasks, page } = model;
  const fn = new Uint8Array(model.functionName.length);
  for (let i = 0; i < fn.length; i++) fn[i] = pattern.test(functionText(model, i)) ? 1 : 0;
  const task = Uint8Array.from(tasks, ({ comm, folded }) =>
    pattern.test(page.strings[comm]) || pattern.test(page.strings[folded]) ? 1 : 0,
  );
  const stack = new Uint8Array(stacks.parent.length);
  for (let node = 1; node < stack.length; node++)
    stack[node] = fn[stacks.fn[node]] | stack[stacks.parent[node]];
  return { fn, task, stack };
}

/**
 * @param {Matches} matches
 * @param {Track} track
 * @param {number} index of an entry
 * @returns {boolean}
 */
export function isMatch(matches, track, index) {
  return (matches.stack[track.stack[index]] | matches.task[track.task[index]]) === 1;
}

/**
 * @param {Matches} matches
 * @param {Segment[]} segments
 * @returns {number} samples that match
 */
export function countMatches(matches, segments) {
  let samples = 0;
  for (const segment of segments) {
    const { from, to } = entriesIn(segment);
    for (let i = from; i < to; i++) {
      if (isMatch(matches, segment.track, i)) samples += samplesOf(segment.track, i);
    }
  }
  return samples;
}

/**
 * For each entry of a track, the time of matches before it: with it the matches of any time are a
 * subtraction.
 * @param {Matches} matches
 * @param {Track} track
 * @returns {Float64Array} one longer than the entries
 */
export function matchedTimes(matches, track) {
  const sums = new Float64Array(track.start.length + 1);
  for (let i = 0; i < track.start.length; i++) {
    sums[i + 1] = sums[i] + (isMatch(matches, track, i) ? track.end[i] - track.start[i] : 0);
  }
  return sums;
}

/**
 * @param {Matches} matches
 * @param {Track} track
 * @param {Float64Array} sums of matchedTimes
 * @returns {(time: number) => number} the time of matches before
 */
export function matchedUntil(matches, track, sums) {
  return (time) => {
    const i = lastUpTo(track.start, time);
    if (i < 0) return 0;
    return sums[i] + (isMatch(matches, track, i) ? Math.min(time, track.end[i]) - track.start[i] : 0);
  };
}
