// Colours, from the palette of Okabe and Ito, which people with any colour vision can tell apart.
// What stands out is full, the rest is a tint of it.

/** @import { Model } from "./model.js" */
import { CATEGORY } from "./model.js";
import { NO_TASK, WHO } from "./levels.js";
import { FILLER } from "./flame_order.js";
import { hashOf } from "./words.js";

/** @typedef {[number, number, number]} Colour red, green, blue */

/** @type {Record<string, Colour>} */
const FULL = {
  vermillion: [213, 94, 0],
  blue: [0, 114, 178],
  orange: [230, 159, 0],
  green: [0, 158, 115],
  purple: [204, 121, 167],
  sky: [86, 180, 233],
  yellow: [226, 208, 50],
  sand: [176, 141, 87],
  grey: [140, 145, 153],
};

/**
 * @typedef {{
 *   isDark: boolean, ground: Colour, text: string, faint: string, line: string, accent: string,
 *   match: Colour, idle: Colour, unsampled: Colour, unsampledStripe: Colour, lost: Colour,
 *   lostStripe: Colour,
 * }} Theme
 */

/** @type {Theme} */
const LIGHT = {
  isDark: false,
  ground: [255, 255, 255],
  text: "#1b1f24",
  faint: "#57606a",
  line: "#d5d9de",
  accent: "#0a58a6",
  match: [200, 0, 170],
  idle: [232, 234, 237],
  unsampled: [250, 250, 251],
  unsampledStripe: [214, 217, 221],
  lost: [236, 205, 222],
  lostStripe: [204, 121, 167],
};

/** @type {Theme} */
const DARK = {
  isDark: true,
  ground: [22, 25, 30],
  text: "#e6e9ed",
  faint: "#9aa4af",
  line: "#353b44",
  accent: "#6cb6ff",
  match: [255, 90, 225],
  idle: [48, 53, 60],
  unsampled: [26, 29, 34],
  unsampledStripe: [58, 63, 71],
  lost: [92, 55, 75],
  lostStripe: [204, 121, 167],
};

/**
 * @param {boolean} isDark
 * @returns {Theme}
 */
export function themeOf(isDark) {
  return isDark ? DARK : LIGHT;
}

/**
 * @param {Colour} colour
 * @param {Colour} ground
 * @param {number} share of the colour, from 0 to 1
 * @returns {Colour}
 */
function mix(colour, ground, share) {
  const part = (/** @type {number} */ i) => Math.round(ground[i] + (colour[i] - ground[i]) * share);
  return [part(0), part(1), part(2)];
}

/**
 * @param {Colour} colour
 * @returns {string}
 */
export function css(colour) {
  return `rgb(${colour.join(",")})`;
}

/**
 * @param {Colour} colour
 * @returns {number} as a pixel of ImageData on a little-endian machine
 */
export function pixel([red, green, blue]) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * @param {Colour} ground
 * @returns {string} of text that can be read on it
 */
export function textOn([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#16191e" : "#ffffff";
}

/** Tasks with a colour of their own in the lanes. */
const OWN_COLOURS = [FULL.sky, FULL.green, FULL.yellow, FULL.sand];

/**
 * The colour of each task in the lanes. The tasks that ran most have a colour of their own; threads
 * of one comm share it.
 * @typedef {{ ofTask: Colour[], named: { comm: number, colour: Colour }[] }} TaskColours
 */

/**
 * @param {Model} model
 * @param {Uint8Array} who of each task
 * @param {number[]} comms the most frequent first
 * @param {Theme} theme
 * @returns {TaskColours}
 */
export function taskColours(model, who, comms, theme) {
  const others = new Set(model.tasks.filter((_, task) => who[task] === WHO.other).map(({ comm }) => comm));
  const first = comms.filter((comm) => others.has(comm)).slice(0, OWN_COLOURS.length);
  const strength = theme.isDark ? 0.8 : 0.85;
  const named = first.map((comm, i) => ({ comm, colour: mix(OWN_COLOURS[i], theme.ground, strength) }));
  const byComm = new Map(named.map(({ comm, colour }) => [comm, colour]));
  const ofTask = model.tasks.map(({ comm }, task) => {
    if (who[task] === WHO.culprit) return FULL.vermillion;
    if (who[task] === WHO.server) return FULL.blue;
    return byComm.get(comm) ?? otherColour(model.page.strings[comm], theme);
  });
  return { ofTask, named };
}

/**
 * @param {string} comm
 * @param {Theme} theme
 * @returns {Colour}
 */
function otherColour(comm, theme) {
  return mix(FULL.grey, theme.ground, 0.55 + (hashOf(comm) % 25) / 100);
}

/**
 * Colours of the lanes as pixels.
 * @typedef {{ culprit: number, server: number, task: Uint32Array, rest: number, idle: number, ground: number,
 *   unsampled: number, unsampledStripe: number, lost: number, lostStripe: number, wait: number,
 *   packets: number, match: number }} LanePixels
 */

/**
 * @param {TaskColours} colours
 * @param {Theme} theme
 * @returns {LanePixels}
 */
export function lanePixels(colours, theme) {
  return {
    culprit: pixel(FULL.vermillion),
    server: pixel(FULL.blue),
    task: Uint32Array.from(colours.ofTask, pixel),
    rest: pixel(mix(FULL.grey, theme.ground, 0.6)),
    idle: pixel(theme.idle),
    ground: pixel(theme.ground),
    unsampled: pixel(theme.unsampled),
    unsampledStripe: pixel(theme.unsampledStripe),
    lost: pixel(theme.lost),
    lostStripe: pixel(theme.lostStripe),
    wait: pixel(theme.isDark ? [240, 190, 70] : [150, 95, 0]),
    packets: pixel(mix(FULL.blue, theme.ground, theme.isDark ? 0.9 : 0.6)),
    match: pixel(theme.match),
  };
}

/**
 * @param {LanePixels} pixels
 * @param {number} task or NO_TASK
 * @returns {number}
 */
export function taskPixel(pixels, task) {
  return task === NO_TASK ? pixels.rest : pixels.task[task];
}

/** Of markers. */
export const STALL_COLOUR = css(FULL.vermillion);
export const WINDOW_COLOUR = css(FULL.blue);
export const PACKET_COLOUR = css(FULL.blue);
export const TRIP_COLOUR = css(FULL.purple);

/**
 * The kinds of frames that have a colour of their own.
 * @typedef {"culprit" | "server" | "kernel" | "user" | "interrupt" | "softirq" | "foreign"
 *   | "task"} FrameKind
 */

/** @type {Record<FrameKind, Colour>} */
const FRAME_COLOURS = {
  culprit: FULL.vermillion,
  server: FULL.blue,
  kernel: FULL.orange,
  user: FULL.green,
  interrupt: FULL.yellow,
  softirq: FULL.sky,
  foreign: FULL.grey,
  task: FULL.grey,
};

/**
 * @param {number} category
 * @returns {FrameKind}
 */
export function kindOfCategory(category) {
  switch (category) {
    case CATEGORY.user:
      return "user";
    case CATEGORY.kernel:
      return "kernel";
    case CATEGORY.interrupt:
      return "interrupt";
    case CATEGORY.softirq:
      return "softirq";
    default:
      return "foreign";
  }
}

/**
 * @param {FrameKind} kind
 * @param {string} name gives neighbours different shades
 * @param {Theme} theme
 * @returns {Colour}
 */
export function frameColour(kind, name, theme) {
  const shade = (hashOf(name) % 25) / 100;
  const strong = kind === "culprit" || kind === "server";
  const share = strong ? 0.85 + shade / 2 : (theme.isDark ? 0.34 : 0.3) + shade;
  return mix(FRAME_COLOURS[kind], theme.ground, Math.min(1, share));
}

/**
 * @param {number} filler
 * @param {Theme} theme
 * @returns {{ colour: Colour, stripe: Colour | null }}
 */
export function fillerColours(filler, theme) {
  switch (filler) {
    case FILLER.idle:
      return { colour: theme.idle, stripe: null };
    case FILLER.lost:
      return { colour: theme.lost, stripe: theme.lostStripe };
    case FILLER.unsampled:
      return { colour: theme.unsampled, stripe: theme.unsampledStripe };
    default:
      return { colour: mix(FULL.grey, theme.ground, 0.6), stripe: null };
  }
}

/**
 * @param {number} change from -1, less, to 1, more
 * @param {Theme} theme
 * @returns {Colour}
 */
export function changeColour(change, theme) {
  const base = theme.isDark ? /** @type {Colour} */ ([70, 75, 83]) : /** @type {Colour} */ ([238, 238, 238]);
  return mix(change > 0 ? FULL.vermillion : FULL.blue, base, Math.min(1, Math.abs(change)));
}

/**
 * @param {number} share of the hottest cell
 * @param {Theme} theme
 * @returns {Colour} from the background over yellow and vermillion to dark red
 */
export function heatColour(share, theme) {
  if (share <= 0) return theme.isDark ? [34, 38, 44] : [243, 244, 246];
  /** @type {Colour[]} */
  const steps = theme.isDark
    ? [
        [66, 52, 30],
        [150, 84, 10],
        [230, 120, 20],
        [255, 225, 120],
      ]
    : [
        [255, 240, 200],
        [245, 190, 80],
        [213, 94, 0],
        [110, 20, 20],
      ];
  const at = Math.min(0.9999, share) * (steps.length - 1);
  const low = Math.floor(at);
  return mix(steps[low + 1], steps[low], at - low);
}
