// The first screen, and the page in other surroundings: no JavaScript, dark, a phone, paper, the
// keyboard alone, a screen reader.

import assert from "node:assert/strict";
import test from "node:test";

import { documentsOf, Recording, withPage } from "./support.js";

const NAMES = ["post", "system", "evidence", "mixed"];
const evidence = Recording.named("evidence");

for (const name of NAMES) {
  test(`the first screen of ${name} has the verdict, the next step and the stalls`, async () => {
    const recording = Recording.named(name);
    const stalls = recording.json("stalls").stalls;
    await withPage(recording.page(), async (view) => {
      assert.equal(await view.page.evaluate(() => scrollY), 0);
      for (const selector of ["header.verdict h1", "header.verdict .next", "#overview-canvas"]) {
        const { x, y, width, height } = await view.page.locator(selector).first().boundingBox();
        assert.ok(
          x >= 0 && y >= 0 && x + width <= 1280 && y + height <= 720,
          `${selector} ends at ${y + height}`,
        );
        assert.ok(width > 100 && height > 10, selector);
      }
      const verdict = await view.page.locator("header.verdict").getAttribute("data-verdict");
      assert.equal(verdict, "stalling");
      assert.ok(
        (await view.page.locator("header.verdict h1").textContent()).includes(stalls[0].culprit.holder.comm),
      );
      assert.equal(Number((await view.data("overview-canvas")).stalls), stalls.length);
      const { start_ns: begin, duration_ns: duration } = documentsOf(recording.page()).page;
      const { width } = await view.page.locator("#overview-canvas").boundingBox();
      for (const { start_ns: start, end_ns: end } of stalls) {
        const x = 10 + (((start + end) / 2 - begin) / duration) * (width - 20);
        assert.deepEqual(await view.pixel("overview-canvas", x, 8), [213, 94, 0], "a marker");
        assert.deepEqual(await view.pixel("overview-canvas", x + 12, 2), [255, 255, 255], "and only there");
      }
    });
  });
}

test("without JavaScript there is the verdict, and a note", async () => {
  await withPage(
    evidence.page(),
    async (view) => {
      assert.match(await view.page.locator("header.verdict h1").innerText(), /node_exporter/);
      assert.equal(await view.page.locator("header.verdict .next").first().isVisible(), true);
      assert.match(await view.page.locator("body").innerText(), /need JavaScript/);
      assert.doesNotMatch(await view.page.locator("body").innerText(), /Unpacking/);
      assert.equal(await view.page.locator("main").isVisible(), false);
    },
    { isReady: false, context: { javaScriptEnabled: false } },
  );
});

test("the page is light or dark as the system is, also when that changes", async () => {
  const coloursOf = async (view) => ({
    body: await view.page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    text: await view.page.evaluate(() => getComputedStyle(document.body).color),
    lanes: await view.pixel("lane-canvas", 3, 3),
    strip: await view.pixel("overview-canvas", 3, 3),
    flame: await view.pixel("flame-canvas", 2, (await view.data("flame-canvas")).depth * 19 + 0.5),
  });
  const light = (colour) =>
    (Array.isArray(colour) ? colour : colour.match(/\d+/g).map(Number)).reduce((sum, part) => sum + part, 0) /
    3;
  let expected;
  await withPage(evidence.page(), async (view) => {
    expected = await coloursOf(view);
    assert.ok(light(expected.body) > 200 && light(expected.text) < 80);
    assert.deepEqual(expected.lanes, [255, 255, 255]);
  });
  await withPage(
    evidence.page(),
    async (view) => {
      const dark = await coloursOf(view);
      assert.ok(light(dark.body) < 40 && light(dark.text) > 200);
      for (const part of ["lanes", "strip", "flame"])
        assert.ok(light(dark[part]) < 60, `${part} ${dark[part]}`);
      await view.page.emulateMedia({ colorScheme: "light" });
      await view.settle();
      assert.deepEqual(await coloursOf(view), expected, "after a change");
    },
    { context: { colorScheme: "dark" } },
  );
});

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

for (const name of NAMES) {
  test(`${name} fits on a phone`, async () => {
    await withPage(
      Recording.named(name).page(),
      async (view) => {
        const assertFits = async (what) => {
          const widths = await view.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
          assert.ok(widths[0] <= 390 && widths[1] <= 390, `${what}: ${widths}`);
        };
        await assertFits("first");
        for (const button of await view.page.locator("#modes button").all()) {
          await button.tap();
          await view.settle();
          await assertFits(await button.textContent());
        }
        for (const button of await view.page.locator("#table-tabs button").all()) {
          await button.tap();
          await view.settle();
          await assertFits(await button.textContent());
        }
        const { y } = await view.page.locator("header.verdict h1").boundingBox();
        assert.ok(y < 844, "the verdict is first");
      },
      { context: PHONE },
    );
  });
}

test("a finger does what the pointer does", async () => {
  const stalls = evidence.json("stalls").stalls;
  const { start_ns: begin, duration_ns: duration } = documentsOf(evidence.page()).page;
  await withPage(
    evidence.page(),
    async (view) => {
      const strip = await view.box("overview-canvas");
      const { start_ns: start, end_ns: end } = stalls[1];
      await view.page.touchscreen.tap(
        strip.x + 10 + (((start + end) / 2 - begin) / duration) * (strip.width - 20),
        strip.y + 9,
      );
      await view.settle();
      assert.equal((await view.selection()).end, end - begin);
      await view.page.locator("#stall-after").tap();
      await view.settle();
      assert.equal((await view.selection()).end, stalls[2].end_ns - begin);

      const lanes = await view.box("lane-canvas");
      await view.page.touchscreen.tap(lanes.x + 220, lanes.y + 22 + 18);
      await view.settle();
      assert.equal(await view.isVisible("details"), true, "a tap on a sample tells of it");
      await view.page.locator("#details-close").tap();
      await view.settle();
      assert.equal(await view.isVisible("details"), false);

      const before = await view.data("flame-canvas");
      const flame = await view.box("flame-canvas");
      await view.page.touchscreen.tap(flame.x + flame.width * 0.6, flame.y + 28);
      await view.settle();
      assert.notEqual((await view.data("flame-canvas")).endNs, before.endNs, "a tap zooms the flame chart");
      assert.equal(await view.tip(), null, "a finger leaves no tip behind");

      await view.page.locator("#table-body tr").first().tap();
      await view.settle();
      assert.equal((await view.selection()).end, stalls[0].end_ns - begin);
      await view.page.locator("#help-open").tap();
      await view.settle();
      assert.equal(await view.isVisible("help"), true);
      const box = await view.page.locator("#help").boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= 390);
      await view.page.keyboard.press("Escape");
      await view.page.locator("#zoom-in").tap();
      await view.settle();
      const closer = await view.range();
      // At the end: a browser may take a tap right after it for one that stops the movement.
      await swipe(view, "lane-canvas", -100);
      assert.ok((await view.range()).start > closer.start, "a finger moves the time");
    },
    { context: PHONE },
  );
});

/** Moves a finger across an element. */
async function swipe(view, id, distance) {
  const { x, y, width } = await view.box(id);
  const session = await view.page.context().newCDPSession(view.page);
  const touch = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  await touch("touchStart", [{ x: x + width / 2, y: y + 40 }]);
  for (let step = 1; step <= 5; step++)
    await touch("touchMove", [{ x: x + width / 2 + (distance * step) / 5, y: y + 40 }]);
  await touch("touchEnd", []);
  await view.settle();
}

test("it prints: the verdict, the pictures and the table, without what one presses", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await withPage(
      evidence.page(),
      async (view) => {
        const file = await view.page.pdf({ format: "A4" });
        assert.equal(file.subarray(0, 5).toString(), "%PDF-");
        const pages = file.toString("latin1").match(/\/Type \/Page\b(?!s)/g).length;
        assert.ok(pages >= 1 && pages <= 8, `${pages} pages`);
        await view.page.emulateMedia({ media: "print" });
        await view.settle();
        for (const selector of [
          "header.verdict h1",
          "#overview-canvas",
          "#lane-canvas",
          "#flame-canvas",
          "#table",
        ]) {
          assert.equal(await view.page.locator(selector).isVisible(), true, selector);
        }
        for (const selector of ["#bar", "#command-copy", "#zoom-in", "#table-copy"]) {
          assert.equal(await view.page.locator(selector).isVisible(), false, selector);
        }
        const ground = await view.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(ground, "rgb(255, 255, 255)");
      },
      { context: { colorScheme } },
    );
  }
});

test("the keyboard alone reaches everything, and shows where it is", async () => {
  await withPage(evidence.page(), async (view) => {
    for (const [mode, here] of [
      ["1", ["lane-canvas", "flame-canvas"]],
      ["2", ["order"]],
      ["3", ["list", "list-copy"]],
      ["5", ["heat-canvas", "heat-by", "heat-all"]],
    ]) {
      await view.press(mode, ".");
      const expected = await view.page.evaluate(() => {
        const all = document.querySelectorAll("button, input, select, textarea, a[href], [tabindex='0']");
        return Array.from(all)
          .filter((element) => element.checkVisibility() && !element.closest("dialog"))
          .map((element, index) => {
            element.dataset.stop = String(index);
            return element.dataset.stop;
          });
      });
      await view.page.evaluate(() => {
        document.activeElement.blur();
        scrollTo(0, 0);
      });
      const reached = new Set();
      const ids = new Set();
      for (let i = 0; i < expected.length + 5; i++) {
        await view.page.keyboard.press("Tab");
        const { stop, id, outline, tag } = await view.page.evaluate(() => {
          const element = document.activeElement;
          const style = getComputedStyle(element);
          return {
            stop: element.dataset.stop,
            id: element.id,
            tag: element.outerHTML.slice(0, 80),
            outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
          };
        });
        if (stop === undefined) continue;
        reached.add(stop);
        ids.add(id);
        assert.ok(outline, `the focus is visible: ${tag}`);
      }
      assert.deepEqual([...reached].sort(), expected.slice().sort(), `in view ${mode}`);
      for (const id of here) assert.ok(ids.has(id), id);
      await view.page.evaluate(() => document.activeElement.blur());
      await view.press("Escape");
    }
  });
});

test("everything has a name for a screen reader", async () => {
  await withPage(evidence.page(), async (view) => {
    const session = await view.page.context().newCDPSession(view.page);
    for (const mode of ["1", "2", "3", "4", "5"]) {
      await view.press(mode, ".");
      const { nodes } = await session.send("Accessibility.getFullAXTree");
      const roles = [
        "button",
        "textbox",
        "searchbox",
        "combobox",
        "checkbox",
        "link",
        "application",
        "image",
        "img",
        "region",
        "toolbar",
        "list",
        "dialog",
        "columnheader",
        "group",
        "complementary",
      ];
      const unnamed = nodes
        .filter(({ ignored, role, name }) => !ignored && roles.includes(role?.value) && !name?.value)
        .filter(({ role }) => !["list", "group"].includes(role.value));
      assert.deepEqual(
        unnamed.map(({ role, backendDOMNodeId }) => `${role.value} ${backendDOMNodeId}`),
        [],
        `view ${mode}`,
      );
    }
    const canvases = await view.page.locator("main canvas").evaluateAll((all) =>
      all.map((canvas) => ({
        id: canvas.id,
        role: canvas.getAttribute("role") ?? canvas.closest("[role=img]")?.getAttribute("role"),
        label: canvas.getAttribute("aria-label") ?? canvas.closest("[role=img]")?.getAttribute("aria-label"),
      })),
    );
    assert.ok(canvases.length >= 4);
    for (const { id, role, label } of canvases) assert.ok(role && label?.length > 10, `${id}: ${label}`);
    assert.equal(await view.page.locator("#table th:not([scope=col])").count(), 0);
    assert.equal(await view.page.evaluate(() => document.documentElement.lang), "en");
    assert.match(await view.page.title(), /perf\.data/);

    await view.press("Escape", "]");
    await view.page.waitForTimeout(600);
    const said = await view.text("announce");
    assert.ok(said.endsWith(await view.text("selection-text")), said);
    assert.equal(await view.page.locator("#announce").getAttribute("aria-live"), "polite");
  });
});

test("what moves says it in its label", async () => {
  await withPage(evidence.page(), async (view) => {
    const label = (id) => view.page.locator(`#${id}`).getAttribute("aria-label");
    const before = [await label("lane-canvas"), await label("overview-canvas"), await label("flame-canvas")];
    await view.press("[", "]", "w", "2");
    const after = [await label("lane-canvas"), await label("overview-canvas"), await label("flame-canvas")];
    before.forEach((text, at) => assert.notEqual(after[at], text));
    assert.match(after[1], new RegExp(`\\b${evidence.json("stalls").stalls.length} stalls\\b`));
  });
});
