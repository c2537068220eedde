// The list of samples, as `stallgraph collapse -F cpu,time,stack,count` prints it.

/** @import { Model, Track } from "./model.js" */
/** @import { Segment } from "./selection.js" */
import { clockTime, framesOf, functionText, samplesOf } from "./model.js";
import { entriesIn } from "./selection.js";
import { countBelow } from "./sorted.js";
import { secondsText } from "./words.js";

/**
 * `before` has for each piece the number of lines before it.
 * @typedef {{ pieces: { track: Track, from: number }[], before: number[], lines: number }} Listing
 */

/**
 * @param {Segment[]} segments
 * @returns {Listing}
 */
export function listSamples(segments) {
  /** @type {Listing} */
  const listing = { pieces: [], before: [], lines: 0 };
  for (const segment of segments) {
    const { from, to } = entriesIn(segment);
    if (from === to) continue;
    listing.pieces.push({ track: segment.track, from });
    listing.before.push(listing.lines);
    listing.lines += to - from;
  }
  return listing;
}

/**
 * @param {Listing} listing
 * @param {number} line from 0
 * @returns {{ track: Track, index: number }} the entry of a line
 */
export function entryOfLine(listing, line) {
  const piece = countBelow(listing.before, line + 1) - 1;
  const { track, from } = listing.pieces[piece];
  return { track, index: from + line - listing.before[piece] };
}

/**
 * @param {Model} model
 * @param {Track} track
 * @param {number} index of an entry
 * @returns {string} the line, without its end
 */
export function lineText(model, track, index) {
  const { stacks, tasks, page } = model;
  const frames = framesOf(model, track.stack[index]).map((node) => functionText(model, stacks.fn[node]));
  const stack = [page.strings[tasks[track.task[index]].folded], ...frames].join(";");
  const time = secondsText(clockTime(model, track.start[index]));
  return `${track.cpu}\t${time}\t${stack} ${samplesOf(track, index)}`;
}
