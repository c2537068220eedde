// The tables, what is copied, the command line of a selection, and the help.

import assert from "node:assert/strict";
import test from "node:test";

import { documentsOf, nsOf, Recording, runLine, secondsOf, withPage } from "./support.js";

const evidence = Recording.named("evidence");
const { start_ns: begin } = documentsOf(evidence.page()).page;
const UNITS = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 };

/** What a cell is sorted by: a number, a length, a share, a time of day or a text. */
function valueOf(text, isNumber) {
  // As text, times of one day are in the order of time.
  if (!isNumber || /^\d\d:\d\d:\d\d\.\d{3}$/.test(text)) return text;
  if (text === "") return -1;
  const [, number, unit] = /^(-?[\d.]+)(?: (ns|µs|ms|s|%))?$/.exec(text.replaceAll(",", ""));
  return Number(number) * (UNITS[unit] ?? 1);
}

test("tables are sorted by each column, up and down", async () => {
  await withPage(evidence.page(), async (view) => {
    for (const table of ["stalls", "culprits", "windows", "paths", "syscalls", "backlogs", "packets"]) {
      await view.click(`#table-tabs [data-table="${table}"]`);
      const before = await view.rows();
      const titles = Object.keys(before[0]);
      for (const [column, title] of titles.entries()) {
        // A long table takes its time.
        if (before.length > 500 && column % 4 !== 2) continue;
        const head = view.page.locator(`#table-head th:nth-child(${column + 1})`);
        const isNumber = ((await head.getAttribute("class")) ?? "").includes("number");
        const orders = [];
        for (let click = 0; click < 2; click++) {
          await head.locator("button").click();
          await view.settle();
          const order = await head.getAttribute("aria-sort");
          orders.push(order);
          const sorts = await view.page
            .locator("#table-head th")
            .evaluateAll((heads) => heads.map((cell) => cell.getAttribute("aria-sort")));
          assert.equal(sorts.filter((sort) => sort !== "none").length, 1);
          const rows = await view.rows();
          const values = rows.map((row) => valueOf(row[title], isNumber));
          const sign = order === "ascending" ? 1 : -1;
          values.forEach((value, at) => {
            if (at === 0) return;
            const last = values[at - 1];
            assert.ok(
              last === value || (last < value ? sign : -sign) > 0,
              `${table} by ${title}, ${order}: ${last} before ${value}`,
            );
          });
          assert.deepEqual(
            rows.map((row) => JSON.stringify(row)).sort(),
            before.map((row) => JSON.stringify(row)).sort(),
            "the same rows",
          );
          assert.equal(
            await head.locator("button").evaluate((button) => button === document.activeElement),
            true,
            "the focus stays",
          );
        }
        assert.deepEqual(orders.sort(), ["ascending", "descending"], `${table} by ${title}`);
      }
    }
  });
});

test("a row goes to its place, by mouse and by keyboard", async () => {
  const [stalls, windows, calls, packets] = ["stalls", "window", "syscalls", "packets"].map((command) =>
    evidence.json(command),
  );
  const [stall] = stalls.stalls.slice().sort((a, b) => b.duration_ns - a.duration_ns);
  const places = {
    stalls: [stalls.stalls[1].start_ns - 100e6, stalls.stalls[1].end_ns, 2],
    culprits: [stall.start_ns - 100e6, stall.end_ns, 1],
    windows: [windows.episodes[2].window.start_ns, windows.episodes[2].window.end_ns, 3],
    syscalls: [calls.slow[3].start_ns, calls.slow[3].end_ns, 4],
    backlogs: [packets.backlogs[1].gap_start_ns, packets.backlogs[1].end_ns, 2],
    packets: [packets.packets.filter(({ backlog }) => backlog !== null)[4].time_ns, null, 5],
  };
  await withPage(evidence.page(), async (view) => {
    for (const [table, [start, end, row]] of Object.entries(places)) {
      await view.click(`#table-tabs [data-table="${table}"]`);
      for (const isKey of [false, true]) {
        await view.press("0");
        await view.page.keyboard.press("Escape");
        const line = view.page.locator(`#table-body tr:nth-child(${row})`);
        if (isKey) {
          await line.focus();
          await view.press("Enter");
        } else await line.click();
        await view.settle();
        const selection = await view.selection();
        assert.equal(selection.start, Math.max(0, start - begin), table);
        assert.equal(selection.end, end === null ? selection.start + 1 : end - begin, table);
        const range = await view.range();
        assert.ok(
          range.start <= selection.start && selection.end <= range.end,
          `${table}: the timeline is there`,
        );
        assert.equal(await line.getAttribute("aria-current"), "true");
        if (isKey)
          assert.equal(
            await line.evaluate((element) => element === document.activeElement),
            true,
            "the focus stays",
          );
      }
    }
  });
});

test("a table is copied as text, in its order", async () => {
  await withPage(evidence.page(), async (view) => {
    for (const table of ["stalls", "syscalls", "packets"]) {
      await view.click(`#table-tabs [data-table="${table}"]`);
      await view.click("#table-head th:nth-child(3) button");
      const rows = await view.rows();
      const expected = [Object.keys(rows[0]), ...rows.map((row) => Object.values(row))]
        .map((cells) => `${cells.join("\t")}\n`)
        .join("");
      assert.equal(await view.copied("table-copy"), expected, table);
    }
  });
});

test("a long table has its first rows, and all on demand", async () => {
  await withPage(evidence.page(), async (view) => {
    await view.click(`#table-tabs [data-table="packets"]`);
    const rows = () => view.page.locator("#table-body tr").count();
    const queued = evidence.json("packets").packets.filter(({ backlog }) => backlog !== null).length;
    assert.ok(queued > 1000);
    assert.equal(await rows(), 100);
    await view.click("#table-all");
    assert.equal(await rows(), Math.min(20_000, queued));
    assert.equal(await view.isVisible("table-all"), false);
  });
});

test("the command line of a selection gives the same time on a terminal", async () => {
  for (const name of ["system", "evidence"]) {
    const recording = Recording.named(name);
    const first = BigInt(documentsOf(recording.page()).page.start_ns);
    await withPage(recording.page(), async (view) => {
      for (const keys of [[], ["]"], ["0", "v"], ["k"]]) {
        await view.press(...keys);
        const command = await view.text("command");
        assert.equal(await view.copied("command-copy"), command);
        const { start, end, track, samples } = await view.selection();
        const [from, to] = [first + BigInt(start), first + BigInt(end)];
        assert.ok(
          command.startsWith(`stallgraph window --time ${secondsOf(from)},${secondsOf(to)} `),
          command,
        );
        assert.equal(command.includes(" -C "), track >= 0);
        const { code, stdout, stderr } = runLine(`${command} --format json`);
        assert.ok(code === 0 || code === 1, `${command}: ${code} ${stderr}`);
        const { episodes } = JSON.parse(stdout);
        const times = episodes.map(({ start_ns: ns }) => BigInt(ns));
        assert.ok(
          times.every((ns) => from <= ns && ns < to),
          command,
        );
        const inside = recording
          .json("window")
          .episodes.filter(
            ({ cpu, start_ns: ns }) =>
              from <= BigInt(ns) && BigInt(ns) < to && (track < 0 || command.includes(` -C ${cpu} `)),
          );
        assert.ok(
          episodes.length >= inside.length,
          `${episodes.length} episodes, ${inside.length} of the whole are there`,
        );

        await view.press("3");
        const [, listing] = /: (stallgraph .*?)(?: Outside of .*)?$/.exec(await view.text("list-caption"));
        const printed = runLine(listing);
        assert.equal(printed.code, 0, printed.stderr);
        assert.equal(printed.stdout.split("\n").length - 1, samples, listing);
      }
    });
  }
});

test("a link is copied that leads to the same place", async () => {
  await withPage(evidence.page(), async (view) => {
    await view.press("]");
    const link = await view.copied("link-copy");
    const { start, end } = await view.selection();
    const [, from, to] = /[#&]time=([\d.]+),([\d.]+)/.exec(link);
    assert.deepEqual([nsOf(from), nsOf(to)], [BigInt(begin) + BigInt(start), BigInt(begin) + BigInt(end)]);
  });
});

test("the help lists the keys, and keys do nothing while it is open", async () => {
  await withPage(evidence.page(), async (view) => {
    await view.press("?");
    assert.equal(await view.isVisible("help"), true);
    const keys = await view.page.locator("#help kbd").allTextContents();
    for (const key of [
      "W",
      "A",
      "S",
      "D",
      "[",
      "]",
      "/",
      "Esc",
      "?",
      "0",
      "F",
      "V",
      "J",
      "K",
      ",",
      ".",
      "1",
      "5",
    ]) {
      assert.ok(keys.includes(key), key);
    }
    const box = await view.page.locator("#help").boundingBox();
    assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 1280 && box.y + box.height <= 720, "it fits");
    const before = await view.range();
    await view.press("w", "d", "0", "3");
    assert.deepEqual(await view.range(), before);
    assert.equal(await view.isVisible("flame-panel"), true);
    await view.press("Escape");
    assert.equal(await view.isVisible("help"), false);
    await view.click("#help-open");
    assert.equal(await view.isVisible("help"), true);
    await view.click("#help-close");
    assert.equal(await view.isVisible("help"), false);
    await view.press("w");
    assert.notDeepEqual(await view.range(), before);
  });
});

test("Esc takes back one thing at a time", async () => {
  await withPage(evidence.page(), async (view) => {
    await view.page.locator("#query").fill("lseek");
    await view.press("Enter");
    const flame = await view.box("flame-canvas");
    const whole = (await view.data("flame-canvas")).endNs;
    await view.page.mouse.click(flame.x + flame.width * 0.6, flame.y + 9);
    await view.click("#selected-title");
    await view.press(".");
    assert.equal(await view.isVisible("details"), true);
    await view.press("Escape");
    assert.equal(await view.isVisible("details"), false);
    assert.notEqual((await view.data("flame-canvas")).endNs, whole);
    await view.press("Escape");
    assert.equal((await view.data("flame-canvas")).endNs, whole);
    assert.equal(await view.page.locator("#query").inputValue(), "lseek");
    await view.press("Escape");
    assert.equal(await view.page.locator("#query").inputValue(), "");
    await view.press("/", "r", "e", "a", "d", "Escape");
    assert.equal(await view.page.locator("#query").inputValue(), "", "Esc in the field clears it");
  });
});
