// A recording in the form of the page's columns, made up by tests.

import { NumberReader } from "../../src/render/page/assets/bytes.js";
import { readModel } from "../../src/render/page/assets/model.js";

/** Numbers as the program writes them. */
export function leb128(...numbers) {
  const bytes = [];
  for (let number of numbers.flat(9)) {
    for (; number >= 128; number = Math.floor(number / 128)) bytes.push((number % 128) | 128);
    bytes.push(number);
  }
  return Uint8Array.from(bytes);
}

const STRINGS = [
  "main",
  "read",
  "vfs_read",
  "softirq",
  "a.out",
  "app one",
  "app_one",
  "ksoftirqd/1",
  "swapper",
];
export const [MAIN, READ, VFS_READ, SOFTIRQ] = [0, 1, 2, 3];
export const [APP, SERVER, IDLE] = [0, 1, 2];
/** Stacks: 1 main, 2 main;read, 3 main;read;vfs_read, 4 softirq. */
const STACKS = [
  [1, MAIN, 0],
  [1, READ, 0],
  [1, VFS_READ, 1],
  [4, SOFTIRQ, 3],
];
export const START = 9007199254740993123n;

const column = (rows, index) => rows.map((row) => row[index]);
const deltas = (values) => values.map((value, i) => value - (i === 0 ? 0 : values[i - 1]));

/**
 * A recording of tracks with entries [start, length or 0, is idle, stack, task] and other columns.
 */
export async function record({ tracks, duration = 1000, trips = [], documents = {}, page = {} }) {
  const numbers = [
    [MAIN, READ, VFS_READ, SOFTIRQ],
    [5, 0, 0, 0],
    column(STACKS, 0),
    column(STACKS, 1),
    column(STACKS, 2),
    tracks.map(({ entries = [], gaps = [], waits = [], bins = [], counts }) => [
      deltas(column(entries, 0)),
      entries.map(([, length, isIdle]) => 2 * (length ? length + 1 : 0) + isIdle),
      column(entries, 3),
      column(entries, 4),
      counts ? counts.map((count) => count - 1) : [],
      [deltas(column(gaps, 0)), column(gaps, 1), gaps.map(([, , lost, throttled]) => 2 * lost + throttled)],
      [deltas(column(waits, 0)), column(waits, 1), column(waits, 2)],
      [deltas(column(bins, 0)), column(bins, 1)],
    ]),
    [deltas(column(trips, 0)), column(trips, 1)],
  ];
  const task = (comm, folded, kind, culprit) => ({ comm, folded, pid: 7, tid: 8, kind, culprit });
  const head = (track, cpu) => ({
    cpu,
    name: `CPU ${cpu}`,
    entries: track.entries?.length ?? 0,
    gaps: track.gaps?.length ?? 0,
    waits: track.waits?.length ?? 0,
    bins: track.bins?.length ?? 0,
    samples: track.entries?.length ?? 0,
  });
  const whole = {
    start_ns: String(START),
    duration_ns: duration,
    since_1970_ns: null,
    shell_input: "'my file'",
    cell_ns: tracks.some(({ counts }) => counts) ? 10 : null,
    least_wait_ns: 5_000_000,
    packet_bin_ns: 100,
    strings: STRINGS,
    tasks: [task(5, 6, "task", true), task(7, 7, "ksoftirqd", false), task(8, 8, "idle", false)],
    tracks: tracks.map(head),
    stacks: STACKS.length,
    functions: 4,
    softirqs: ["hi", "timer"],
    trips: trips.length,
    unlisted: {},
    ...page,
  };
  const none = { stalls: null, window: null, syscalls: null, packets: null, info: null };
  const reader = new NumberReader(leb128(numbers));
  return readModel({ page: whole, ...none, ...documents }, reader, async () => {});
}

/** CPU 0: 100 ns of vfs_read in two samples, read, idle, a hole with lost records, ksoftirqd. */
export const TRACK = {
  entries: [
    [0, 0, 0, 3, APP],
    [50, 0, 0, 3, APP],
    [100, 0, 0, 2, APP],
    [200, 100, 1, 0, IDLE],
    [500, 0, 0, 4, SERVER],
  ],
  gaps: [[350, 50, 9, 0]],
};

export const segmentOf = (model, start, end, track = 0) => ({ track: model.tracks[track], start, end });
