// Where things are in the timeline, to point at them.

import { AXIS_HEIGHT, gutterOf, laneShape, RIGHT_MARGIN } from "../../src/render/page/assets/lane_shape.js";
import { documentsOf } from "./support.js";

/**
 * @param {import("./support.js").View} view
 * @returns {Promise<Lanes>} for as long as the view neither moves nor scrolls
 */
export async function lanesOf(view) {
  const { page } = documentsOf(view.file);
  return new Lanes(page, await view.box("lane-canvas"), await view.range());
}

class Lanes {
  constructor(page, box, range) {
    this.begin = BigInt(page.start_ns);
    this.shape = laneShape(page);
    this.left = gutterOf({ tracks: page.tracks }, box.width);
    this.width = box.width - this.left - RIGHT_MARGIN;
    this.tracks = page.tracks.map(({ cpu }) => cpu);
    this.box = box;
    this.range = range;
    this.perPixel = range.length / this.width;
  }

  /** The place of a time of the recording's clock in the canvas. */
  x(ns) {
    return this.left + (this.since(ns) - this.range.start) / this.perPixel;
  }

  /** A place in the canvas as a time in ns since the start of the recording. */
  time(x) {
    return this.range.start + (x - this.left) * this.perPixel;
  }

  since(ns) {
    return Number(BigInt(ns) - this.begin);
  }

  /** The top of a CPU's lane in the canvas. */
  top(cpu) {
    return AXIS_HEIGHT + this.tracks.indexOf(cpu) * this.shape.height;
  }

  /** The middle of a CPU's markers, or of what ran on it, in the canvas. */
  y(cpu, part) {
    const { markers, activity } = this.shape;
    return this.top(cpu) + (part === "markers" ? markers - 2 : markers + activity / 2);
  }

  /** A time on a CPU as a point of the window. */
  point(ns, cpu, part) {
    return [this.box.x + this.x(ns), this.box.y + this.y(cpu, part)];
  }

  /** A point of the canvas as one of the window. */
  inWindow(x, y) {
    return [this.box.x + x, this.box.y + y];
  }
}
