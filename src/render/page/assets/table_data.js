// The tables: their columns, and where a row is in the timeline.

/** @import { Model, Document } from "./model.js" */
/** @import { Place } from "./places.js" */
import { dayText, since } from "./model.js";
import { holderText, tracksOfCpus, workText } from "./places.js";
import { countText, durationText, secondsText, shareText } from "./words.js";

/**
 * A cell has a text, and what the column is sorted by.
 * @typedef {{ text: string, by: number | string | bigint }} TableCell
 * @typedef {(row: Document) => number | string | null} TimeOf ns of the recording's clock
 * @typedef {{ title: string, isNumber: boolean, timeOf?: TimeOf,
 *   cell: (row: Document, index: number) => TableCell }} TableColumn
 * @typedef {{ rows: Document[], unlisted: number }} RowList `unlisted` are those not in the page
 * @typedef {RowList & { name: string, title: string, columns: TableColumn[],
 *   place: (row: Document) => Place | null, isStall?: boolean }} Table
 */

/**
 * @param {string} title
 * @param {(row: Document, index: number) => unknown} value
 * @returns {TableColumn}
 */
function words(title, value) {
  const cell = (/** @type {Document} */ row, /** @type {number} */ index) => {
    const text = String(value(row, index) ?? "");
    return { text, by: text };
  };
  return { title, isNumber: false, cell };
}

/**
 * @param {string} title
 * @param {(row: Document, index: number) => number | null | undefined} value
 * @param {(value: number) => string} [print]
 * @returns {TableColumn}
 */
function number(title, value, print = countText) {
  const cell = (/** @type {Document} */ row, /** @type {number} */ index) => {
    const result = value(row, index);
    return { text: result === null || result === undefined ? "" : print(result), by: result ?? -1 };
  };
  return { title, isNumber: true, cell };
}

/**
 * @param {string} title
 * @param {TimeOf} timeOf
 * @param {(ns: bigint) => string} [print]
 * @returns {TableColumn}
 */
function time(title, timeOf, print = secondsText) {
  const cell = (/** @type {Document} */ row) => {
    const ns = timeOf(row);
    return ns === null ? { text: "", by: -1n } : { text: print(BigInt(ns)), by: BigInt(ns) };
  };
  return { title, isNumber: true, timeOf, cell };
}

/**
 * @param {Model} model
 * @param {Table} table
 * @returns {Table} with the time of day after its first time, where the recording has one
 */
function withTimeOfDay(model, table) {
  const { columns } = table;
  const first = columns.findIndex(({ timeOf }) => timeOf);
  const timeOf = columns[first]?.timeOf;
  const date = dayText(model, 0).slice(0, 11);
  if (!timeOf || !date) return table;
  // To the millisecond, and with the date if the recording goes past midnight.
  const cut = dayText(model, model.duration).startsWith(date) ? date.length : 0;
  const ofDay = time("UTC", timeOf, (ns) => dayText(model, since(model, ns)).slice(cut, 23));
  return { ...table, columns: [...columns.slice(0, first + 1), ofDay, ...columns.slice(first + 1)] };
}

const order = number("#", (_, index) => index + 1);
const cpu = number("CPU", (row) => row.cpu, String);
const percent = (/** @type {number} */ share) => shareText(share, 1);
const from = time("from (s)", (row) => row.start_ns);
const length = number("length", (row) => row.duration_ns, durationText);
const path = words("path", (row) => (row.path ?? []).join(" → "));
const thread = words("thread", (row) => (row.comm === undefined ? "" : `${row.comm} ${row.tid}`));

/** @type {TableColumn[]} */
const STALL_COLUMNS = [
  order,
  cpu,
  from,
  length,
  words("confidence", (row) => row.confidence),
  words("culprit", ({ culprit }) => (culprit ? holderText(culprit.holder) : "unknown")),
  words("in", ({ culprit }) => workText(culprit)),
  words("evidence", ({ evidence }) =>
    [...new Set((evidence ?? []).map((/** @type {Document} */ { kind }) => kind))].join(", "),
  ),
  words("softirqs waited", ({ victims }) => waitedText(victims?.softirqs)),
  number("packets after", ({ victims }) => victims?.packets),
];

/**
 * @param {Record<string, number> | undefined} softirqs longest wait in ns, by name
 * @returns {string}
 */
function waitedText(softirqs) {
  const waits = Object.entries(softirqs ?? {});
  return waits.map(([name, ns]) => `${name} ${durationText(ns)}`).join(", ");
}

/** @type {TableColumn[]} */
const CULPRIT_COLUMNS = [
  order,
  words("culprit", (row) => holderText(row.holder)),
  words("in", workText),
  number("stalls", (row) => row.stalls),
  number("sure", (row) => row.sure),
  number("total", (row) => row.total_ns, durationText),
  number("longest", (row) => row.longest_ns, durationText),
  number("every", (row) => row.every_ns, durationText),
  words("CPUs", (row) => (row.cpus ?? []).join(", ")),
  path,
];

/** @type {TableColumn[]} */
const WINDOW_COLUMNS = [
  order,
  cpu,
  time("from (s)", (row) => row.window.start_ns),
  time("episode (s)", (row) => row.start_ns),
  words("trigger", (row) => row.trigger?.comm),
  number("samples", (row) => row.window.samples),
  words(
    "dominated by",
    ({ dominating }) => dominating && (dominating.comm ?? `softirq ${dominating.softirq ?? "?"}`),
  ),
  words("in", ({ dominating }) => workText(dominating)),
  number("share", ({ dominating }) => dominating?.share, percent),
  number("held", ({ dominating }) => dominating?.time_ns, durationText),
];

/** @type {TableColumn[]} */
const PATH_COLUMNS = [
  order,
  words("verdict", (row) => row.verdict),
  words("task", (row) => row.comm ?? `softirq ${row.softirq ?? "?"}`),
  words("in", workText),
  number("episodes", (row) => row.episodes),
  number("share in windows", (row) => row.window_share, percent),
  number("share outside", (row) => row.baseline_share, percent),
  number(
    "lift",
    (row) => row.lift,
    (lift) => lift.toFixed(1),
  ),
  number(
    "p",
    (row) => row.p_value,
    (p) => p.toPrecision(2),
  ),
  number("median held", (row) => row.median_held_ns, durationText),
  path,
];

/** @type {TableColumn[]} */
const SYSCALL_COLUMNS = [
  order,
  words("class", (row) => row.class),
  thread,
  cpu,
  words("system call", (row) => row.syscall),
  from,
  length,
  number("on CPU", (row) => row.on_cpu_ns, durationText),
  number("able to run", (row) => row.runnable_ns, durationText),
  number("asleep", (row) => row.asleep_ns, durationText),
  words("doubt", (row) => row.doubt),
];

/** @type {TableColumn[]} */
const BACKLOG_COLUMNS = [
  order,
  cpu,
  time("gap from (s)", (row) => row.gap_start_ns),
  time("packets from (s)", (row) => row.start_ns),
  number("gap", (row) => Number(BigInt(row.start_ns) - BigInt(row.gap_start_ns)), durationText),
  number("packets", (row) => row.packets),
  number("waited", (row) => row.waited_ns, durationText),
  words("cause", (row) => row.cause),
];

/** @type {TableColumn[]} */
const PACKET_COLUMNS = [
  order,
  cpu,
  time("time (s)", (row) => row.time_ns),
  thread,
  words("context", (row) => row.context),
  words("system call", (row) => row.syscall),
  words("device", (row) => row.device),
  number("bytes", (row) => row.bytes),
  number("gap before", (row) => row.gap_ns, durationText),
];

/** @type {TableColumn[]} */
const OVERLOAD_COLUMNS = [
  order,
  cpu,
  from,
  length,
  number("softirqs", (row) => row.share, percent),
  words("server", (row) => row.server),
  words("softirq", (row) => row.softirq),
  words("function", (row) => row.function),
  number("stalls", (row) => row.stalls),
];

/** @type {TableColumn[]} */
const MOMENT_COLUMNS = [
  number("line", (row) => row.line),
  from,
  number("took", (row) => row.took_ns, durationText),
  words("stalls", (row) => (row.stalls ?? []).map((/** @type {Document} */ { stall }) => stall).join(", ")),
  number("after the stall", (row) => row.stalls?.[0]?.over_ns, durationText),
];

/**
 * All tables that a page may have. One without its document is empty.
 * @param {Model} model
 * @returns {Table[]}
 */
export function tablesOf(model) {
  const { stalls, window: windows, syscalls, packets } = model.documents;
  const tracks = tracksOfCpus(model);
  /** @type {(row: Document, start: number | string, end: number | string) => Place} */
  const placeOf = (row, start, end) => {
    const from = since(model, start);
    return { track: tracks.get(row.cpu) ?? -1, start: from, end: Math.max(from + 1, since(model, end)) };
  };
  const own = (/** @type {Document} */ row) => placeOf(row, row.start_ns, row.end_ns);
  const ofWindow = (/** @type {Document} */ row) => placeOf(row, row.window.start_ns, row.window.end_ns);
  const rowOf = (/** @type {Document | undefined} */ row, /** @type {(row: Document) => Place} */ place) =>
    row ? place(row) : null;
  /** @type {Document[]} */
  const stallRows = stalls?.stalls ?? [];
  /** @type {Document[]} */
  const windowRows = windows?.episodes ?? [];
  const { unlisted } = model.page;
  /** @type {(document: Document | null | undefined, key: string, more?: number) => RowList} */
  const rowsOf = (document, key, more) => ({ rows: document?.[key] ?? [], unlisted: more ?? 0 });
  /** @type {(row: Document) => (other: Document | null | undefined) => boolean} */
  const isWorkOf = (row) => (other) => other?.function === row.function && other?.syscall === row.syscall;
  /** @type {Table[]} */
  const tables = [
    {
      name: "stalls",
      title: "Stalls",
      ...rowsOf(stalls, "stalls", unlisted.stalls),
      columns: STALL_COLUMNS,
      isStall: true,
      place: own,
    },
    {
      name: "culprits",
      title: "Culprits",
      ...rowsOf(stalls, "ranking", unlisted.culprits),
      columns: CULPRIT_COLUMNS,
      isStall: true,
      place: (row) => {
        const isOwn = isWorkOf(row);
        return rowOf(
          stallRows.find(({ culprit, duration_ns }) => duration_ns === row.longest_ns && isOwn(culprit)),
          own,
        );
      },
    },
    {
      name: "windows",
      title: "Windows",
      ...rowsOf(windows, "episodes", unlisted.episodes),
      columns: WINDOW_COLUMNS,
      place: ofWindow,
    },
    {
      name: "paths",
      title: "Paths in windows",
      ...rowsOf(windows, "ranking", windows?.ranking_unlisted),
      columns: PATH_COLUMNS,
      place: (row) => {
        const isOwn = isWorkOf(row);
        return rowOf(
          windowRows.find(({ dominating }) => dominating?.comm === row.comm && isOwn(dominating)),
          ofWindow,
        );
      },
    },
    {
      name: "syscalls",
      title: "Slow system calls",
      ...rowsOf(syscalls, "slow", unlisted.calls),
      columns: SYSCALL_COLUMNS,
      place: own,
    },
    {
      name: "backlogs",
      title: "Backlogs",
      ...rowsOf(packets, "backlogs", unlisted.backlogs),
      columns: BACKLOG_COLUMNS,
      place: (row) => placeOf(row, row.gap_start_ns, row.end_ns),
    },
    {
      name: "packets",
      title: "Packets",
      ...rowsOf(packets, "packets", unlisted.packets),
      columns: PACKET_COLUMNS,
      place: (row) => placeOf(row, row.time_ns, row.time_ns),
    },
    {
      name: "overloads",
      title: "Overloads",
      ...rowsOf(stalls, "overloads"),
      columns: OVERLOAD_COLUMNS,
      place: own,
    },
    {
      name: "moments",
      title: "Log",
      ...rowsOf(stalls?.at, "moments"),
      columns: MOMENT_COLUMNS,
      place: own,
    },
  ];
  return tables.map((table) => withTimeOfDay(model, table));
}

/**
 * @param {Table} table
 * @param {{ column: number, isDown: boolean }} sort
 * @returns {{ row: Document, cells: TableCell[] }[]} rows in order; equal ones stay as they are
 */
export function sortedRows({ rows, columns }, sort) {
  const printed = rows.map((row, index) => ({ row, cells: columns.map(({ cell }) => cell(row, index)) }));
  const sign = sort.isDown ? -1 : 1;
  return printed.sort((a, b) => {
    const [left, right] = [a.cells[sort.column]?.by ?? 0, b.cells[sort.column]?.by ?? 0];
    return left < right ? -sign : left > right ? sign : 0;
  });
}

/**
 * @param {{ columns: TableColumn[] }} table
 * @param {{ cells: TableCell[] }[]} rows
 * @returns {string} with tabs between columns
 */
export function tableText({ columns }, rows) {
  const head = columns.map(({ title }) => title).join("\t");
  return [head, ...rows.map(({ cells }) => cells.map(({ text }) => text).join("\t"))].join("\n") + "\n";
}

/**
 * @param {{ row: Document, cells: TableCell[] }} printed
 * @param {(text: string) => boolean} test
 * @returns {boolean} whether a search finds a row
 */
export function isRowMatch({ row, cells }, test) {
  const path = row.path ?? row.culprit?.path ?? row.dominating?.path ?? [];
  return cells.some(({ text }) => test(text)) || path.some(test);
}
