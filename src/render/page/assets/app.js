// What views share: the model, its places, the state, and what is computed from them on demand.

/** @import { Model, Track } from "./model.js" */
/** @import { Places, Place } from "./places.js" */
/** @import { Selection } from "./selection.js" */
/** @import { Level } from "./levels.js" */
/** @import { Matches } from "./search.js" */
import { makeLevels, whoOfTasks } from "./levels.js";
import { compareWindows, mergeStacks } from "./flame_merge.js";
import { commsBySamples } from "./heat.js";
import { lanePixels, taskColours, themeOf } from "./palette.js";
import { Store, remember } from "./store.js";
import { countMatches, findMatches, matchedTimes, parseQuery } from "./search.js";
import { clampSelection, samplesIn, segmentsOf, selectionOf } from "./selection.js";
import { viewAround } from "./viewport.js";

export class App {
  /**
   * @param {Model} model
   * @param {Places} places
   * @param {Store} store
   */
  constructor(model, places, store) {
    this.model = model;
    this.places = places;
    this.store = store;
    this.who = whoOfTasks(model);
    this.comms = commsBySamples(model);
    /** @type {(Level[] | undefined)[]} */
    this.levels = [];
    this.segments = remember((/** @type {Selection} */ selection) => segmentsOf(model, selection));
    this.samples = remember((/** @type {Selection} */ selection) => samplesIn(this.segments(selection)));
    this.tree = remember((/** @type {Selection} */ selection) =>
      mergeStacks(model, this.segments(selection)),
    );
    this.difference = remember(() => compareWindows(model, places.windows));
    this.pattern = remember(parseQuery);
    this.matches = remember((/** @type {string} */ query) => {
      const pattern = this.pattern(query);
      return pattern && !pattern.error ? findMatches(model, pattern) : null;
    });
    this.matchedOf = remember((/** @type {Matches} */ _) => new Map());
    const everything = selectionOf({ track: -1, start: 0, end: model.duration });
    this.matchedSamples = remember((/** @type {Matches} */ matches, /** @type {Selection} */ selection) =>
      countMatches(matches, segmentsOf(model, selection)),
    );
    this.allMatchedSamples = remember((/** @type {Matches} */ matches) =>
      countMatches(matches, segmentsOf(model, everything)),
    );
    this.colours = remember((/** @type {boolean} */ isDark) => {
      const comms = this.comms.map(({ comm }) => comm);
      return taskColours(model, this.who, comms, themeOf(isDark));
    });
    this.pixels = remember((/** @type {boolean} */ isDark) =>
      lanePixels(this.colours(isDark), themeOf(isDark)),
    );
  }

  /**
   * @param {Track} track
   * @returns {Level[]}
   */
  levelsOf(track) {
    return (this.levels[track.index] ??= makeLevels(track, this.who, this.model.duration));
  }

  /**
   * @param {Matches} matches
   * @param {Track} track
   * @returns {Float64Array}
   */
  matchedTimesOf(matches, track) {
    const times = this.matchedOf(matches);
    if (!times.has(track.index)) times.set(track.index, matchedTimes(matches, track));
    return times.get(track.index);
  }

  /**
   * Selects a time. What was zoomed or picked in the selection before is left.
   * @param {Selection} selection
   */
  select(selection) {
    const clamped = clampSelection(this.model, selection);
    this.store.update({
      selection: clamped,
      draft: null,
      entry: null,
      zoom: null,
      focus: [],
      block: -1,
      tip: null,
    });
  }

  /**
   * Selects a place and brings the timeline there.
   * @param {Place} place
   */
  show(place) {
    this.select(selectionOf(place));
    const range = { start: place.start, end: Math.max(place.start + 1, place.end) };
    this.store.update({ view: viewAround(range, this.model.duration) });
  }

  /**
   * @param {number} track
   * @param {number} index
   */
  pick(track, index) {
    this.store.update({ entry: { track, index } });
  }
}
