//! `stallgraph diff`: verdicts on two recordings, what is refused, folders, and the exit code.
//! `diff_simulation` has how often a verdict is wrong.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::fixture::{every_ms, recording};
use crate::support::{Recording, Run, run, stallgraph};
use stallgraph::analyses::diff::{self, Blocks, Diff, Doubt, Options, Outcome, Side, Summary, Verdict};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls;
use stallgraph::model::{Kept, Recording as Made};

const LSEEK: &str =
    "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;seq_lseek;traverse";
const SECONDS: u64 = 16;

/// A busy CPU that receives a packet every `packet_ms`, but for 100 ms from each of these on.
fn node(stalls_ms: &[u64], packet_ms: u64) -> String {
    let mut text = String::new();
    let mut ms = 0;
    while ms < SECONDS * 1000 {
        let stalled = stalls_ms.iter().find(|begin| (**begin..**begin + 100).contains(&ms));
        let (length, comm, stack) = match stalled {
            Some(_) => (100, "node_exporter", LSEEK),
            None => (packet_ms, "envoy", "work_[u]"),
        };
        text += &every_ms(0, ms..ms + length, comm, stack);
        // What is raised at the beginning of a stall is served at its end.
        let served_ms = if stalled.is_some() { ms + length } else { ms };
        text += &served(ms, served_ms, comm);
        ms += length;
    }
    text
}

fn served(raised_ms: u64, entered_ms: u64, comm: &str) -> String {
    let at = |ms: u64, us: u64| format!("cpu0 {}.{:06} {comm}", ms / 1000, ms % 1000 * 1000 + us);
    let (entered, received, left) = (at(entered_ms, 102), at(entered_ms, 110), at(entered_ms, 120));
    format!(
        "{} raise:net_rx\n{entered} entry:net_rx\n{received} packet:eth0(60)\n{left} exit:net_rx\n",
        at(raised_ms, 100)
    )
}

/// Stalls that come one by one.
const EIGHT: [u64; 8] = [1000, 3500, 4500, 7000, 9000, 10500, 12500, 15000];

fn side(recordings: &[Made]) -> Side {
    let sum_up = |made: &Made| {
        let stalls = stalls::find(made, &stalls::Options::default());
        Summary::new(made, &stalls, &Selection::default())
    };
    Side { name: "made".to_owned(), recordings: recordings.iter().map(sum_up).collect(), skipped: Vec::new() }
}

fn compare(before: &Made, after: &Made, is_forced: bool) -> Diff {
    let [before, after] = [before, after].map(|made| side(std::slice::from_ref(made)));
    diff::compare(before, after, Options { min_ns: 20_000_000, is_forced })
}

/// The doubts that refuse something.
fn refusing(diff: &Diff) -> Vec<&Doubt> {
    let refuses = diff.doubts.iter().filter(|noted| noted.blocks != Blocks::default());
    refuses.map(|noted| &noted.doubt).collect()
}

#[test]
fn stalls_that_are_gone_are_gone() {
    let (stalling, quiet) = (recording(&node(&EIGHT, 10)), recording(&node(&[], 10)));
    let gone = compare(&stalling, &quiet, false);
    assert_eq!((gone.outcome, gone.all.verdict), (Outcome::Better, Verdict::Gone), "{:#?}", gone.doubts);
    assert_eq!((gone.all.before.stalls, gone.all.after.stalls), (8, 0));
    let [row] = &gone.culprits[..] else { panic!("one culprit, not {:#?}", gone.culprits) };
    assert_eq!((row.verdict, row.dispersion), (Verdict::Gone, 1.0));
    assert!(row.corrected < 0.01 && row.interval.1 < 0.6, "{row:#?}");
    assert_eq!(row.culprit.as_ref().and_then(|name| name.work.as_deref()), Some("lseek"));
    assert_eq!(row.before.function.as_deref(), Some("traverse"));
    let busy = [&gone.before, &gone.after].map(|side| side.busy_ns() / 100_000_000);
    assert!(busy.iter().all(|tenths| (155..=160).contains(tenths)), "{busy:?}");

    let new = compare(&quiet, &stalling, false);
    assert_eq!((new.outcome, new.all.verdict), (Outcome::Worse, Verdict::New), "{:#?}", new.doubts);
}

#[test]
fn one_stall_less_is_no_proof() {
    let (one, none) = (recording(&node(&[5000], 10)), recording(&node(&[], 10)));
    let diff = compare(&one, &none, false);
    assert_eq!(diff.outcome, Outcome::Unclear);
    let Verdict::Unclear(Some(longer)) = diff.all.verdict else { panic!("{:#?}", diff.all) };
    // 19 times as long, since 1 / 20 is 5 %.
    assert_eq!(longer.before_ns, 0);
    let times = longer.after_ns as f64 / 1e9 / SECONDS as f64;
    assert!((17.0..20.0).contains(&times), "{times}");
    let neither = compare(&none, &none, false);
    assert_eq!((neither.outcome, neither.all.verdict), (Outcome::Unclear, Verdict::Unclear(None)));
}

#[test]
fn a_burst_is_no_proof_of_many() {
    let burst: Vec<u64> = (0..8).map(|number| 5000 + number * 180).collect();
    let (burst, none) = (recording(&node(&burst, 10)), recording(&node(&[], 10)));
    let diff = compare(&burst, &none, false);
    assert_eq!(diff.all.before.stalls, 8);
    assert!(diff.all.dispersion > 3.0, "{:#?}", diff.all);
    assert_eq!(diff.outcome, Outcome::Unclear, "{:#?}", diff.all);
}

#[test]
fn many_are_the_same() {
    let often: Vec<u64> = (1..36).map(|number| number * 440).collect();
    let (one, other) = (recording(&node(&often, 10)), recording(&node(&often, 8)));
    let diff = compare(&one, &other, false);
    assert_eq!((diff.outcome, diff.all.verdict), (Outcome::Better, Verdict::Same), "{diff:#?}");
}

#[test]
fn what_is_not_alike_is_no_proof() {
    let quiet = || recording(&node(&[], 10));
    let stalling = recording(&node(&EIGHT, 10));
    let without = |word: &str| {
        let text = node(&[], 10);
        recording(
            &text
                .lines()
                .filter(|line| !line.contains(word))
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        )
    };
    let mut kept = quiet();
    kept.about.kept = Kept::ForStall;
    let mut lossy = quiet();
    lossy.tally.lost = 10_000;
    let idle = recording(&node(&[], 40));
    let is_load = |doubt: &Doubt| matches!(doubt, Doubt::Load(_, before, after) if before > after);
    type Meant = fn(&Doubt) -> bool;
    let cases: [(Made, Meant); 5] = [
        (without("raise:"), |doubt| matches!(doubt, Doubt::Lacks(..))),
        (without("packet:"), |doubt| matches!(doubt, Doubt::Lacks(..))),
        (kept, |doubt| matches!(doubt, Doubt::Kept { is_sure: true, .. })),
        (lossy, |doubt| matches!(doubt, Doubt::Lost(..))),
        (idle, is_load),
    ];
    for (number, (after, is_meant)) in cases.iter().enumerate() {
        let diff = compare(&stalling, after, false);
        assert_eq!((diff.outcome, diff.all.verdict), (Outcome::Unclear, Verdict::Refused), "{number}");
        assert!(refusing(&diff).iter().any(|doubt| is_meant(doubt)), "{number}: {:#?}", diff.doubts);
        let forced = compare(&stalling, after, true);
        assert_eq!((forced.outcome, forced.all.verdict), (Outcome::Better, Verdict::Gone), "{number}");
        assert_eq!(forced.doubts.len(), diff.doubts.len());
    }
}

#[test]
fn what_cannot_be_the_reason_is_only_said() {
    let stalling = recording(&node(&EIGHT, 10));
    // More packets, another kernel: the stalls are gone all the same.
    let mut busier = recording(&node(&[], 4));
    busier.about.kernel = Some("9.9".to_owned());
    let mut stalled = stalling;
    stalled.about.kernel = Some("6.1".to_owned());
    let diff = compare(&stalled, &busier, false);
    assert_eq!((diff.outcome, diff.all.verdict), (Outcome::Better, Verdict::Gone), "{:#?}", diff.doubts);
    assert!(diff.doubts.iter().any(|noted| matches!(noted.doubt, Doubt::Kernels(..))));
    assert!(diff.doubts.iter().any(|noted| matches!(noted.doubt, Doubt::Load(..))));
    // But more stalls may be because of them.
    let quiet = recording(&node(&[], 40));
    let diff = compare(&quiet, &stalled, false);
    assert_eq!((diff.outcome, diff.all.verdict), (Outcome::Unclear, Verdict::Refused));
    assert_eq!(diff.all.finding, Verdict::New);
}

#[test]
fn recordings_of_a_folder_add_up() {
    let one = |stalls: &[u64]| recording(&node(stalls, 10));
    let before = side(&[one(&EIGHT[..4]), one(&EIGHT[4..])]);
    let after = side(&[one(&[]), one(&[])]);
    let diff = diff::compare(before, after, Options { min_ns: 20_000_000, is_forced: false });
    assert_eq!(diff.all.verdict, Verdict::Gone, "{diff:#?}");
    assert_eq!((diff.all.before.stalls, diff.before.recordings.len()), (8, 2));
    assert!((diff.before.recorded_ns() / 1_000_000_000).abs_diff(2 * SECONDS) <= 1);
}

fn on(before: &Path, after: &Path, options: &[&str]) -> Run {
    run(stallgraph().arg("diff").arg(before).arg(after).args(options))
}

#[track_caller]
fn assert_report(text: &str) {
    let words = [
        "before", "after", "skipped", "refused", "doubt", "record", "verdict", "#", "all", "culprit", "more",
        "rates", "paths", "path", "calls", "call",
    ];
    for line in text.lines().filter(|line| !line.is_empty()) {
        let first = line.split(' ').next().unwrap_or_default();
        let is_row = ["culprit", "path", "call"].contains(&first);
        assert!(is_row || line.chars().count() <= 80, "{line}");
        assert!(first.is_empty() || words.contains(&first), "{line}");
    }
}

/// Unpacks one of the pair, with the kernel's names beside it.
fn unpack(name: &str, file: &Path) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/diff");
    let packed = fs::read(data.join(format!("{name}.data.zst"))).expect("the recording");
    fs::write(file, zstd::decode_all(packed.as_slice()).expect("it unpacks")).expect("a file");
    fs::copy(data.join("kallsyms"), file.with_file_name("kallsyms")).expect("the kernel's names");
}

#[test]
fn one_program_before_and_after_its_fix() {
    let folder = tempfile::tempdir().expect("a folder");
    let [before, after] = ["before", "after"].map(|name| {
        let file = folder.path().join(name);
        unpack(name, &file);
        file
    });
    let gone = on(&before, &after, &[]);
    assert_eq!((gone.code, gone.stderr.as_str()), (Some(0), ""), "{gone:?}");
    assert!(gone.stdout.contains("\nverdict   gone: 30 stalls before, 0 after"), "{}", gone.stdout);
    assert!(gone.stdout.contains("netstat_exp lseek"), "{}", gone.stdout);
    assert_report(&gone.stdout);
    let new = on(&after, &before, &[]);
    assert_eq!(new.code, Some(1), "{new:?}");
    assert!(new.stdout.contains("\nverdict   new: 0 stalls before, 30 after"), "{}", new.stdout);
    assert!(new.stdout.contains("\ndoubt     AFTER begins before BEFORE ends"), "{}", new.stdout);
    let same = on(&before, &before, &["--format", "json"]);
    let json: Value = serde_json::from_str(&same.stdout).expect("JSON");
    assert_eq!((same.code, &json["all"]["verdict"]), (Some(0), &"same".into()), "{}", same.stdout);
    let longer = on(&before, &before, &["--min", "155ms"]);
    assert_eq!(longer.code, Some(2), "a few are too few: {longer:?}");
}

#[test]
fn a_recording_is_no_better_than_itself() {
    let post = Recording::open("post").file;
    let same = on(&post, &post, &[]);
    assert_eq!((same.code, same.stderr.as_str()), (Some(2), ""), "{same:?}");
    assert!(same.stdout.contains("\nverdict   cannot tell: record both for longer"), "{}", same.stdout);
    assert!(same.stdout.contains("node_exporter lseek"), "{}", same.stdout);
    assert_report(&same.stdout);
}

#[test]
fn recordings_of_other_evidence_are_refused() {
    let (evidence, worker) = (Recording::open("evidence"), Recording::open("worker"));
    for recording in [&evidence, &worker] {
        let beside = recording.file.with_file_name("kallsyms");
        fs::copy(recording.folder.join("kallsyms"), beside).expect("the kernel's names");
    }
    let run = on(&evidence.file, &worker.file, &[]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stdout.contains("\nrefused   any verdict, since AFTER does not tell"), "{}", run.stdout);
    assert!(run.stdout.contains("\ndoubt     another kernel: "), "{}", run.stdout);
    assert!(run.stdout.contains("system calls changed"), "{}", run.stdout);
    assert_report(&run.stdout);
}

#[test]
fn a_folder_is_one_side_and_tells_what_it_leaves_out() {
    let post = Recording::open("post");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    unpack("after", &at("b.data"));
    unpack("before", &at("a.data"));
    fs::write(at("c.data"), "PERFILE2 and no more").expect("a broken file");
    fs::write(at("notes.json"), "{}").expect("a file that is no recording");
    let pooled = on(folder.path(), &post.file, &["--format", "json"]);
    assert_eq!(pooled.code, Some(2), "{pooled:?}");
    let json: Value = serde_json::from_str(&pooled.stdout).expect("JSON");
    let files: Vec<&str> = json["before"]["recordings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["file"].as_str())
        .collect();
    assert_eq!(files.len(), 2);
    assert!(files[0].ends_with("/a.data") && files[1].ends_with("/b.data"), "{files:?}");
    assert_eq!(json["before"]["stalls"], 30);
    let skipped = json["before"]["skipped"].as_array().expect("a list");
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    assert!(skipped[0].as_str().is_some_and(|why| why.contains("c.data")), "{skipped:?}");
    let text = on(folder.path(), &post.file, &[]).stdout;
    assert!(text.contains(": 2 recordings, "), "{text}");
    assert!(text.contains("\nskipped   "), "{text}");

    let empty = tempfile::tempdir().expect("a folder");
    let none = on(&post.file, empty.path(), &[]);
    assert_eq!(none.code, Some(2));
    assert!(none.stdout.is_empty() && none.stderr.contains("holds no recording and no pack"), "{none:?}");
}

#[test]
fn one_recording_counts_once_in_a_folder() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [before, after] = [&folders[0], &folders[1]].map(|folder| folder.path());
    unpack("before", &before.join("b.data"));
    unpack("after", &after.join("a.data"));
    fs::copy(before.join("b.data"), before.join("c.data")).expect("a copy");
    fs::hard_link(before.join("b.data"), before.join("d.data")).expect("a hard link");
    std::os::unix::fs::symlink("b.data", before.join("e.data")).expect("a link");
    let pack = ["pack", "-o"].map(std::ffi::OsStr::new);
    let packed = run(stallgraph().args(pack).arg(after.join("a.data.tar.zst")).arg(after.join("a.data")));
    assert_eq!(packed.code, Some(0), "{packed:?}");
    let gone = on(before, after, &["--format", "json"]);
    assert_eq!(gone.code, Some(0), "twins are no doubt: {gone:?}");
    let json: Value = serde_json::from_str(&gone.stdout).expect("JSON");
    assert_eq!((&json["before"]["stalls"], &json["after"]["stalls"]), (&30.into(), &0.into()));
    for (side, twins) in [("before", 3), ("after", 1)] {
        let skipped = json[side]["skipped"].as_array().expect("a list");
        assert_eq!(skipped.len(), twins, "{skipped:?}");
        let is_told = |why: &Value| why.as_str().is_some_and(|why| why.contains(": the same recording as "));
        assert!(skipped.iter().all(is_told), "{skipped:?}");
    }
    let text = on(before, after, &[]).stdout;
    assert!(text.contains("\nskipped   ") && !text.contains("left out: see"), "{text}");
}

#[test]
fn only_what_is_alike_in_all_is_the_same_recording() {
    let [stalling, quiet] = [&EIGHT[..5], &[]].map(|stalls| side(&[recording(&node(stalls, 10))]));
    let mut both = stalling.clone();
    quiet.recordings.iter().for_each(|one| both.add(one.clone()));
    assert_eq!((both.recordings.len(), both.skipped.len()), (2, 0));
    stalling.recordings.iter().for_each(|one| both.add(one.clone()));
    assert_eq!((both.recordings.len(), both.skipped.len()), (2, 1));
    assert!(both.skipped[0].is_twin && both.stalls() == 5, "{:?}", both.skipped);
    // Without names it shows other stalls. The file with names is the better one.
    let [mut nameless, named] = [&quiet, &stalling].map(|side| side.recordings[0].clone());
    (nameless.records, nameless.is_nameless) = (named.records, true);
    let mut one = Side::default();
    one.add(nameless);
    one.add(named);
    assert_eq!((one.recordings.len(), one.skipped.len(), one.stalls()), (1, 1, 5));
}

#[test]
fn times_of_any_size_add_up() {
    let mut text = "# ========\n# os release : 5.4.0\n# arch : x86_64\n# ========\n#\n".to_owned();
    for cpu in 0..4 {
        for (at, (from, to)) in [("0.000001", ("aa", "bb")), ("18446744073.709551614", ("bb", "aa"))] {
            text += &format!(
                "{from} 10/10 [{cpu:03}] {at}: sched:sched_switch: prev_comm={from} prev_pid=10 prev_prio=120 \
                 prev_state=R ==> next_comm={to} next_pid=11 next_prio=120\n"
            );
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("long.data");
    fs::write(&file, text).expect("a text");
    let run = on(&file, &file, &["--format", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), ""), "{run:?}");
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["before"]["busy_ns"], u64::MAX);
}

#[test]
fn all_failures_are_exit_code_2() {
    let post = Recording::open("post").file;
    for (before, after, options) in [
        (post.as_path(), Path::new("/nonexistent"), &[][..]),
        (Path::new("-"), Path::new("-"), &[]),
        (&post, &post, &["--min", "0ms"]),
        (&post, &post, &["-C", "7"]),
        (&post, &post, &["--time", "1,2"]),
    ] {
        let run = on(before, after, options);
        assert!(run.code == Some(2) && run.stderr.starts_with("stallgraph: "), "{options:?}: {run:?}");
    }
}

#[test]
fn names_of_programs_write_no_lines() {
    let mut evil = recording(&node(&EIGHT, 10).replace("node_exporter", "verdict;gone"));
    evil.about.kernel = None;
    let diff = compare(&evil, &recording(&node(&[], 10)), false);
    let mut text = Vec::new();
    stallgraph::render::report::diff::write(&diff, &mut text).expect("a text");
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(text.contains("\"verdict;gone\" lseek"), "{text}");
    assert_report(&text);
}
