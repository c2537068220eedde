// Reads an export with the Firefox Profiler's own code, and compares it with what collapse, window
// and stalls printed of the same recording.
//
//   node read-with-firefox.js PROFILER_CLI EXPORT COLLAPSED WINDOWS STALLS BEGIN_NS
//
// PROFILER_CLI is the script of the npm package @firefox-devtools/profiler-cli, COLLAPSED the
// output of `collapse -F cpu,time,stack,count`, WINDOWS and STALLS those of `window --format json`
// and `stalls --format json`, BEGIN_NS the moment on the recording's clock that the export's 0 is.
// The package keeps a loaded profile in a process of its own, whose files go to HOME.
"use strict";
const assert = require("node:assert");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");

const [cli, exported, collapsed, windows, stalls, beginNs] = process.argv.slice(2);
const ask = (...words) => execFileSync(process.execPath, [cli, ...words], { encoding: "utf8", maxBuffer: 1 << 28 });
const askJson = (...words) => JSON.parse(ask(...words, "--json"));

const lines = new Map();
for (const line of fs.readFileSync(collapsed, "utf8").split("\n").filter((line) => line)) {
  const [, cpu, stack] = line.match(/^(\d+)\t[\d.]+\t(.*) 1$/);
  if (!lines.has(cpu)) lines.set(cpu, []);
  lines.get(cpu).push(new Set(stack.split(";")));
}
const found = (file, list) => JSON.parse(fs.readFileSync(file, "utf8"))[list];
const times = (kind, cpu, start_ns, end_ns) => ({ kind, cpu: String(cpu), start_ns, end_ns });
const markers = [
  ...found(windows, "episodes").flatMap(({ cpu, start_ns, end_ns, window }) => [
    times("episode", cpu, start_ns, end_ns),
    times("window", cpu, window.start_ns, window.end_ns),
  ]),
  ...found(stalls, "stalls").map(({ cpu, start_ns, end_ns }) => times("stall", cpu, start_ns, end_ns)),
];
const ms = (ns) => Number(BigInt(ns) - BigInt(beginNs)) / 1e6;

function check(thread) {
  const cpu = thread.name.replace(/^CPU /, "");
  const stacks = lines.get(cpu);
  const of = ["--thread", thread.threadHandle];
  const samples = askJson("thread", "samples", ...of, "--include-idle", "--limit", "100000");
  assert.strictEqual(samples.categoryBreakdown.totalSamples, stacks.length, `CPU ${cpu}: samples`);
  for (const { name, totalSamples } of samples.topFunctionsByTotal) {
    const folded = name.replaceAll(";", ":");
    const isIn = (stack) => stack.has(folded) || stack.has(folded.replaceAll(" ", "_"));
    assert.strictEqual(totalSamples, stacks.filter(isIn).length, `CPU ${cpu}: samples with ${name}`);
  }
  const shown = askJson("thread", "markers", ...of).byType;
  const its = markers.filter((marker) => marker.cpu === cpu);
  assert.strictEqual(thread.markerCount, its.length, `CPU ${cpu}: markers`);
  for (const { markerName, topMarkers } of shown) {
    for (const { start, duration } of topMarkers) {
      const isClose = (a, b) => Math.abs(a - b) < 1e-5;
      const isIt = ({ kind, start_ns, end_ns }) =>
        kind === markerName && isClose(ms(start_ns), start) && isClose(ms(end_ns), start + duration);
      assert(its.some(isIt), `CPU ${cpu}: a ${markerName} at ${start} ms for ${duration} ms`);
    }
  }
  const functions = samples.topFunctionsByTotal.length;
  console.log(`${thread.name}: ${stacks.length} samples of ${functions} functions and ${its.length} markers as they should be`);
}

try {
  ask("load", exported);
  const { threads } = askJson("thread", "list");
  const names = threads.map((thread) => thread.name).sort();
  assert.deepStrictEqual(names, Array.from(lines.keys(), (cpu) => `CPU ${cpu}`).sort(), "a thread for each CPU");
  threads.forEach(check);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
try {
  ask("stop");
} catch {
  // It was never loaded: the error is printed above.
}
