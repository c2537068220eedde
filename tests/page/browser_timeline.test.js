// The timeline and the strip of the whole recording: moving in time, and pointing at things.

import assert from "node:assert/strict";
import test from "node:test";

import { lanesOf } from "./lanes.js";
import { documentsOf, Recording, secondsOf, withPage } from "./support.js";

const CULPRIT = [213, 94, 0];
const SERVER = [0, 114, 178];

const system = Recording.named("system");
const stalls = system.json("stalls").stalls;
const { start_ns: begin, duration_ns: duration } = documentsOf(system.page()).page;
const fragmentOf = (cpu, start, end) =>
  `#cpu=${cpu}&time=${secondsOf(start)},${secondsOf(end)}&view=${secondsOf(start)},${secondsOf(end)}`;

function assertNear(actual, expected, least, what) {
  assert.ok(Math.abs(actual - expected) <= least, `${what}: ${actual} is not ${expected} ± ${least}`);
}

test("the wheel zooms around the pointer", async () => {
  await withPage(system.page(), async (view) => {
    for (const turn of [-300, -300, 250, 4000]) {
      const before = await lanesOf(view);
      const x = before.left + 0.3 * before.width;
      const time = before.time(x);
      await view.hover(...before.inWindow(x, 40));
      await view.page.mouse.wheel(0, turn);
      await view.page.waitForTimeout(60);
      await view.settle();
      const after = await lanesOf(view);
      if (turn < 0) assert.ok(after.range.length < before.range.length * 0.8, "closer");
      else assert.ok(after.range.length > before.range.length * 1.2, "farther");
      if (turn < 4000) assertNear(after.time(x), time, after.perPixel, "the time at the pointer");
      else
        assert.deepEqual([after.range.start, after.range.end], [0, duration], "no farther than everything");
    }
    const lanes = await lanesOf(view);
    await view.hover(...lanes.inWindow(10, 40));
    await view.page.mouse.wheel(0, 200);
    await view.page.waitForTimeout(200);
    assert.equal((await view.range()).length, duration, "beside the lanes the page scrolls");
    assert.ok((await view.page.evaluate(() => scrollY)) > 0);
  });
});

test("the timeline never shows less than it can, or what is not there", async () => {
  await withPage(system.page(), async (view) => {
    const lanes = await lanesOf(view);
    await view.hover(...lanes.inWindow(500, 40));
    for (let i = 0; i < 40; i++) await view.page.mouse.wheel(0, -1000);
    await view.settle();
    const closest = await view.range();
    assert.ok(closest.length >= 999 && closest.length < 2e6, `${closest.length} ns`);
    assert.ok(closest.start >= 0 && closest.end <= duration);
    for (let i = 0; i < 30; i++) await view.page.keyboard.press("ArrowLeft");
    await view.press("0", "w", "w");
    for (let i = 0; i < 40; i++) await view.page.keyboard.press("a");
    await view.settle();
    assert.equal((await view.range()).start, 0);
    for (let i = 0; i < 80; i++) await view.page.keyboard.press("d");
    await view.settle();
    assert.equal((await view.range()).end, duration);
  });
});

test("a drag moves the time with the pointer, and selects nothing", async () => {
  await withPage(system.page(), async (view) => {
    const before = await lanesOf(view);
    const selection = await view.selection();
    await view.drag(before.inWindow(700, 40), before.inWindow(450, 45));
    const after = await lanesOf(view);
    assertNear(after.range.length, before.range.length, 2, "the length");
    assertNear(after.time(450), before.time(700), after.perPixel, "what is under the pointer");
    assert.deepEqual(await view.selection(), selection);
    assert.equal(await view.isVisible("details"), false);
  });
});

test("keys move and zoom, and 0, F and V go between the view and the selection", async () => {
  await withPage(system.page(), async (view) => {
    await view.press("w", "w");
    for (const [key, back, isMove] of [
      ["d", "a", true],
      ["ArrowRight", "ArrowLeft", true],
      ["w", "s", false],
      ["ArrowUp", "ArrowDown", false],
      ["+", "-", false],
    ]) {
      const before = await view.range();
      await view.press(key);
      const moved = await view.range();
      if (isMove) {
        assert.ok(moved.start > before.start, key);
        assertNear(moved.length, before.length, 2, key);
      } else
        assert.ok(moved.length < before.length && moved.start > before.start && moved.end < before.end, key);
      await view.press(back);
      assertNear((await view.range()).start, before.start, 4, `${key} and ${back}`);
      assertNear((await view.range()).end, before.end, 4, `${key} and ${back}`);
    }
    await view.press("0");
    assert.deepEqual(await view.range(), { start: 0, end: duration, length: duration });
    await view.press("f");
    const [selection, shown] = [await view.selection(), await view.range()];
    assert.ok(
      shown.start <= selection.start && selection.end <= shown.end && shown.length < duration / 4,
      "F shows the selection",
    );
    await view.press("d", "v");
    const [seen, selected] = [await view.range(), await view.selection()];
    assertNear(selected.start, seen.start, 1, "V selects what is shown");
    assertNear(selected.end, seen.end, 1, "V selects what is shown");
    await view.click("#zoom-in");
    assertNear((await view.range()).length, seen.length / 2, 2, "the button");
    await view.click("#zoom-out");
    assertNear((await view.range()).length, seen.length, 2, "the button");
    await view.click("#zoom-all");
    assert.equal((await view.range()).length, duration);
  });
});

test("J and K go from CPU to CPU, and a lane's name selects it", async () => {
  await withPage(system.page(), async (view) => {
    assert.match(await view.text("selection-text"), /^CPU 1, /);
    await view.press("k");
    assert.match(await view.text("selection-text"), /^CPU 0, /);
    await view.press("k");
    assert.match(await view.text("selection-text"), /^all CPUs, /);
    assert.doesNotMatch(await view.text("command"), / -C /);
    await view.press("j", "j", "j");
    assert.match(await view.text("selection-text"), /^CPU 1, /);
    const lanes = await lanesOf(view);
    await view.page.mouse.click(...lanes.inWindow(15, lanes.y(0)));
    await view.settle();
    assert.match(await view.text("selection-text"), /^CPU 0, /);
  });
});

test("a drag with Shift selects a time on a CPU", async () => {
  await withPage(system.page(), async (view) => {
    const lanes = await lanesOf(view);
    const before = await view.range();
    await view.drag(lanes.inWindow(600, lanes.y(0)), lanes.inWindow(400, lanes.y(0) + 3), { isShift: true });
    const selection = await view.selection();
    assert.equal(selection.track, 0);
    assertNear(selection.start, lanes.time(400), lanes.perPixel, "begin");
    assertNear(selection.end, lanes.time(600), lanes.perPixel, "end");
    assert.deepEqual(await view.range(), before, "the view stays");
    assert.equal(selection.samples, system.samples(await view.commandOptions()).length);
    const edge = await view.pixel("lane-canvas", 400, lanes.top(0) + 2);
    assert.notDeepEqual(edge, [255, 255, 255], "its edge is drawn");
  });
});

test("lanes show who ran, and stalls are marked where they were", async () => {
  const [stall] = stalls;
  const samples = system.samples(["-C", "1"]);
  const inside = samples.filter(
    ({ ns }) => ns >= BigInt(stall.start_ns) && ns < BigInt(stall.start_ns) + 60000000n,
  );
  // The selection is elsewhere: it is drawn over markers.
  const fragment = fragmentOf(1, stall.start_ns - 5e6, stall.start_ns + 60e6).replace(
    /time=[^&]*/,
    `time=${secondsOf(begin)},${secondsOf(begin + 1e6)}`,
  );
  await withPage(
    system.page(),
    async (view) => {
      const lanes = await lanesOf(view);
      const middle = (sample) => Number(sample.ns) + 400e3;
      const culprits = inside.filter(({ comm }) => comm === stall.culprit.holder.comm);
      assert.ok(culprits.length > 40);
      for (const sample of culprits.slice(2, 40)) {
        assert.deepEqual(
          await view.pixel("lane-canvas", lanes.x(middle(sample)), lanes.y(1)),
          CULPRIT,
          sample.text,
        );
      }
      assert.deepEqual(
        await view.pixel("lane-canvas", lanes.x(stall.start_ns + 20e6), lanes.y(1, "markers")),
        CULPRIT,
      );
      assert.deepEqual(
        await view.pixel("lane-canvas", lanes.x(stall.start_ns - 3e6), lanes.y(0, "markers")),
        [255, 255, 255],
        "no stall on CPU 0",
      );
    },
    { fragment },
  );
  const server = samples.find(
    ({ comm, ns }, at) => comm === "ksoftirqd/1" && samples[at + 1]?.ns - ns > 900000n,
  );
  await withPage(
    system.page(),
    async (view) => {
      const lanes = await lanesOf(view);
      const colour = await view.pixel("lane-canvas", lanes.x(Number(server.ns) + 300e3), lanes.y(1));
      assert.deepEqual(colour, SERVER, server.text);
    },
    { fragment: fragmentOf(1, Number(server.ns) - 5e6, Number(server.ns) + 5e6) },
  );
});

test("pointing at a sample shows its task, time and stack; a click opens all of it", async () => {
  const samples = system.samples(["-C", "1"]);
  const at = samples.findIndex(({ comm }, index) => comm === "node_exporter" && index > 1000);
  const sample = samples[at];
  await withPage(
    system.page(),
    async (view) => {
      const lanes = await lanesOf(view);
      const point = lanes.point(sample.ns + 300000n, 1);
      await view.hover(...point);
      const { title, lines } = await view.tip();
      assert.match(title, /^node_exporter \d+/);
      assert.ok(
        lines.some((line) => line.startsWith(`${secondsOf(sample.ns)} s`)),
        lines.join("\n"),
      );
      assert.ok(lines.some((line) => line.startsWith("held CPU 1 for ")));
      const names = lines.map((line) => line.replace(/ {2}\(.*\)$/, ""));
      const leafFirst = sample.stack.slice().reverse().slice(0, 12);
      assert.deepEqual(names.slice(names.indexOf(leafFirst[0])).slice(0, leafFirst.length), leafFirst);
      const tip = await view.page.locator("#tip").boundingBox();
      assert.ok(
        tip.x >= 0 && tip.y >= 0 && tip.x + tip.width <= 1280 && tip.y + tip.height <= 720,
        "the tip is in the window",
      );

      await view.page.mouse.click(...point);
      await view.settle();
      const stackOf = () =>
        view.page.evaluate(() =>
          Array.from(document.querySelectorAll("#details-stack li"), (item) =>
            item.textContent.replace(/ {2}\(.*\)$/, ""),
          ),
        );
      assert.deepEqual(await stackOf(), sample.stack);
      assert.ok((await view.text("details-facts")).includes(`${secondsOf(sample.ns)} s`));
      await view.press(".");
      assert.deepEqual(await stackOf(), samples[at + 1].stack);
      assert.ok((await view.text("details-facts")).includes(secondsOf(samples[at + 1].ns)));
      await view.press(",", ",");
      assert.deepEqual(await stackOf(), samples[at - 1].stack);
      await view.click("#details-after");
      assert.deepEqual(await stackOf(), sample.stack);
      await view.press("3");
      const current = await view.page.locator("#list-space [aria-current]").textContent();
      assert.equal(current, sample.text, "it is marked in the list");
      await view.press("Escape");
      assert.equal(await view.isVisible("details"), false);
      await view.hover(5, 5);
      assert.equal(await view.tip(), null);
    },
    { fragment: fragmentOf(1, Number(sample.ns) - 10e6, Number(sample.ns) + 10e6) },
  );
});

/** The selection is a stall, with at most 100 ms before it. */
async function assertShows(view, stall, number) {
  const { start, end, track } = await view.selection();
  assert.equal(
    track,
    documentsOf(view.file).page.tracks.findIndex(({ cpu }) => cpu === stall.cpu),
  );
  assert.equal(end, stall.end_ns - begin);
  assert.equal(start, Math.max(0, stall.start_ns - begin - 100e6));
  const range = await view.range();
  assert.ok(range.start <= start && end <= range.end, "the timeline shows it");
  assert.equal(await view.text("stall-number"), `stall ${number} of ${stalls.length}`);
}

test("[ and ] and the buttons go from stall to stall", async () => {
  await withPage(system.page(), async (view) => {
    for (let i = 0; i < stalls.length; i++) await view.press("[");
    await assertShows(view, stalls[0], 1);
    await view.press("[");
    await assertShows(view, stalls[0], 1);
    for (let i = 1; i < stalls.length; i++) {
      await (i % 2 ? view.press("]") : view.click("#stall-after"));
      await assertShows(view, stalls[i], i + 1);
    }
    await view.press("]");
    await assertShows(view, stalls.at(-1), stalls.length);
    await view.click("#stall-before");
    await assertShows(view, stalls.at(-2), stalls.length - 1);
  });
});

test("a click on a marker goes to its stall, in the lanes and in the strip", async () => {
  await withPage(system.page(), async (view) => {
    await view.press("0");
    const lanes = await lanesOf(view);
    for (const [at, stall] of stalls.entries()) {
      await view.press("0");
      await view.page.mouse.click(
        ...lanes.point(Math.floor((stall.start_ns + stall.end_ns) / 2), stall.cpu, "markers"),
      );
      await view.settle();
      await assertShows(view, stall, at + 1);
    }
    const strip = await view.box("overview-canvas");
    for (const [at, stall] of stalls.entries()) {
      const x =
        strip.x + 10 + (((stall.start_ns + stall.end_ns) / 2 - begin) / duration) * (strip.width - 20);
      await view.hover(x, strip.y + 8);
      assert.match((await view.tip()).title, new RegExp(`^Stall ${at + 1}\\b`));
      assert.ok((await view.tip()).lines.some((line) => line.includes(secondsOf(stall.start_ns))));
      await view.page.mouse.click(x, strip.y + 8);
      await view.settle();
      await assertShows(view, stall, at + 1);
    }
  });
});

test("the strip chooses and moves what the timeline shows", async () => {
  await withPage(system.page(), async (view) => {
    await view.press("0");
    const strip = await view.box("overview-canvas");
    const timeAt = (x) => ((x - 10) / (strip.width - 20)) * duration;
    const perPixel = duration / (strip.width - 20);
    await view.drag([strip.x + 300, strip.y + 40], [strip.x + 500, strip.y + 42]);
    const chosen = await view.range();
    assertNear(chosen.start, timeAt(300), perPixel, "begin");
    assertNear(chosen.end, timeAt(500), perPixel, "end");
    await view.drag([strip.x + 400, strip.y + 40], [strip.x + 700, strip.y + 42]);
    const moved = await view.range();
    assertNear(moved.length, chosen.length, 2, "its length");
    assertNear(moved.start, chosen.start + 300 * perPixel, perPixel, "it follows the pointer");
    await view.page.mouse.click(strip.x + 150, strip.y + 50);
    await view.settle();
    const { start, end } = await view.range();
    assertNear((start + end) / 2, timeAt(150), chosen.length, "a click brings the view there");
    assert.deepEqual(
      await view.data("overview-canvas").then(({ startNs, endNs }) => [Number(startNs), Number(endNs)]),
      [start, end],
    );
  });
});
