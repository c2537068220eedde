// The selected time, and what it is called on the command line.

/** @import { Model, Track } from "./model.js" */
import { clockTime, samplesOf } from "./model.js";
import { countBelow } from "./sorted.js";
import { countOf, durationText, secondsText } from "./words.js";

/** In place of a track: all of them. */
export const ALL_TRACKS = -1;

/**
 * A time on one track or on all, or the same part of several periods that follow each other, which
 * is what a rectangle in the heat map is.
 * @typedef {{ track: number, start: number, end: number, period: number, times: number }} Selection
 * @typedef {{ track: Track, start: number, end: number }} Segment
 */

/**
 * @param {{ track: number, start: number, end: number }} place
 * @returns {Selection}
 */
export function selectionOf(place) {
  return { track: place.track, start: place.start, end: place.end, period: 0, times: 1 };
}

/** More than the heat map has columns. A link may ask for any number. */
const MOST_TIMES = 10_000;

/**
 * @param {Model} model
 * @param {Selection} selection
 * @returns {Selection} inside the recording, on a track that exists
 */
export function clampSelection(model, selection) {
  const track = selection.track < model.tracks.length && selection.track >= 0 ? selection.track : ALL_TRACKS;
  const start = Math.round(Math.min(Math.max(0, selection.start), model.duration - 1));
  const end = Math.round(Math.min(Math.max(start + 1, selection.end), model.duration));
  const period = Math.max(0, selection.period);
  const most = period > 0 ? Math.min(MOST_TIMES, Math.ceil((model.duration - start) / period)) : 1;
  return { track, start, end, period, times: Math.min(Math.max(1, Math.floor(selection.times)), most) };
}

/**
 * The pieces of a selection, by track and then by time.
 * @param {Model} model
 * @param {Selection} selection
 * @returns {Segment[]}
 */
export function segmentsOf(model, selection) {
  const tracks = selection.track === ALL_TRACKS ? model.tracks : [model.tracks[selection.track]];
  return tracks.flatMap((track) => {
    /** @type {Segment[]} */
    const segments = [];
    for (let i = 0; i < selection.times; i++) {
      const start = selection.start + i * selection.period;
      const end = Math.min(model.duration, selection.end + i * selection.period);
      if (start < end) segments.push({ track, start, end });
    }
    return segments;
  });
}

/**
 * @param {Segment[]} segments
 * @returns {number} ns
 */
export function lengthOf(segments) {
  return segments.reduce((sum, segment) => sum + segment.end - segment.start, 0);
}

/**
 * The entries that begin in a segment: those of its samples.
 * @param {Segment} segment
 * @returns {{ from: number, to: number }}
 */
export function entriesIn({ track, start, end }) {
  return { from: countBelow(track.start, start), to: countBelow(track.start, end) };
}

/**
 * @param {Segment[]} segments
 * @returns {number}
 */
export function samplesIn(segments) {
  let samples = 0;
  for (const segment of segments) {
    const { from, to } = entriesIn(segment);
    if (!segment.track.count) samples += to - from;
    else for (let i = from; i < to; i++) samples += samplesOf(segment.track, i);
  }
  return samples;
}

/**
 * @param {Model} model
 * @param {number} track
 * @returns {string}
 */
export function trackText(model, track) {
  if (track === ALL_TRACKS) return "all CPUs";
  return model.tracks[track].name;
}

/**
 * @param {Model} model
 * @param {{ start: number, end: number }} range
 * @returns {string} by the recording's clock
 */
export function betweenText(model, { start, end }) {
  return `${secondsText(clockTime(model, start))} to ${secondsText(clockTime(model, end))} s`;
}

/**
 * @param {Model} model
 * @param {Selection} selection
 * @returns {string} the selection in words
 */
export function selectionText(model, selection) {
  const { start, end, period, times } = selection;
  const periods = `${countOf(times - 1, "period")} of ${durationText(period)} after it`;
  const repeated = times > 1 ? `, and the same part of the ${periods}` : "";
  const time = `${betweenText(model, selection)} (${durationText(end - start)})`;
  return `${trackText(model, selection.track)}, ${time}${repeated}`;
}

/**
 * The command that shows the same on a terminal. Of a selection with several pieces it is that of
 * the first one: no command takes more than one.
 * @param {Model} model
 * @param {Selection} selection
 * @param {string} command such as "window" or "collapse -F cpu,time,stack,count"
 * @returns {string}
 */
export function commandText(model, selection, command) {
  const { page } = model;
  const start = secondsText(clockTime(model, selection.start));
  const end = secondsText(clockTime(model, selection.end));
  const track = model.tracks[selection.track];
  const cpu = track ? ` -C ${track.cpu}` : "";
  return `stallgraph ${command} --time ${start},${end}${cpu} ${page.shell_input}`;
}
