// The state in the URL's fragment, so that a link points to a place. Times are seconds of the
// recording's clock, as the commands print them.

/** @import { Model } from "./model.js" */
/** @import { Selection } from "./selection.js" */
/** @import { Range } from "./viewport.js" */
import { clockTime, since } from "./model.js";
import { ALL_TRACKS, clampSelection } from "./selection.js";
import { clampView } from "./viewport.js";
import { secondsText } from "./words.js";

/**
 * What a link keeps.
 * @typedef {{ selection: Selection, view: Range, mode: string, table: string, query: string }} Address
 */

/**
 * @param {Model} model
 * @param {Range} range
 * @returns {string}
 */
function rangeText(model, range) {
  return `${secondsText(clockTime(model, range.start))},${secondsText(clockTime(model, range.end))}`;
}

/**
 * @param {Model} model
 * @param {string | null} text
 * @returns {Range | null}
 */
function parseRange(model, text) {
  const match = /^(\d{1,12})\.(\d{9}),(\d{1,12})\.(\d{9})$/.exec(text ?? "");
  if (!match) return null;
  const start = since(model, match[1] + match[2]);
  const end = since(model, match[3] + match[4]);
  return start < end && end > 0 && start < model.duration ? { start, end } : null;
}

/**
 * @param {Model} model
 * @param {Address} address
 * @returns {string} the fragment without its "#"
 */
export function formatAddress(model, address) {
  const { selection, view } = address;
  const track = model.tracks[selection.track];
  const parts = new URLSearchParams();
  parts.set("cpu", track ? String(track.cpu) : "all");
  parts.set("time", rangeText(model, selection));
  if (selection.times > 1) parts.set("every", `${selection.period},${selection.times}`);
  parts.set("view", rangeText(model, view));
  parts.set("show", address.mode);
  parts.set("table", address.table);
  if (address.query) parts.set("search", address.query);
  // A comma needs no escape, and a link is read by people too.
  return parts.toString().replaceAll("%2C", ",");
}

/**
 * The parts of an address that are there and make sense.
 * @param {Model} model
 * @param {string} fragment
 * @returns {Partial<Address>}
 */
export function parseAddress(model, fragment) {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  /** @type {Partial<Address>} */
  const address = {};
  const range = parseRange(model, parts.get("time"));
  if (range) {
    const every = /^(\d{1,15}),(\d{1,9})$/.exec(parts.get("every") ?? "");
    const [period, times] = every ? [Number(every[1]), Number(every[2])] : [0, 1];
    address.selection = clampSelection(model, { track: parseTrack(model, parts), ...range, period, times });
  }
  const view = parseRange(model, parts.get("view"));
  if (view) address.view = clampView(view, model.duration);
  for (const [name, key] of /** @type {const} */ ([
    ["show", "mode"],
    ["table", "table"],
    ["search", "query"],
  ])) {
    const value = parts.get(name);
    if (value !== null) address[key] = value;
  }
  return address;
}

/**
 * @param {Model} model
 * @param {URLSearchParams} parts
 * @returns {number}
 */
function parseTrack(model, parts) {
  const cpu = parts.get("cpu");
  return model.tracks.find((track) => String(track.cpu) === cpu)?.index ?? ALL_TRACKS;
}
