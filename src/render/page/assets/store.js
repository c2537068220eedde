// The state of the page. Input changes it, and drawing follows from it.

/** @import { Selection } from "./selection.js" */
/** @import { Range } from "./viewport.js" */
/** @import { Cell } from "./heat.js" */

/** @typedef {"ordered" | "merged" | "list" | "difference" | "heat"} Mode */

/** The views of the selection, in the order of their keys. */
export const MODES = /** @type {Mode[]} */ (["ordered", "merged", "list", "difference", "heat"]);

/**
 * @typedef {{ x: number, y: number, title: string, lines: string[] }} Tip x and y in the window
 * @typedef {{
 *   view: Range, selection: Selection, entry: { track: number, index: number } | null, mode: Mode,
 *   order: "name" | "weight", query: string, heatBy: string, heatAll: boolean,
 *   heatFrom: Cell | null, heatTo: Cell | null, table: string, sort: { column: number, isDown: boolean },
 *   hasAllRows: boolean, zoom: Range | null, focus: number[], block: number, draft: Selection | null,
 *   tip: Tip | null, isDark: boolean, width: number, laneScroll: number,
 * }} State
 * `zoom` and `focus` are of the flame charts: a time, or the labels of a path; `block` is the block
 * at the keyboard's cursor, `draft` a selection that is being dragged.
 */

export class Store {
  /** @param {State} state */
  constructor(state) {
    this.state = state;
    /** @type {State | null} */
    this.drawn = null;
    /** @type {((state: State, before: State | null) => void)[]} */
    this.drawers = [];
    this.isDue = false;
  }

  /** @param {Partial<State>} changes */
  update(changes) {
    this.state = { ...this.state, ...changes };
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.isDue = false;
    const before = this.drawn;
    this.drawn = this.state;
    for (const drawer of this.drawers) drawer(this.state, before);
  }

  /**
   * Draws whenever one of some values of the state has changed.
   * @param {(keyof State)[]} keys
   * @param {(state: State) => void} draw
   */
  onChange(keys, draw) {
    this.drawers.push((state, before) => {
      if (!before || keys.some((key) => state[key] !== before[key])) draw(state);
    });
  }
}

/**
 * Keeps the last result, for as long as the arguments are the same.
 * @template {unknown[]} A
 * @template R
 * @param {(...values: A) => R} compute
 * @returns {(...values: A) => R}
 */
export function remember(compute) {
  /** @type {A | null} */
  let last = null;
  /** @type {R} */
  let result;
  return (...values) => {
    if (!last || values.some((value, i) => value !== last?.[i])) {
      result = compute(...values);
      last = values;
    }
    return result;
  };
}
