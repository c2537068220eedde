// How fast the page is with 1.7 million samples: opened, moved, searched. Only with PAGE_SPEED=1:
// the numbers depend on the machine. PAGE_SPEED_FILE may name another recording.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { documentsOf, folder, Recording, withPage } from "./support.js";
import { writeRecording } from "./wide_recording.js";

const skip = process.env.PAGE_SPEED === "1" ? false : "PAGE_SPEED=1 measures";
const FIRST_PAINT_MS = 1000;
const READY_MS = 2000;
const LEAST_FRAMES = 50;
const SEARCH_MS = 100;

const RECORDINGS = {
  "64 CPUs for 27 s": () => made("wide", { cpus: 64, seconds: 27 }),
  "2 CPUs for 864 s": () => made("long", { cpus: 2, seconds: 864 }),
  ...(process.env.PAGE_SPEED_FILE
    ? { [process.env.PAGE_SPEED_FILE]: () => new Recording(process.env.PAGE_SPEED_FILE) }
    : {}),
};

function made(name, size) {
  const to = join(folder, name);
  mkdirSync(to);
  return new Recording(writeRecording(to, size));
}

/** Runs in the page before its own program: notes when it is ready. */
function noteReady() {
  new MutationObserver(() => {
    if (document.documentElement?.dataset.ready && !window.readyAt) window.readyAt = performance.now();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"] });
}

/**
 * Frames in a second while something is done, how long the page worked for each, and how many of
 * them showed another time than the frame before: frames that show nothing new cost nothing.
 */
async function framesWhile(view, act, { busyMs = 0 } = {}) {
  await view.page.evaluate((busy) => {
    const canvas = document.getElementById("lane-canvas");
    const channel = new MessageChannel();
    window.seen = [];
    // A message is handled when the frame's work is over.
    channel.port1.onmessage = ({ data }) => {
      window.seen.push({
        at: performance.now(),
        work: performance.now() - data,
        view: `${canvas.dataset.startNs},${canvas.dataset.endNs}`,
      });
    };
    const note = (frame) => {
      for (const begin = performance.now(); performance.now() - begin < busy;);
      channel.port2.postMessage(frame);
      window.frameRequest = requestAnimationFrame(note);
    };
    window.frameRequest = requestAnimationFrame(note);
  }, busyMs);
  await act();
  const seen = await view.page.evaluate(() => {
    cancelAnimationFrame(window.frameRequest);
    return window.seen;
  });
  const gaps = seen.slice(1).map(({ at }, index) => at - seen[index].at);
  const work = seen.map((frame) => frame.work).sort((a, b) => a - b);
  return {
    rate: (1000 * gaps.length) / (seen.at(-1).at - seen[0].at),
    longest: Math.max(...gaps),
    moved: seen.slice(1).filter(({ view: shown }, index) => shown !== seen[index].view).length / gaps.length,
    work: work[Math.floor(work.length / 2)],
    mostWork: work[Math.floor(work.length * 0.99)],
  };
}

/** Moves the pointer every 8 ms, as a mouse does: it waits for no answer of the page. */
async function dragFor(view, [x, y], [reachX, reachY], ms) {
  const { mouse } = view.page;
  await mouse.move(x, y);
  await mouse.down();
  const sent = [];
  const begin = performance.now();
  await new Promise((done) => {
    const timer = setInterval(() => {
      const at = performance.now() - begin;
      if (at > ms) {
        clearInterval(timer);
        return done();
      }
      const turn = Math.sin((at / ms) * 6 * Math.PI);
      sent.push(mouse.move(x + reachX * turn, y + reachY * turn));
    }, 8);
  });
  await Promise.all(sent);
  await mouse.up();
}

/** Turns the wheel in each frame: faster than a browser is told of it from outside. */
function wheelFor(view, [x, y], ms) {
  return view.page.evaluate(
    ([clientX, clientY, length]) =>
      new Promise((done) => {
        const canvas = document.getElementById("lane-canvas");
        const begin = performance.now();
        const turn = () => {
          const at = performance.now() - begin;
          if (at > length) return done();
          const deltaY = Math.sin((at / length) * 4 * Math.PI + 0.1) > 0 ? -23 : 22;
          canvas.dispatchEvent(
            new WheelEvent("wheel", { deltaY, clientX, clientY, bubbles: true, cancelable: true }),
          );
          requestAnimationFrame(turn);
        };
        turn();
      }),
    [x, y, ms],
  );
}

/** How long the page works until what is searched for is marked and counted, in ms. */
function searchTime(view, query) {
  return view.page.evaluate(
    (text) =>
      new Promise((done) => {
        const field = document.getElementById("query");
        setTimeout(() => {
          const begin = performance.now();
          field.value = text;
          field.dispatchEvent(new Event("input", { bubbles: true }));
          const asked = performance.now() - begin;
          requestAnimationFrame((frame) => done(asked + performance.now() - frame));
        }, 100);
      }),
    query,
  );
}

for (const [name, open] of Object.entries(RECORDINGS)) {
  test(`${name}: opening, moving and searching`, { skip }, async (context) => {
    const recording = open();
    const options =
      process.env.PAGE_SPEED_KALLSYMS && name === process.env.PAGE_SPEED_FILE
        ? ["--kallsyms", process.env.PAGE_SPEED_KALLSYMS]
        : [];
    const page = recording.page(options);
    const measured = {};
    await withPage(
      page,
      async (view) => {
        const [paint, ready] = await view.page.evaluate(() => [
          performance.getEntriesByName("first-paint")[0]?.startTime,
          window.readyAt,
        ]);
        measured["first paint, ms"] = Math.round(paint);
        measured["ready, ms"] = Math.round(ready);

        await view.page.waitForTimeout(500);
        const box = await view.box("lane-canvas");
        const point = [box.x + box.width / 2, box.y + Math.min(200, box.height / 2)];
        const note = (what, { rate, longest, moved, work, mostWork }) => {
          measured[`${what}, frames/s`] = Math.round(rate * 10) / 10;
          measured[`${what}, longest ms`] = Math.round(longest);
          measured[`${what}, ms of work (median, 99 %)`] = `${work.toFixed(1)}, ${mostWork.toFixed(1)}`;
          measured[`${what}, share of frames that moved`] = Math.round(moved * 100) / 100;
          assert.ok(
            moved > 0.8,
            `${what}: only ${moved} of the frames showed anything new, so this measures nothing`,
          );
        };
        const slow = await framesWhile(view, () => view.page.waitForTimeout(800), { busyMs: 50 });
        assert.ok(
          slow.rate < 25 && slow.work >= 49,
          `a slow page is seen as slow: ${slow.rate} frames/s, ${slow.work} ms`,
        );
        note("drag", await framesWhile(view, () => dragFor(view, point, [300, 0], 3000)));
        note("wheel", await framesWhile(view, () => wheelFor(view, point, 3000)));
        // Half of the time is shown: there is room to move on both sides.
        await view.press("0", "w", "w");
        note("drag of half", await framesWhile(view, () => dragFor(view, point, [300, 60], 3000)));
        note("wheel of half", await framesWhile(view, () => wheelFor(view, point, 3000)));
        await view.page.keyboard.press("0");
        for (const query of ["net", "/skb|^tcp_/", "softirq"]) {
          measured[`search ${query}, ms`] = Math.round(await searchTime(view, query));
          assert.ok(Number((await view.data("found")).count) > 0, `${query} is found`);
        }
        await view.press("w", "w");
        note("drag with a search", await framesWhile(view, () => dragFor(view, point, [300, 0], 2000)));
        await view.press("Escape");
        await view.press("0", "v");
        for (let i = 0; i < 64; i++) await view.page.keyboard.press("k");
        await view.settle();
        const { samples } = documentsOf(page).page;
        assert.equal((await view.selection()).samples, samples, "thinned entries stand for all samples");
        measured["search of everything selected, ms"] = Math.round(await searchTime(view, "alloc"));
        for (const mode of ["1", "2", "3", "4", "5"]) {
          const begin = performance.now();
          await view.press(mode);
          measured[`everything in view ${mode}, ms`] = Math.round(performance.now() - begin);
        }
        assert.equal(Number((await view.data("heat-canvas")).samples), samples);
        await view.press("3");
        const counts = (await view.copied("list-copy")).match(/ \d+$/gm).map(Number);
        if (documentsOf(page).page.cell_ns !== null)
          assert.ok(
            counts.some((count) => count > 1),
            "a line tells how many it stands for",
          );
      },
      { init: noteReady },
    );
    for (const [what, value] of Object.entries(measured)) context.diagnostic(`${what}: ${value}`);
    const failed = [];
    if (measured["first paint, ms"] > FIRST_PAINT_MS) failed.push("first paint");
    if (measured["ready, ms"] > READY_MS) failed.push("ready");
    for (const [what, value] of Object.entries(measured)) {
      if (what.endsWith("frames/s") && value < LEAST_FRAMES) failed.push(what);
      if (what.startsWith("search") && value > SEARCH_MS) failed.push(what);
    }
    assert.deepEqual(failed, []);
  });
}
