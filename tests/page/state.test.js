// Unit tests of the page's modules that need no browser: selections, links, places, plots, tables,
// and words: node --test tests/page/state.test.js
import assert from "node:assert/strict";
import { test } from "node:test";

import { record, START, TRACK } from "./made_up.js";

const load = (name) => import(`../../src/render/page/assets/${name}.js`);

test("a selection has segments, words and a command", async () => {
  const model = await record({ tracks: [TRACK, TRACK] });
  const { segmentsOf, commandText, selectionText, clampSelection, samplesIn } = await load("selection");
  const selection = { track: 1, start: 100, end: 200, period: 300, times: 9 };
  const clamped = clampSelection(model, selection);
  assert.equal(clamped.times, 3);
  assert.deepEqual(
    segmentsOf(model, clamped).map(({ start, end }) => [start, end]),
    [
      [100, 200],
      [400, 500],
      [700, 800],
    ],
  );
  assert.equal(segmentsOf(model, { ...clamped, track: -1 }).length, 6);
  assert.equal(samplesIn(segmentsOf(model, clamped)), 1);
  assert.equal(
    commandText(model, clamped, "window"),
    "stallgraph window --time 9007199254.740993223,9007199254.740993323 -C 1 'my file'",
  );
  assert.match(
    selectionText(model, clamped),
    /^CPU 1, 9007199254\.740993223 to .* \(100 ns\), and the same part of the 2 periods/,
  );
  assert.deepEqual(clampSelection(model, { track: 9, start: -5, end: 1e9, period: 0, times: 1 }), {
    track: -1,
    start: 0,
    end: 1000,
    period: 0,
    times: 1,
  });
});

test("an address gives back the state, and nonsense in it is ignored", async () => {
  const model = await record({ tracks: [TRACK, TRACK] });
  const { formatAddress, parseAddress } = await load("address");
  const address = {
    selection: { track: 1, start: 100, end: 200, period: 300, times: 2 },
    view: { start: 0, end: 1000 },
    mode: "merged",
    table: "windows",
    query: "a b&c=#/x/",
  };
  assert.deepEqual(parseAddress(model, `#${formatAddress(model, address)}`), address);
  const all = { ...address, selection: { ...address.selection, track: -1 }, query: "" };
  const { query, ...rest } = all;
  assert.deepEqual(parseAddress(model, formatAddress(model, all)), rest);
  for (const bad of [
    "",
    "#",
    "#time=1,2",
    "#time=x.1,y.2&view=&cpu=77",
    "#time=99.000000000,99.000000001",
    "#%%%",
  ]) {
    assert.deepEqual(parseAddress(model, bad), {}, bad);
  }
});

test("the view stays inside the recording, and a zoom keeps its anchor", async () => {
  const { clampView, zoomView, panView, Scale, viewAround } = await load("viewport");
  assert.deepEqual(clampView({ start: -50, end: 9e9 }, 1e6), { start: 0, end: 1e6 });
  assert.deepEqual(panView({ start: 0, end: 5e5 }, 9e9, 1e6), { start: 5e5, end: 1e6 });
  const zoomed = zoomView({ start: 0, end: 1e6 }, 0.5, 25e4, 1e6);
  assert.deepEqual(zoomed, { start: 125e3, end: 625e3 });
  assert.deepEqual(zoomView(zoomed, 9, 0, 1e6), { start: 0, end: 1e6 });
  assert.equal(zoomView(zoomed, 1e-9, 25e4, 1e6).end - zoomView(zoomed, 1e-9, 25e4, 1e6).start, 1000);
  assert.deepEqual(clampView({ start: 0, end: 9 }, 3), { start: 0, end: 3 });
  const around = viewAround({ start: 4e8, end: 5e8 }, 1e9);
  assert.ok(around.start < 4e8 && around.end > 5e8);
  const scale = new Scale({ start: 100, end: 200 }, 10, 50);
  assert.deepEqual([scale.x(150), scale.time(35)], [35, 150]);
});

test("the page opens at the longest of the surest stalls", async () => {
  const at = (ns) => String(START + BigInt(ns));
  const stall = (cpu, start, end, confidence) => ({
    cpu,
    start_ns: at(start),
    end_ns: at(end),
    duration_ns: end - start,
    confidence,
    culprit: { holder: { kind: "task", comm: "app", tid: 8 }, syscall: "lseek", function: "traverse" },
  });
  const tracks = [TRACK, TRACK];
  const { findPlaces, firstPlace, neighbourOf, withBefore, isShown } = await load("places");
  const stalls = [
    stall(0, 0, 900e6, "low"),
    stall(1, 200e6, 300e6, "high"),
    stall(0, 400e6, 600e6, "high"),
    stall(7, 0, 5e8, "high"),
  ];
  const model = await record({ tracks, duration: 1e9, documents: { stalls: { stalls } } });
  const places = findPlaces(model);
  assert.equal(places.stalls[1].culprit, "app (8) in lseek: traverse");
  const first = firstPlace(model, places);
  assert.deepEqual([first.track, first.start, first.end], [0, 300e6, 600e6]);
  const [, second, third] = places.stalls;
  assert.ok(isShown(third, withBefore(third)));
  assert.equal(neighbourOf(places.stalls, withBefore(third), -1), second);
  assert.equal(neighbourOf(places.stalls, withBefore(third), 1), undefined);

  const episodes = [
    { cpu: 1, start_ns: at(500), end_ns: at(520), window: { start_ns: at(400), end_ns: at(500) } },
  ];
  const windows = await record({ tracks, documents: { window: { episodes } } });
  assert.deepEqual(firstPlace(windows, findPlaces(windows)), { track: 1, start: 400, end: 521 });
  const busy = await record({ tracks: [{}, TRACK] });
  assert.deepEqual(firstPlace(busy, findPlaces(busy)), { track: 1, start: 0, end: 1000 });
  const nothing = await record({ tracks: [], duration: 0 });
  assert.deepEqual(firstPlace(nothing, findPlaces(nothing)), { track: 0, start: 0, end: 1 });
});

test("a moment is told in words", async () => {
  const places = { stalls: [], windows: [] };
  const model = await record({ tracks: [{ ...TRACK, waits: [[10, 900, 1]], bins: [[0, 3]] }] });
  const { momentFacts, entryNear } = await load("lane_facts");
  const [track] = model.tracks;
  assert.deepEqual(momentFacts(model, places, track, 60, 0).title, "app one 7/8");
  assert.deepEqual(momentFacts(model, places, track, 60, 0).lines.slice(0, 2), [
    "timer waited 900 ns",
    "3 packets in 100 ns",
  ]);
  assert.equal(momentFacts(model, places, track, 360, 0).title, "CPU 0: 9 records lost");
  assert.equal(momentFacts(model, places, track, 450, 0).title, "CPU 0: unsampled");
  assert.deepEqual(
    [entryNear(track, 310, 5), entryNear(track, 310, 20), entryNear(track, 490, 20)],
    [-1, 3, 4],
  );
});

test("plots have a point for each column, and lose no peak", async () => {
  const bins = Array.from({ length: 1000 }, (_, i) => [i, i === 777 ? 99 : 1]);
  const trips = Array.from({ length: 5000 }, (_, i) => [(i + 1) * 20, i === 1234 ? 500 : 3]);
  const model = await record({ tracks: [{ bins }, { bins }], duration: 1e5, trips });
  const { packetSums, tripPoints } = await load("plot_data");
  const [times, all, own] = packetSums(model).columns({ start: 0, end: 1e5 }, 100, 1);
  assert.deepEqual([times.length, Math.max(...all), Math.max(...own)], [100, 198, 99]);
  assert.deepEqual(packetSums(model).at(77750, 1), { all: 198, own: 99 });
  const points = tripPoints(model.trips, { start: 0, end: 1e5 }, 100);
  assert.equal(points.length, 100);
  assert.ok(points.includes(1234));
  assert.equal(tripPoints(model.trips, { start: 0, end: 100 }, 100).length, 5);
});

test("tables are sorted by value, and stay in order where values are equal", async () => {
  const stalls = [3, 1, 2, 1].map((length, i) => ({
    cpu: i,
    start_ns: String(START),
    end_ns: String(START + 9n),
    duration_ns: length * 1e6,
    confidence: "high",
    culprit: null,
  }));
  const model = await record({
    tracks: [TRACK],
    documents: { stalls: { stalls } },
    page: { unlisted: { stalls: 5 } },
  });
  const { tablesOf, sortedRows, tableText, isRowMatch } = await load("table_data");
  const [table] = tablesOf(model);
  const cpus = (isDown) => sortedRows(table, { column: 3, isDown }).map(({ row }) => row.cpu);
  assert.deepEqual(
    [cpus(false), cpus(true)],
    [
      [1, 3, 2, 0],
      [0, 2, 1, 3],
    ],
  );
  assert.equal(table.unlisted, 5);
  const rows = sortedRows(table, { column: 0, isDown: false });
  assert.equal(
    tableText(table, rows).split("\n")[1].split("\t").slice(0, 4).join(" "),
    "1 0 9007199254.740993123 3 ms",
  );
  assert.deepEqual(table.place(stalls[0]), { track: 0, start: 0, end: 9 });
  assert.equal(table.place(stalls[3]).track, -1);
  assert.ok(isRowMatch(rows[0], (text) => text === "unknown"));
});

test("tables have the time of day where the recording has one", async () => {
  const stalls = [{ cpu: 0, start_ns: String(START + 5000000n), end_ns: String(START + 9000000n), evidence: [] }];
  const headOf = async (since_1970_ns, duration_ns = 1e9) => {
    const page = { since_1970_ns, duration_ns, unlisted: {} };
    const model = await record({ tracks: [TRACK], documents: { stalls: { stalls } }, page });
    const { tablesOf, sortedRows, tableText } = await load("table_data");
    const [table] = tablesOf(model);
    const text = tableText(table, sortedRows(table, { column: 0, isDown: false }));
    return text.split("\n").map((line) => line.split("\t").slice(2, 5));
  };
  const from = ["from (s)", "length"];
  assert.deepEqual((await headOf(null))[0].slice(0, 2), from);
  // 1764431803.1 s after 1970, as date -u says it.
  const [titles, cells] = await headOf("1764431803123456789");
  assert.deepEqual(titles, ["from (s)", "UTC", "length"]);
  assert.deepEqual(cells.slice(0, 2), ["9007199254.745993123", "15:56:43.128"]);
  const past = await headOf("1764431803123456789", 9 * 3600e9);
  assert.equal(past[1][1], "2025-11-29 15:56:43.128");
});

test("the keyboard moves between blocks", async () => {
  const { neighbourBlock } = await load("flame_input");
  const block = (depth, start, end) => ({ depth, start, end });
  const layout = {
    blocks: [block(1, 5, 9), block(0, 0, 4), block(0, 4, 10), block(1, 4, 5), block(0, 10, 12)],
  };
  const move = (from, key) => neighbourBlock(layout, from, key);
  assert.equal(move(-1, "ArrowDown"), 1);
  assert.equal(move(1, "ArrowRight"), 2);
  assert.equal(move(2, "ArrowDown"), 3);
  assert.equal(move(3, "ArrowRight"), 0);
  assert.equal(move(0, "ArrowUp"), 2);
  assert.equal(move(4, "ArrowLeft"), 2);
  assert.equal(move(4, "ArrowRight"), 4);
});

test("numbers and times are printed as the program prints them", async () => {
  const { durationText, countText, shareText, secondsText, dayTimeText, axisTicks, tickText } =
    await load("words");
  assert.deepEqual([0, 999, 1500, 999600, 1e6, 62.04e6, 151.4e6, 999.6e6, 2.35e9, 120e9].map(durationText), [
    "0 ns",
    "999 ns",
    "1.50 µs",
    "1 ms",
    "1 ms",
    "62 ms",
    "151 ms",
    "1 s",
    "2.35 s",
    "120 s",
  ]);
  assert.deepEqual([0, 999, 1000, 1234567].map(countText), ["0", "999", "1,000", "1,234,567"]);
  assert.deepEqual(
    [
      [0, 5],
      [1, 3],
      [1, 1],
      [1, 1e6],
      [1, 0],
    ].map(([part, whole]) => shareText(part, whole)),
    ["0.00 %", "33.3 %", "100 %", "<0.01 %", "–"],
  );
  assert.deepEqual([5n, 4076466086204n, -5n].map(secondsText), [
    "0.000000005",
    "4076.466086204",
    "-0.000000005",
  ]);
  assert.equal(dayTimeText(1764431803123456789n), "2025-11-29 15:56:43.123456 UTC");
  assert.deepEqual(axisTicks(0, 1e9, 5), { step: 2e8, places: [0, 2e8, 4e8, 6e8, 8e8, 1e9] });
  assert.equal(tickText(4076466086204n, 1e7), "4076.46");
  assert.equal(tickText(4076466086204n, 2e9), "4076");
});
