//! Lines of every kind: which of them are samples, and what their fields are.

use crate::support::{Recording, run, stallgraph};
use serde_json::Value;

use super::texts::{KERNEL, KTHREAD, USER, check, file_of, on, stdout_on};

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
        &format!("ksoftirqd/1 [001] 3.000004: cycles: \n{KERNEL}{KTHREAD}\n"),
        &["1 3.000004000 -1 -1 ksoftirqd/1;kthread;vfs_read"],
    );
    let swapper = "swapper     0 [000]  4068.261043:    1001001 cpu-clock: \n";
    check(&format!("{swapper}{chain}"), &["0 4068.261043000 0 0 swapper;main;vfs_read"]);
    // Source lines, cgroups after the stack, inlined frames, no module, no offset; a sample without
    // an empty line after it.
    let odd = "\t           7b2c3 inner (inlined)\n  a/b.c:12\n\t           7b2c3 outer\n  a/b.c:20\n /kubepods.slice/x\n";
    check(
        &format!("a 1/1 [0] 1.000000: cycles: \n{odd}b 1/1 [0] 2.000000: cycles: \n{chain}"),
        &["0 1.000000000 1 1 a;outer;inner", "0 2.000000000 1 1 b;main;vfs_read"],
    );
    // A sample without a call chain among others with one: perf indents its only frame.
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
         a 1 [000] 2.000000:     sched:sched_waking: comm=b pid=2\n{KERNEL}{USER}\n\
         a 1 [000] 3.000000: dummy:HG: \n{KERNEL}\n\
         a 1 [000] 4.000000: 1 cycles:P: \n{KERNEL}{USER}\n\
         a 1 [000] 5.000000: 1 instructions: \n{USER}{USER}\n"
    );
    assert_eq!(stdout_on(text.as_bytes(), "collapse", &["-F", "event,stack"]), "cycles:P\ta;main;vfs_read\n");
    let of = |event| stdout_on(text.as_bytes(), "collapse", &["-e", event, "-F", "time,stack"]);
    assert_eq!(of("instructions"), "5.000000000\ta;main;main\n");
    assert_eq!(of("cycles"), "4.000000000\ta;main;vfs_read\n");
    assert_eq!(of("sched:sched_waking"), "2.000000000\ta;main;vfs_read\n");
    let nosuch = on(text.as_bytes(), "collapse", &["-e", "nosuch"]);
    assert!(
        nosuch.stderr.contains("no event") && nosuch.stderr.contains("cycles:P, instructions"),
        "{}",
        nosuch.stderr
    );
    let info: Value =
        serde_json::from_str(&stdout_on(text.as_bytes(), "info", &["--format", "json"])).expect("JSON");
    assert_eq!((&info["records"]["samples"], &info["records"]["other_events"]), (&1.into(), &4.into()));
    // On a hybrid CPU an event has a name for each kind of core.
    let twins = format!(
        "a 1 [0] 1.000000: 1 cpu_core/cycles/P: \n{KERNEL}{USER}\na 1 [1] 2.000000: 1 cpu_atom/cycles/P: \n{USER}\n"
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
        &["1 line was not printed by perf script, first in line 5; messages of perf are kept out"],
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
    // Cut within a line, at the end of a line, and after the header.
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
    // The beginning is missing, cut at any byte.
    for start in 1..first.len() - 1 {
        let run = on(format!("{}{first}{first}", &first[start..]).as_bytes(), "collapse", &[]);
        let lines = run.stdout.lines().count();
        assert!(run.code == Some(0) && (2..=3).contains(&lines), "from {start}: {run:?}");
    }
    check(format!("{USER}\n{first}").as_bytes(), 0, 1, &["not printed by perf script, first in line 1"]);
    // Bytes that are not UTF-8, and characters that act on a terminal.
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
    refuse(&format!("a 1 [0] cycles: \n{KERNEL}{USER}\n"), &["no times", "record with times", print]);
    refuse(&format!("a \n{KERNEL}{USER}\n"), &["no times", "record with times", print]);
    let no_cpu = format!("b 2 2.000000: cycles: \n{KERNEL}{USER}\na 1 1.000000: cycles: \n{KERNEL}{USER}\n");
    let need_cpus: [(&str, &[&str]); 2] = [("window", &[]), ("collapse", &["-F", "cpu,stack"])];
    refuse_by(&need_cpus, &no_cpu, &["on which CPU", "--sample-cpu", print]);
    // Ordered by thread, as from a perf.data without CPUs.
    assert_eq!(on(no_cpu.as_bytes(), "collapse", &[]).stdout, "a;main;vfs_read 1\nb;main;vfs_read 1\n");
    refuse(
        &format!("a 1 [0] 1.000000: sched:sched_switch: a\n{KERNEL}{USER}\n"),
        &["no sampling event", "sched:sched_switch"],
    );
    refuse("a 1 [0] 1.000000: PERF_RECORD_COMM: a:1/1\n", &["no sampling event"]);
    let text = file_of(format!("a 1 [0] 1.000000: cycles: \n{KERNEL}{USER}\n").as_bytes());
    for option in ["--kallsyms", "--symfs"] {
        let run = run(stallgraph().arg("window").arg(text.path()).args([option, "x"]));
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(&format!("{option} has no use here")), "{}", run.stderr);
    }
}

#[test]
fn kernel_frames_without_names_accuse_nobody() {
    let recording = Recording::open("post");
    let text = String::from_utf8(recording.text("perf-script-default.txt.zst")).expect("UTF-8");
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
