// The page shows the numbers that the commands print.

import assert from "node:assert/strict";
import test from "node:test";

import { documentsOf, Recording, secondsOf, withPage } from "./support.js";

const NAMES = ["post", "system", "evidence", "mixed"];
const UNITS = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 };

/** That a text such as "1.25 ms" is a length, as exact as its digits. */
function assertLength(text, ns, where) {
  const [, number, unit] = /^(-?[\d.]+) (ns|µs|ms|s)$/.exec(text) ?? [];
  assert.ok(unit, `${where}: ${text}`);
  const shown = Number(number) * UNITS[unit];
  assert.ok(Math.abs(shown - ns) <= Math.abs(ns) * 0.006 + 0.5, `${where}: ${text} is not ${ns} ns`);
}

function assertShare(text, share, where) {
  const [, percent] = /^([\d.]+) %$/.exec(text) ?? [];
  assert.ok(Math.abs(Number(percent) - 100 * share) <= 0.051, `${where}: ${text} is not ${share}`);
}

const holder = (found) => {
  if (!found) return "unknown";
  if (found.kind === "task") return found.tid === undefined ? found.comm : `${found.comm} (${found.tid})`;
  return { softirq: `softirq ${found.softirq}`, machine: "the machine itself" }[found.kind];
};
const work = (path) => [path?.syscall, path?.function].filter((name) => name).join(": ");
const count = (number) => (number === null || number === undefined ? "" : number.toLocaleString("en"));

/** The rows of each table by the JSON of the commands: cells that are text, lengths and shares. */
function expectedTables(recording) {
  const [stalls, windows, calls, packets] = ["stalls", "window", "syscalls", "packets"].map((command) =>
    recording.json(command),
  );
  const queued = (packets?.packets ?? []).filter(({ backlog }) => backlog !== null).slice(0, 20_000);
  return {
    stalls: {
      of: stalls.stalls.length,
      rows: stalls.stalls.map((row) => ({
        texts: {
          CPU: String(row.cpu),
          "from (s)": secondsOf(row.start_ns),
          confidence: row.confidence,
          culprit: holder(row.culprit?.holder),
          in: work(row.culprit),
          evidence: [...new Set(row.evidence.map(({ kind }) => kind))].join(", "),
          "packets after": count(row.victims?.packets),
        },
        lengths: { length: row.duration_ns },
      })),
    },
    culprits: {
      of: stalls.ranking.length,
      rows: stalls.ranking.map((row) => ({
        texts: {
          culprit: holder(row.holder),
          in: work(row),
          stalls: count(row.stalls),
          sure: count(row.sure),
          CPUs: row.cpus.join(", "),
          path: row.path.join(" → "),
        },
        lengths: { total: row.total_ns, longest: row.longest_ns },
      })),
    },
    windows: {
      of: windows.episodes.length,
      rows: windows.episodes.map((row) => ({
        texts: {
          CPU: String(row.cpu),
          "from (s)": secondsOf(row.window.start_ns),
          "episode (s)": secondsOf(row.start_ns),
          trigger: row.trigger.comm,
          samples: count(row.window.samples),
          in: work(row.dominating),
          "dominated by": row.dominating ? (row.dominating.comm ?? `softirq ${row.dominating.softirq}`) : "",
        },
        lengths: row.dominating ? { held: row.dominating.time_ns } : {},
        shares: row.dominating ? { share: row.dominating.share } : {},
      })),
    },
    paths: {
      of: windows.ranking.length + windows.ranking_unlisted,
      rows: windows.ranking.map((row) => ({
        texts: {
          verdict: row.verdict,
          task: row.comm ?? `softirq ${row.softirq}`,
          in: work(row),
          episodes: count(row.episodes),
          path: row.path.join(" → "),
        },
        lengths: { "median held": row.median_held_ns },
        shares: { "share in windows": row.window_share, "share outside": row.baseline_share },
      })),
    },
    syscalls: {
      of: calls.slow.length,
      rows: calls.slow.map((row) => ({
        texts: {
          class: row.class,
          thread: `${row.comm} ${row.tid}`,
          CPU: String(row.cpu),
          "system call": row.syscall,
          "from (s)": secondsOf(row.start_ns),
          doubt: row.doubt ?? "",
        },
        lengths: { length: row.duration_ns, "on CPU": row.on_cpu_ns },
      })),
    },
    backlogs: {
      of: packets?.backlogs.length ?? 0,
      rows: (packets?.backlogs ?? []).map((row) => ({
        texts: {
          CPU: String(row.cpu),
          "gap from (s)": secondsOf(row.gap_start_ns),
          "packets from (s)": secondsOf(row.start_ns),
          packets: count(row.packets),
          cause: row.cause ?? "",
        },
        lengths: { waited: row.waited_ns, gap: row.start_ns - row.gap_start_ns },
      })),
    },
    packets: {
      of: packets?.packets.length ?? 0,
      rows: queued.map((row) => ({
        texts: {
          CPU: String(row.cpu),
          "time (s)": secondsOf(row.time_ns),
          thread: `${row.comm} ${row.tid}`,
          context: row.context,
          "system call": row.syscall ?? "",
          device: row.device ?? "",
          bytes: count(row.bytes),
        },
        lengths: row.gap_ns === null ? {} : { "gap before": row.gap_ns },
      })),
    },
    overloads: { of: stalls.overloads.length, rows: [] },
  };
}

for (const name of NAMES) {
  test(`the tables of ${name} have the rows that the commands print`, async () => {
    const recording = Recording.named(name);
    const tables = expectedTables(recording);
    await withPage(recording.page(), async (view) => {
      for (const [table, { of, rows }] of Object.entries(tables)) {
        const tab = `#table-tabs [data-table="${table}"]`;
        await view.click(tab);
        assert.match(await view.page.locator(tab).textContent(), new RegExp(`\\(${count(of)}\\)$`), table);
        if (of === 0) {
          assert.equal(await view.isVisible("table"), false, table);
          continue;
        }
        const shown = await view.rows();
        assert.equal(shown.length, rows.length, `${table}: rows`);
        const more = of - rows.length;
        const caption = await view.text("table-caption");
        assert.match(
          caption,
          new RegExp(`^${count(rows.length)} rows?${more ? `; ${count(more)} more are not` : "\\."}`),
        );
        rows.forEach(({ texts, lengths, shares }, at) => {
          const where = `${table}, row ${at + 1}`;
          assert.equal(shown[at]["#"], count(at + 1), where);
          const cells = Object.fromEntries(Object.keys(texts).map((title) => [title, shown[at][title]]));
          assert.deepEqual(cells, texts, where);
          for (const [title, ns] of Object.entries(lengths))
            assertLength(shown[at][title], ns, `${where}: ${title}`);
          for (const [title, share] of Object.entries(shares ?? {}))
            assertShare(shown[at][title], share, `${where}: ${title}`);
        });
      }
    });
  });

  test(`a selection in ${name} lists the samples that collapse prints`, async () => {
    const recording = Recording.named(name);
    await withPage(recording.page(), async (view) => {
      const check = async (what) => {
        await view.press("3");
        const expected = recording.samples(await view.commandOptions());
        assert.ok(expected.length > 0, what);
        assert.equal((await view.selection()).samples, expected.length, what);
        assert.match(await view.text("selection-text"), new RegExp(` ${count(expected.length)} samples?$`));
        assert.equal(Number((await view.data("list")).lines), expected.length, what);
        const lines = (await view.copied("list-copy")).split("\n").slice(0, -1);
        assert.deepEqual(
          lines,
          expected.map(({ text }) => text),
          what,
        );
        await scrollList(view, 0);
        assert.equal(
          await view.page.locator("#list-space .line").first().textContent(),
          expected[0].text,
          what,
        );
        await scrollList(view, 1e9);
        assert.equal(
          await view.page.locator("#list-space .line").last().textContent(),
          expected.at(-1).text,
          what,
        );
      };
      await check("the first selection");
      await view.press(/ 1 of /.test(await view.text("stall-number")) ? "]" : "[");
      await check("another stall");
      await view.press("0", "v", "k", "k");
      await check("everything");
      assert.equal((await view.selection()).samples, recording.samples().length);
      assert.equal(documentsOf(recording.page()).page.samples, recording.samples().length);
    });
  });

  test(`the flame charts of ${name} have the samples of the selection`, async () => {
    const recording = Recording.named(name);
    await withPage(recording.page(), async (view) => {
      for (const step of ["a stall", "everything"]) {
        if (step === "everything") await view.press("0", "v", "k", "k");
        const samples = recording.samples(await view.commandOptions());
        const busy = samples.filter(({ comm, stack }) => !isIdle(comm, stack));
        const { start, end, track } = await view.selection();

        await view.press("1");
        const ordered = await view.data("flame-canvas");
        const tracks = track < 0 ? documentsOf(recording.page()).page.tracks.length : 1;
        assert.equal(Number(ordered.total), (end - start) * tracks, `${step}: all of the time`);

        await view.press("2");
        const merged = await view.data("flame-canvas");
        const blocks = await topBlocks(view);
        const byComm = tally(busy.map(({ comm }) => comm));
        for (const { name: comm, samples: own } of blocks)
          assert.equal(own, byComm.get(comm) ?? 0, `${step}: ${comm}`);
        const drawn = blocks.reduce((sum, block) => sum + block.samples, 0);
        const narrow = [...byComm].filter(([comm]) => !blocks.some((block) => block.name === comm));
        assert.equal(drawn + narrow.reduce((sum, [, number]) => sum + number, 0), busy.length, step);
        if (narrow.length > 0) assert.ok(Number(merged.narrow) >= narrow.length, "what is not drawn is told");
        const shares = blocks.reduce((sum, block) => sum + block.busy, 0);
        assert.ok(
          shares > 95 && shares < 101 + blocks.length * 0.05,
          `${step}: shares of the busy time are ${shares} %`,
        );
        assert.ok(Number(merged.total) <= (end - start) * tracks, "no more time than there is");
        await view.page.locator("#selected-title").click();
      }
    });
  });

  test(`the heat map of ${name} has every sample`, async () => {
    const recording = Recording.named(name);
    const samples = recording.samples();
    const { start_ns: begin, tasks, strings } = documentsOf(recording.page()).page;
    await withPage(recording.page(), async (view) => {
      await view.press("5");
      const check = async (by, isHit) => {
        await view.page.locator("#heat-by").selectOption(by);
        await view.settle();
        const hits = samples.filter(isHit);
        const shown = await view.data("heat-canvas");
        assert.equal(Number(shown.samples), samples.length, by);
        assert.equal(Number(shown.hits), hits.length, by);
        const caption = await view.text("heat-caption");
        assert.ok(caption.includes(`: ${count(hits.length)} of ${count(samples.length)} samples.`), caption);
        const cells = tally(
          hits.map(({ ns }) => {
            const since = Number(ns - BigInt(begin));
            return `${Math.floor(since / 1e9)}:${Math.floor((since % 1e9) / 2e7)}`;
          }),
        );
        const [hottest, most] = [...cells].sort((a, b) => b[1] - a[1])[0];
        assert.equal(Number(shown.most), most, by);
        const [column, row] = hottest.split(":").map(Number);
        assert.match(await heatTip(view, column, row), new RegExp(`^${count(most)} of [\\d,]+ samples?$`));
      };
      await check("busy", ({ comm, stack }) => !isIdle(comm, stack));
      const busiest = await view.page
        .locator("#heat-by option[value^='comm:']")
        .first()
        .getAttribute("value");
      const comm = strings[Number(busiest.slice(5))];
      const folded = strings[tasks.find((task) => strings[task.comm] === comm).folded];
      await check(busiest, (sample) => sample.comm === folded);
      await view.page.locator("#query").fill("softirq");
      await check("match", ({ text }) => text.toLowerCase().includes("softirq"));
    });
  });
}

/** The idle task, while it waits: not in an interrupt, and not on its way to another task. */
function isIdle(comm, stack) {
  return (
    comm.startsWith("swapper") &&
    /^(cpu_startup_entry|do_idle|call_cpuidle|cpuidle_enter.*|default_.*idle|pv_native_safe_halt)$/.test(
      stack.at(-1) ?? "do_idle",
    )
  );
}

/** @returns {Map<string, number>} how often each value is there */
function tally(values) {
  const sums = new Map();
  for (const value of values) sums.set(value, (sums.get(value) ?? 0) + 1);
  return sums;
}

async function scrollList(view, top) {
  await view.page.locator("#list").evaluate((list, to) => {
    list.scrollTop = to;
  }, top);
  await view.settle();
}

/** The blocks of the first row of a merged flame graph, found with the keyboard. */
async function topBlocks(view) {
  await view.page.locator("#flame-canvas").focus();
  const blocks = [];
  for (let before = ""; blocks.length < 200;) {
    await view.press("ArrowRight");
    const { title, lines } = await view.tip();
    const key = [title, ...lines].join("|");
    if (key === before) break;
    before = key;
    const samples = Number(/ · ([\d,]+) samples?$/.exec(lines[1])[1].replaceAll(",", ""));
    blocks.push({ name: title, samples, busy: Number(/^<?([\d.]+) % of its busy time$/.exec(lines[3])[1]) });
  }
  return blocks;
}

/** The title of the tip of a cell of the heat map. */
async function heatTip(view, column, row) {
  const { x, y, width } = await view.box("heat-canvas");
  const { columns } = await view.data("heat-canvas");
  const wide = Math.min(160, (width - 68) / Number(columns));
  await view.hover(x + 64 + (column + 0.4) * wide, y + row * 6 + 3);
  return (await view.tip()).title;
}
