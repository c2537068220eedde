//! A recording made here and now: `collapse` prints what this machine's perf prints for it. Says
//! that it is skipped where recording is not allowed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::perf_script::{self, Row};
use crate::support::{assert_same_lines, run, stallgraph};

#[test]
fn collapse_prints_what_perf_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("perf.data");
    if let Err(why) = record(&file) {
        eprintln!("SKIPPED live test: {why}");
        return;
    }
    let kallsyms = folder.path().join("kallsyms");
    fs::copy("/proc/kallsyms", &kallsyms).expect("root can read it");
    let symfs = folder.path().join("no-files");
    fs::create_dir(&symfs).expect("the folder can be written to");

    let expected = perf_script_of(&file, &kallsyms, &symfs);
    assert!(expected.len() > 100, "{} samples in a second of load", expected.len());
    let mut collapse = stallgraph();
    collapse.arg("collapse").arg(&file).arg("--symfs").arg(&symfs).args(["-F", "cpu,time,stack"]);
    let collapse = run(&mut collapse);
    // A busy machine may lose records or pause sampling: both are reported, and are no failure.
    let is_warning = |line: &str| line.starts_with("stallgraph: warning: ");
    assert!(collapse.code == Some(0) && collapse.stderr.lines().all(is_warning), "{}", collapse.stderr);
    assert_same_lines("live", &collapse.stdout, &lines(&expected, &collapse.stdout));
    let is_named = expected.iter().flat_map(|row| &row.frames).any(|frame| frame.name == "do_syscall_64");
    assert!(is_named || !cfg!(target_arch = "x86_64"), "this kernel's kallsyms gives names");

    let window = run(stallgraph().arg("window").arg(&file).arg("--symfs").arg(&symfs));
    assert!(matches!(window.code, Some(0 | 1)), "{window:?}");
    assert!(window.stdout.starts_with("recording "), "{window:?}");
    let of_any =
        run(stallgraph().arg("window").arg(&file).arg("--symfs").arg(&symfs).args(["--trigger", "."]));
    assert_eq!(of_any.code, Some(0), "each sample is a trigger: {of_any:?}");
}

/// The expected lines, which are perf's. Where perf discarded the chain, any stack of this comm at
/// this time is right.
fn lines(rows: &[Row], stdout: &str) -> Vec<String> {
    let mut discarded = 0;
    let mut got = stdout.lines();
    let line = |row: &Row| {
        let (line, got) = (row.line(), got.next().unwrap_or_default());
        let is_discarded = row.frames.is_empty();
        discarded += usize::from(is_discarded);
        let will_do = is_discarded && got.starts_with(&(line.clone() + ";"));
        if will_do { got.to_owned() } else { line }
    };
    let lines = rows.iter().map(line).collect();
    assert!(discarded < rows.len() / 2, "perf discarded {discarded} chains of {}", rows.len());
    lines
}

/// Records all CPUs for a second under load, or says why it cannot.
fn record(file: &Path) -> Result<(), String> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root {
        return Err("no root".to_owned());
    }
    let mut perf = Command::new("perf");
    perf.args(["record", "-a", "-g", "-e", "cpu-clock", "-F", "999", "-o"]).arg(file);
    perf.args(["--", "sleep", "1"]).stdin(Stdio::null());
    let output = with_load(|| perf.output()).map_err(|error| format!("no perf: {error}"))?;
    match output.status.success() && file.exists() {
        true => Ok(()),
        false => Err(format!("perf says: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Does `work` while another thread keeps a CPU busy, alternately in user space and in system
/// calls.
fn with_load<T>(work: impl FnOnce() -> T) -> T {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let stat = fs::read("/proc/stat").unwrap_or_default();
                std::hint::black_box(stat.iter().map(|&byte| u64::from(byte)).sum::<u64>());
            }
        });
        let result = work();
        is_done.store(true, Ordering::Relaxed);
        result
    })
}

fn perf_script_of(file: &Path, kallsyms: &Path, symfs: &Path) -> Vec<Row> {
    let mut perf = Command::new("perf");
    perf.args(["script", "--force", "--no-inline", "--ns", "-F", "comm,pid,tid,cpu,time,event,ip,sym,dso"]);
    perf.arg("--symfs").arg(symfs).arg("--kallsyms").arg(kallsyms).arg("-i").arg(file);
    let output = perf.stdin(Stdio::null()).output().expect("perf, which has just recorded");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    perf_script::read(&String::from_utf8_lossy(&output.stdout), "cpu-clock")
}
