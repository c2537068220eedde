// The ordered flame chart: what ran, in time order. Neighbours with the same function under the
// same callers are one block. Nothing is ever moved.

/** @import { Model, Track } from "./model.js" */
/** @import { Segment } from "./selection.js" */
/** @import { Range } from "./viewport.js" */
import { samplesOf } from "./model.js";
import { lengthOf } from "./selection.js";
import { countBelow, lastUpTo } from "./sorted.js";

/** Labels of blocks that are no function. Other labels: see commLabel. */
export const FILLER = { idle: -1, lost: -2, unsampled: -3, narrow: -4 };

/** No block is narrower than this share of what is shown: it could not be seen. */
export const BLOCKS_ACROSS = 4000;

/**
 * A rectangle of a flame chart. `label` is a function, a comm (see commLabel) or one of FILLER;
 * `comm` is the label below which it is. `start` and `end` are ns from the chart's left end. `rest`
 * is the weight that a difference compares with.
 * @typedef {{ start: number, end: number, depth: number, label: number, category: number, comm: number,
 *   samples: number, time: number, rest: number, path: number[] | null }} Block
 * @typedef {{ blocks: Block[], depth: number, total: number, start: number, end: number,
 *   narrow: number }} Layout what is shown is from `start` to `end` of `total`
 */

/**
 * @param {Model} model
 * @param {number} task
 * @returns {number} the label of a task's comm: labels of functions are below
 */
export function commLabel(model, task) {
  return model.functionName.length + model.tasks[task].folded;
}

/** Draws blocks one after the other, from left to right. */
class OrderedPen {
  /** @param {number} least the narrowest block */
  constructor(least) {
    this.least = least;
    /** @type {Block[]} */
    this.blocks = [];
    /** @type {Block[]} those that may go on, by depth */
    this.open = [];
    /** @type {(Block | undefined)[]} narrow neighbours that become one block, by depth */
    this.narrow = [];
    this.narrowCount = 0;
    this.at = 0;
    this.samples = 0;
  }

  /**
   * Ends the blocks of this depth and deeper ones.
   * @param {number} depth
   */
  closeFrom(depth) {
    while (this.open.length > depth) {
      const block = /** @type {Block} */ (this.open.pop());
      block.end = this.at;
      block.time = block.end - block.start;
      block.samples = this.samples - block.samples;
      this.put(block);
    }
  }

  /** @param {Block} block */
  put(block) {
    if (block.end - block.start >= this.least) {
      this.blocks.push(block);
      return;
    }
    this.narrowCount++;
    const before = this.narrow[block.depth];
    if (before && block.start - before.end < this.least) {
      before.end = block.end;
      before.time += block.time;
      before.samples += block.samples;
      return;
    }
    this.putNarrow(block.depth);
    this.narrow[block.depth] = { ...block, label: FILLER.narrow };
  }

  /** @param {number} depth */
  putNarrow(depth) {
    const block = this.narrow[depth];
    this.narrow[depth] = undefined;
    if (block && block.end - block.start >= this.least) this.blocks.push(block);
  }

  /**
   * @param {number} label
   * @param {number} category
   */
  begin(label, category) {
    const depth = this.open.length;
    this.open.push({
      start: this.at,
      end: this.at,
      depth,
      label,
      category,
      comm: depth === 0 ? label : this.open[0].label,
      samples: this.samples,
      time: 0,
      rest: 0,
      path: null,
    });
  }

  /**
   * A block without a function.
   * @param {number} label
   * @param {number} end
   * @param {number} samples
   */
  fill(label, end, samples) {
    if (end <= this.at) return;
    if (this.open.length !== 1 || this.open[0].label !== label) {
      this.closeFrom(0);
      this.begin(label, 0);
    }
    this.at = end;
    this.samples += samples;
  }

  finish() {
    this.closeFrom(0);
    for (let depth = 0; depth < this.narrow.length; depth++) this.putNarrow(depth);
  }
}

/**
 * @param {Model} model
 * @param {Segment[]} segments are put side by side
 * @param {Range | null} zoom the part that is shown
 * @returns {Layout}
 */
export function layOutInOrder(model, segments, zoom) {
  const total = lengthOf(segments);
  const { start, end } = zoom ?? { start: 0, end: total };
  const pen = new OrderedPen((end - start) / BLOCKS_ACROSS);
  let base = 0;
  for (const segment of segments) {
    const shift = base - segment.start;
    const from = Math.max(segment.start, start - shift);
    const to = Math.min(segment.end, end - shift);
    if (from < to) drawSegment(model, pen, segment.track, from, to, shift);
    base += segment.end - segment.start;
  }
  pen.finish();
  const depth = pen.blocks.reduce((most, block) => Math.max(most, block.depth + 1), 0);
  return { blocks: pen.blocks, depth, total, start, end, narrow: pen.narrowCount };
}

/**
 * @param {Model} model
 * @param {OrderedPen} pen
 * @param {Track} track
 * @param {number} from
 * @param {number} to
 * @param {number} shift from times to places in the chart
 */
function drawSegment(model, pen, track, from, to, shift) {
  pen.closeFrom(0);
  pen.at = from + shift;
  const last = countBelow(track.start, to);
  let drawn = -1;
  for (let i = Math.max(0, lastUpTo(track.start, from)); i < last; i++) {
    const start = Math.max(from, track.start[i]);
    const end = Math.min(to, track.end[i]);
    const samples = track.start[i] >= from ? samplesOf(track, i) : 0;
    if (start + shift > pen.at) {
      fillHole(pen, track, start, shift);
      drawn = -1;
    }
    if (track.isIdle[i]) {
      pen.fill(FILLER.idle, end + shift, samples);
      drawn = -1;
    } else if (end > start || samples > 0) {
      const isSame =
        drawn >= 0 && track.stack[drawn] === track.stack[i] && track.task[drawn] === track.task[i];
      if (!isSame) openStack(model, pen, track.task[i], track.stack[i]);
      pen.at = Math.max(pen.at, end + shift);
      pen.samples += samples;
      drawn = i;
    }
  }
  fillHole(pen, track, to, shift);
}

/**
 * Fills the time up to the next entry. Nothing is known of it, but perhaps that records were lost.
 * @param {OrderedPen} pen
 * @param {Track} track
 * @param {number} end
 * @param {number} shift
 */
function fillHole(pen, track, end, shift) {
  const { gaps } = track;
  for (
    let i = Math.max(0, lastUpTo(gaps.start, pen.at - shift));
    i < gaps.start.length && gaps.start[i] < end;
    i++
  ) {
    if (gaps.end[i] + shift <= pen.at) continue;
    pen.fill(FILLER.unsampled, gaps.start[i] + shift, 0);
    pen.fill(FILLER.lost, Math.min(end, gaps.end[i]) + shift, 0);
  }
  pen.fill(FILLER.unsampled, end + shift, 0);
}

/**
 * Keeps the blocks that the stack shares with the one before, and begins the others.
 * @param {Model} model
 * @param {OrderedPen} pen
 * @param {number} task
 * @param {number} node
 */
function openStack(model, pen, task, node) {
  const { parent, fn, category, depth } = model.stacks;
  const comm = commLabel(model, task);
  const { open } = pen;
  let shared = node;
  // Blocks are compared from the leaf to the root; the deepest that differs ends all below it.
  let same = Math.min(open.length, depth[node] + 1);
  while (depth[shared] >= Math.max(1, same)) shared = parent[shared];
  for (let at = shared, level = same - 1; level > 0; level--, at = parent[at]) {
    if (open[level].label !== fn[at]) same = level;
  }
  if (same > 0 && open[0].label !== comm) same = 0;
  pen.closeFrom(same);
  if (same === 0) pen.begin(comm, 0);
  /** @type {number[]} */
  const added = [];
  for (let at = node; depth[at] >= Math.max(1, same); at = parent[at]) added.push(at);
  for (let i = added.length - 1; i >= 0; i--) pen.begin(fn[added[i]], category[added[i]]);
}
