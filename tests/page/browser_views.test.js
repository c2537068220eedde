// The views of the selection: flame charts, the list, the heat map, and the search in all of them.

import assert from "node:assert/strict";
import test from "node:test";

import { lanesOf } from "./lanes.js";
import { documentsOf, Recording, run, secondsOf, withPage } from "./support.js";

const MATCH = [200, 0, 170];
const MODES = ["ordered", "merged", "list", "difference", "heat"];
const PANELS = { ordered: "flame", merged: "flame", difference: "flame", list: "list", heat: "heat" };

const post = Recording.named("post");
const { start_ns: begin, duration_ns: duration } = documentsOf(post.page()).page;
const numberIn = (text) => Number(/[\d,]+/.exec(text)[0].replaceAll(",", ""));

test("views are switched by mouse and by number keys", async () => {
  await withPage(post.page(), async (view) => {
    const assertMode = async (mode) => {
      for (const panel of ["flame", "list", "heat"]) {
        assert.equal(await view.isVisible(`${panel}-panel`), PANELS[mode] === panel, `${mode}: ${panel}`);
      }
      const pressed = await view.page
        .locator("#modes [aria-pressed=true]")
        .evaluateAll((buttons) => buttons.map(({ dataset }) => dataset.mode));
      assert.deepEqual(pressed, [mode]);
      if (PANELS[mode] === "flame") assert.equal((await view.data("flame-canvas")).mode, mode);
    };
    await assertMode("ordered");
    for (const [index, mode] of MODES.entries()) {
      await view.press(String(index + 1));
      await assertMode(mode);
    }
    for (const mode of MODES) {
      await view.click(`#modes [data-mode=${mode}]`);
      await assertMode(mode);
    }
  });
});

/** A stretch of consecutive samples of one comm, inside the selection. */
function longestRun(samples) {
  let best = [0, 0];
  for (let from = 0, to = 0; from < samples.length; from = to) {
    for (to = from; to < samples.length && samples[to].comm === samples[from].comm; to++);
    if (to - from > best[1] - best[0]) best = [from, to];
  }
  return best;
}

test("the ordered flame chart shows who ran at its time, to the exact width", async () => {
  await withPage(post.page(), async (view) => {
    const samples = post.samples(await view.commandOptions());
    const [from, to] = longestRun(samples);
    const { start, end } = await view.selection();
    const since = (sample) => Number(sample.ns - BigInt(begin));
    const box = await view.box("flame-canvas");
    const x = (time) => ((time - start) / (end - start)) * box.width;
    const middle = x((since(samples[from]) + since(samples[to])) / 2);
    await view.hover(box.x + middle, box.y + 9);
    const { title, lines } = await view.tip();
    assert.equal(title, samples[from].comm);
    assert.ok(
      lines.some((line) => line.endsWith(`· ${to - from} samples`)),
      lines.join("\n"),
    );
    const shown = Number(/^([\d.]+) ms/.exec(lines[1])[1]);
    const range = `${secondsOf(samples[from].ns)},${secondsOf(samples[to].ns)}`;
    const held = run(["collapse", "--weight", "us", "-C", "1", "--time", range, post.file]).stdout.match(
      /\d+$/gm,
    );
    const ms = held.reduce((sum, us) => sum + Number(us), 0) / 1000;
    assert.ok(Math.abs(shown - ms) <= 0.01 * ms, `${shown} ms is not ${ms} ms`);

    // Every function below, from the caller to the callee, in the middle of the run.
    const sample = samples[Math.floor((from + to) / 2)];
    const at = x(since(sample) + 300e3);
    for (const [depth, name] of sample.stack.slice(0, 8).entries()) {
      await view.hover(box.x + at, box.y + 19 * (depth + 1) + 9);
      assert.equal((await view.tip()).title, name, `depth ${depth}`);
    }
    // Two samples later than its end it is another's.
    const after = samples[to + 1];
    await view.hover(box.x + x(since(after) + 300e3), box.y + 9);
    assert.equal((await view.tip()).title, after.comm);
  });
});

test("a click zooms a flame chart in, the button and Esc zoom out", async () => {
  await withPage(post.page(), async (view) => {
    for (const mode of ["ordered", "merged"]) {
      await view.click(`#modes [data-mode=${mode}]`);
      const whole = await view.data("flame-canvas");
      const box = await view.box("flame-canvas");
      await view.hover(box.x + box.width * 0.6, box.y + 9);
      const { title, lines } = await view.tip();
      await view.page.mouse.click(box.x + box.width * 0.6, box.y + 9);
      await view.settle();
      const zoomed = await view.data("flame-canvas");
      const length = Number(zoomed.endNs) - Number(zoomed.startNs);
      assert.ok(length < Number(whole.endNs) - Number(whole.startNs), mode);
      const ms = Number(/^([\d.]+) ms/.exec(lines[1])[1]);
      assert.ok(Math.abs(length / 1e6 - ms) <= ms * 0.006, `${mode}: ${length} ns of ${title}, ${lines[1]}`);
      assert.equal(await view.isVisible("flame-out"), true);
      await view.hover(box.x + 5, box.y + 9);
      assert.equal((await view.tip()).title, title, "it fills the width");
      await view.hover(box.x + box.width - 5, box.y + 9);
      assert.equal((await view.tip()).title, title, "it fills the width");
      if (mode === "ordered") await view.click("#flame-out");
      else await view.press("Escape");
      assert.deepEqual(await view.data("flame-canvas"), whole, mode);
      assert.equal(await view.isVisible("flame-out"), false);
    }
  });
});

test("a merged flame graph is ordered by name or by weight", async () => {
  await withPage(post.page(), async (view) => {
    await view.press("2");
    const names = async () => {
      await view.page.locator("#flame-canvas").focus();
      const found = [];
      for (;;) {
        await view.press("ArrowRight");
        const { title, lines } = await view.tip();
        if (found.at(-1)?.title === title) return found;
        found.push({ title, samples: numberIn(lines[1].split(" · ")[1]), share: parseFloat(lines[3]) });
      }
    };
    const byName = await names();
    assert.ok(byName.length > 3);
    assert.deepEqual(
      byName,
      byName.slice().sort((a, b) => (a.title < b.title ? -1 : 1)),
    );
    await view.press("Escape");
    await view.page.locator("#order").selectOption("weight");
    const byWeight = await names();
    assert.deepEqual(
      byWeight.map(({ share }) => share),
      byName.map(({ share }) => share).sort((a, b) => b - a),
    );
  });
});

test("the keyboard moves in a flame chart and zooms it", async () => {
  await withPage(post.page(), async (view) => {
    await view.page.locator("#flame-canvas").focus();
    await view.press("ArrowRight", "ArrowDown");
    const below = (await view.tip()).title;
    assert.equal(await view.isVisible("flame-mark"), true);
    await view.press("ArrowDown", "ArrowUp");
    assert.equal((await view.tip()).title, below);
    const before = await view.data("flame-canvas");
    await view.press("Enter");
    assert.notEqual((await view.data("flame-canvas")).endNs, before.endNs);
    await view.press("Escape");
    assert.equal((await view.data("flame-canvas")).endNs, before.endNs);
  });
});

test("the difference compares windows with the rest", async () => {
  await withPage(post.page(), async (view) => {
    await view.press("4");
    const windows = post.json("window").episodes;
    assert.match(
      await view.text("flame-caption"),
      new RegExp(`^${windows.length} windows: [\\d.]+ m?s busy, against [\\d.]+ m?s busy in the rest`),
    );
    const samples = post.samples();
    const isInside = ({ ns }) =>
      windows.some(({ window }) => ns >= BigInt(window.start_ns) && ns < BigInt(window.end_ns));
    await view.page.locator("#flame-canvas").focus();
    let facts = null;
    for (let i = 0; i < 60 && facts?.title !== "node_exporter"; i++) {
      await view.press("ArrowRight");
      facts = await view.tip();
    }
    const own = samples.filter((sample) => sample.comm === "node_exporter" && isInside(sample)).length;
    assert.ok(facts.lines[1].endsWith(`· ${own} samples`), facts.lines.join("\n"));
    const [inWindows, outside] = [2, 3].map((line) => parseFloat(facts.lines[line]));
    assert.ok(inWindows > 60 && outside < 20, `${inWindows} % against ${outside} %`);
    assert.equal(await view.isVisible("difference-legend"), true);
  });
});

const SEARCHES = [
  ["lseek", (text) => text.toLowerCase().includes("lseek")],
  ["SOFTIRQ", (text) => text.toLowerCase().includes("softirq")],
  ["/^seq_/", (text) => /^seq_/.test(text)],
  ["/ARP_SEQ/i", (text) => /ARP_SEQ/i.test(text)],
  ["/ARP_SEQ/", (text) => /ARP_SEQ/.test(text)],
  ["node_exporter", (text) => text.toLowerCase().includes("node_exporter")],
  ["/(^|_)free$|hash.*hook/", (text) => /(^|_)free$|hash.*hook/.test(text)],
  ["nothing is called so", () => false],
];

test("the search counts samples as one counts lines of collapse", async () => {
  await withPage(post.page(), async (view) => {
    const all = post.samples();
    const selected = post.samples(await view.commandOptions());
    const countIn = (samples, isMatch) =>
      samples.filter(({ comm, stack }) => [comm, ...stack].some(isMatch)).length;
    for (const [query, isMatch] of SEARCHES) {
      await view.page.locator("#query").fill(query);
      await view.settle();
      const [everywhere, here] = [countIn(all, isMatch), countIn(selected, isMatch)];
      const found = await view.data("found");
      assert.deepEqual([Number(found.count), Number(found.selected)], [everywhere, here], query);
      const text = await view.text("found");
      assert.equal(numberIn(text), everywhere, text);
      const [ofAll, ofSelection] = [...text.matchAll(/([\d.]+) %/g)].map(([, percent]) => Number(percent));
      assert.ok(Math.abs(ofAll - (100 * everywhere) / all.length) < 0.06, text);
      assert.ok(Math.abs(ofSelection - (100 * here) / selected.length) < 0.06, text);
      assert.equal(await view.page.locator("#query").getAttribute("aria-invalid"), "false");
    }
    assert.equal(await view.page.locator("#query").inputValue(), "nothing is called so");
  });
});

test("a wrong regular expression is told, and finds nothing", async () => {
  await withPage(post.page(), async (view) => {
    for (const query of ["/[/", "/(/", "/*/", "/a{2,1}/i"]) {
      await view.page.locator("#query").fill(query);
      await view.settle();
      assert.match(await view.text("found"), /^not a regular expression: ./, query);
      assert.equal(await view.page.locator("#query").getAttribute("aria-invalid"), "true");
    }
    await view.page.locator("#query").fill("");
    await view.settle();
    assert.equal(await view.text("found"), "");
  });
});

test("matches are marked in the lanes, in the flame chart, in the list and in tables", async () => {
  const samples = post.samples(["-C", "1"]);
  const at = samples.findIndex(
    ({ stack }, index) =>
      stack.some((name) => name.includes("lseek")) &&
      !samples[index - 1].stack.some((name) => name.includes("lseek")),
  );
  const [first, before] = [Number(samples[at].ns), Number(samples[at - 1].ns)];
  const range = `${secondsOf(first - 20e6)},${secondsOf(first + 20e6)}`;
  await withPage(
    post.page(),
    async (view) => {
      const lanes = await lanesOf(view);
      const y = lanes.top(1) + lanes.shape.markers + lanes.shape.activity - 2;
      const marks = async () => [
        await view.pixel("lane-canvas", lanes.x(first + 3e6), y),
        await view.pixel("lane-canvas", lanes.x(before + 300e3), y),
      ];
      const flame = await view.box("flame-canvas");
      const blockAt = (time) => ((time - first + 20e6) / 40e6) * flame.width;
      const depth = samples[at].stack.findIndex((name) => name.includes("lseek")) + 1;
      const flameMark = () => view.pixel("flame-canvas", blockAt(first + 10e6) + 3, 19 * depth + 3);
      assert.notDeepEqual(await flameMark(), MATCH);
      assert.notDeepEqual((await marks())[0], MATCH);

      await view.press("/");
      await view.page.keyboard.type("lseek");
      await view.press("Enter");
      const [on, off] = await marks();
      assert.deepEqual(on, MATCH);
      assert.notDeepEqual(off, MATCH);
      assert.deepEqual(await flameMark(), MATCH);
      assert.ok(Number((await view.data("flame-canvas")).matches) > 0);
      const rows = await view.page.locator("#table-body tr.match").count();
      assert.equal(rows, post.json("stalls").stalls.length, "all stalls are of lseek");

      await view.press("3");
      const lines = await view.page
        .locator("#list-space .line")
        .evaluateAll((items) =>
          items.map((item) => ({ text: item.textContent, isMatch: item.classList.contains("match") })),
        );
      assert.ok(lines.length > 10);
      for (const { text, isMatch } of lines) assert.equal(isMatch, text.includes("lseek"), text);
      await view.press("Escape");
      assert.equal(await view.page.locator("#query").inputValue(), "", "Esc takes the search back");
      assert.equal(await view.page.locator("#list-space .line.match").count(), 0);
      assert.notDeepEqual((await marks())[0], MATCH);
    },
    { fragment: `#cpu=1&time=${range}&view=${range}` },
  );
});

/** The point of the window in the middle of a cell of the heat map. */
async function cellPoint(view, column, row) {
  const { x, y, width } = await view.box("heat-canvas");
  const { columns } = await view.data("heat-canvas");
  const wide = Math.min(160, (width - 68) / Number(columns));
  return [x + 64 + (column + 0.5) * wide, y + row * 6 + 3];
}

test("a rectangle of the heat map is selected, and all views follow", async () => {
  await withPage(post.page(), async (view) => {
    await view.press("5");
    assert.equal(Number((await view.data("heat-canvas")).columns), Math.ceil(duration / 1e9));
    await view.page.locator("#heat-canvas").scrollIntoViewIfNeeded();
    await view.drag(await cellPoint(view, 4, 30), await cellPoint(view, 2, 10));
    const { start, end, period, times, track, samples } = await view.selection();
    assert.deepEqual([start, end, period, times, track], [2e9 + 10 * 20e6, 2e9 + 31 * 20e6, 1e9, 3, -1]);
    const isInside = ({ ns }) => {
      const since = Number(ns - BigInt(begin));
      return since >= 2e9 && since < 5e9 && since % 1e9 >= 200e6 && since % 1e9 < 620e6;
    };
    const expected = post.samples().filter(isInside);
    assert.equal(samples, expected.length);
    const range = await view.range();
    assert.ok(range.start <= start && range.end >= end + 2e9, "the timeline shows all of it");
    await view.press("3");
    assert.equal(Number((await view.data("list")).lines), expected.length);
    assert.deepEqual(
      (await view.copied("list-copy")).split("\n").slice(0, -1),
      expected.map(({ text }) => text),
    );
    await view.press("1");
    assert.equal(Number((await view.data("flame-canvas")).total), 3 * 420e6);
    await view.press("2");
    assert.match(await view.text("flame-caption"), / of 1\.26 s,/);
    assert.equal(await view.isVisible("command-note"), true, "the command is of the first part only");

    // Whole columns are one time.
    await view.press("5");
    await view.drag(await cellPoint(view, 5, 0), await cellPoint(view, 6, 49));
    const whole = await view.selection();
    assert.deepEqual([whole.start, whole.end, whole.times], [5e9, 7e9, 1]);
  });
});

test("the keyboard selects in the heat map", async () => {
  await withPage(post.page(), async (view) => {
    await view.press("5");
    await view.page.locator("#heat-canvas").focus();
    await view.press("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowDown");
    assert.match((await view.tip()).title, /^[\d,]+ of [\d,]+ samples?$/);
    await view.press("Enter");
    const { start, end, period, times } = await view.selection();
    assert.deepEqual([start, end, period, times], [1e9 + 20e6, 1e9 + 60e6, 1e9, 2]);
  });
});

test("the heat map is of all tracks or of the selected one", async () => {
  const system = Recording.named("system");
  await withPage(system.page(), async (view) => {
    await view.press("5");
    assert.equal(Number((await view.data("heat-canvas")).samples), system.samples().length);
    await view.page.locator("#heat-all").uncheck();
    await view.settle();
    assert.equal(Number((await view.data("heat-canvas")).samples), system.samples(["-C", "1"]).length);
    await view.page.locator("#heat-all").check();
    await view.page.locator("#heat-by").selectOption("softirq");
    await view.settle();
    const served = system
      .samples()
      .filter(({ stack }) =>
        stack.some((name) => /^(handle_softirqs|do_softirq|run_ksoftirqd)(\.|$)/.test(name)),
      );
    assert.equal(Number((await view.data("heat-canvas")).hits), served.length);
  });
});
