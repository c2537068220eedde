// What the plots show of a view: a point for each column of pixels, however much there is.

/** @import { Model } from "./model.js" */
/** @import { Range } from "./viewport.js" */
import { Peaks, countBelow, lastUpTo } from "./sorted.js";

/** @typedef {{ start: Float64Array, count: Uint32Array, peaks: Peaks }} Bins only those with packets */

/**
 * @param {Bins} bins
 * @param {number} start
 * @param {number} end
 * @param {number} binNs
 * @returns {number} the most packets in a bin that the time touches
 */
export function packetPeak(bins, start, end, binNs) {
  const first = countBelow(bins.start, start - binNs + 1);
  const best = bins.peaks.greatest(first, countBelow(bins.start, end));
  return best < 0 ? 0 : bins.count[best];
}

/**
 * The packets of all tracks together.
 * @param {Model} model
 * @returns {Bins}
 */
function addTracks({ tracks }) {
  /** @type {Map<number, number>} */
  const sums = new Map();
  for (const { packets } of tracks) {
    for (let i = 0; i < packets.start.length; i++) {
      sums.set(packets.start[i], (sums.get(packets.start[i]) ?? 0) + packets.count[i]);
    }
  }
  const start = Float64Array.from(sums.keys()).sort();
  const count = Uint32Array.from(start, (time) => sums.get(time) ?? 0);
  return { start, count, peaks: new Peaks(count) };
}

/**
 * @param {Model} model
 */
export function packetSums(model) {
  const all = addTracks(model);
  const { binNs } = model;
  /** @type {(bins: Bins, time: number) => number} */
  const at = (bins, time) => {
    const index = lastUpTo(bins.start, time);
    return index >= 0 && time < bins.start[index] + binNs ? bins.count[index] : 0;
  };
  return {
    /**
     * @param {Range} view
     * @param {number} columns
     * @param {number} track
     * @returns {[number[], number[], number[]]} times, packets of all tracks, packets of one
     */
    columns(view, columns, track) {
      const length = (view.end - view.start) / columns;
      const times = Array.from({ length: columns }, (_, i) => view.start + (i + 0.5) * length);
      const own = model.tracks[track]?.packets;
      const peaks = (/** @type {Bins | undefined} */ bins) =>
        times.map((time) => (bins ? packetPeak(bins, time - length / 2, time + length / 2, binNs) : 0));
      return [times, peaks(all), peaks(own)];
    },
    /**
     * @param {number} time
     * @param {number} track
     */
    at(time, track) {
      const own = model.tracks[track]?.packets;
      return { all: at(all, time), own: own ? at(own, time) : 0 };
    },
  };
}

/**
 * The worst round trip of each column of pixels.
 * @param {Model["trips"]} trips
 * @param {Range} view
 * @param {number} columns
 * @returns {number[]} indices
 */
export function tripPoints(trips, view, columns) {
  const first = countBelow(trips.end, view.start);
  // The next one may have begun inside the view.
  const last = Math.min(trips.end.length, countBelow(trips.end, view.end) + 1);
  if (last - first <= columns) return Array.from({ length: last - first }, (_, i) => first + i);
  const length = (view.end - view.start) / columns;
  const points = [];
  for (let column = 0, from = first; column < columns; column++) {
    const to = countBelow(trips.end, view.start + (column + 1) * length, from, last);
    const worst = trips.peaks.greatest(from, to);
    if (worst >= 0) points.push(worst);
    from = to;
  }
  return points;
}
