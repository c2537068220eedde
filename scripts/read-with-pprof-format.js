// Reads an export with the decoder of the npm package pprof-format, and compares it with what
// collapse, window and stalls printed of the same recording.
//
//   node read-with-pprof-format.js PACKAGE EXPORT COLLAPSED WINDOWS STALLS
//
// PACKAGE is the folder of the package, COLLAPSED the output of `collapse -F
// cpu,time,pid,tid,stack,count --weight us`, WINDOWS and STALLS those of `window --format json` and
// `stalls --format json`.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const zlib = require("node:zlib");

const [folder, exported, collapsed, windows, stalls] = process.argv.slice(2);
const { Profile } = require(folder);

// Times are too large for JavaScript's numbers, so the digits are read as texts.
const found = (file, list) =>
  JSON.parse(fs.readFileSync(file, "utf8").replaceAll(/"(start_ns|end_ns)": *(\d+)/g, '"$1":"$2"'))[list];
const numbered = (entries, time) =>
  entries.map((entry, index) => ({ number: index + 1, cpu: entry.cpu, ...time(entry) }));
const inStalls = numbered(found(stalls, "stalls"), ({ start_ns, end_ns }) => ({
  from: BigInt(start_ns),
  to: BigInt(end_ns),
}));
// The last sample of the episode before is no part of a window that it cuts.
const inWindows = numbered(found(windows, "episodes"), ({ window }) => ({
  from: BigInt(window.start_ns) + (window.cut_by === "previous_episode" ? 1n : 0n),
  to: BigInt(window.end_ns),
}));
const liesIn = (list, cpu, ns) =>
  list.find((entry) => entry.cpu === cpu && entry.from <= ns && ns < entry.to)?.number ?? "-";

const expected = new Map();
for (const line of fs.readFileSync(collapsed, "utf8").split("\n").filter((line) => line)) {
  const [, cpu, time, pid, tid, stack, us] = line.match(/^(\d+)\t([\d.]+)\t(\d+)\t(\d+)\t(.*) (\d+)$/);
  const ns = BigInt(time.replace(".", ""));
  const key = [cpu, pid, tid, liesIn(inStalls, +cpu, ns), liesIn(inWindows, +cpu, ns), stack].join(" ");
  const sum = expected.get(key) ?? { samples: 0n, us: 0n };
  expected.set(key, { samples: sum.samples + 1n, us: sum.us + BigInt(us) });
}

const profile = Profile.decode(zlib.gunzipSync(fs.readFileSync(exported)));
const text = (index) => profile.stringTable.strings[Number(index)];
const byId = (list) => new Map(list.map((entry) => [BigInt(entry.id), entry]));
const [locations, functions] = [byId(profile.location), byId(profile.function)];
const types = profile.sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`);
assert.deepStrictEqual(types, ["samples/count", "time/nanoseconds"]);
assert.strictEqual(text(profile.defaultSampleType), "time");
let samples = 0n;
for (const sample of profile.sample) {
  const labels = new Map(sample.label.map(({ key, str, num }) => [text(key), BigInt(str) > 0n ? text(str) : String(num)]));
  const names = sample.locationId.map((id) => text(functions.get(BigInt(locations.get(BigInt(id)).line[0].functionId)).name));
  const stack = [labels.get("comm").replaceAll(" ", "_"), ...names.reverse()].map((name) => name.replaceAll(";", ":"));
  const label = (key) => labels.get(key) ?? "-";
  const key = [...["cpu", "pid", "tid", "stall", "window"].map(label), stack.join(";")].join(" ");
  const sum = expected.get(key);
  assert(sum, `no sample is like this: ${key}`);
  const [count, ns] = sample.value.map(BigInt);
  assert.strictEqual(count, sum.samples, `samples of ${key}`);
  // collapse rounds each weight down to µs.
  assert(sum.us <= ns / 1000n && ns / 1000n <= sum.us + sum.samples, `${ns} ns, but ${sum.us} us of ${key}`);
  expected.delete(key);
  samples += count;
}
assert.deepStrictEqual([...expected.keys()], [], "each sample is in the profile");
console.log(`pprof-format: ${samples} samples in ${profile.sample.length} stacks as they should be`);
