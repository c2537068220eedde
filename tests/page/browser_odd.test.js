// Odd recordings: nothing that stalls, hardly any samples, none at all, idle CPUs, losses; and what
// is drawn beside the lanes: packets, and the round trips of a log.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { lanesOf } from "./lanes.js";
import { CALL, everyMs, sampleText, stallingText } from "./script_text.js";
import { documentsOf, folder, Recording, secondsOf, withPage } from "./support.js";

const IDLE = [
  "common_startup_64",
  "start_secondary",
  "cpu_startup_entry",
  "do_idle",
  "cpuidle_enter",
  "default_idle",
];

/** Goes through all of a page: whatever it holds, it answers. */
async function useEverything(view) {
  for (const key of [
    "0",
    "w",
    "a",
    "d",
    "s",
    "[",
    "]",
    "f",
    "v",
    "j",
    "k",
    "k",
    ".",
    ",",
    "1",
    "2",
    "3",
    "4",
    "5",
    "Escape",
  ])
    await view.press(key);
  for (const mode of ["1", "2", "3", "4", "5"]) {
    await view.press(mode);
    for (const id of ["lane-canvas", "overview-canvas", "flame-canvas", "heat-canvas"]) {
      if (!(await view.isVisible(id))) continue;
      const { x, y, width, height } = await view.box(id);
      for (const [across, down] of [
        [0.1, 0.2],
        [0.5, 0.5],
        [0.9, 0.9],
      ])
        await view.hover(x + across * width, y + down * Math.min(height, 60));
      await view.page.mouse.click(x + width * 0.5, y + Math.min(30, height / 2));
      await view.settle();
    }
  }
  for (const tab of await view.page.locator("#table-tabs button").all()) await tab.click();
  await view.page.locator("#query").fill("e");
  await view.settle();
  await view.page.locator("#query").fill("");
  await view.press("Enter");
  await view.settle();
}

test("a recording without stalls says so, and shows what ran", async () => {
  const text = everyMs(0, 3000, { comm: "envoy", stack: ["main", "work"] });
  const recording = Recording.ofText("healthy", text);
  await withPage(recording.page(), async (view) => {
    assert.notEqual(await view.page.locator("header.verdict").getAttribute("data-verdict"), "stalling");
    assert.equal(await view.isVisible("stall-choice"), false);
    assert.equal(Number((await view.data("overview-canvas")).stalls), 0);
    assert.equal((await view.selection()).samples, 3000, "everything is selected");
    assert.match(await view.text("table-caption"), /^None in this recording/);
    assert.equal(await view.isVisible("table"), false);
    await view.press("4");
    assert.match(await view.text("flame-caption"), /nothing to compare/);
    await useEverything(view);
  });
});

test("one sample is shown", async () => {
  const recording = Recording.ofText("one", sampleText({ comm: "only", ns: 5e9, stack: ["main", "leaf"] }));
  await withPage(recording.page(), async (view) => {
    assert.equal((await view.selection()).samples, 1);
    await view.press("3");
    assert.equal(
      await view.page.locator("#list-space .line").textContent(),
      "0\t5.000000000\tonly;main;leaf 1",
    );
    await view.press(".");
    assert.deepEqual(await view.page.locator("#details-stack li").allTextContents(), [
      "main  ([kernel.kallsyms])",
      "leaf  ([kernel.kallsyms])",
    ]);
    await useEverything(view);
  });
});

test("without samples the page is what there is", async () => {
  const line = (ms, event, rest) => `task 1000/1000 [000] ${secondsOf(1e9 + ms * 1e6)}: ${event}: ${rest}\n`;
  let text = "";
  for (let ms = 0; ms < 500; ms += 5) {
    text += line(ms, "irq:softirq_raise", "vec=3 [action=NET_RX]");
    text += line(ms + 0.5, "irq:softirq_entry", "vec=3 [action=NET_RX]");
    text += line(ms + 1, "irq:softirq_exit", "vec=3 [action=NET_RX]");
  }
  const recording = Recording.ofText("events", text);
  await withPage(recording.page(), async (view) => {
    assert.equal(documentsOf(view.file).page.samples, 0);
    assert.ok((await view.page.locator("header.verdict h1").textContent()).length > 10);
    assert.equal((await view.selection()).samples, 0);
    await useEverything(view);
  });
});

test("four CPUs, three of them idle", async () => {
  let text = stallingText({
    culprit: "holder",
    stack: [...CALL, "ksys_read", "long_function"],
    cpu: 2,
    rounds: 4,
  });
  for (const cpu of [0, 1, 3]) text += everyMs(0, 3900, { comm: "swapper", pid: 0, cpu, stack: IDLE });
  const recording = Recording.ofText("idle", text);
  const idle = recording.samples(["-C", "3"]);
  assert.equal(idle.length, 3900);
  await withPage(recording.page(), async (view) => {
    assert.match(await view.text("selection-text"), /^CPU 2, /);
    await view.press("0");
    const lanes = await lanesOf(view);
    assert.deepEqual(lanes.tracks, [0, 1, 2, 3]);
    for (const cpu of [0, 1, 3])
      assert.deepEqual(
        await view.pixel("lane-canvas", 500, lanes.y(cpu)),
        [232, 234, 237],
        `CPU ${cpu} is idle`,
      );
    assert.notDeepEqual(await view.pixel("lane-canvas", 500, lanes.y(2)), [232, 234, 237]);
    await view.hover(...lanes.inWindow(500, lanes.y(3)));
    const { title, lines } = await view.tip();
    assert.match(title, /^swapper/);
    assert.ok(
      lines.some((line) => line.endsWith("idle")),
      lines.join("\n"),
    );
    await view.page.mouse.click(...lanes.inWindow(15, lanes.y(3)));
    await view.press("0", "v", "2");
    assert.match(await view.text("flame-caption"), /^0 ns busy of 3\.9\d s.*idle 3\.9\d? s/);
    await view.press("1");
    const flame = await view.box("flame-canvas");
    await view.hover(flame.x + 300, flame.y + 9);
    assert.equal((await view.tip()).title, "idle");
    await useEverything(view);
  });
});

test("losses are drawn and told", async () => {
  const text =
    everyMs(0, 1000, { comm: "envoy", stack: ["main", "work"] }) +
    `envoy 1000/1000 [000] 2.399000000: PERF_RECORD_LOST lost 1234\n` +
    everyMs(1400, 2500, { comm: "envoy", stack: ["main", "work"] });
  const recording = Recording.ofText("lossy", text);
  await withPage(recording.page(), async (view) => {
    assert.match(await view.page.locator("header.verdict .trust").textContent(), /1234 records were lost/);
    await view.press("0");
    const lanes = await lanesOf(view);
    const columns = [];
    for (let x = 0; x < 12; x++)
      columns.push(String(await view.pixel("lane-canvas", lanes.x(2.23e9) + x, lanes.y(0))));
    assert.deepEqual([...new Set(columns)].sort(), ["204,121,167", "236,205,222"], "lost time is hatched");
    await view.hover(...lanes.point(2.23e9, 0));
    assert.match((await view.tip()).title, /1,234 records lost/);
    await view.press("v", "k", "2");
    assert.match(await view.text("flame-caption"), /lost 39\d ms/);
    await view.press("1");
    const flame = await view.box("flame-canvas");
    await view.hover(flame.x + (1.2 / 2.5) * flame.width, flame.y + 9);
    assert.equal((await view.tip()).title, "lost");
    await useEverything(view);
  });
});

test("unsampled time is hatched, and is no sample's", async () => {
  const text =
    everyMs(0, 1000, { comm: "envoy", stack: ["main"] }) +
    everyMs(1400, 2500, { comm: "envoy", stack: ["main"] });
  await withPage(Recording.ofText("hole", text).page(), async (view) => {
    await view.press("0");
    const lanes = await lanesOf(view);
    const columns = new Set();
    for (let x = 0; x < 12; x++)
      columns.add(String(await view.pixel("lane-canvas", lanes.x(2.23e9) + x, lanes.y(0))));
    assert.deepEqual([...columns].sort(), ["214,217,221", "250,250,251"]);
    await view.hover(...lanes.point(2.23e9, 0));
    assert.match((await view.tip()).title, /unsampled/);
    await view.page.mouse.click(...lanes.point(2.23e9, 0));
    await view.settle();
    assert.equal(await view.isVisible("details"), false);
  });
});

const evidence = Recording.named("evidence");

test("packets are plotted below the lanes, and each ms tells its number", async () => {
  const packets = evidence.json("packets").packets;
  await withPage(evidence.page(), async (view) => {
    const { start_ns: begin, packet_bin_ns: bin } = documentsOf(view.file).page;
    const sums = new Map();
    for (const { time_ns: ns } of packets) {
      const at = Math.floor((ns - begin) / bin);
      sums.set(at, (sums.get(at) ?? 0) + 1);
    }
    const [busiest, most] = [...sums].sort((a, b) => b[1] - a[1])[0];
    const middle = begin + (busiest + 0.5) * bin;
    await view.page.evaluate(
      (hash) => {
        location.hash = hash;
      },
      `#cpu=1&time=${secondsOf(Math.floor(middle - 20e6))},${secondsOf(Math.floor(middle + 20e6))}`,
    );
    await view.page.waitForTimeout(20);
    await view.settle();
    const lanes = await lanesOf(view);
    const plot = await view.box("packet-plot");
    await view.hover(plot.x + lanes.x(Math.floor(middle)), plot.y + 40);
    const { title, lines } = await view.tip();
    assert.match(title, new RegExp(`^${most.toLocaleString("en")} packets in `));
    assert.ok(
      lines.some((line) => line.startsWith(`${most.toLocaleString("en")} on CPU 1`)),
      lines.join("\n"),
    );
    const { points } = await view.data("packet-plot");
    assert.ok(Number(points) > 100);
  });
});

test("round trips of a log are on the same axis", async () => {
  // The recording tells when its clock was at which time of day.
  const { start_ns: begin, since_1970_ns: day } = documentsOf(evidence.page()).page;
  const trips = Array.from({ length: 40 }, (_, index) => ({
    since: 200e6 + index * 100e6,
    ms: index === 20 ? 120 : 1,
  }));
  const seconds = (since) =>
    `${(BigInt(day) + BigInt(since)) / 1000000000n}.${String(((BigInt(day) + BigInt(since)) / 1000n) % 1000000n).padStart(6, "0")}`;
  const log = join(folder, "ping.txt");
  writeFileSync(
    log,
    trips
      .map(
        ({ since, ms }, index) =>
          `[${seconds(since)}] 64 bytes from 192.0.2.2: icmp_seq=${index + 1} ttl=64 time=${ms}.0 ms\n`,
      )
      .join(""),
  );
  await withPage(evidence.page(["--at", log]), async (view) => {
    assert.equal(documentsOf(view.file).page.trips, trips.length);
    await view.press("0");
    assert.equal(Number((await view.data("trip-plot")).points), trips.length);
    const lanes = await lanesOf(view);
    const plot = await view.box("trip-plot");
    const slow = begin + trips[20].since;
    await view.hover(plot.x + lanes.x(slow) - 5, plot.y + 30);
    const { title, lines } = await view.tip();
    assert.equal(title, "Round trip of 120 ms");
    const [, answered] = /^answered at ([\d.]+) s/.exec(lines[0]);
    assert.ok(Math.abs(Number(answered) - slow / 1e9) < 1e-5, lines[0]);
    await view.click('#table-tabs [data-table="moments"]');
    assert.ok((await view.rows()).length > 0);
    await useEverything(view);
  });
});
