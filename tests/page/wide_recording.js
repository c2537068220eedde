// Writes a large recording (perf.data) of many CPUs, with kallsyms beside it, to measure the page.

import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const TEXT = 0xffffffff81000000n;
const FUNCTION_SIZE = 256n;
const FUNCTIONS = 3000;
const SAMPLE_TYPE = 0x1 | 0x2 | 0x4 | 0x20 | 0x80 | 0x100; // IP, TID, TIME, CALLCHAIN, CPU, PERIOD
const FLAGS = (1n << 1n) | (1n << 8n) | (1n << 9n) | (1n << 10n) | (1n << 18n); // inherit, mmap, comm, freq, sample_id_all
const ATTR_SIZE = 136;
const DATA = 104 + ATTR_SIZE + 16;
const INTERVAL_NS = 1001001;
const WORDS = [
  "tcp",
  "skb",
  "page",
  "futex",
  "ext4",
  "sched",
  "rcu",
  "mem",
  "vfs",
  "net",
  "bpf",
  "irq",
  "timer",
  "lock",
  "alloc",
  "copy",
];

/** Numbers that look random, and are the same in each run. */
function dice(seed) {
  let state = seed;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % sides;
  };
}

class Writer {
  constructor(file) {
    this.descriptor = openSync(file, "w");
    this.buffer = Buffer.alloc(1 << 22);
    this.at = 0;
    this.written = 0;
  }

  room(bytes) {
    if (this.at + bytes > this.buffer.length) this.flush();
  }

  flush() {
    writeSync(this.descriptor, this.buffer, 0, this.at);
    this.written += this.at;
    this.at = 0;
  }

  u16(value) {
    this.at = this.buffer.writeUInt16LE(value, this.at);
  }
  u32(value) {
    this.at = this.buffer.writeUInt32LE(value, this.at);
  }
  u64(value) {
    this.at = this.buffer.writeBigUInt64LE(value, this.at);
  }
  // Faster than a BigInt, for what is below 2^53.
  number(value) {
    this.u32(value % 2 ** 32);
    this.u32(Math.floor(value / 2 ** 32));
  }

  header(type, misc, size) {
    this.room(size);
    this.u32(type);
    this.u16(misc);
    this.u16(size);
  }

  text(value, size) {
    this.buffer.fill(0, this.at, this.at + size);
    this.buffer.write(value, this.at, "latin1");
    this.at += size;
  }

  sampleId(pid, ns, cpu) {
    this.u32(pid);
    this.u32(pid);
    this.number(ns);
    this.u32(cpu);
    this.u32(0);
  }
}

/** Tasks, each with stacks that branch off each other, root first. */
function makeTasks(roll, cpus) {
  const stackFrom = (stack, depth) => {
    while (stack.length < depth) stack.push(10 + roll(FUNCTIONS - 10));
    return stack;
  };
  return Array.from({ length: 60 }, (_, index) => {
    const stacks = [];
    for (let i = 0; i < 60; i++) {
      const parent = i === 0 ? [0, 1, 2 + roll(8)] : stacks[roll(i)];
      stacks.push(stackFrom(parent.slice(0, 3 + roll(parent.length)), 6 + roll(16)));
    }
    return { comm: `${WORDS[index % 16]}d-${index}`, pid: 1000 + index, stacks };
  }).concat(
    Array.from({ length: cpus }, (_, cpu) => ({
      comm: `ksoftirqd/${cpu}`,
      pid: 20 + 7 * cpu,
      stacks: [[3, 4, 5, 6, 7, 8]],
    })),
  );
}

const FIRST_NAMES = [
  "entry_SYSCALL_64_after_hwframe",
  "do_syscall_64",
  "ksys_read",
  "ret_from_fork_asm",
  "kthread",
  "smpboot_thread_fn",
  "run_ksoftirqd",
  "handle_softirqs",
  "net_rx_action",
  "vfs_read",
];

/**
 * @param {string} folder
 * @param {{ cpus: number, seconds: number }} size
 * @returns {string} the file
 */
export function writeRecording(folder, { cpus, seconds }) {
  const names = Array.from(
    { length: FUNCTIONS },
    (_, index) =>
      FIRST_NAMES[index] ?? `${WORDS[index % 16]}_${WORDS[(index >> 4) % 16]}_${index.toString(36)}`,
  );
  const addressOf = (index) => TEXT + BigInt(index) * FUNCTION_SIZE;
  writeFileSync(
    join(folder, "kallsyms"),
    [
      `${TEXT.toString(16)} T _text`,
      `${TEXT.toString(16)} T _stext`,
      ...names.map((name, index) => `${addressOf(index).toString(16)} T ${name}`),
      `${addressOf(FUNCTIONS).toString(16)} T _etext`,
      "",
    ].join("\n"),
  );

  const roll = dice(7);
  const tasks = makeTasks(roll, cpus);
  const file = join(folder, "perf.data");
  const out = new Writer(file);
  out.text("", DATA);
  out.header(1, 1, 72 + 24); // PERF_RECORD_MMAP of the kernel
  out.u32(0xffffffff);
  out.u32(0);
  out.u64(TEXT);
  out.u64(BigInt(FUNCTIONS) * FUNCTION_SIZE);
  out.u64(TEXT);
  out.text("[kernel.kallsyms]_text", 32);
  out.sampleId(0, 0, 0);
  for (const { comm, pid } of tasks) {
    out.header(3, 0, 16 + 16 + 24); // PERF_RECORD_COMM
    out.u32(pid);
    out.u32(pid);
    out.text(comm, 16);
    out.sampleId(pid, 0, 0);
  }
  const chains = tasks.map(({ stacks }) =>
    stacks.map((stack) => {
      const bytes = Buffer.alloc(8 * (stack.length + 1));
      bytes.writeBigUInt64LE(0xffffffffffffff80n, 0); // PERF_CONTEXT_KERNEL
      stack
        .slice()
        .reverse()
        .forEach((index, depth) =>
          bytes.writeBigUInt64LE(addressOf(index) + (depth === 0 ? 4n : 8n), 8 * (depth + 1)),
        );
      return bytes;
    }),
  );
  const running = Array.from({ length: cpus }, () => ({ task: 0, left: 0, isStalling: false }));
  const ticks = Math.floor((seconds * 1e9) / INTERVAL_NS);
  for (let tick = 0; tick < ticks; tick++) {
    for (let cpu = 0; cpu < cpus; cpu++) {
      const now = running[cpu];
      if (now.left-- <= 0) {
        // Now and then a task holds its CPU for long, and ksoftirqd follows.
        const follows = now.isStalling;
        now.isStalling = !follows && roll(2000) === 0;
        now.task = follows ? 60 + cpu : now.isStalling ? 7 : roll(60);
        now.left = now.isStalling ? 80 + roll(60) : follows ? 3 : roll(8);
        now.stack = roll(chains[now.task].length);
      }
      const list = chains[now.task];
      if (!now.isStalling && roll(3) === 0) now.stack = roll(list.length);
      const chain = list[now.stack];
      const { pid } = tasks[now.task];
      const ns = 1e12 + tick * INTERVAL_NS + cpu * 997 + roll(60000);
      out.header(9, 1, 8 + 8 + 8 + 8 + 8 + 8 + 8 + chain.length);
      chain.copy(out.buffer, out.at, 8, 16);
      out.at += 8;
      out.u32(pid);
      out.u32(pid);
      out.number(ns);
      out.u32(cpu);
      out.u32(0);
      out.number(INTERVAL_NS);
      out.number(chain.length / 8);
      chain.copy(out.buffer, out.at);
      out.at += chain.length;
    }
  }
  out.flush();
  const head = Buffer.alloc(DATA);
  head.write("PERFILE2", 0, "latin1");
  const put = (value, at) => head.writeBigUInt64LE(BigInt(value), at);
  [104, ATTR_SIZE + 16, 104, ATTR_SIZE + 16, DATA, out.written - DATA].forEach((value, index) =>
    put(value, 8 + 8 * index),
  );
  head.writeUInt32LE(1, 104); // a software event, 0: cpu-clock
  head.writeUInt32LE(ATTR_SIZE, 108);
  put(999, 104 + 16);
  put(SAMPLE_TYPE, 104 + 24);
  put(FLAGS, 104 + 40);
  writeSync(out.descriptor, head, 0, DATA, 0);
  closeSync(out.descriptor);
  return file;
}
