//! `stallgraph watch`, on this machine: a stall that is made is told and kept. Says that it is
//! skipped where recording is not allowed.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use stallgraph::analyses::stalls;
use stallgraph::load;
use stallgraph::render::report;
use tempfile::TempDir;

use crate::support::{Run, run, stallgraph};

/// Processes that have 160,000 sockets of one port; the kernel formats them all on CPU 1 again and
/// again, with bottom halves off. CPU 0 sends packets meanwhile, which CPU 1 receives.
const STALLS: &str = r#"
import os, resource, socket, time
EACH, PROCESSES = 2000, 80
resource.setrlimit(resource.RLIMIT_NOFILE, (EACH + 100, EACH + 100))
parent = os.getpid()
def child(work):
    if os.fork() == 0:
        work()
        os._exit(0)
def wait_for_the_end():
    while os.getppid() == parent:
        time.sleep(0.1)
def own_sockets(process, ready):
    sockets = []
    for at in range(process * EACH, process * EACH + EACH):
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind((f"127.{1 + (at >> 16)}.{at >> 8 & 255}.{at & 255}", 5353))
    os.write(ready, b"x")
    wait_for_the_end()
def send():
    os.sched_setaffinity(0, {0})
    to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while os.getppid() == parent:
        to.sendto(b"packet", ("127.0.0.1", 9))
        time.sleep(0.001)
is_ready, ready = os.pipe()
for process in range(PROCESSES):
    child(lambda: own_sockets(process, ready))
    os.read(is_ready, 1)
child(send)
os.sched_setaffinity(0, {1})
while True:
    file = os.open("/proc/net/udp", os.O_RDONLY)
    os.lseek(file, 128 * (EACH * PROCESSES + 100), os.SEEK_SET)
    os.close(file)
    time.sleep(0.4)
"#;

/// Stalls of CPU 1, in a network namespace of their own.
struct Stalls {
    namespace: String,
    child: Child,
}

impl Stalls {
    /// `None` where they cannot be made.
    fn start() -> Option<Stalls> {
        let namespace = format!("stall-test-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &namespace]).stderr(Stdio::null()).status();
        if !made.is_ok_and(|status| status.success()) {
            return None;
        }
        let set_up =
            "ip link set lo up && echo 2 > /sys/class/net/lo/queues/rx-0/rps_cpus && exec python3 -c \"$0\"";
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace, "sh", "-c", set_up, STALLS]);
        let child = command.stdin(Stdio::null()).spawn().expect("ip");
        Some(Stalls { namespace, child })
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = Command::new("ip").args(["netns", "del", &self.namespace]).status();
    }
}

/// A watch that runs.
struct Watch {
    child: Child,
    lines: Receiver<String>,
    folder: TempDir,
}

impl Watch {
    /// `None` where recording is not allowed.
    fn start(options: &[&str]) -> Option<Watch> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = stallgraph();
        command.current_dir(folder.path()).args(["watch", "--keep", "keep", "--textfile", "."]).args(options);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let begin = Instant::now();
        while !folder.path().join("stallgraph_watch.prom").exists() {
            if child.try_wait().expect("its state").is_some() {
                let mut says = String::new();
                child.stderr.take().expect("a pipe").read_to_string(&mut says).expect("text");
                assert!(says.contains("cannot be recorded"), "{says}");
                eprintln!("SKIPPED: {says}");
                return None;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "no page");
            thread::sleep(Duration::from_millis(20));
        }
        let (tell, lines) = channel();
        let out = child.stdout.take().expect("a pipe");
        thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        Some(Watch { child, lines, folder })
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
    }

    /// Ends it, and returns the page that it left, and the folder.
    fn end(mut self) -> (String, TempDir) {
        self.signal("-TERM");
        let status = self.child.wait().expect("its end");
        let mut says = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut says).expect("text");
        assert_eq!(status.code(), Some(0), "{says}");
        let page = fs::read_to_string(self.folder.path().join("stallgraph_watch.prom")).expect("a page");
        (page, self.folder)
    }
}

fn stalls_of(pack: &Path) -> Vec<Value> {
    let Run { code, stdout, stderr } =
        run(stallgraph().args(["stalls", "--min", "50ms", "--format", "json", "-i"]).arg(pack));
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    document["stalls"].as_array().expect("a list").clone()
}

#[test]
fn a_stall_is_told_and_kept() {
    if thread::available_parallelism().map_or(1, std::num::NonZero::get) < 2 {
        eprintln!("SKIPPED: one CPU");
        return;
    }
    let Some(watch) = Watch::start(&["--format", "json", "--parquet", "tables", "--node", "watched"]) else {
        return;
    };
    let Some(_stalls) = Stalls::start() else {
        eprintln!("SKIPPED: no network namespaces");
        drop(watch.end());
        return;
    };
    let (mut stall, mut kept) = (None, None);
    let begin = Instant::now();
    while stall.is_none() || kept.is_none() {
        let left = Duration::from_secs(120).saturating_sub(begin.elapsed());
        let line = watch.lines.recv_timeout(left).expect("a stall and its pack");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        if let Some(pack) = line["kept"].as_str() {
            kept = kept.or(Some(watch.folder.path().join(pack)));
        } else if line["culprit"]["syscall"] == "lseek" && line["cpu"] == 1 {
            stall = stall.or(Some(line));
        }
    }
    let (stall, kept) = (stall.expect("a stall"), kept.expect("a pack"));
    assert!(stall["duration_ns"].as_u64() >= Some(50_000_000), "{stall}");
    assert!(stall["culprit"]["holder"]["comm"].as_str().expect("a comm").starts_with("python"), "{stall}");
    let verdict: Value =
        serde_json::from_slice(&fs::read(kept.with_file_name(verdict_of(&kept))).expect("a verdict"))
            .expect("JSON");
    assert_eq!(stalls_of(&kept), *verdict["stalls"].as_array().expect("a list"), "the same verdict");
    let others = fs::read_dir(kept.parent().expect("a folder")).expect("it").flatten();
    assert!(others.map(|file| file.file_name()).all(|name| name.to_string_lossy().starts_with("stall-")));
    let (page, folder) = watch.end();
    let fleet = fleet_of(&folder.path().join("tables"));
    assert_eq!((&fleet["nodes"][0]["node"], &fleet["skipped"]), (&"watched".into(), &serde_json::json!([])));
    assert_eq!(fleet["culprits"][0]["culprit"], "python3 lseek", "{fleet}");
    assert!(
        page.contains("stallgraph_watch_stall_seconds_count{comm=\"python3\",syscall=\"lseek\"}"),
        "{page}"
    );
    assert!(page.contains("\nstallgraph_watch_own_stalls_total 0\n"), "{page}");
    assert!(!page.contains("\nstallgraph_watch_stalls_total 0\n"), "{page}");
}

/// What the tables in a folder say.
fn fleet_of(tables: &Path) -> Value {
    let run = run(stallgraph().args(["fleet", "--format", "json"]).arg(tables));
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
}

/// A node that does not stall is one that was watched.
#[test]
fn tables_tell_how_long_a_node_was_watched() {
    let options = ["-C", "0", "--parquet", "tables", "--label", "zone=b", "--min", "500ms"];
    let Some(watch) = Watch::start(&options) else { return };
    thread::sleep(Duration::from_secs(5));
    let (_page, folder) = watch.end();
    let fleet = fleet_of(&folder.path().join("tables"));
    assert_eq!(fleet["totals"]["recordings"], 1, "{fleet}");
    let observed_ns = fleet["totals"]["observed_ns"].as_u64().expect("a number");
    assert!((1_000_000_000..60_000_000_000).contains(&observed_ns), "{observed_ns}");
    assert_eq!(fleet["nodes"][0]["labels"][0]["value"], "b");
    assert_eq!(fleet["totals"]["min_ns"], 500_000_000);
}

/// The name of the verdict beside a pack.
fn verdict_of(pack: &Path) -> String {
    let name = pack.file_name().expect("a name").to_string_lossy();
    format!("{}.json", name.strip_suffix(".stall.tar.zst").expect("a pack"))
}

#[test]
fn a_line_says_when_where_and_who() {
    let file = crate::support::Recording::open("system");
    let options = load::Options { events: true, ..load::Options::default() };
    let recording = load::load(&file.file, &options, &|_, _, _| {}).expect("a recording");
    let found = stalls::find(&recording, &stalls::Options::default());
    let line = report::watch::line(&recording, &found.stalls[0]);
    let (when, rest) = line.split_once(" UTC ").expect("the time of day");
    assert!(when.len() == "2026-11-28 18:24:37".len() && when.starts_with("20"), "{line}");
    assert!(
        rest.starts_with("CPU 1 stalled 1") && rest.contains(" ms, medium: node_exporter lseek; pod "),
        "{line}"
    );
}

#[test]
fn a_hang_up_ends_no_watch() {
    let Some(mut watch) = Watch::start(&["-C", "0", "--evidence", "samples"]) else { return };
    for _ in 0..3 {
        watch.signal("-HUP");
        thread::sleep(Duration::from_millis(500));
    }
    assert!(watch.child.try_wait().expect("its state").is_none());
    let (page, _folder) = watch.end();
    assert!(page.contains("stallgraph_watch_cpu_seconds_total 0."), "{page}");
}

#[test]
fn options_of_watch_that_make_no_sense_are_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "").expect("a file");
    for (options, says) in [
        (&["--min", "0ms"][..], "every moment is a stall"),
        (&["--min", "1h"], "give less than 60s"),
        (&["--keep", "file"], "file"),
        (&["--textfile", "absent", "-C", "0"], "absent"),
        (&["--max-disk", "1G"], "--keep"),
        (&["-F", "0"], "0 is not in 1..=100000"),
        (&["-C", "65000"], "CPU 65000 is not online here"),
    ] {
        let mut watch = stallgraph();
        let run = run(watch.current_dir(folder.path()).arg("watch").args(options));
        let is_refused = run.stderr.contains("cannot be recorded");
        assert!(run.code == Some(2) && (is_refused || run.stderr.contains(says)), "{options:?}: {run:?}");
    }
}
