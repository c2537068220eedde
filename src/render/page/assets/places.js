// Stalls, windows and what else the documents tell, as places on the tracks.

/** @import { Model, Document } from "./model.js" */
import { since } from "./model.js";
import { durationText } from "./words.js";

/**
 * @typedef {{ track: number, start: number, end: number }} Place of no track (-1) if its CPU has none
 * @typedef {Place & { number: number, confidence: string, culprit: string }} Stall
 * @typedef {Place & { number: number, episodeStart: number, episodeEnd: number }} Window
 * @typedef {{ stalls: Stall[], windows: Window[] }} Places
 */

/**
 * @param {Model} model
 * @returns {Map<number, number>} the track of each CPU
 */
export function tracksOfCpus(model) {
  return new Map(model.tracks.map((track) => [track.cpu, track.index]));
}

/**
 * Who held the CPU, in words.
 * @param {Document | null | undefined} holder
 * @returns {string}
 */
export function holderText(holder) {
  switch (holder?.kind) {
    case "task":
      return holder.tid === undefined ? holder.comm : `${holder.comm} (${holder.tid})`;
    case "softirq":
      return `softirq ${holder.softirq ?? "?"}`;
    case "interrupt":
      return holder.name === null ? "an interrupt" : `interrupt ${holder.irq} ${holder.name}`;
    case "machine":
      return "the machine itself";
    default:
      return "unknown";
  }
}

/**
 * What somebody did, in words: the system call, and the function.
 * @param {Document | null | undefined} path
 * @returns {string}
 */
export function workText(path) {
  return [path?.syscall, path?.function].filter((name) => name).join(": ");
}

/**
 * @param {Document | null | undefined} culprit
 * @returns {string}
 */
function culpritText(culprit) {
  if (!culprit) return "unknown";
  const work = workText(culprit);
  return work ? `${holderText(culprit.holder)} in ${work}` : holderText(culprit.holder);
}

/**
 * @param {Stall} stall
 * @returns {string}
 */
export function stallText({ start, end, confidence, culprit }) {
  return `${durationText(end - start)}, ${confidence} confidence, ${culprit}`;
}

/**
 * @param {Model} model
 * @returns {Places}
 */
export function findPlaces(model) {
  const tracks = tracksOfCpus(model);
  const trackOf = (/** @type {number} */ cpu) => tracks.get(cpu) ?? -1;
  const { stalls, window: windows } = model.documents;
  return {
    stalls: (stalls?.stalls ?? []).map((/** @type {Document} */ stall, /** @type {number} */ index) => ({
      track: trackOf(stall.cpu),
      start: since(model, stall.start_ns),
      end: since(model, stall.end_ns),
      number: index + 1,
      confidence: stall.confidence,
      culprit: culpritText(stall.culprit),
    })),
    windows: (windows?.episodes ?? []).map(
      (/** @type {Document} */ episode, /** @type {number} */ index) => ({
        track: trackOf(episode.cpu),
        start: since(model, episode.window.start_ns),
        end: since(model, episode.window.end_ns),
        number: index + 1,
        episodeStart: since(model, episode.start_ns),
        episodeEnd: since(model, episode.end_ns),
      }),
    ),
  };
}

/** How much of the time before a stall is shown with it. */
const BEFORE_STALL_NS = 100e6;

/**
 * The place that the page opens with: the longest of the surest stalls with some time before it,
 * else the first window, else all of the busiest track.
 * @param {Model} model
 * @param {Places} places
 * @returns {Place}
 */
export function firstPlace(model, places) {
  const ranks = ["high", "medium", "low"];
  const rank = (/** @type {Stall} */ stall) => ranks.indexOf(stall.confidence);
  const shown = places.stalls.filter((stall) => stall.track >= 0);
  const order = (/** @type {Stall} */ a, /** @type {Stall} */ b) =>
    rank(a) - rank(b) || b.end - b.start - (a.end - a.start) || a.number - b.number;
  const worst = shown.sort(order)[0];
  if (worst) return { ...worst, start: Math.max(0, worst.start - BEFORE_STALL_NS) };
  const window = places.windows.find(({ track }) => track >= 0);
  if (window) return { track: window.track, start: Math.max(0, window.start), end: window.episodeEnd + 1 };
  return { track: busiestTrack(model), start: 0, end: model.duration };
}

/**
 * @param {Model} model
 * @returns {number} the track with the most samples that are not idle; 0 if there is none
 */
function busiestTrack(model) {
  let best = 0;
  let most = -1;
  for (const track of model.tracks) {
    let busy = 0;
    for (let i = 0; i < track.start.length; i++) {
      if (!track.isIdle[i]) busy += track.count ? track.count[i] : 1;
    }
    if (busy > most) {
      most = busy;
      best = track.index;
    }
  }
  return best;
}

/**
 * The place before or after another one in time.
 * @template {Place} T
 * @param {T[]} places by time
 * @param {Place} from
 * @param {1 | -1} direction
 * @returns {T | undefined}
 */
export function neighbourOf(places, from, direction) {
  const shown = places.filter((place) => place.track >= 0);
  const at = shown.findIndex((place) => isShown(place, from));
  if (at >= 0) return shown[at + direction];
  if (direction > 0) return shown.find((place) => place.start >= from.start);
  return shown.filter((place) => place.start < from.start).pop();
}

/**
 * Whether a selection is that of a place: it ends with it, and has some time before it.
 * @param {Place} place
 * @param {Place} selection
 * @returns {boolean}
 */
export function isShown(place, selection) {
  return (
    place.track === selection.track &&
    place.end === selection.end &&
    place.start >= selection.start &&
    selection.start >= place.start - BEFORE_STALL_NS
  );
}

/**
 * A stall with the time before it that tells what led to it.
 * @param {Place} place
 * @returns {Place}
 */
export function withBefore(place) {
  return { track: place.track, start: Math.max(0, place.start - BEFORE_STALL_NS), end: place.end };
}
