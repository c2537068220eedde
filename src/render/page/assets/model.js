// What the page knows: the columns as typed arrays, the documents, and the names.

/** @import { NumberReader } from "./bytes.js" */
import { Coverage, Peaks } from "./sorted.js";
import { dayTimeText } from "./words.js";

/**
 * @typedef {number | string} Time ns of the recording's clock; text where it is over 2^53
 * @typedef {{ comm: number, folded: number, pid: number, tid: number, kind: string, culprit: boolean }} Task
 * @typedef {{ cpu: number, name: string, entries: number, gaps: number, waits: number, bins: number,
 *   samples: number }} TrackHead
 * @typedef {{
 *   shell_input: string, start_ns: Time, duration_ns: number, since_1970_ns: string | null,
 *   samples: number, cell_ns: number | null,
 *   has_waits: boolean, least_wait_ns: number,
 *   packet_bin_ns: number | null, strings: string[], tasks: Task[], tracks: TrackHead[], stacks: number,
 *   functions: number, softirqs: string[], trips: number, trips_file: string | null,
 *   unlisted: Record<string, number>,
 * }} Page
 * @typedef {Record<string, any>} Document one of the program's JSON documents
 * @typedef {{ page: Page, stalls: Document | null, window: Document | null, syscalls: Document | null,
 *   packets: Document | null }} Documents
 */

/**
 * Column of the stacks' tree; node 0 is the empty root, and callers come before callees.
 * @typedef {{ parent: Uint32Array, fn: Uint32Array, category: Uint8Array, depth: Uint16Array,
 *   inSoftirq: Uint8Array }} Stacks
 */

/**
 * What one CPU did. Times are ns since the start of the recording.
 * @typedef {{
 *   index: number, cpu: number, name: string, samples: number,
 *   start: Float64Array, end: Float64Array, isIdle: Uint8Array, stack: Uint32Array, task: Uint32Array,
 *   count: Uint32Array | null,
 *   gaps: { start: Float64Array, end: Float64Array, lost: Uint32Array, isThrottled: Uint8Array,
 *     cover: Coverage },
 *   waits: { start: Float64Array, end: Float64Array, softirq: Uint8Array, cover: Coverage },
 *   packets: { start: Float64Array, count: Uint32Array, peaks: Peaks },
 * }} Track
 */

/**
 * @typedef {{
 *   page: Page, documents: Documents, duration: number, startNs: bigint, binNs: number, tasks: Task[],
 *   functionName: Uint32Array, functionModule: Uint32Array, stacks: Stacks, tracks: Track[],
 *   trips: { start: Float64Array, end: Float64Array, took: Float64Array, peaks: Peaks },
 * }} Model
 */

/** The category of a frame, as the columns number them. */
export const CATEGORY = { user: 0, kernel: 1, interrupt: 2, softirq: 3, idle: 4, foreign: 5 };

/**
 * @param {NumberReader} reader
 * @param {number} count
 * @returns {Stacks}
 */
function readStacks(reader, count) {
  const size = count + 1;
  const parent = new Uint32Array(size);
  for (let node = 1; node < size; node++) parent[node] = node - reader.read();
  const fn = new Uint32Array(size);
  reader.fill(fn.subarray(1));
  const category = new Uint8Array(size);
  reader.fill(category.subarray(1));
  const depth = new Uint16Array(size);
  const inSoftirq = new Uint8Array(size);
  for (let node = 1; node < size; node++) {
    depth[node] = depth[parent[node]] + 1;
    inSoftirq[node] = category[node] === CATEGORY.softirq ? 1 : inSoftirq[parent[node]];
  }
  return { parent, fn, category, depth, inSoftirq };
}

/**
 * @param {NumberReader} reader
 * @param {Page} page
 * @param {number} index
 * @returns {Track}
 */
function readTrack(reader, page, index) {
  const head = page.tracks[index];
  const start = reader.fillSums(new Float64Array(head.entries));
  const end = reader.fill(new Float64Array(head.entries));
  const isIdle = new Uint8Array(head.entries);
  for (let i = 0; i < end.length; i++) {
    const length = Math.floor(end[i] / 2);
    isIdle[i] = end[i] - 2 * length;
    if (length > 0) end[i] = start[i] + length - 1;
    else end[i] = i + 1 < start.length ? start[i + 1] : page.duration_ns;
  }
  const stack = reader.fill(new Uint32Array(head.entries));
  const task = reader.fill(new Uint32Array(head.entries));
  const count = page.cell_ns === null ? null : reader.fill(new Uint32Array(head.entries));
  if (count) for (let i = 0; i < count.length; i++) count[i]++;
  return {
    index,
    cpu: head.cpu,
    name: head.name,
    samples: head.samples,
    start,
    end,
    isIdle,
    stack,
    task,
    count,
    gaps: readGaps(reader, head.gaps),
    waits: readWaits(reader, head.waits),
    packets: readPackets(reader, head.bins, page.packet_bin_ns ?? 1),
  };
}

/**
 * @param {NumberReader} reader
 * @param {number} count
 */
function readSpans(reader, count) {
  const start = reader.fillSums(new Float64Array(count));
  const end = reader.fill(new Float64Array(count));
  for (let i = 0; i < count; i++) end[i] += start[i];
  return { start, end };
}

/**
 * @param {NumberReader} reader
 * @param {number} count
 */
function readGaps(reader, count) {
  const { start, end } = readSpans(reader, count);
  const lost = new Uint32Array(count);
  const isThrottled = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const value = reader.read();
    lost[i] = Math.floor(value / 2);
    isThrottled[i] = value % 2;
  }
  return { start, end, lost, isThrottled, cover: new Coverage(start, end) };
}

/**
 * @param {NumberReader} reader
 * @param {number} count
 */
function readWaits(reader, count) {
  const { start, end } = readSpans(reader, count);
  const softirq = reader.fill(new Uint8Array(count));
  return { start, end, softirq, cover: new Coverage(start, end) };
}

/**
 * @param {NumberReader} reader
 * @param {number} bins
 * @param {number} binNs
 */
function readPackets(reader, bins, binNs) {
  const start = reader.fillSums(new Float64Array(bins));
  for (let i = 0; i < bins; i++) start[i] *= binNs;
  const count = reader.fill(new Uint32Array(bins));
  return { start, count, peaks: new Peaks(count) };
}

/**
 * @param {NumberReader} reader
 * @param {number} count
 */
function readTrips(reader, count) {
  const end = reader.fillSums(new Float64Array(count));
  const took = reader.fill(new Float64Array(count));
  return { start: end.map((time, i) => time - took[i]), end, took, peaks: new Peaks(took) };
}

/**
 * Reads the columns. Lets the browser draw in between, since millions of numbers take a while.
 * @param {Documents} documents
 * @param {NumberReader} reader
 * @param {() => Promise<void>} pause
 * @returns {Promise<Model>}
 */
export async function readModel(documents, reader, pause) {
  const { page } = documents;
  const functionName = reader.fill(new Uint32Array(page.functions));
  const functionModule = reader.fill(new Uint32Array(page.functions));
  const stacks = readStacks(reader, page.stacks);
  const tracks = [];
  for (let index = 0; index < page.tracks.length; index++) {
    tracks.push(readTrack(reader, page, index));
    await pause();
  }
  const trips = readTrips(reader, page.trips);
  if (!reader.isAtEnd()) throw new Error("the data of this page are longer than they should be");
  const startNs = BigInt(page.start_ns);
  return {
    page,
    documents,
    startNs,
    duration: Math.max(1, page.duration_ns),
    tasks: page.tasks,
    binNs: page.packet_bin_ns ?? 1,
    functionName,
    functionModule,
    stacks,
    tracks,
    trips,
  };
}

/**
 * @param {Model} model
 * @param {Time | bigint} time of the recording's clock
 * @returns {number} ns since the start of the recording
 */
export function since(model, time) {
  return Number(BigInt(time) - model.startNs);
}

/**
 * @param {Model} model
 * @param {number} time ns since the start of the recording
 * @returns {bigint} ns of the recording's clock
 */
export function clockTime(model, time) {
  return model.startNs + BigInt(Math.round(time));
}

/**
 * @param {Model} model
 * @param {number} time
 * @returns {string} the time of day, or "" if unknown
 */
export function dayText(model, time) {
  const { since_1970_ns: begin } = model.page;
  return begin === null ? "" : dayTimeText(BigInt(begin) + BigInt(Math.round(time)));
}

/**
 * @param {Model} model
 * @param {number} fn
 * @returns {string}
 */
export function functionText(model, fn) {
  return model.page.strings[model.functionName[fn]] ?? "";
}

/**
 * @param {Model} model
 * @param {number} fn
 * @returns {string} the file that the function is from, or "" if unknown
 */
export function moduleText(model, fn) {
  const module = model.functionModule[fn];
  return module ? (model.page.strings[module - 1] ?? "") : "";
}

/**
 * @param {Model} model
 * @param {number} task
 * @returns {string} such as "node_exporter 812/815": comm, process and thread
 */
export function taskText(model, task) {
  const { comm, pid, tid } = model.tasks[task];
  const name = model.page.strings[comm];
  return pid === tid ? `${name} ${tid}` : `${name} ${pid}/${tid}`;
}

/**
 * @param {Model} model
 * @param {number} node of the stacks' tree
 * @returns {number[]} nodes, root first
 */
export function framesOf(model, node) {
  const frames = [];
  for (let at = node; at > 0; at = model.stacks.parent[at]) frames.push(at);
  return frames.reverse();
}

/**
 * @param {Track} track
 * @param {number} index of an entry
 * @returns {number} how many samples the entry stands for
 */
export function samplesOf(track, index) {
  return track.count ? track.count[index] : 1;
}
