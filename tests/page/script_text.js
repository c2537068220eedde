// Recordings that are made up, as the text that perf script prints.

/**
 * @param {{ comm?: string, pid?: number, cpu?: number, ns: number, event?: string, stack?: string[] }} sample
 *   with its stack root first
 * @returns {string}
 */
export function sampleText({ comm = "task", pid = 1000, cpu = 0, ns, event = "cpu-clock", stack = [] }) {
  const digits = String(Math.round(ns)).padStart(10, "0");
  const time = `${digits.slice(0, -9)}.${digits.slice(-9)}`;
  const frames = stack
    .slice()
    .reverse()
    .map(
      (name, depth) =>
        `\t${(0xffffffff81000000n + BigInt(depth) * 4096n).toString(16)} ${name} ([kernel.kallsyms])\n`,
    );
  return `${comm} ${pid}/${pid} [${String(cpu).padStart(3, "0")}] ${time}: ${event}: \n${frames.join("")}\n`;
}

/** One sample each ms, from `from` to `to` in ms. */
export function everyMs(from, to, sample) {
  let text = "";
  for (let ms = from; ms < to; ms++) text += sampleText({ ...sample, ns: 1e9 + ms * 1e6 });
  return text;
}

export const CALL = ["entry_SYSCALL_64_after_hwframe", "do_syscall_64"];
const SERVING = [
  "ret_from_fork_asm",
  "kthread",
  "smpboot_thread_fn",
  "run_ksoftirqd",
  "handle_softirqs",
  "net_rx_action",
  "napi_poll",
];

/**
 * A recording in which one task holds a CPU for 100 ms again and again, and ksoftirqd follows.
 * @param {{ culprit: string, stack: string[], others?: { comm: string, stack: string[] }[], cpu?: number, rounds?: number }} scene
 */
export function stallingText({
  culprit,
  stack,
  others = [{ comm: "envoy", stack: ["main", "work"] }],
  cpu = 0,
  rounds = 6,
}) {
  let text = "";
  for (let round = 0; round < rounds; round++) {
    const begin = round * 1000;
    for (let ms = begin; ms < begin + 800; ms++) {
      const other = others[ms % others.length];
      text += everyMs(ms, ms + 1, { ...other, cpu, pid: 2000 + (ms % others.length) });
    }
    text += everyMs(begin + 800, begin + 900, { comm: culprit, pid: 1500, cpu, stack });
    text += everyMs(begin + 900, begin + 905, { comm: `ksoftirqd/${cpu}`, pid: 12, cpu, stack: SERVING });
  }
  return text;
}
