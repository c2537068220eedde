//! Writes the tables of a fleet that does not exist, to measure with: nodes that were watched for
//! some days, with stalls of several culprits. The same arguments write the same files.
//!
//! usage: `simulated_fleet DIR [--nodes N] [--days N] [--stalls-per-day N] [--seed N]`
//!
//! One node in ten has ten times as many stalls as the others. The culprit `agent read` is found on
//! one of three kernels only.

use std::error::Error;
use std::fs::{File, create_dir_all};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use stallgraph::analyses::rows::{EvidenceRow, RecordingRow, Rows, StallRow, VictimRow};
use stallgraph::tables;

const DAY_US: i64 = 86_400_000_000;
/// 2026-11-01, 00:00 UTC.
const FIRST_US: i64 = 1_793_491_200_000_000;

/// Comm, system call and function, if it has a path: a culprit's name is made of the first two.
const CULPRITS: [(&str, &str, &str); 6] = [
    ("agent", "read", "memcg_stat_show"),
    ("node_exporter", "lseek", "traverse"),
    ("netstat", "lseek", "udp4_seq_show"),
    ("kubelet", "unlinkat", "shrink_dentry_list"),
    ("java", "munmap", "tlb_finish_mmu"),
    ("postgres", "fsync", "jbd2_log_do_checkpoint"),
];
const KERNELS: [&str; 3] = ["5.10.0-33-amd64", "6.1.0-41-amd64", "6.12.57-amd64"];

struct Arguments {
    folder: PathBuf,
    nodes: u64,
    days: u64,
    stalls_per_day: u64,
    seed: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()
        .ok_or("usage: simulated_fleet DIR [--nodes N] [--days N] [--stalls-per-day N] [--seed N]")?;
    let mut stalls = 0;
    for node in 0..arguments.nodes {
        for day in 0..arguments.days {
            let rows = rows(&arguments, node, day);
            stalls += rows.stalls.len();
            write(&arguments.folder, &rows)?;
        }
    }
    println!("{stalls} stalls");
    Ok(())
}

fn arguments() -> Option<Arguments> {
    let mut words = std::env::args_os().skip(1);
    let folder = PathBuf::from(words.next()?);
    let mut arguments = Arguments { folder, nodes: 1000, days: 1, stalls_per_day: 300, seed: 1 };
    while let Some(option) = words.next() {
        let number = words.next()?.to_str()?.parse().ok()?;
        match option.to_str()? {
            "--nodes" => arguments.nodes = number,
            "--days" => arguments.days = number,
            "--stalls-per-day" => arguments.stalls_per_day = number,
            "--seed" => arguments.seed = number,
            _ => return None,
        }
    }
    Some(arguments)
}

/// Numbers that look random (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

/// What a node's watch would write of one day.
fn rows(arguments: &Arguments, node: u64, day: u64) -> Rows {
    let mixed = (arguments.seed << 40 ^ node << 20 ^ day).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = Random(mixed | 1);
    let kernel = (node % 3) as usize;
    let begin_us = FIRST_US + day as i64 * DAY_US;
    let mut recording = RecordingRow::default();
    recording.recording = format!("watch-{begin_us}");
    recording.time = Some(begin_us);
    recording.end = Some(begin_us + DAY_US - 1);
    recording.start_ns = 1_000_000_000;
    recording.duration_ns = DAY_US as u64 * 1000;
    recording.clock = "CLOCK_MONOTONIC".to_owned();
    recording.host = Some(format!("node{node:04}.example"));
    recording.labels = vec![
        ("cluster".to_owned(), format!("eu{}", node % 2)),
        ("zone".to_owned(), ["a", "b", "c"][(node / 3 % 3) as usize].to_owned()),
    ];
    recording.file = "watch".to_owned();
    recording.kernel = Some(KERNELS[kernel].to_owned());
    recording.arch = Some("x86_64".to_owned());
    recording.program = "simulated_fleet".to_owned();
    recording.cpus = 16;
    recording.cpus_online = Some(16);
    recording.event = Some("cpu-clock".to_owned());
    recording.frequency_hz = Some(99);
    recording.evidence = "samples,softirqs,switches,wall_clock".to_owned();
    recording.shortest_ns = Some(0);
    recording.min_ns = 50_000_000;
    recording.kept = "always".to_owned();
    recording.has_names = true;
    let usual = arguments.stalls_per_day;
    // (10 + 9) / 19 of the mean.
    let count = if node.is_multiple_of(10) { usual * 100 / 19 } else { usual * 10 / 19 };
    recording.status = if count == 0 { "healthy" } else { "stalling" }.to_owned();
    let mut rows = Rows::of(recording);
    let mut times: Vec<i64> = (0..count).map(|_| random.below(DAY_US as u64 - 1_000_000) as i64).collect();
    times.sort_unstable();
    for (number, time) in (1..).zip(times) {
        add_stall(&mut rows, number, begin_us + time, kernel, &mut random);
    }
    rows
}

fn add_stall(rows: &mut Rows, number: i32, time_us: i64, kernel: usize, random: &mut Random) {
    let culprits = if kernel == 0 { 0..CULPRITS.len() } else { 1..CULPRITS.len() };
    let which = culprits.start + random.below(culprits.len() as u64) as usize;
    let (comm, call, function) = CULPRITS[which];
    let id = rows.recording.recording.clone();
    let mut stall = StallRow::default();
    stall.recording.clone_from(&id);
    stall.stall = number;
    stall.time = Some(time_us);
    stall.start_ns = (time_us - FIRST_US) as u64 * 1000 + random.below(1000);
    stall.duration_ns = 50_000_000 + random.below(300_000_000);
    stall.cpu = random.below(16) as u32;
    stall.confidence = ["medium", "high", "high"][random.below(3) as usize];
    stall.who.culprit = Some(format!("{comm} {call}"));
    stall.who.holder = Some("task");
    stall.who.comm = Some(comm.to_owned());
    stall.who.pid = Some(1000 + random.below(30) as i32);
    stall.who.tid = stall.who.pid.map(|pid| pid + random.below(8) as i32);
    stall.who.owner = Some("system_call");
    stall.who.syscall = Some(call.to_owned());
    stall.who.function = Some(function.to_owned());
    stall.who.path =
        Some(format!("entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_{call};vfs_{call};{function}"));
    stall.who.cgroup = Some(format!("/kubepods.slice/kubepods-burstable.slice/{comm}.scope"));
    if which == 1 {
        stall.who.cause = Some("arp-table-read".to_owned());
        stall.who.certainty = Some("sure");
    }
    stall.samples = Some(stall.duration_ns / 10_101_010);
    stall.share = Some(random.below(1000) as f64 / 1000.0);
    stall.waited_ns = Some(stall.duration_ns - random.below(1_000_000));
    for kind in ["softirq_wait", "kernel_path"].into_iter().take(1 + random.below(2) as usize) {
        let mut evidence = EvidenceRow::default();
        evidence.recording.clone_from(&id);
        evidence.stall = number;
        evidence.time = stall.time;
        evidence.start_ns = stall.start_ns;
        evidence.duration_ns = stall.duration_ns;
        evidence.kind = kind;
        evidence.softirq = (kind == "softirq_wait").then_some("net_rx");
        rows.evidence.push(evidence);
    }
    for softirq in ["net_rx", "timer"].into_iter().take(1 + random.below(2) as usize) {
        let mut victim = VictimRow::default();
        victim.recording.clone_from(&id);
        victim.stall = number;
        victim.time = stall.time;
        victim.victim = "softirq";
        victim.softirq = Some(softirq);
        victim.waited_ns = stall.duration_ns - random.below(1_000_000);
        rows.victims.push(victim);
    }
    rows.stalls.push(stall);
}

fn write(folder: &Path, rows: &Rows) -> Result<(), Box<dyn Error>> {
    for file in tables::files(rows, None) {
        let path = folder.join(file.path());
        create_dir_all(path.parent().ok_or("a file is in a folder")?)?;
        let mut out = BufWriter::new(File::create(path)?);
        file.write(&mut out)?;
        out.flush()?;
    }
    Ok(())
}
