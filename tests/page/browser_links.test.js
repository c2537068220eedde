// The URL's fragment: a link leads to the same place, and a wrong one does no harm.

import assert from "node:assert/strict";
import test from "node:test";

import { documentsOf, Recording, secondsOf, withPage } from "./support.js";

const system = Recording.named("system");
const { start_ns: begin, duration_ns: duration } = documentsOf(system.page()).page;

/** All that a link keeps, as the page shows it. */
async function stateOf(view) {
  return {
    selection: await view.selection(),
    range: await view.range(),
    mode: await view.page.locator("#modes [aria-pressed=true]").getAttribute("data-mode"),
    table: await view.page.locator("#table-tabs [aria-pressed=true]").getAttribute("data-table"),
    query: await view.page.locator("#query").inputValue(),
    found: await view.text("found"),
    command: await view.text("command"),
  };
}

async function fragmentOf(view) {
  await view.page.waitForTimeout(450);
  return new URL(view.page.url()).hash;
}

const STEPS = {
  "another stall": (view) => view.press("]"),
  "a view": (view) => view.press("w", "w", "d"),
  "all CPUs": (view) => view.press("0", "v", "k", "k"),
  "merged and a search": async (view) => {
    await view.press("2", "/");
    await view.page.keyboard.type("/^(seq|arp)_ & <b>#%,/");
    await view.press("Enter");
  },
  "a table": (view) => view.click('#table-tabs [data-table="windows"]'),
  "a rectangle of the heat map": async (view) => {
    await view.press("5");
    const { x, y } = await view.box("heat-canvas");
    await view.drag([x + 100, y + 60], [x + 400, y + 120]);
  },
};

for (const [name, step] of Object.entries(STEPS)) {
  test(`a link keeps ${name}`, async () => {
    let state;
    let fragment;
    await withPage(system.page(), async (view) => {
      const before = await stateOf(view);
      await step(view);
      state = await stateOf(view);
      assert.notDeepEqual(state, before);
      fragment = await fragmentOf(view);
    });
    await withPage(
      system.page(),
      async (view) => {
        assert.deepEqual(await stateOf(view), state);
        assert.equal(await fragmentOf(view), fragment, "the link stays as it is");
      },
      { fragment },
    );
    // In a page that is open already, too.
    await withPage(system.page(), async (view) => {
      await view.page.evaluate((hash) => {
        location.hash = hash;
      }, fragment);
      await view.page.waitForTimeout(50);
      await view.settle();
      assert.deepEqual(await stateOf(view), state);
    });
  });
}

const at = (ns) => secondsOf(begin + ns);
const WRONG = [
  "#",
  "##",
  "#%",
  "#%E0%A4%A",
  "#=&=&&",
  "#time",
  "#time=",
  "#time=1,2",
  "#time=-1.000000000,2.000000000",
  `#time=${at(2e9)},${at(1e9)}`,
  `#time=${at(1e9)},${at(1e9)}`,
  `#cpu=99&time=${at(1e9)},${at(2e9)}`,
  `#cpu=__proto__&time=${at(1e9)},${at(2e9)}`,
  `#track=-5&time=${at(1e9)},${at(2e9)}`,
  `#track=1e9&time=${at(1e9)},${at(2e9)}`,
  "#time=999999999999.999999999,999999999999.999999999",
  `#time=${at(-5e9)},${at(duration + 5e9)}`,
  `#view=${at(1e9)},${at(1e9 + 1)}`,
  "#view=NaN,Infinity",
  `#time=${at(0)},${at(1e9)}&every=0,5`,
  "#show=nonsense",
  "#show=__proto__",
  "#show=constructor",
  "#table=nonsense",
  "#table=__proto__",
  "#table=constructor",
  "#search=%00%01%7F",
  "#search=/(/",
  "#search=//",
  "#search=/%5B/i",
  `#search=${"x".repeat(20000)}`,
  "#search=<img src=x onerror=alert(1)>",
  "#search=javascript:alert(1)",
  "#<script>alert(1)</script>",
  "#search=</script><script>alert(1)</script>&show=<b>&table=<b>&cpu=<b>",
  "#constructor=1&__proto__=2&toString=3",
];

test("a wrong link does no harm", async () => {
  await withPage(system.page(), async (view) => {
    const assertWhole = async (fragment) => {
      const { start, end, samples } = await view.selection();
      assert.ok(start >= 0 && start < end && end <= duration && samples >= 0, fragment);
      const range = await view.range();
      assert.ok(range.start >= 0 && range.start < range.end && range.end <= duration, fragment);
      assert.equal(await view.page.locator("#modes [aria-pressed=true]").count(), 1, fragment);
      assert.equal(await view.page.locator("#table-tabs [aria-pressed=true]").count(), 1, fragment);
      assert.equal(await view.page.locator("main img, main b:not(.verdict b)").count(), 0, fragment);
      await view.press("0");
      assert.equal((await view.range()).length, duration, `${fragment}: the page still works`);
      await view.press("w");
      assert.ok((await view.range()).length < duration, `${fragment}: the page still works`);
    };
    for (const fragment of WRONG) {
      await view.page.evaluate((hash) => {
        location.hash = hash;
      }, fragment);
      await view.page.waitForTimeout(20);
      await view.settle();
      await assertWhole(fragment);
    }
  });
});

for (const fragment of WRONG.filter((_, index) => index % 4 === 3)) {
  test(`a page opens with ${fragment.slice(0, 60)}`, async () => {
    await withPage(
      system.page(),
      async (view) => {
        assert.ok((await view.selection()).samples >= 0);
        await view.press("0", "w", "]", "2", "3", "4", "5", "1");
      },
      { fragment },
    );
  });
}

test("a link with a great number of pieces does not hang the page", async () => {
  await withPage(
    system.page(),
    async (view) => {
      const { samples, times } = await view.selection();
      assert.ok(times < 1e6 && samples >= 0);
      await view.press("w");
    },
    { fragment: `#cpu=1&time=${at(0)},${at(10)}&every=1,999999999` },
  );
});
