// The part of the recording that is visible, and its scale.

/** @typedef {{ start: number, end: number }} Range ns since the start of the recording */

/** The shortest time that the timeline shows; sampling intervals are longer. */
const SHORTEST_VIEW_NS = 1000;

/**
 * @param {Range} view
 * @param {number} duration of the recording
 * @returns {Range} the view, of at least the shortest length and inside the recording
 */
export function clampView(view, duration) {
  const length = Math.min(duration, Math.max(Math.min(SHORTEST_VIEW_NS, duration), view.end - view.start));
  const middle = (view.start + view.end) / 2;
  const start = Math.min(Math.max(0, middle - length / 2), duration - length);
  return { start, end: start + length };
}

/**
 * @param {Range} view
 * @param {number} factor less than 1 zooms in
 * @param {number} anchor the time that stays where it is
 * @param {number} duration
 * @returns {Range}
 */
export function zoomView(view, factor, anchor, duration) {
  const length = Math.min(duration, Math.max(SHORTEST_VIEW_NS, (view.end - view.start) * factor));
  const start = anchor - ((anchor - view.start) / (view.end - view.start)) * length;
  return clampView({ start, end: start + length }, duration);
}

/**
 * @param {Range} view
 * @param {number} distance in ns
 * @param {number} duration
 * @returns {Range}
 */
export function panView(view, distance, duration) {
  return clampView({ start: view.start + distance, end: view.end + distance }, duration);
}

/**
 * A view that shows a range with a margin on both sides.
 * @param {Range} range
 * @param {number} duration
 * @returns {Range}
 */
export function viewAround(range, duration) {
  const margin = Math.max((range.end - range.start) * 0.35, 5e6);
  return clampView({ start: range.start - margin, end: range.end + margin }, duration);
}

/** From times to places on a canvas and back. */
export class Scale {
  /**
   * @param {Range} view
   * @param {number} left
   * @param {number} width
   */
  constructor(view, left, width) {
    this.start = view.start;
    this.left = left;
    this.perPixel = (view.end - view.start) / Math.max(1, width);
  }

  /**
   * @param {number} time
   * @returns {number}
   */
  x(time) {
    return this.left + (time - this.start) / this.perPixel;
  }

  /**
   * @param {number} x
   * @returns {number}
   */
  time(x) {
    return this.start + (x - this.left) * this.perPixel;
  }
}
