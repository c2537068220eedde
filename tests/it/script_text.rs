//! Text of perf script as input: the same results as from the perf.data that it was printed from, and no surprises in a text
//! that is odd, cut or damaged.
//!
//! All in which results on the text differ on purpose:
//!
//! | what | perf.data | text | reason |
//! | --- | --- | --- | --- |
//! | kernel, machine, command, frequency | in its header | with `perf script --header` only | perf prints them only then |
//! | control group, pod, container | with `--all-cgroups` | with `-F +cgroup` of newer perfs only | the same |
//! | time | ns | µs without `--ns` | the same |
//! | pid | always | −1 without `-F +pid` | the same |
//! | events that never fired, pauses | known | not known | perf prints nothing of them |
//! | upper-half address in no module, where frame pointers went astray | user, by the chain's marker | kernel | perf prints no markers |
//! | place in a module | tells frames of unnamed code apart | not kept | nothing is looked up by it |

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Recording, Run, assert_same_lines, run, stallgraph, stdout_of};
use serde_json::Value;
use stallgraph::analyses::{contents, windows};
use stallgraph::load;
use tempfile::NamedTempFile;

/// perf's own text in a recording's folder.
fn text_of(recording: &Recording, golden: &str) -> Vec<u8> {
    let packed = fs::read(recording.folder.join(golden)).expect("the golden");
    zstd::decode_all(packed.as_slice()).expect("it unpacks")
}

fn file_of(text: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text).expect("it can be written to");
    file
}

/// A subcommand on a text, by way of standard input.
fn on(text: &[u8], subcommand: &str, options: &[&str]) -> Run {
    let file = file_of(text);
    let stdin = File::open(file.path()).expect("the file");
    run(stallgraph().args([subcommand, "-"]).args(options).stdin(stdin))
}

#[track_caller]
fn stdout_on(text: &[u8], subcommand: &str, options: &[&str]) -> String {
    let run = on(text, subcommand, options);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{subcommand} {options:?}");
    run.stdout
}

/// What `perf script --header` says of the sampling event of these recordings.
fn with_frequency(event: &str, text: &[u8]) -> Vec<u8> {
    let header = format!(
        "# ========\n# event : name = {event}, , id = {{ 7 }}, type = 1, {{ sample_period, sample_freq }} = 999, freq = 1\n#\n"
    );
    [header.as_bytes(), text].concat()
}

#[test]
fn collapse_prints_the_same_lines_as_on_the_perf_data() {
    let fields = ["-F", "cpu,time,pid,tid,event,stack,count"];
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let text = text_of(&recording, "perf-script.txt.zst");
        for options in [
            &fields[..],
            &["--merge", "--weight", "us"],
            &["-C", "1", "--time", "20%-60%"],
            &["--kernel-suffix"],
        ] {
            let text = with_frequency(recording.event, &text);
            // See the table: whose addresses these are cannot be told.
            let astray = |stacks: String| stacks.replace("[unknown]_[k]", "[unknown]");
            let expected = astray(recording.stdout("collapse", options));
            let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            let got = astray(stdout_on(&text, "collapse", options));
            assert_same_lines(&format!("{name} {options:?}"), &got, &expected);
        }
        let file = file_of(&text);
        let named = stdout_of(stallgraph().arg("collapse").arg(file.path()).args(fields));
        assert_eq!(named, stdout_on(&text, "collapse", &fields), "{name}: a file as standard input");
    }
}

#[test]
fn window_finds_the_same_as_on_the_perf_data() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let text = with_frequency(recording.event, &text_of(&recording, "perf-script.txt.zst"));
        let report = |json: &str| -> Value {
            let mut report: Value = serde_json::from_str(json).expect("JSON");
            forget(&mut report, &["file", "kernel", "cgroup", "pod_uid", "container_id"]);
            report
        };
        let options = ["--format", "json"];
        let expected = report(&recording.stdout("window", &options));
        let got = report(&stdout_on(&text, "window", &options));
        assert!(expected["ranking"][0]["verdict"] == "culprit", "{name}: {expected:#}");
        assert_eq!(got, expected, "{name}");
        let options = ["--format", "stacks", "-F", "cpu,time,stack"];
        assert_eq!(stdout_on(&text, "window", &options), recording.stdout("window", &options), "{name}");
    }
}

/// Sets these fields to null wherever they are.
fn forget(value: &mut Value, fields: &[&str]) {
    match value {
        Value::Object(object) => {
            object.iter_mut().for_each(|(name, value)| match fields.contains(&name.as_str()) {
                true => *value = Value::Null,
                false => forget(value, fields),
            })
        }
        Value::Array(values) => values.iter_mut().for_each(|value| forget(value, fields)),
        _ => {}
    }
}

/// Without the header the frequency is not known: the distance of samples stands for it.
#[test]
fn without_a_header_the_report_is_the_same() {
    let recording = Recording::open("post");
    let lines_of = |report: String| -> Vec<String> {
        let found = report.lines().skip_while(|line| !line.starts_with("found"));
        found.map(str::to_owned).collect()
    };
    let expected = lines_of(recording.stdout("window", &[]));
    assert!(expected.len() > 15);
    let report = stdout_on(&text_of(&recording, "perf-script.txt.zst"), "window", &[]);
    assert!(report.starts_with("recording -: 9.7 s of CPU 1, 4351 samples of cpu-clock\n"), "{report}");
    assert_same_lines("window", &lines_of(report).join("\n"), &expected);
}

/// What `perf script -F comm,cpu,time,ip,sym` prints: neither ids nor event nor modules.
#[test]
fn the_fewest_fields_find_the_same_culprit() {
    let recording = Recording::open("system");
    let text = String::from_utf8(text_of(&recording, "perf-script.txt.zst")).expect("UTF-8");
    let ids = regex::Regex::new(r" +\d+/\d+ +(\[\d+\] +[\d.]+:) +cpu-clock: $")
        .expect("it is a regular expression");
    let fewest: String = text
        .lines()
        .map(|line| match line.starts_with('\t') {
            true => format!("{}\n", &line[..line.rfind(" (").expect("a module")]),
            false => format!("{}\n", ids.replace(line, " $1")),
        })
        .collect();
    let report = |json: &str| -> Value {
        let report: Value = serde_json::from_str(json).expect("JSON");
        let best = &report["ranking"][0];
        ["comm", "syscall", "path", "verdict", "episodes", "baseline_windows"]
            .map(|field| best[field].clone())
            .into()
    };
    let options = ["--format", "json"];
    let expected = report(&recording.stdout("window", &options));
    assert_eq!(report(&stdout_on(fewest.as_bytes(), "window", &options)), expected);
}

/// perf's default form has comm, tid, CPU, µs, period, event, symbols with offsets.
#[test]
fn the_default_form_with_header_is_as_good() {
    let recording = Recording::open("post");
    let text = text_of(&recording, "perf-script-default.txt.zst");
    for options in [&["-F", "cpu,tid,event,stack,count"][..], &["--weight", "period"]] {
        assert_eq!(
            stdout_on(&text, "collapse", options),
            recording.stdout("collapse", options),
            "{options:?}"
        );
    }
    let microseconds = |line: &str| format!("{}000", &line[..line.len() - 3]);
    let expected: Vec<String> =
        recording.stdout("collapse", &["-F", "cpu,time"]).lines().map(microseconds).collect();
    assert_same_lines("time", &stdout_on(&text, "collapse", &["-F", "cpu,time"]), &expected);

    let about = |json: String| -> Value {
        let mut info: Value = serde_json::from_str(&json).expect("JSON");
        forget(&mut info, &["file", "file_bytes", "is_script", "start_ns", "end_ns", "duration_ns"]);
        // perf prints a space after the last word.
        let command = info["about"]["command"].as_str().expect("a command").trim().to_owned();
        info["about"]["command"] = command.into();
        info
    };
    let options = ["--format", "json"];
    let (got, expected) =
        (about(stdout_on(&text, "info", &options)), about(recording.stdout("info", &options)));
    for field in ["recording", "about", "cpus", "frames", "unnamed_frames"] {
        assert_eq!(got[field], expected[field], "{field}");
    }
    assert_eq!(got["events"][0], expected["events"][0]);
    assert!(stdout_on(&text, "info", &[]).contains("bytes of text, printed by perf script"));
}

/// `collapse -F cpu,time,pid,tid,stack` of a text, tabs as spaces.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let fields = ["-F", "cpu,time,pid,tid,stack"];
    let expected: Vec<String> = expected.iter().map(|line| line.replace(' ', "\t")).collect();
    assert_same_lines(text, &stdout_on(text.as_bytes(), "collapse", &fields), &expected);
    let returns = text.replace('\n', "\r\n");
    assert_same_lines("with CRLF", &stdout_on(returns.as_bytes(), "collapse", &fields), &expected);
}

const KERNEL: &str = "\tffffffff81690718 vfs_read+0x1f ([kernel.kallsyms])\n";
const USER: &str = "\t           7b2c3 main+0xd3 (/usr/bin/a)\n";

#[test]
fn every_selection_of_fields_is_read() {
    let chain = &format!("{KERNEL}{USER}\n");
    check(
        &format!("a b 7/8 [002] 3.000000004: 5 cycles: \n{chain}"),
        &["2 3.000000004 7 8 a_b;main;vfs_read"],
    );
    check(
        &format!("a b 8 [002] 3.000004: 5 cycles:ppp: \n{chain}"),
        &["2 3.000004000 -1 8 a_b;main;vfs_read"],
    );
    check(&format!("a [002] 3.000004: \n{chain}"), &["2 3.000004000 -1 -1 a;main;vfs_read"]);
    check(&format!("7/8 [002] 3.000004: cycles: \n{chain}"), &["2 3.000004000 7 8 :8;main;vfs_read"]);
    check(
        &format!("ksoftirqd/1 [001] 3.000004: cycles: \n{chain}"),
        &["1 3.000004000 -1 -1 ksoftirqd/1;main;vfs_read"],
    );
    let swapper = "swapper     0 [000]  4068.261043:    1001001 cpu-clock: \n";
    check(&format!("{swapper}{chain}"), &["0 4068.261043000 0 0 swapper;main;vfs_read"]);
    // Source lines, cgroups after the stack, inlined frames, no module, no offset; a sample without empty line.
    let odd = "\t           7b2c3 inner (inlined)\n  a/b.c:12\n\t           7b2c3 outer\n  a/b.c:20\n /kubepods.slice/x\n";
    check(
        &format!("a 1/1 [0] 1.000000: cycles: \n{odd}b 1/1 [0] 2.000000: cycles: \n{chain}"),
        &["0 1.000000000 1 1 a;outer;inner", "0 2.000000000 1 1 b;main;vfs_read"],
    );
    // The only frame of a sample without call chain, among others with one; perf indents it.
    check(
        &format!(
            "a 1/1 [0] 1.000000: cycles: \n{chain}            a 1/1 [0] 2.000000: 1 cycles:  401000 f+0x1 (/x)\n"
        ),
        &["0 1.000000000 1 1 a;main;vfs_read", "0 2.000000000 1 1 a;f"],
    );
    // perf prints no frame where it discards a chain.
    check(
        &format!("a 1/1 [0] 1.000000: cycles: \n{chain}a 1/1 [0] 2.000000: cycles: \n\n"),
        &["0 1.000000000 1 1 a;main;vfs_read", "0 2.000000000 1 1 a"],
    );
}

#[test]
fn kernel_and_user_frames_are_told_apart() {
    let frames = "\tffff800012345678 k_arm64+0x1 ([kernel.kallsyms])\n\
                  \tffffffffc0a01000 k_module+0x1 ([nf_conntrack])\n\
                  \tffffffffc0a01001 k_file+0x1 (/lib/modules/6.1/kernel/net/nf_nat.ko.xz)\n\
                  \t         1234567 k_s390+0x1 ([kernel.kallsyms])\n\
                  \tffffffffc0000001 [unknown] ([unknown])\n\
                  \tffffffffff600000 u_vsyscall ([vsyscall])\n\
                  \t    7ffff7fc1000 u_vdso+0x1 ([vdso])\n\
                  \tffffffff81000001 g_guest+0x1 ([guest.kernel.kallsyms])\n\
                  \t          401000 u_deleted+0x1 (/usr/bin/a (deleted))\n\n";
    let text = format!("a 1/1 [0] 1.000000: cycles: \n{frames}");
    assert_eq!(
        stdout_on(text.as_bytes(), "collapse", &["--kernel-suffix"]),
        "a;u_deleted;g_guest;u_vdso;u_vsyscall;[unknown]_[k];k_s390_[k];k_file_[k];k_module_[k];k_arm64_[k] 1\n"
    );
}

#[test]
fn tracepoints_are_events_and_not_samples() {
    let text = format!(
        "            a     1 [000]     1.000000:     sched:sched_switch: prev_comm=a ==> next_comm=b: c\n\
         a 1 [000] 2.000000:     sched:sched_waking: comm=b pid=2\n{KERNEL}\n\
         a 1 [000] 3.000000: dummy:HG: \n{KERNEL}\n\
         a 1 [000] 4.000000: 1 cycles:P: \n{KERNEL}\n\
         a 1 [000] 5.000000: 1 instructions: \n{USER}\n"
    );
    assert_eq!(stdout_on(text.as_bytes(), "collapse", &["-F", "event,stack"]), "cycles:P\ta;vfs_read\n");
    let of = |event| stdout_on(text.as_bytes(), "collapse", &["-e", event, "-F", "time,stack"]);
    assert_eq!(of("instructions"), "5.000000000\ta;main\n");
    assert_eq!(of("cycles"), "4.000000000\ta;vfs_read\n");
    assert_eq!(of("sched:sched_waking"), "2.000000000\ta;vfs_read\n");
    let nosuch = on(text.as_bytes(), "collapse", &["-e", "nosuch"]);
    assert!(
        nosuch.stderr.contains("no event") && nosuch.stderr.contains("cycles:P, instructions"),
        "{}",
        nosuch.stderr
    );
    let info: Value =
        serde_json::from_str(&stdout_on(text.as_bytes(), "info", &["--format", "json"])).expect("JSON");
    assert_eq!((&info["records"]["samples"], &info["records"]["other_events"]), (&1.into(), &4.into()));
    // A hybrid CPU's event has a name for each kind of core.
    let twins = format!(
        "a 1 [0] 1.000000: 1 cpu_core/cycles/P: \n{KERNEL}\na 1 [1] 2.000000: 1 cpu_atom/cycles/P: \n{USER}\n"
    );
    assert_eq!(stdout_on(twins.as_bytes(), "collapse", &[]).lines().count(), 2);
}

#[test]
fn lost_records_and_other_records_are_counted() {
    let text = format!(
        "swapper 0 [000]     0.000000: PERF_RECORD_MMAP -1/0: [0xffffffff81000000(0x12090c8) @ 0xffffffff81000000]: x [k]\n\
         a 1 [000]     0.000000: PERF_RECORD_COMM: a:1/1\n\
         a 1 [000]     1.000000: cycles: \n{KERNEL}\n\
         a 1 [000]     1.500000: PERF_RECORD_LOST lost 17\n\
         PERF_RECORD_FINISHED_ROUND\n\
         a 1 [000]     1.600000: PERF_RECORD_NAMESPACES 1/1 - nr_namespaces: 7\n\t\t[0/net: 3/0xf0000075]\n\
         a 1 [000]     2.000000: cycles: \n{KERNEL}\n\
         a 1 [000]     3.000000: DEFERRED CALLCHAIN [cookie: b]\n{USER}\n"
    );
    let info: Value =
        serde_json::from_str(&stdout_on(text.as_bytes(), "info", &["--format", "json"])).expect("JSON");
    let records = &info["records"];
    let counts = ["read", "samples", "other_events", "side_band", "lost"]
        .map(|field| records[field].as_u64().unwrap());
    assert_eq!(counts, [8, 2, 0, 4, 17], "{records}");
    assert_eq!((&records["skipped"]["68"], &records["skipped"]["22"]), (&1.into(), &1.into()), "{records}");
    assert_eq!(info["cpus"][0]["gaps"], 1);
    let collapse = on(text.as_bytes(), "collapse", &[]);
    assert!(collapse.stderr.contains("17 records were lost"), "{}", collapse.stderr);
}

#[test]
fn what_cannot_be_read_is_rejected_with_its_line() {
    let chain = &format!("{KERNEL}{USER}\n");
    let check = |text: &[u8], code: i32, samples: usize, says: &[&str]| {
        let run = on(text, "collapse", &[]);
        let what = String::from_utf8_lossy(text).into_owned() + &run.stderr;
        assert_eq!((run.code, run.stdout.lines().count()), (Some(code), samples), "{what}");
        for words in says {
            assert!(run.stderr.contains(words), "does not say {words:?}: {what}");
        }
    };
    let first = format!("a 1 [0] 1.000000: cycles: \n{chain}");
    check(
        format!("{first}noise\n{first}").as_bytes(),
        0,
        2,
        &["1 records were rejected: not printed by perf script, first in line 5"],
    );
    let broken = first.replace("ffffffff81690718", "ffffffff8169071x");
    check(
        format!("{first}{broken}{first}").as_bytes(),
        0,
        2,
        &["a line of the call chain cannot be read, first in line 5"],
    );
    let hidden = first.replace("[0] 1.000000", "[0] 1.0x0000");
    check(
        format!("{first}{hidden}{first}").as_bytes(),
        0,
        2,
        &["not printed by perf script, first in line 5"],
    );
    let no_cpu = first.replace("[0] ", "");
    check(format!("{first}{no_cpu}{first}").as_bytes(), 0, 2, &["without time or CPU", "line 5"]);
    // Cut within a line, at the end of one, after the header.
    let cut = |at: &str| first[..first.find(at).expect("it is there")].to_owned();
    check(
        format!("{first}{}", cut("1f ([")).as_bytes(),
        3,
        1,
        &["cut short", "ends before the call chain does, first in line 5"],
    );
    check(
        format!("{first}{}", cut(USER)).as_bytes(),
        3,
        1,
        &["the text ends before the call chain does, first in line 5"],
    );
    check(format!("{first}{}", cut(KERNEL)).as_bytes(), 3, 1, &["within a call chain", "first in line 5"]);
    check(format!("{first}{}", cut(".000000")).as_bytes(), 3, 1, &["cut short", "first in line 5"]);
    // The beginning is missing, whatever of it.
    for start in 1..first.len() - 1 {
        let run = on(format!("{}{first}{first}", &first[start..]).as_bytes(), "collapse", &[]);
        let lines = run.stdout.lines().count();
        assert!(run.code == Some(0) && (2..=3).contains(&lines), "from {start}: {run:?}");
    }
    check(format!("{USER}\n{first}").as_bytes(), 0, 1, &["not printed by perf script, first in line 1"]);
    // Bytes that are no UTF-8, and what acts on a terminal.
    let odd = [b"\xff\x1b[2Jx 1 [0] 1.000000: cycles: \n".as_slice(), b"\t          401000 f\xfe;g (/x)\n\n"]
        .concat();
    let run = on(&odd, "collapse", &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "\u{fffd}?[2Jx;f\u{fffd}:g 1\n"), "{}", run.stderr);
}

#[test]
fn a_text_that_cannot_answer_is_told() {
    let refuse_by = |subcommands: &[(&str, &[&str])], text: &str, says: &[&str]| {
        for (subcommand, options) in subcommands {
            let run = on(text.as_bytes(), subcommand, options);
            assert_eq!(
                (run.code, run.stdout.as_str(), run.stderr.lines().count()),
                (Some(2), "", 1),
                "{text}"
            );
            for words in says {
                assert!(run.stderr.contains(words), "does not say {words:?}: {}", run.stderr);
            }
        }
    };
    let refuse = |text: &str, says: &[&str]| refuse_by(&[("collapse", &[]), ("window", &[])], text, says);
    let print = "perf script -F comm,pid,tid,cpu,time,event,ip,sym,dso";
    refuse("a 1 [0] 1.000000: 1 cycles:  401000 f+0x1 (/x)\n", &["no call chains", "-g", print]);
    refuse(&format!("a 1 [0] cycles: \n{KERNEL}\n"), &["no times", "-T", print]);
    refuse(&format!("a \n{KERNEL}\n"), &["no times", "-T", print]);
    let no_cpu = format!("b 2 2.000000: cycles: \n{KERNEL}\na 1 1.000000: cycles: \n{KERNEL}\n");
    let need_cpus: [(&str, &[&str]); 2] = [("window", &[]), ("collapse", &["-F", "cpu,stack"])];
    refuse_by(&need_cpus, &no_cpu, &["on which CPU", "--sample-cpu", print]);
    // Thread after thread, as from a perf.data without CPUs.
    assert_eq!(on(no_cpu.as_bytes(), "collapse", &[]).stdout, "a;vfs_read 1\nb;vfs_read 1\n");
    refuse(
        &format!("a 1 [0] 1.000000: sched:sched_switch: a\n{KERNEL}\n"),
        &["no sampling event", "sched:sched_switch"],
    );
    refuse("a 1 [0] 1.000000: PERF_RECORD_COMM: a:1/1\n", &["no sampling event"]);
    let text = file_of(format!("a 1 [0] 1.000000: cycles: \n{KERNEL}\n").as_bytes());
    for option in ["--kallsyms", "--symfs"] {
        let run = run(stallgraph().arg("window").arg(text.path()).args([option, "x"]));
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(&format!("{option} has no use here")), "{}", run.stderr);
    }
}

#[test]
fn kernel_frames_without_names_accuse_nobody() {
    let recording = Recording::open("post");
    let text = String::from_utf8(text_of(&recording, "perf-script-default.txt.zst")).expect("UTF-8");
    let nameless = |line: &str| match line.strip_suffix(" ([kernel.kallsyms])") {
        Some(frame) => format!("{} [unknown] ([kernel.kallsyms])\n", &frame[..17]),
        None => format!("{line}\n"),
    };
    let nameless: String = text.lines().map(nameless).collect();
    let run = on(nameless.as_bytes(), "window", &[]);
    assert!(!run.stdout.contains("culprit  ") && run.stdout.contains("unknown   "), "{}", run.stdout);
    assert!(
        run.stdout.contains("kernel functions have no names: perf script printed none"),
        "{}",
        run.stdout
    );
}

/// A long header comes first, and the text only after what is read to tell what it is.
#[test]
fn a_long_header_is_read_past() {
    let comment = "# event : ".to_owned() + &"x".repeat(990) + "\n";
    let text = format!("# ========\n{}a 1 [0] 1.000000: cycles: \n{KERNEL}\n", comment.repeat(300));
    assert_eq!(stdout_on(text.as_bytes(), "collapse", &[]), "a;vfs_read 1\n");
}

#[test]
fn a_text_without_end_that_is_none_is_not_waited_for() {
    let Ok(mut yes) = Command::new("yes").arg("It began at noon.").stdout(Stdio::piped()).spawn() else {
        eprintln!("SKIPPED: no yes here");
        return;
    };
    let run = run(stallgraph().args(["window", "-"]).stdin(yes.stdout.take().expect("a pipe")));
    yes.kill().expect("it runs");
    yes.wait().expect("it ends");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("is a text file"), "{}", run.stderr);
}

#[test]
fn no_cut_and_no_flip_makes_it_panic() {
    let recording = Recording::open("post");
    // What matters lies in the first samples as much as in all.
    let mut text = text_of(&recording, "perf-script-default.txt.zst");
    text.truncate(60_000);
    let mut dice = Dice(0x5eed_0003);
    let mut loaded = 0;
    for _ in 0..150 {
        loaded += u32::from(survive(&text[..dice.below(text.len())]));
        let from = dice.below(text.len());
        loaded += u32::from(survive(&text[from..]));
    }
    assert!(loaded > 250, "{loaded} of 300 pieces were read");
    for _ in 0..300 {
        let mut damaged = text.clone();
        for _ in 0..=dice.below(20) {
            let at = dice.below(damaged.len());
            damaged[at] = b"\n\t :/[](.0a\xff"[dice.below(12)];
        }
        assert!(survive(&damaged), "most of it is whole");
    }
}

/// Work that grew with the square of a line's length would take hours here.
#[test]
fn no_line_takes_forever() {
    for piece in [
        "[",
        "[1]",
        " [",
        " [1",
        "1",
        "1.000000:",
        " 1.000000: ",
        "[1] 1.000000:",
        " (/",
        " (",
        ")",
        ": ",
        "/",
        "\t",
        " ",
    ] {
        let long = piece.repeat((1 << 20) / piece.len());
        for text in [
            format!("{long}\n{KERNEL}\n"),
            format!("a 1 [0] 1.000000: {long}\n{KERNEL}\n"),
            format!("a 1 [0] 1.000000: cycles: \n\t          401000 {long}\n\n"),
            format!("a 1 [0] 1.000000: cycles: \n{KERNEL}{long}\n\n"),
        ] {
            survive(text.as_bytes());
        }
    }
}

/// Loads `bytes` and runs the analyses; whether it is a recording. A panic anywhere fails the test.
fn survive(bytes: &[u8]) -> bool {
    let Ok(recording) = load::load_bytes(bytes, "text".as_ref(), &load::Options::default(), &|_, _, _| {})
    else {
        return false;
    };
    let tally = &recording.tally;
    let skipped: u64 = tally.skipped.values().sum();
    let used = tally.samples + tally.other_events + tally.side_band;
    assert_eq!(tally.records, used + skipped + tally.rejected_total(), "a record got lost");
    let samples: usize = recording.timelines.iter().map(|timeline| timeline.samples.len()).sum();
    assert_eq!(samples as u64, tally.samples, "a sample got lost");
    let by_event: BTreeMap<&str, u64> =
        recording.about.events.iter().map(|event| (event.name.as_str(), event.records)).collect();
    assert_eq!(by_event.values().sum::<u64>(), tally.samples + tally.other_events);
    contents::find(&recording);
    windows::find(&recording, &windows::Options::default());
    true
}

/// xorshift64 (Marsaglia): the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
