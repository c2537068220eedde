// Hostile names: whatever a recording holds is text on the page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { CALL, everyMs, stallingText } from "./script_text.js";
import { documentsOf, Recording, secondsOf, withPage } from "./support.js";

const LONG = `long_${"x".repeat(3000)}`;
const NAMES = [
  "<script>alert(1)</script>",
  "<script>window.hostile=1</script>",
  "</script><!--",
  "<!--",
  "]]>",
  "</style><style>*{display:none}",
  '"><img src=x onerror=alert(1)>',
  "'onmouseover='alert(1)",
  "<svg/onload=window.hostile=2>",
  "{{7*7}}",
  "${7*7}",
  "`x`",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "javascript:alert(1)",
  "back\\slash\\u0041\\",
  "a\"b'c&amp;&lt;d",
  "rtl\u202e\u2066gnp.exe",
  "zero\u200bwidth\u001b[2J",
  "/regex/",
  "%s%n%x",
  "../../etc/passwd",
  "-C=1",
  "🦀crab",
  "null",
  "undefined",
  "NaN",
  LONG,
];

/** Each name as a function, and those without blanks as a comm, one after the other. */
const comms = NAMES.map((name, index) => ({
  comm: name.replaceAll(" ", "_").slice(0, 300) || "x",
  stack: ["main", NAMES[index], "leaf"],
}));
const [CULPRIT, CULPRITS_WORK] = [
  '"><img/src=x/onerror=alert(1)>',
  "</script><script>alert(document.domain)</script>",
];
const text =
  everyMs(-20, 0, { comm: "envoy", stack: ["main", "work"] }) +
  stallingText({ culprit: CULPRIT, stack: [...CALL, "ksys_read", CULPRITS_WORK], others: comms }) +
  NAMES.map((_, index) =>
    everyMs(7000 + 50 * index, 7030 + 50 * index, { ...comms[index], pid: 3000 + index }),
  ).join("");
const recording = Recording.ofText("<img src=x onerror=alert(1)>", text);

/** What may not be there, and would be if a name were taken for HTML or for a program. */
async function assertHarmless(view) {
  const found = await view.page.evaluate(() => ({
    hostile: window.hostile,
    elements: document.querySelectorAll(
      "main img, main svg, main script, header img, header script, main iframe, main style",
    ).length,
    scripts: document.querySelectorAll("script:not([type])").length,
    handlers: Array.from(document.querySelectorAll("*")).filter((element) =>
      Array.from(element.attributes).some(({ name }) => name.startsWith("on")),
    ).length,
    polluted: Object.keys(Object.prototype).length,
  }));
  assert.deepEqual(found, { hostile: undefined, elements: 0, scripts: 1, handlers: 0, polluted: 0 });
}

test("the page of hostile names is one page with its own program", () => {
  const page = readFileSync(recording.page(), "utf8");
  assert.equal(page.match(/<script/g).length, 4);
  assert.equal(page.match(/<\/script>/g).length, 4);
  const { strings } = documentsOf(recording.page()).page;
  for (const name of [
    "<script>alert(1)</script>",
    "__proto__",
    "constructor",
    "{{7*7}}",
    "javascript:alert(1)",
    LONG,
  ]) {
    assert.ok(strings.includes(name), name);
  }
});

test("nothing in a name runs, in any view", async () => {
  await withPage(recording.page(), async (view) => {
    await assertHarmless(view);
    await view.press("0", "v", "k", "k");
    for (const mode of ["1", "2", "3", "4", "5"]) {
      await view.press(mode);
      await assertHarmless(view);
    }
    for (const tab of await view.page.locator("#table-tabs button").all()) {
      await tab.click();
      await view.settle();
      await assertHarmless(view);
    }
  });
});

test("hostile names are text in the header, the list, the tables, and the legend", async () => {
  await withPage(recording.page(), async (view) => {
    const header = await view.page.locator("header.verdict").textContent();
    assert.ok(header.includes(CULPRIT), header);
    const stalls = recording.json("stalls").stalls;
    assert.ok(stalls.length > 0 && stalls.every(({ culprit }) => culprit.holder.comm === CULPRIT));
    const rows = await view.rows();
    assert.ok(
      rows.every((row) => row.culprit.startsWith(CULPRIT) && row.in.includes(CULPRITS_WORK)),
      JSON.stringify(rows[0]),
    );

    await view.press("0", "v", "k", "k", "3");
    const expected = recording.samples(await view.commandOptions());
    const lines = (await view.copied("list-copy")).split("\n").slice(0, -1);
    assert.deepEqual(
      lines,
      expected.map(({ text: line }) => line),
    );
    for (const name of [
      "<script>alert(1)</script>",
      "</script><!--",
      "__proto__",
      "{{7*7}}",
      "javascript:alert(1)",
      LONG,
    ]) {
      const at = expected.findIndex(({ stack }) => stack.includes(name));
      assert.ok(at >= 0, `${name} is in collapse`);
      await view.page.locator("#list").evaluate(
        (list, top) => {
          list.scrollTop = top;
        },
        at * 20 - 40,
      );
      await view.settle();
      const shown = await view.page.locator("#list-space .line").allTextContents();
      assert.ok(shown.includes(expected[at].text), name);
    }
    assert.match(await view.text("legend-tasks"), /\S/);
    await assertHarmless(view);
  });
});

test("hostile names are text in tips and in the details", async () => {
  const samples = recording.samples();
  const { start_ns: begin } = documentsOf(recording.page()).page;
  const last = samples.filter(({ ns }) => ns > BigInt(begin) + 6500000000n);
  assert.equal(last.length, NAMES.length * 30);
  await withPage(recording.page(), async (view) => {
    for (const [index, name] of NAMES.entries()) {
      const sample = last[index * 30 + 10];
      const range = `${secondsOf(sample.ns - 3000000n)},${secondsOf(sample.ns + 3000000n)}`;
      await view.page.evaluate((hash) => {
        location.hash = hash;
      }, `#cpu=0&time=${range}&view=${range}`);
      await view.page.waitForTimeout(20);
      await view.settle();
      const flame = await view.box("flame-canvas");
      for (const [depth, expected] of [sample.comm, ...sample.stack].entries()) {
        await view.hover(flame.x + flame.width / 2, flame.y + 19 * depth + 9);
        assert.equal((await view.tip()).title, expected, name);
        const tip = await view.page.locator("#tip").boundingBox();
        assert.ok(tip.x >= 0 && tip.x + tip.width <= 1280, "the tip is in the window");
      }
      await view.press(".");
      const stack = await view.page
        .locator("#details-stack li")
        .evaluateAll((items) => items.map((item) => item.textContent.split("  (")[0]));
      assert.deepEqual(stack, sample.stack);
      await assertHarmless(view);
    }
  });
});

test("the search finds hostile names", async () => {
  const samples = recording.samples();
  await withPage(recording.page(), async (view) => {
    for (const name of NAMES.filter((each) => !/^\/.*\/$|;/.test(each))) {
      await view.page.locator("#query").fill(name);
      await view.settle();
      const query = (await view.page.locator("#query").inputValue()).trim().toLowerCase();
      const expected = samples.filter(({ comm, stack }) =>
        [comm, ...stack].some((text) => text.toLowerCase().includes(query)),
      );
      assert.equal(Number((await view.data("found")).count), expected.length, name);
    }
    for (const expression of ["/^__proto__$/", "/<script>/", "/\\\\/", "/^.{2000,}$/", "/\\u202e/"]) {
      await view.page.locator("#query").fill(expression);
      await view.settle();
      const test = new RegExp(expression.slice(1, -1));
      const expected = samples.filter(({ comm, stack }) => [comm, ...stack].some((text) => test.test(text)));
      assert.equal(Number((await view.data("found")).count), expected.length, expression);
    }
    await assertHarmless(view);
  });
});
