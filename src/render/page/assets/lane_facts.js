// What can be told of one moment on one track, in words.

/** @import { Model, Track } from "./model.js" */
/** @import { Place, Places } from "./places.js" */
import { clockTime, dayText, framesOf, functionText, moduleText, samplesOf, taskText } from "./model.js";
import { stallText } from "./places.js";
import { countBelow, lastUpTo } from "./sorted.js";
import { countOf, durationText, secondsText } from "./words.js";

/** Frames that a tip shows; the pane of details shows all. */
const TIP_FRAMES = 12;
/** Waits overlap, but not for long: so many before a moment are looked at. */
const WAITS_BACK = 64;

/**
 * @param {Track} track
 * @param {number} time
 * @returns {number} the entry that held the CPU, or -1
 */
function entryAt(track, time) {
  const index = lastUpTo(track.start, time);
  return index >= 0 && time < track.end[index] ? index : -1;
}

/**
 * The entry next to a place on the screen: short ones are hard to hit.
 * @param {Track} track
 * @param {number} time
 * @param {number} reach in ns
 * @returns {number} or -1
 */
export function entryNear(track, time, reach) {
  const hit = entryAt(track, time);
  if (hit >= 0) return hit;
  const after = countBelow(track.start, time);
  const before = after - 1;
  const late = after < track.start.length ? track.start[after] - time : Infinity;
  const early = before >= 0 ? time - track.end[before] : Infinity;
  if (Math.min(late, early) > reach) return -1;
  return early < late ? before : after;
}

/**
 * @param {Model} model
 * @param {number} time
 * @returns {string} by the recording's clock, and of the day if known
 */
export function momentText(model, time) {
  const text = `${secondsText(clockTime(model, time))} s`;
  const day = dayText(model, time);
  return day ? `${text} · ${day}` : text;
}

/**
 * @param {Model} model
 * @param {number} node
 * @returns {string} function and file
 */
export function frameText(model, node) {
  const fn = model.stacks.fn[node];
  const module = moduleText(model, fn);
  return module ? `${functionText(model, fn)}  (${module})` : functionText(model, fn);
}

/**
 * @param {Model} model
 * @param {Track} track
 * @param {number} index of an entry
 * @returns {{ title: string, lines: string[] }}
 */
function entryFacts(model, track, index) {
  const frames = framesOf(model, track.stack[index]).reverse();
  const idle = track.isIdle[index] ? " · idle" : "";
  const held = durationText(track.end[index] - track.start[index]);
  const samples = samplesOf(track, index);
  const lines = [
    `${momentText(model, track.start[index])}`,
    `held ${track.name} for ${held}${samples > 1 ? ` · ${countOf(samples, "sample")}` : ""}${idle}`,
    ...frames.slice(0, TIP_FRAMES).map((node) => frameText(model, node)),
  ];
  if (frames.length > TIP_FRAMES) lines.push(`… and ${countOf(frames.length - TIP_FRAMES, "caller")}`);
  if (frames.length === 0) lines.push("no stack");
  return { title: taskText(model, track.task[index]), lines };
}

/**
 * @param {Model} model
 * @param {Places} places
 * @param {Track} track
 * @param {number} time
 * @param {number} reach ns that count as hit
 * @returns {{ title: string, lines: string[] }}
 */
export function momentFacts(model, places, track, time, reach) {
  const entry = entryNear(track, time, reach);
  const facts = entry >= 0 ? entryFacts(model, track, entry) : holeFacts(model, track, time);
  const more = [
    ...stallLines(places, track, time, reach),
    ...waitLines(model, track, time),
    ...packetLines(model, track, time),
  ];
  return { title: facts.title, lines: [...more, ...facts.lines] };
}

/**
 * @param {Model} model
 * @param {Track} track
 * @param {number} time
 */
function holeFacts(model, track, time) {
  const { gaps } = track;
  const gap = lastUpTo(gaps.start, time);
  const lines = [momentText(model, time)];
  if (gap < 0 || time >= gaps.end[gap]) return { title: `${track.name}: unsampled`, lines };
  const length = durationText(gaps.end[gap] - gaps.start[gap]);
  const what = gaps.isThrottled[gap]
    ? "sampling was paused (throttled)"
    : `${countOf(gaps.lost[gap], "record")} lost`;
  return { title: `${track.name}: ${what}`, lines: [...lines, `for ${length}`] };
}

/**
 * @param {Places} places
 * @param {Track} track
 * @param {number} time
 * @param {number} reach
 * @returns {string[]}
 */
function stallLines(places, track, time, reach) {
  const holds = (/** @type {Place} */ place) =>
    place.track === track.index && place.start - reach <= time && time <= place.end + reach;
  const stalls = places.stalls.filter(holds).map((stall) => `stall ${stall.number}: ${stallText(stall)}`);
  const windows = places.windows.filter(holds).map(({ number }) => `window before episode ${number}`);
  return [...stalls, ...windows];
}

/**
 * @param {Model} model
 * @param {Track} track
 * @param {number} time
 * @returns {string[]}
 */
function waitLines(model, track, time) {
  const { waits } = track;
  const last = lastUpTo(waits.start, time);
  const lines = [];
  for (let i = last; i >= 0 && i > last - WAITS_BACK; i--) {
    if (time < waits.end[i]) {
      const name = model.page.softirqs[waits.softirq[i]] ?? "a softirq";
      lines.push(`${name} waited ${durationText(waits.end[i] - waits.start[i])}`);
    }
  }
  return lines;
}

/**
 * @param {Model} model
 * @param {Track} track
 * @param {number} time
 * @returns {string[]}
 */
function packetLines(model, track, time) {
  const bin = lastUpTo(track.packets.start, time);
  const isIn = bin >= 0 && time < track.packets.start[bin] + model.binNs;
  if (!isIn) return [];
  return [`${countOf(track.packets.count[bin], "packet")} in ${durationText(model.binNs)}`];
}
