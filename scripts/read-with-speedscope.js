// Reads an export with speedscope's own importer, and compares it with what collapse printed of the
// same recording.
//
//   node read-with-speedscope.js SPEEDSCOPE_FOLDER EXPORT COLLAPSED BEGIN_NS
//
// SPEEDSCOPE_FOLDER is the npm package unpacked, COLLAPSED the output of `collapse -F
// cpu,time,stack,count --weight us`, BEGIN_NS the moment on the recording's clock that the export's
// 0 is. The package has the importer only inside the page's script. That script is run here without
// a page, and asked for the function that it gives dropped files to.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const [folder, exported, collapsed, beginNs] = process.argv.slice(2);

/** The importer: file name and base64 text to a group of profiles. */
function importer() {
  const release = path.join(folder, "dist/release");
  const file = fs.readdirSync(release).find((name) => /^speedscope-.*\.js$/.test(name));
  const script = fs.readFileSync(path.join(release, file), "utf8");
  const found = script.match(/loadFileFromBase64:\((\w+),(\w+)\)=>\{this\.loadProfile\(\(\)=>(\w+)\(\1,\2\)\)\}/);
  assert(found, "speedscope's page is made otherwise than expected: its importer was not found");
  const start = /^"use strict";\(\(\)=>\{/;
  assert(start.test(script), "speedscope's page is made otherwise than expected: it does not begin as it did");
  const page = { console, atob, URL, TextDecoder, TextEncoder, Uint8Array, setTimeout, location: { hash: "", href: "" } };
  // There is no page: all that the script asks of it is empty.
  const nothing = new Proxy(function () {}, {
    get: (_, key) => (key === Symbol.toPrimitive ? () => "" : key === Symbol.iterator ? undefined : nothing),
    apply: () => nothing,
    construct: () => nothing,
  });
  Object.assign(page, { document: nothing, navigator: nothing, localStorage: nothing, performance });
  page.window = page.self = page.globalThis = page;
  page.addEventListener = page.removeEventListener = page.requestAnimationFrame = () => {};
  const context = vm.createContext(page);
  try {
    vm.runInContext(script.replace(start, `$&window.importProfiles=(...a)=>${found[3]}(...a);`), context);
  } catch (error) {
    // Drawing fails without a page, but the importer is loaded.
    if (!page.importProfiles) throw error;
  }
  return page.importProfiles;
}

/** The stack of a node of the call tree, as collapse prints it. */
function folded(node) {
  const names = [];
  for (let at = node; at && at.frame.name !== "(speedscope root)"; at = at.parent) names.push(at.frame.name);
  names.reverse();
  if (names.length > 0) names[0] = names[0].replaceAll(" ", "_");
  return names.map((name) => name.replaceAll(";", ":")).join(";");
}

async function main() {
  const group = await importer()("export.json", fs.readFileSync(exported).toString("base64"));
  assert(group, "speedscope does not know the format");
  const cpus = new Map();
  for (const line of fs.readFileSync(collapsed, "utf8").split("\n").filter((line) => line)) {
    const [, cpu, seconds, nanoseconds, stack, us] = line.match(/^(\d+)\t(\d+)\.(\d{9})\t(.*) (\d+)$/);
    if (!cpus.has(cpu)) cpus.set(cpu, []);
    const timeNs = BigInt(seconds) * 1000000000n + BigInt(nanoseconds) - BigInt(beginNs);
    cpus.get(cpu).push({ timeNs: Number(timeNs), stack, us: Number(us) });
  }
  assert.deepStrictEqual(
    Array.from(group.profiles, (profile) => profile.getName()),
    Array.from(cpus.keys(), (cpu) => `CPU ${cpu}`),
    "a profile for each CPU",
  );
  const lengths = new Set(Array.from(group.profiles, (profile) => profile.getTotalWeight()));
  assert.strictEqual(lengths.size, 1, "all profiles are of one length");
  for (const profile of group.profiles) {
    const lines = cpus.get(profile.getName().slice("CPU ".length));
    let [atNs, samples] = [0, 0];
    profile.samples.forEach((node, index) => {
      const [stack, endNs] = [folded(node), atNs + profile.weights[index]];
      if (stack !== "" && stack !== "[lost]") {
        const place = `${profile.getName()}, sample ${samples}`;
        assert.strictEqual(lines[samples]?.timeNs, atNs, `${place}: begins when collapse says`);
        // speedscope joins consecutive samples of one stack.
        const first = samples;
        let us = 0;
        for (; lines[samples]?.timeNs < endNs; samples += 1) {
          assert.strictEqual(stack, lines[samples].stack, place);
          us += lines[samples].us;
        }
        const roundedOff = profile.weights[index] - us * 1000;
        assert(roundedOff >= 0 && roundedOff < 1000 * (samples - first), `${place}: as long as collapse says`);
      }
      atNs = endNs;
    });
    assert.strictEqual(samples, lines.length, `${profile.getName()}: all samples`);
    assert.strictEqual(atNs, profile.getTotalWeight());
    console.log(`${profile.getName()}: ${samples} samples as collapse has them, ${(atNs / 1e9).toFixed(3)} s`);
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
