// Questions about sorted columns that are answered without touching each of their values.

/**
 * The number of values that are less than the limit: where the limit would be put in.
 * @param {ArrayLike<number>} sorted
 * @param {number} limit
 * @param {number} [from]
 * @param {number} [to]
 * @returns {number}
 */
export function countBelow(sorted, limit, from = 0, to = sorted.length) {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The last index whose value is at most the limit, or -1.
 * @param {ArrayLike<number>} sorted
 * @param {number} limit
 * @returns {number}
 */
export function lastUpTo(sorted, limit) {
  const below = countBelow(sorted, limit);
  return below < sorted.length && sorted[below] === limit ? below : below - 1;
}

/** How much of a time is covered by any of some spans, which may overlap. */
export class Coverage {
  /**
   * @param {ArrayLike<number>} starts sorted
   * @param {ArrayLike<number>} ends
   */
  constructor(starts, ends) {
    /** @type {number[]} */
    const merged = [];
    /** @type {number[]} */
    const mergedEnds = [];
    for (let i = 0; i < starts.length; i++) {
      const last = merged.length - 1;
      if (last >= 0 && starts[i] <= mergedEnds[last]) mergedEnds[last] = Math.max(mergedEnds[last], ends[i]);
      else {
        merged.push(starts[i]);
        mergedEnds.push(ends[i]);
      }
    }
    this.starts = Float64Array.from(merged);
    this.ends = Float64Array.from(mergedEnds);
    /** What is covered before each of the merged spans. */
    this.before = new Float64Array(merged.length + 1);
    for (let i = 0; i < merged.length; i++) this.before[i + 1] = this.before[i] + mergedEnds[i] - merged[i];
  }

  /**
   * @param {number} time
   * @returns {number} what is covered before this time
   */
  until(time) {
    const i = countBelow(this.starts, time);
    if (i === 0) return 0;
    return this.before[i - 1] + Math.min(time, this.ends[i - 1]) - this.starts[i - 1];
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {number}
   */
  within(start, end) {
    return this.until(end) - this.until(start);
  }
}

/** The place of the greatest value of any range, by a tree of places. */
export class Peaks {
  /** @param {ArrayLike<number>} values */
  constructor(values) {
    this.values = values;
    this.size = Math.max(1, values.length);
    this.tree = new Uint32Array(2 * this.size);
    for (let i = 0; i < values.length; i++) this.tree[this.size + i] = i;
    for (let i = this.size - 1; i > 0; i--)
      this.tree[i] = this.greater(this.tree[2 * i], this.tree[2 * i + 1]);
  }

  /**
   * @param {number} a
   * @param {number} b
   * @returns {number}
   */
  greater(a, b) {
    return this.values[b] > this.values[a] ? b : a;
  }

  /**
   * @param {number} from
   * @param {number} to not included
   * @returns {number} the index of the greatest value, or -1 of an empty range
   */
  greatest(from, to) {
    if (from >= to) return -1;
    let best = from;
    let low = from + this.size;
    let high = to + this.size;
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) best = this.greater(best, this.tree[low++]);
      if (high & 1) best = this.greater(best, this.tree[--high]);
    }
    return best;
  }
}
