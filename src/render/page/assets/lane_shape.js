// Where lanes and their parts are, in CSS pixels.

/** @import { Model, Page } from "./model.js" */

/** Room for the times above the lanes. */
export const AXIS_HEIGHT = 22;
/** Room to the right of the lanes. */
export const RIGHT_MARGIN = 12;

/**
 * @typedef {{ markers: number, activity: number, waits: number, packets: number, height: number }} LaneShape
 * parts from top to bottom
 */

/**
 * @param {Page} page
 * @returns {LaneShape}
 */
export function laneShape(page) {
  const [markers, activity, space] = [9, 18, 4];
  const waits = page.has_waits ? 4 : 0;
  const packets = page.packet_bin_ns !== null ? 10 : 0;
  return { markers, activity, waits, packets, height: markers + activity + waits + packets + space };
}

/**
 * Room for names to the left of lanes and plots.
 * @param {Model} model
 * @param {number} width of the whole
 * @returns {number}
 */
export function gutterOf(model, width) {
  const longest = model.tracks.reduce((most, track) => Math.max(most, track.name.length), 0);
  return Math.min(Math.max(64, longest * 7 + 14), width < 600 ? 72 : 170);
}

/**
 * @param {LaneShape} shape
 * @param {number} y below the axis, with what is scrolled away
 * @param {number} tracks
 * @returns {number} the track, or -1
 */
export function trackAt(shape, y, tracks) {
  const track = Math.floor(y / shape.height);
  return track >= 0 && track < tracks ? track : -1;
}
