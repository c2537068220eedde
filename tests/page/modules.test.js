// Unit tests of the page's modules that need no browser: columns, levels of detail, flame charts, the
// heat map, search and lists: node --test tests/page/modules.test.js
import assert from "node:assert/strict";
import { test } from "node:test";
import zlib from "node:zlib";

import {
  APP,
  leb128,
  MAIN,
  READ,
  record,
  segmentOf,
  SERVER,
  SOFTIRQ,
  START,
  TRACK,
  VFS_READ,
} from "./made_up.js";

const load = (name) => import(`../../src/render/page/assets/${name}.js`);

test("base64, gzip and numbers are decoded", async () => {
  const { bytesOfBase64, gunzip, NumberReader } = await load("bytes");
  for (const length of [0, 1, 2, 3, 3000000]) {
    const bytes = Buffer.alloc(length, "stall");
    assert.deepEqual(Buffer.from(bytesOfBase64(`\n${bytes.toString("base64")}\n`)), bytes);
  }
  assert.equal(Buffer.from(await gunzip(zlib.gzipSync("stall"))).toString(), "stall");
  const numbers = [0, 127, 128, 300, 2 ** 32 + 5, 2 ** 53 - 1];
  const reader = new NumberReader(leb128(numbers));
  assert.deepEqual([...reader.fill(new Float64Array(6))], numbers);
  assert.ok(reader.isAtEnd());
  assert.throws(() => reader.read(), /end too early/);
});

test("columns become tracks", async () => {
  const model = await record({
    tracks: [
      {
        ...TRACK,
        waits: [[10, 90, 1]],
        bins: [
          [1, 5],
          [4, 2],
        ],
        counts: [1, 1, 7, 1, 1],
      },
      {},
    ],
    trips: [[400, 300]],
  });
  const [track] = model.tracks;
  assert.deepEqual([...track.start], [0, 50, 100, 200, 500]);
  assert.deepEqual([...track.end], [50, 100, 200, 300, 1000]);
  assert.deepEqual([...track.isIdle], [0, 0, 0, 1, 0]);
  assert.deepEqual([...track.count], [1, 1, 7, 1, 1]);
  assert.deepEqual([track.gaps.end[0], track.gaps.lost[0], track.waits.end[0]], [400, 9, 100]);
  assert.deepEqual([...track.packets.start], [100, 400]);
  assert.deepEqual([model.trips.start[0], model.trips.end[0]], [100, 400]);
  assert.deepEqual([...model.stacks.inSoftirq], [0, 0, 0, 0, 1]);
  const { framesOf, functionText, moduleText, since, clockTime } = await load("model");
  assert.deepEqual(framesOf(model, 3), [1, 2, 3]);
  assert.deepEqual(
    [functionText(model, VFS_READ), moduleText(model, MAIN), moduleText(model, READ)],
    ["vfs_read", "a.out", ""],
  );
  assert.equal(since(model, String(START + 5n)), 5);
  assert.equal(clockTime(model, 5), START + 5n);
});

test("data that are too short or too long are refused", async () => {
  await assert.rejects(record({ tracks: [{}], page: { trips: 1 } }), /end too early/);
  await assert.rejects(record({ tracks: [TRACK], page: { trips: 0, tracks: [] } }), /longer/);
});

test("sorted columns answer as a search through all values", async () => {
  const { countBelow, lastUpTo, Coverage, Peaks } = await load("sorted");
  const values = [1, 1, 3, 7];
  for (let limit = 0; limit < 9; limit++) {
    assert.equal(countBelow(values, limit), values.filter((value) => value < limit).length);
    const last = lastUpTo(values, limit);
    assert.ok(
      (last < 0 || values[last] <= limit) &&
        !(values[values.findLastIndex((value) => value < limit) + 1] < limit),
    );
  }
  const cover = new Coverage([0, 5, 20], [10, 8, 30]);
  for (let start = 0; start < 35; start++) {
    for (let end = start; end < 35; end++) {
      let covered = 0;
      for (let at = start; at < end; at++) covered += at < 10 || (at >= 20 && at < 30) ? 1 : 0;
      assert.equal(cover.within(start, end), covered);
    }
  }
  const heights = [3, 9, 2, 2, 8, 1, 9];
  const peaks = new Peaks(heights);
  for (let from = 0; from < 7; from++) {
    for (let to = from + 1; to <= 7; to++) {
      assert.equal(heights[peaks.greatest(from, to)], Math.max(...heights.slice(from, to)));
    }
  }
  assert.equal(peaks.greatest(3, 3), -1);
});

test("levels of detail have the time of all entries, whatever is visible", async () => {
  const entries = Array.from({ length: 3000 }, (_, i) => [
    i * 10,
    i % 7 === 0 ? 4 : 0,
    i % 3 === 0 ? 1 : 0,
    1,
    i % 2,
  ]);
  const model = await record({ tracks: [{ entries }], duration: 30000 });
  const { makeLevels, fillColumns, newColumns, whoOfTasks, WHO } = await load("levels");
  const [track] = model.tracks;
  const who = whoOfTasks(model);
  const levels = makeLevels(track, who, 30000);
  assert.ok(levels.length > 3);
  const heldIn = (start, end, kind) => {
    let sum = 0;
    for (let i = 0; i < track.start.length; i++) {
      const ran = track.isIdle[i] ? WHO.idle : who[track.task[i]];
      if (ran === kind) sum += Math.max(0, Math.min(end, track.end[i]) - Math.max(start, track.start[i]));
    }
    return sum;
  };
  for (const [view, width, slack] of [
    [{ start: 0, end: 30000 }, 300, 50],
    [{ start: 1000, end: 9000 }, 50, 200],
    [{ start: 1234, end: 1334 }, 40, 1e-3],
  ]) {
    const columns = newColumns(width);
    fillColumns(columns, track, who, levels, view);
    for (const kind of Object.values(WHO)) {
      let sum = 0;
      for (let x = 0; x < width; x++) sum += columns.sums[x * 4 + kind];
      assert.ok(
        Math.abs(sum - heldIn(view.start, view.end, kind)) <= slack,
        `${kind} in ${JSON.stringify(view)}`,
      );
    }
  }
});

test("the ordered flame chart keeps time, order and width", async () => {
  const model = await record({ tracks: [TRACK] });
  const { layOutInOrder, FILLER, commLabel } = await load("flame_order");
  const layout = layOutInOrder(model, [segmentOf(model, 25, 600)], null);
  const row = (depth) =>
    layout.blocks
      .filter((block) => block.depth === depth)
      .sort((a, b) => a.start - b.start)
      .map(({ label, start, end, samples }) => [label, start, end, samples]);
  assert.deepEqual(row(0), [
    [commLabel(model, APP), 0, 175, 2],
    [FILLER.idle, 175, 275, 1],
    [FILLER.unsampled, 275, 325, 0],
    [FILLER.lost, 325, 375, 0],
    [FILLER.unsampled, 375, 475, 0],
    [commLabel(model, SERVER), 475, 575, 1],
  ]);
  assert.deepEqual(row(1), [
    [MAIN, 0, 175, 2],
    [SOFTIRQ, 475, 575, 1],
  ]);
  assert.deepEqual(row(2), [[READ, 0, 175, 2]]);
  assert.deepEqual(row(3), [[VFS_READ, 0, 75, 1]]);
  assert.equal(layout.total, 575);

  // Pieces of a selection are side by side, and never joined.
  const pieces = layOutInOrder(model, [segmentOf(model, 0, 40), segmentOf(model, 60, 100)], null);
  const mains = pieces.blocks.filter(({ label }) => label === MAIN).map(({ start, end }) => [start, end]);
  assert.deepEqual(mains, [
    [0, 40],
    [40, 80],
  ]);
  const zoomed = layOutInOrder(model, [segmentOf(model, 0, 40), segmentOf(model, 60, 100)], {
    start: 30,
    end: 50,
  });
  assert.deepEqual(
    zoomed.blocks.filter(({ label }) => label === READ).map(({ start, end }) => [start, end]),
    [
      [30, 40],
      [40, 50],
    ],
  );
});

test("blocks too narrow to see are joined, and their time is not lost", async () => {
  const entries = Array.from({ length: 20000 }, (_, i) => [
    i * 10,
    0,
    0,
    i % 2 ? 3 : 4,
    i % 2 ? APP : SERVER,
  ]);
  const model = await record({ tracks: [{ entries }], duration: 200000 });
  const { layOutInOrder, FILLER } = await load("flame_order");
  const layout = layOutInOrder(model, [segmentOf(model, 0, 200000)], null);
  assert.ok(layout.narrow > 0);
  const narrow = layout.blocks.filter(({ depth, label }) => depth === 0 && label === FILLER.narrow);
  assert.equal(
    narrow.reduce((sum, { start, end }) => sum + end - start, 0),
    200000,
  );
  assert.equal(
    narrow.reduce((sum, { samples }) => sum + samples, 0),
    20000,
  );
});

test("the merged flame graph adds up equal paths, by name or by weight", async () => {
  const model = await record({ tracks: [TRACK] });
  const { mergeStacks, layOutMerged, labelText } = await load("flame_merge");
  const tree = mergeStacks(model, [segmentOf(model, 0, 1000)]);
  assert.deepEqual(
    [tree.root.time, tree.root.samples, tree.idle, tree.lost, tree.unsampled],
    [700, 4, 100, 50, 150],
  );
  const names = (order, focus) =>
    layOutMerged(model, tree, order, focus).blocks.map(({ label, start, end }) => [
      labelText(model, label),
      start,
      end,
    ]);
  assert.deepEqual(names("name", []), [
    ["app_one", 0, 200],
    ["main", 0, 200],
    ["read", 0, 200],
    ["vfs_read", 0, 100],
    ["ksoftirqd/1", 200, 700],
    ["softirq", 200, 700],
  ]);
  assert.equal(names("weight", [])[0][0], "ksoftirqd/1");
  const [app] = layOutMerged(model, tree, "name", []).blocks;
  assert.deepEqual(names("name", [...app.path, MAIN]).at(-1), ["vfs_read", 0, 100]);
});

test("the difference compares windows with the rest of their CPUs", async () => {
  const entries = Array.from({ length: 10 }, (_, i) => [
    i * 100,
    0,
    0,
    i === 4 ? 3 : 4,
    i === 4 ? APP : SERVER,
  ]);
  const model = await record({ tracks: [{ entries }, { entries }] });
  const { compareWindows, windowSegments, layOutMerged, changeOf } = await load("flame_merge");
  const windows = [
    { track: 0, start: 300, end: 500 },
    { track: 0, start: 450, end: 500 },
    { track: -1, start: 0, end: 9 },
  ];
  assert.deepEqual(
    windowSegments(model, windows).map(({ start, end }) => [start, end]),
    [[300, 500]],
  );
  const { root } = compareWindows(model, windows);
  assert.deepEqual([root.time, root.rest], [200, 800]);
  const changes = layOutMerged(model, compareWindows(model, windows), "name", [])
    .blocks.filter(({ depth }) => depth === 0)
    .map((block) => changeOf(block, root));
  assert.equal(changes[0], 1);
  assert.ok(changes[1] < 0);
});

test("the heat map has each sample once, and rectangles are times", async () => {
  const entries = Array.from({ length: 500 }, (_, i) => [i * 7e6, 0, i % 2, i % 5 ? 3 : 4, APP]);
  const model = await record({ tracks: [{ entries }], duration: 3.5e9 });
  const { heatOf, heatTest, heatPeriod, rectangleSelection, rectanglesOf } = await load("heat");
  const heat = heatOf(model, model.tracks, heatTest(model, "busy", null));
  assert.deepEqual([heat.columns, heat.sampleSum, heat.hitSum], [4, 500, 250]);
  assert.equal(heatOf(model, model.tracks, heatTest(model, "softirq", null)).hitSum, 100);
  assert.equal(heatOf(model, model.tracks, heatTest(model, "comm:5", null)).hitSum, 500);
  assert.deepEqual([10e9, 301e9, 9e12].map(heatPeriod), [1e9, 2e9, 30e9]);
  const rows = rectangleSelection({ column: 2, row: 9 }, { column: 0, row: 5 }, 1e9, 3);
  assert.deepEqual(rows, { track: 3, start: 0.1e9, end: 0.2e9, period: 1e9, times: 3 });
  assert.deepEqual(
    rectanglesOf(rows, 1e9).map(({ column, top, bottom }) => [column, top, bottom]),
    [
      [0, 5, 10],
      [1, 5, 10],
      [2, 5, 10],
    ],
  );
  const all = rectangleSelection({ column: 1, row: 0 }, { column: 2, row: 49 }, 1e9, 3);
  assert.deepEqual([all.start, all.end, all.times], [1e9, 3e9, 1]);
});

test("search finds by text and by expression, and counts samples", async () => {
  const model = await record({ tracks: [TRACK] });
  const { parseQuery, findMatches, countMatches, matchedTimes } = await load("search");
  const count = (query, start = 0, end = 1000) =>
    countMatches(findMatches(model, parseQuery(query)), [segmentOf(model, start, end)]);
  assert.deepEqual(
    ["VFS", "read", "/^read$/", "APP ONE", "app_one", "nothing"].map((query) => count(query)),
    [2, 3, 3, 3, 3, 0],
  );
  assert.equal(count("vfs", 40, 1000), 1);
  assert.equal(parseQuery("  "), null);
  assert.match(parseQuery("/(/").error, /group/);
  const times = matchedTimes(findMatches(model, parseQuery("vfs")), model.tracks[0]);
  assert.deepEqual([...times], [0, 50, 100, 100, 100, 100]);
});

test("samples are listed as collapse prints them", async () => {
  const model = await record({ tracks: [TRACK, { entries: [[10, 0, 0, 1, APP]] }] });
  const { listSamples, entryOfLine, lineText } = await load("listing");
  const listing = listSamples([segmentOf(model, 60, 400), segmentOf(model, 0, 1000, 1)]);
  const lines = Array.from({ length: listing.lines }, (_, line) => {
    const { track, index } = entryOfLine(listing, line);
    return lineText(model, track, index);
  });
  assert.deepEqual(lines, [
    "0\t9007199254.740993223\tapp_one;main;read 1",
    "0\t9007199254.740993323\tswapper 1",
    "1\t9007199254.740993133\tapp_one;main 1",
  ]);
});
