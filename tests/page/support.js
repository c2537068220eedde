// What the tests of the page in a browser share: recordings, the program, and the browser.
//
// The environment names the program (STALLGRAPH), and the folder in whose node_modules
// playwright-core is (PAGE_MODULES).

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";

for (const name of ["PAGE_MODULES", "STALLGRAPH"]) {
  if (!process.env[name]) throw new Error(`${name} is not set: run scripts/check-page`);
}
const { chromium } = createRequire(`${process.env.PAGE_MODULES}/`)("playwright-core");
const program = process.env.STALLGRAPH;
const testdata = join(dirname(fileURLToPath(import.meta.url)), "../../testdata");

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const MOST_OUTPUT = 1 << 30;
/** A page that takes longer for anything hangs. */
const PATIENCE_MS = 15000;

/** Files of this run. The folder's name needs to be quoted in a command line, and escaped in a URL. */
export const folder = mkdtempSync(join(tmpdir(), "stallgraph page's "));
let browser = null;
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/**
 * Runs the program.
 * @param {string[]} parameters
 * @param {string} [input]
 */
export function run(parameters, input) {
  const { status, stdout, stderr, error } = spawnSync(program, parameters, {
    cwd: folder,
    input,
    maxBuffer: MOST_OUTPUT,
    encoding: "utf8",
  });
  if (error) throw error;
  return { code: status, stdout, stderr };
}

/**
 * Runs a command line that a page shows, as a shell does.
 * @param {string} line
 */
export function runLine(line) {
  const script = line.replace(/^stallgraph /, '"$0" ');
  assert.notEqual(script, line, "it is a command of the program");
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script, program], {
    cwd: folder,
    maxBuffer: MOST_OUTPUT,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

/** A recording, what the program prints about it, and its page. */
export class Recording {
  /** @param {string} file */
  constructor(file) {
    this.file = file;
    this.pages = new Map();
  }

  /**
   * @param {string} name of a folder in testdata
   * @returns {Recording} a copy, so that its names are found beside it
   */
  static named(name) {
    const [from, to] = [join(testdata, name), join(folder, name)];
    if (!existsSync(to)) {
      mkdirSync(to);
      copyFileSync(join(from, "kallsyms"), join(to, "kallsyms"));
      if (existsSync(join(from, "perf.data"))) copyFileSync(join(from, "perf.data"), join(to, "perf.data"));
      else {
        const packed = join(from, "perf.data.zst");
        const { status } = spawnSync("zstd", ["-dq", packed, "-o", join(to, "perf.data")]);
        assert.equal(status, 0, `zstd -d ${packed}`);
      }
    }
    return new Recording(join(to, "perf.data"));
  }

  /**
   * @param {string} name
   * @param {string} text in the form of perf script
   */
  static ofText(name, text) {
    const file = join(folder, `${name}.txt`);
    writeFileSync(file, text);
    return new Recording(file);
  }

  /**
   * @param {string} command
   * @param {string[]} [options]
   * @returns {any} what it prints as JSON; null if the recording does not tell of it
   */
  json(command, options = []) {
    const { stdout } = run([command, "--format", "json", ...options, this.file]);
    return stdout === "" ? null : JSON.parse(stdout);
  }

  /**
   * @param {string[]} [options]
   * @returns {{ cpu: number, ns: bigint, comm: string, stack: string[], text: string }[]} the samples
   */
  samples(options = []) {
    const { stdout } = run(["collapse", "-F", "cpu,time,stack,count", ...options, this.file]);
    return stdout
      .split("\n")
      .slice(0, -1)
      .map((text) => {
        const [cpu, seconds, folded] = text.split("\t");
        const [comm, ...stack] = folded.replace(/ 1$/, "").split(";");
        return { cpu: Number(cpu), ns: nsOf(seconds), comm, stack, text };
      });
  }

  /**
   * @param {string[]} [options]
   * @returns {string} the file of its page
   */
  page(options = []) {
    const key = options.join(" ");
    if (!this.pages.has(key)) {
      const file = `${this.file}.${this.pages.size}.html`;
      const { code, stderr } = run(["report", "-o", file, ...options, this.file]);
      assert.ok(code === 0 || code === 1 || code === 3, `report: ${code} ${stderr}`);
      this.pages.set(key, file);
    }
    return this.pages.get(key);
  }
}

/**
 * @param {string} file of a page
 * @returns {any} the documents that it holds
 */
export function documentsOf(file) {
  const [, base64] = /<script type="application\/json" id="documents">([^<]*)</.exec(
    readFileSync(file, "utf8"),
  );
  return JSON.parse(gunzipSync(Buffer.from(base64, "base64")).toString());
}

/**
 * @param {string} seconds with nine digits
 * @returns {bigint}
 */
export function nsOf(seconds) {
  assert.match(seconds, /^-?\d+\.\d{9}$/);
  return BigInt(seconds.replace(".", ""));
}

/**
 * @param {bigint | number} ns
 * @returns {string} seconds with nine digits
 */
export function secondsOf(ns) {
  const digits = String(ns).padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** @returns {Promise<any>} */
async function sharedBrowser() {
  browser ??= await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
  return browser;
}

/**
 * Opens a page, and fails if anything goes wrong in it: a message of the console, an error that
 * nobody caught, a dialog, a request for anything but the file itself.
 * @param {string} file
 * @param {(view: View) => Promise<void>} body
 * @param {{ fragment?: string, isReady?: boolean, context?: object, init?: () => void }} [options]
 *   `init` runs in the page before anything else
 */
export async function withPage(file, body, options = {}) {
  const { fragment = "", isReady = true, context: settings = {}, init } = options;
  const shared = await sharedBrowser();
  const context = await shared.newContext({ viewport: { width: 1280, height: 720 }, ...settings });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  if (init) await page.addInitScript(init);
  const url = pathToFileURL(file).href;
  const problems = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`not caught: ${error.stack}`));
  page.on("dialog", async (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    const [address] = request.url().split("#");
    if (address !== url && !address.startsWith(`blob:${new URL(url).origin}`))
      problems.push(`request: ${address}`);
  });
  try {
    await page.goto(url + fragment);
    const view = new View(page, file);
    if (isReady) await view.ready();
    await body(view);
    assert.deepEqual(problems, []);
  } finally {
    await context.close();
  }
}

/** A page in the browser. */
export class View {
  constructor(page, file) {
    this.page = page;
    this.file = file;
  }

  async ready() {
    await this.page.waitForFunction(() => document.documentElement.dataset.ready !== undefined);
    assert.equal(await this.page.evaluate(() => document.documentElement.dataset.ready), "true");
    await this.settle();
  }

  /** Waits until the last change is drawn. */
  async settle() {
    const drawn = this.page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))),
    );
    const late = new Promise((done) => setTimeout(() => done(false), PATIENCE_MS).unref());
    assert.ok(await Promise.race([drawn, late]), "the page draws");
  }

  /** @returns {Promise<string>} */
  text(id) {
    return this.page.evaluate((name) => document.getElementById(name).textContent, id);
  }

  /** @returns {Promise<Record<string, string>>} what an element tells tests of what it shows */
  data(id) {
    return this.page.evaluate((name) => ({ ...document.getElementById(name).dataset }), id);
  }

  /** Scrolls to an element and returns where it is in the window. */
  async box(id) {
    await this.page.locator(`#${id}`).scrollIntoViewIfNeeded();
    return this.page.locator(`#${id}`).boundingBox();
  }

  isVisible(id) {
    return this.page.locator(`#${id}`).isVisible();
  }

  async press(...keys) {
    for (const key of keys) {
      await this.page.keyboard.press(key);
      await this.settle();
    }
  }

  async click(selector, options) {
    await this.page.locator(selector).click(options);
    await this.settle();
  }

  /** Moves the pointer there, in CSS pixels of the window. */
  async hover(x, y) {
    await this.page.mouse.move(x, y);
    await this.settle();
  }

  /** Drags from one point of the window to another. */
  async drag([fromX, fromY], [toX, toY], { isShift = false } = {}) {
    const { mouse, keyboard } = this.page;
    if (isShift) await keyboard.down("Shift");
    await mouse.move(fromX, fromY);
    await mouse.down();
    await mouse.move((fromX + toX) / 2, (fromY + toY) / 2, { steps: 3 });
    await mouse.move(toX, toY, { steps: 3 });
    await mouse.up();
    if (isShift) await keyboard.up("Shift");
    await this.settle();
  }

  /** The tip at the pointer: its title and its lines; null if there is none. */
  tip() {
    return this.page.evaluate(() => {
      const tip = document.getElementById("tip");
      if (tip.hidden) return null;
      const [title, ...lines] = Array.from(tip.children, (child) => child.textContent);
      return { title, lines };
    });
  }

  /** The visible time, in ns since the start of the recording. */
  async range() {
    const { startNs, endNs } = await this.data("lane-canvas");
    return { start: Number(startNs), end: Number(endNs), length: Number(endNs) - Number(startNs) };
  }

  /** The selected time, in ns since the start of the recording. */
  async selection() {
    const { track, startNs, endNs, samples, period, times } = await this.data("selection-text");
    return {
      track: Number(track),
      start: Number(startNs),
      end: Number(endNs),
      samples: Number(samples),
      period: Number(period),
      times: Number(times),
    };
  }

  /** The options of the command line that the page shows for the selection. */
  async commandOptions() {
    const command = await this.text("command");
    const [, time, cpu] = /^stallgraph window --time ([\d.]+,[\d.]+)(?: -C (\d+))? /.exec(command);
    return cpu === undefined ? ["--time", time] : ["--time", time, "-C", cpu];
  }

  /** The colour of a point of a canvas: red, green, blue. */
  pixel(id, x, y) {
    return this.page.evaluate(
      ([name, left, top]) => {
        const canvas = document.getElementById(name);
        const ratio = canvas.width / canvas.clientWidth;
        // A copy of the point: a browser warns of reading a canvas that is made for drawing.
        const point = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
        point.drawImage(canvas, Math.round(left * ratio), Math.round(top * ratio), 1, 1, 0, 0, 1, 1);
        return [...point.getImageData(0, 0, 1, 1).data].slice(0, 3);
      },
      [id, x, y],
    );
  }

  /** The rows of the table that is shown: the text of each cell by the title of its column. */
  async rows() {
    const all = this.page.locator("#table-all");
    if (await all.isVisible()) await all.click();
    await this.settle();
    return this.page.evaluate(() => {
      const titles = Array.from(document.querySelectorAll("#table-head th"), (cell) => cell.textContent);
      return Array.from(document.querySelectorAll("#table-body tr"), (row) =>
        Object.fromEntries(Array.from(row.cells, (cell, column) => [titles[column], cell.textContent])),
      );
    });
  }

  /** What is on the clipboard after a button that copies. */
  async copied(id) {
    await this.page.evaluate(() => navigator.clipboard.writeText("nothing was copied"));
    await this.click(`#${id}`);
    await this.page.waitForFunction((name) => document.getElementById(name).textContent === "Copied", id);
    return this.page.evaluate(() => navigator.clipboard.readText());
  }
}
