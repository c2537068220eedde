//! Names of code made at run time, from jitdump files: which function was at an address at a time,
//! and which files are refused.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::builder::{Builder, Event, Kernel, Mmap, Sample};
use crate::support::jitdump::{Code, Jitdump};
use crate::support::{Run, hostname, make_fifo, no_process, run, stallgraph};
use tempfile::TempDir;

const CLOCK_MONOTONIC: u32 = 1;

/// A recording of this host, in which a process made code and described it in a jitdump beside the
/// recording.
struct Scene {
    folder: TempDir,
    pid: u32,
}

impl Scene {
    /// A sample at each of these addresses, at these times, by CLOCK_MONOTONIC or by perf's own
    /// clock.
    fn new(is_monotonic: bool, samples: &[(u64, u64)]) -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder"), pid: no_process() };
        let task = (scene.pid, scene.pid);
        let event = Event::cpu_clock().freq(1000);
        let mut file = Builder::new();
        file.event(if is_monotonic { event.clockid(CLOCK_MONOTONIC) } else { event });
        file.hostname(&hostname()).arch("x86_64").kernel_map(&Kernel::new()).comm(task, "java");
        let dump = scene.dump().display().to_string();
        file.mmap2(Mmap::new(scene.pid, &dump, 0x6000_0000, 0x1000));
        file.mmap2(Mmap::new(scene.pid, "//anon", 0x7000_0000, 0x10_0000).inode(0, 0, 0, 0));
        for &(address, time_ns) in samples {
            file.at(0, time_ns).sample(Sample::new(task).user(&[address]));
        }
        fs::write(scene.folder.path().join("perf.data"), file.build()).expect("it can be written to");
        scene
    }

    fn dump(&self) -> PathBuf {
        self.folder.path().join(format!("jit-{}.dump", self.pid))
    }

    fn write(&self, dump: &[u8]) {
        fs::write(self.dump(), dump).expect("it can be written to");
    }

    #[track_caller]
    fn run(&self, subcommand: &str, options: &[&str]) -> Run {
        let mut command = stallgraph();
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        let run = run(command.args([subcommand, "perf.data"]).args(options));
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }

    /// The leaf function of each sample.
    #[track_caller]
    fn leaves(&self, options: &[&str]) -> Vec<String> {
        let stacks = self.run("collapse", options).stdout;
        let leaf = |line: &str| {
            line.rsplit_once(';').and_then(|(_, leaf)| leaf.strip_suffix(" 1")).map(str::to_owned)
        };
        stacks.lines().map(|line| leaf(line).unwrap_or_else(|| panic!("{line}"))).collect()
    }

    /// The output of `info`, as one line.
    #[track_caller]
    fn info(&self) -> String {
        self.run("info", &[]).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

const MS: u64 = 1_000_000;

fn code(start: u64, size: u64, number: u64) -> Code {
    Code { start, size, number }
}

/// `first` at 0x70000000 from 10 ms on, `second` in its place from 20 ms on, and `moved` from there
/// to 0x70001000 at 30 ms.
fn three() -> Jitdump {
    let mut dump = Jitdump::new();
    dump.load(10 * MS, code(0x7000_0000, 0x100, 1), "Shop::first");
    dump.load(20 * MS, code(0x7000_0080, 0x100, 2), "Shop::second;x");
    dump.load(25 * MS, code(0x7000_0800, 0x100, 3), "Shop::moved");
    dump.moved(30 * MS, code(0x7000_0800, 0x100, 3), 0x7000_1000);
    dump
}

#[test]
fn an_address_has_the_name_of_the_function_that_was_there_when_it_was_sampled() {
    let samples = [
        (0x7000_0010, 11 * MS),
        (0x7000_00a0, 12 * MS),
        (0x7000_00b0, 21 * MS),
        (0x7000_0810, 26 * MS),
        (0x7000_1020, 31 * MS),
        (0x7000_0820, 32 * MS),
    ];
    let scene = Scene::new(true, &samples);
    assert_eq!(scene.leaves(&[]), ["[anon]"; 6]);
    assert!(scene.info().contains(&format!("no jit-{}.dump", scene.pid)), "{}", scene.info());
    scene.write(&three().bytes());
    let named = ["Shop::first", "Shop::first", "Shop::second:x", "Shop::moved", "Shop::moved", "[anon]"];
    assert_eq!(scene.leaves(&[]), named);
    // With --symfs only files below that folder count, and the jitdump is not there.
    fs::create_dir(scene.folder.path().join("symfs")).expect("a folder");
    assert_eq!(scene.leaves(&["--symfs", "symfs"]), ["[anon]"; 6]);
}

#[test]
fn an_address_of_two_functions_has_no_name_and_without_times_the_last_counts() {
    let samples = [(0x7000_00a0, 12 * MS), (0x7000_0010, 13 * MS), (0x7000_00a0, 21 * MS)];
    let scene = Scene::new(true, &samples);
    scene.write(&three().bytes());
    assert_eq!(scene.leaves(&[]), ["[anon]", "Shop::first", "[anon]"]);
    let scene = Scene::new(false, &samples);
    scene.write(&three().bytes());
    assert_eq!(scene.leaves(&[]), ["Shop::second:x", "Shop::first", "Shop::second:x"]);
}

#[test]
fn a_perf_map_comes_first_and_the_jitdump_names_what_it_leaves() {
    let scene = Scene::new(true, &[(0x7000_0010, 11 * MS), (0x7000_0020, 12 * MS)]);
    scene.write(&three().bytes());
    let map = PathBuf::from(format!("/tmp/perf-{}.map", scene.pid));
    fs::write(&map, "70000000 18 of_map\n").expect("/tmp can be written to");
    let leaves = scene.leaves(&[]);
    fs::remove_file(map).expect("it is there");
    assert_eq!(leaves, ["of_map", "Shop::first"]);
}

#[test]
fn a_jitdump_that_cannot_be_believed_is_refused_and_that_is_said() {
    let scene = Scene::new(true, &[(0x7000_0010, 11 * MS)]);
    let refused = |what: &str| {
        assert_eq!(scene.leaves(&[]), ["[anon]"], "{what}");
        let said = scene.info();
        assert!(said.contains(&format!("its jit-{}.dump is", scene.pid)), "{what}: {said}");
    };
    scene.write(b"no jitdump");
    refused("another file");
    fs::remove_file(scene.dump()).expect("it is there");
    make_fifo(&scene.dump());
    refused("a FIFO");
    fs::remove_file(scene.dump()).expect("it is there");
    let elsewhere = scene.folder.path().join("elsewhere");
    fs::write(&elsewhere, three().bytes()).expect("it can be written to");
    std::os::unix::fs::symlink(&elsewhere, scene.dump()).expect("a link");
    refused("a link");
    fs::remove_file(scene.dump()).expect("it is there");
    scene.write(&three().bytes());
    let file = fs::File::options().write(true).open(scene.dump()).expect("it is there");
    file.set_len(10 << 30).expect("a sparse file");
    refused("10 GB");
    scene.write(&three().bytes());
    assert_eq!(scene.leaves(&[]), ["Shop::first"]);
    match std::os::unix::fs::chown(scene.dump(), Some(65534), Some(65534)) {
        Ok(()) => refused("of another user"),
        Err(why) => eprintln!("SKIPPED a jitdump of another user: {why}"),
    }
}

#[test]
fn a_damaged_jitdump_does_no_harm() {
    let scene = Scene::new(true, &[(0x7000_0010, 11 * MS)]);
    let whole = three().bytes();
    // A file that is still being written: its whole records count.
    scene.write(&whole[..whole.len() - 1]);
    assert_eq!(scene.leaves(&[]), ["Shop::first"]);
    for at in 0..40 + 16 + 40 {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        scene.write(&damaged);
        assert_eq!(scene.run("collapse", &[]).code, Some(0), "byte {at}");
    }
}

#[test]
fn code_that_node_makes_has_the_names_of_its_jitdump() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = "function innerWork(n) { let s = 0; for (let i = 0; i < n; i++) s = (s * 31 + i) % 1000003; return s; }\n\
        const start = process.cpuUsage(); let sum = 0;\
        while (process.cpuUsage(start).user < 400000) sum += innerWork(100000);\n";
    fs::write(folder.path().join("made.js"), program).expect("the folder can be written to");
    let record = Command::new("perf")
        .current_dir(folder.path())
        .args(["record", "-q", "-k", "CLOCK_MONOTONIC", "-e", "cpu-clock", "-F", "499", "-g", "--sample-cpu"])
        .args(["--", "node", "--perf-prof", "made.js"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !record.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED a live jitdump: needs perf, node, and leave to record");
        return;
    }
    let mut command = stallgraph();
    let stacks = run(command.current_dir(folder.path()).env("HOME", folder.path()).arg("collapse")).stdout;
    let inner = stacks.lines().filter(|line| line.contains(";JS:*innerWork ")).count();
    assert!(inner > 20, "{inner} samples: {stacks}");
}

#[test]
fn a_pack_holds_the_jitdump() {
    let scene = Scene::new(true, &[(0x7000_0010, 11 * MS), (0x7000_00b0, 21 * MS)]);
    for dump in [three().bytes(), b"no jitdump".to_vec()] {
        scene.write(&dump);
        let (leaves, info) = (scene.leaves(&[]), scene.info());
        assert_eq!(scene.run("pack", &["-o", "pack"]).code, Some(0));
        // The recording is of another machine.
        fs::rename(scene.folder.path().join("perf.data"), scene.folder.path().join("kept")).expect("a file");
        fs::rename(scene.folder.path().join("pack"), scene.folder.path().join("perf.data")).expect("a file");
        fs::remove_file(scene.dump()).expect("a file");
        assert_eq!((scene.leaves(&[]), scene.info()), (leaves, info));
        fs::rename(scene.folder.path().join("kept"), scene.folder.path().join("perf.data")).expect("a file");
    }
}
