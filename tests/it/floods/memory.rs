//! Memory: how many times its size a recording takes that is made of one thing alone, in the
//! shortest form; and what happens where there is no memory.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use crate::support::builder::{Builder, Event, Mmap, Sample};
use crate::support::{run, stallgraph, with_cost, with_peak_memory};

/// A recording takes at most this many times its size: docs/robustness.md and `--help` say so.
const MOST: u64 = 25;
/// The crate that writes profiles for Firefox holds them in memory.
const MOST_FOR_FIREFOX: u64 = 60;
/// Bytes of a flood: enough to tell its memory from that of the program itself.
const SIZE: u64 = 1 << 20;

/// A recording that is made of one thing.
struct Flood {
    what: &'static str,
    bytes: Vec<u8>,
}

fn flood(
    what: &'static str,
    count: u64,
    add: impl for<'b> Fn(&'b mut Builder, u64) -> &'b mut Builder,
) -> Flood {
    let mut builder = Builder::new();
    for number in 0..count {
        builder.at(0, number * 1_000);
        add(&mut builder, number);
    }
    Flood { what, bytes: builder.build() }
}

fn tid(number: u64) -> (u32, u32) {
    (1000 + number as u32, 1000 + number as u32)
}

/// Records of each kind, as short as they can be.
fn records(size: u64) -> Vec<Flood> {
    let (records, addresses) = (size / 64, 0xffff_ffff_8100_0000u64);
    vec![
        flood("samples", records, |b, _| b.sample(Sample::new((7, 7)).user(&[0x40_0000]))),
        flood("samples of many tasks", records, |b, n| b.sample(Sample::new(tid(n)).user(&[0x40_0000]))),
        flood("samples of many CPUs", records, |b, n| {
            b.at(n as u32, 5).sample(Sample::new((7, 7)).user(&[0x40_0000]))
        }),
        flood("stacks", records, |b, n| b.sample(Sample::new((7, 7)).user(&[n << 12]))),
        flood("kernel stacks", records, |b, n| b.sample(Sample::new((7, 7)).kernel(&[addresses + n]))),
        flood("deep stacks", size / 1024, |b, n| {
            let stack: Vec<u64> = (0..120).map(|depth| (n * 120 + depth) << 12).collect();
            b.sample(Sample::new((7, 7)).user(&stack))
        }),
        flood("comms", records, |b, n| b.comm(tid(n), &format!("c{n}"))),
        flood("comms of one task", records, |b, n| b.comm((7, 7), &format!("c{n}"))),
        flood("forks", records, |b, n| b.fork(tid(n + 1), tid(n))),
        flood("forks of a thread", records, |b, n| b.fork((7, 1000 + n as u32), (7, 7))),
        flood("exits", records, |b, n| b.exit(tid(n), tid(n))),
        flood("forks of a process with many maps", records, |b, n| match n < records / 2 {
            true => b.mmap2(Mmap::new(7, "/m", n << 13, 0x1000)),
            false => b.fork(tid(n), (7, 7)),
        }),
        flood("forks and maps of each", records, |b, n| match n % 2 {
            0 => b.fork(tid(n), tid(n - n.min(2))),
            _ => b.mmap2(Mmap::new(tid(n - 1).0, "/m", n << 13, 0x1000)),
        }),
        flood("maps", records, |b, n| b.mmap2(Mmap::new(7, &format!("/{n}"), n << 13, 0x1000))),
        flood("maps of many processes", records, |b, n| b.mmap2(Mmap::new(tid(n).0, "/m", 0x1000, 0x1000))),
        flood("maps within maps", records, |b, n| {
            b.mmap2(Mmap::new(7, "/m", n << 12, (2 * records - 2 * n) << 12))
        }),
        flood("maps over maps", records, |b, n| {
            b.mmap2(Mmap::new(7, "/m", (records - n) << 12, (2 * n) << 12))
        }),
        flood("kernel modules", records, |b, n| {
            b.mmap2(Mmap::kernel_module(&format!("[m{n}]"), addresses + (n << 12), 0x1000))
        }),
        flood("cgroups", records, |b, n| b.cgroup(n, &format!("/{n}"))),
        flood("cgroups of one id", records, |b, n| b.cgroup(1, &format!("/{n}"))),
        flood("ksymbols", records, |b, n| b.ksymbol(&format!("p{n}"), addresses + (n << 12), 64, false)),
        flood("ksymbols at one place", records, |b, n| {
            b.ksymbol(&format!("p{n}"), addresses, 64, n % 2 == 1)
        }),
        flood("switches", records, |b, n| b.switch_in(tid(n), (0, 0))),
        flood("lost", records, |b, _| b.lost(1, 1)),
        flood("lost on many CPUs", records, |b, n| b.at(n as u32, 5).lost(1, 1)),
        flood("throttles", records, |b, n| if n % 2 == 0 { b.throttle(1) } else { b.unthrottle(1) }),
        flood("deferred chains", records, |b, n| b.callchain_deferred((7, 7), n, &[0x40_0000])),
        flood("rounds", size / 8, |b, _| b.finished_round()),
        flood("unknown records", size / 8, |b, n| b.raw(20_000 + (n % 40_000) as u32, 0, &[])),
    ]
}

/// Events and their ids, as many as there is room for.
fn events(size: u64) -> [Flood; 2] {
    let (mut events, mut ids) = (Builder::new(), Builder::new());
    for number in 0..size / 160 {
        events.event(Event::new(&format!("e{number}"), 4, number).ids(&[number]));
    }
    ids.event(Event::cpu_clock().ids(&(0..size / 8).collect::<Vec<u64>>()));
    [("events", events), ("ids", ids)].map(|(what, builder)| Flood { what, bytes: builder.build() })
}

/// Text of perf script, as short as it can be.
fn texts(size: u64) -> Vec<Flood> {
    let text = |what, line: fn(u64) -> String| {
        let mut text = String::new();
        let mut lines = (0..).map(line);
        while (text.len() as u64) < size {
            text.extend(lines.next());
        }
        Flood { what, bytes: text.into_bytes() }
    };
    let mut deep = "a 1 [0] 1.000000: c: \n".to_owned();
    (0..size / 12).for_each(|n| writeln!(deep, "\t1 {n} (m)").unwrap());
    vec![
        text("text: CPUs", |n| format!("a 1 [{n}] 1.000000: c: \n\t1 f (m)\n\n")),
        text("text: tasks", |n| format!("{n} {n} [0] {n}.000000: c: \n\t1 f (m)\n\n")),
        text("text: functions", |n| format!("a 1 [0] {n}.000000: c: \n\t1 f{n} (m)\n\n")),
        text("text: modules", |n| format!("a 1 [0] {n}.000000: c: \n\t1 f (/m{n})\n\n")),
        text("text: events", |n| format!("a 1 [0] {n}.000000: e{n}: \n\t1 f (m)\n\n")),
        text("text: no chains", |n| format!("a 1 [0] {n}.000000: c: 1 f{n} (m)\n")),
        text("text: all of these", |n| format!("c{n} {n} [{n}] {n}.000000: c: \n\t{n:x} f{n} (/m{n})\n\n")),
        Flood { what: "text: one deep stack", bytes: deep.into_bytes() },
    ]
}

#[test]
fn a_flood_of_one_thing_takes_a_bounded_multiple_of_its_size() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("flood");
    let peak = |command: &[&str]| {
        let (run, peak) =
            with_peak_memory(stallgraph().args(command).arg(&path).args(["--no-symbols", "--threads", "4"]));
        assert!(run.code.is_some(), "{command:?}: {}", run.stderr);
        peak
    };
    let commands = [
        (&["stalls"][..], MOST),
        (&["export", "--format", "pprof", "-o", "/dev/null"], MOST),
        (&["export", "--format", "firefox"], MOST_FOR_FIREFOX),
    ];
    fs::write(&path, flood("one", 1, |builder, _| builder.sample(Sample::new((7, 7)))).bytes).unwrap();
    // What each command takes itself: more of the program's code is read for an export. It ends so
    // soon that one look may miss its peak; what is missed would count as the flood's.
    let itself = commands.map(|(command, _)| (0..10).map(|_| peak(command)).max().expect("ten runs"));
    for Flood { what, bytes } in records(SIZE).into_iter().chain(events(SIZE)).chain(texts(SIZE)) {
        fs::write(&path, &bytes).expect("it can be written to");
        for ((command, most), itself) in commands.into_iter().zip(itself) {
            let times = peak(command).saturating_sub(itself) as f64 / bytes.len() as f64;
            assert!(times < most as f64, "{what}: {command:?} takes {times:.1} times its size");
        }
    }
}

#[test]
fn without_memory_the_program_says_so_and_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    let forks = flood("forks", 60_000, |builder, n| builder.fork(tid(n + 1), tid(n)));
    fs::write(&path, forks.bytes).expect("it can be written to");
    let limited = |kib: u64, arguments: &str| {
        let mut command = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_stallgraph");
        command.arg("-c").arg(format!("ulimit -v {kib}; exec {program} {arguments}"));
        run(command.current_dir(&folder))
    };
    let mut starved = 0;
    let limits = (20_000..240_000).step_by(8_000);
    for kib in limits.filter(|&kib| limited(kib, "--version").code == Some(0)).take(10) {
        for arguments in ["stalls --threads 2", "collapse --threads 2 -o x", "stalls - < perf.data"] {
            let result = limited(kib, arguments);
            let code = result.code.unwrap_or_else(|| panic!("{kib} KiB: {arguments}: {}", result.stderr));
            assert!(code <= 3, "{kib} KiB: {arguments}: {code}");
            assert!(!result.stderr.contains("panicked"), "{kib} KiB: {arguments}: {}", result.stderr);
            starved += u32::from(result.stderr.contains("there is no memory left"));
        }
        assert!(!folder.path().join("x").exists(), "nothing is there to collapse");
    }
    assert!(starved > 0, "some limits are enough to start and too little to end");
}

#[test]
fn the_environment_starts_no_more_threads_than_the_option_takes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    let samples = flood("samples", 10, |builder, _| builder.sample(Sample::new((7, 7))));
    fs::write(&path, samples.bytes).expect("it can be written to");
    // One thread more is the first, and one waits for signals.
    for (asked, most) in [("3", 5), ("100000", 1026)] {
        let mut command = stallgraph();
        command.arg("collapse").arg(&path).arg("--no-symbols").env("RAYON_NUM_THREADS", asked);
        let (run, cost) = with_cost(&mut command);
        assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 10), "{asked}: {}", run.stderr);
        assert!(cost.threads <= most, "{asked}: {cost:?}");
        // A stack and a little more for each thread; what folds lines is kept for 32.
        assert!(cost.memory < 160 << 20, "{asked}: {cost:?}");
    }
}
