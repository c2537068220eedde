//! Redacted packs: no comm and no path is left in one, and the reports are otherwise the same.

use std::fs;
use std::process::Command;

use crate::support::builder::{Builder, Event, Kernel, Sample};
use crate::support::pack_scene::{Scene, entries};
use crate::support::{Dice, Run, run, stallgraph};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Words that occur in the comms and paths of the recordings and in the commands that made them,
/// and in no function's name.
const NAMES: [&str; 20] = [
    "/usr/",
    "/lib/x86",
    "/bin/",
    "/home",
    "/root",
    "/srv/",
    "/tmp/",
    ".so",
    ".js",
    "perf record",
    "perf-record",
    "node_exporter",
    "envoy",
    "cadvisor",
    "python",
    "bash",
    "sleep\0",
    "names/made",
    "kubepods",
    "system.slice",
];

/// Recordings of every form, and the files that name them.
fn scenes() -> impl Iterator<Item = (&'static str, Scene)> {
    let recordings = [
        ("post/perf.data", Some("post/kallsyms"), "post/symfs"),
        ("evidence/perf.data.zst", Some("evidence/kallsyms"), "evidence/symfs"),
        ("names/forms.data.zst", None, "names/symfs"),
        ("names/node.data.zst", None, "names/symfs"),
        ("variants/threads", None, "names/symfs"),
        ("variants/threads-packed", None, "names/symfs"),
        ("variants/packed.zst", None, "names/symfs"),
        ("variants/pipe.zst", None, "names/symfs"),
        ("variants/pipe-packed.zst", None, "names/symfs"),
        ("variants/pipe-tracepoint.zst", None, "names/symfs"),
        ("variants/delay.zst", None, "names/symfs"),
        ("variants/cgroups.zst", None, "names/symfs"),
        ("variants/dwarf.zst", None, "names/symfs"),
        ("variants/registers.zst", None, "names/symfs"),
        ("variants/weight.zst", None, "names/symfs"),
        ("variants/phys-data.zst", None, "names/symfs"),
        ("variants/two-events.zst", None, "names/symfs"),
        ("variants/switch-events.zst", None, "names/symfs"),
        ("variants/buildid-mmap.zst", None, "names/symfs"),
    ];
    recordings
        .into_iter()
        .map(|(recording, kallsyms, symfs)| (recording, Scene::of(recording, kallsyms, symfs)))
}

fn contains(bytes: &[u8], name: &str) -> bool {
    bytes.windows(name.len()).any(|window| window == name.as_bytes())
}

/// Whether `shown` is the redacted `name`: the beginning of its hash; for a path, of what follows
/// the slash.
fn stands_for(shown: &str, name: &str) -> bool {
    let digest = Sha256::digest(name.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let digits = shown.strip_prefix('/').filter(|_| name.starts_with('/')).unwrap_or(shown);
    let room = if name.len() < 8 { shown.len() == 7 } else { digits.len() == 12 };
    room && digest.starts_with(digits)
}

/// Whether a comm is a kernel thread's: its beginning, and a hash of what it works on.
fn is_kernel_thread(shown: &str, name: &str) -> bool {
    let same = shown.bytes().zip(name.bytes()).take_while(|(shown, name)| shown == name).count();
    let is_stood_for = |kept: usize| {
        let digest = Sha256::digest(&name.as_bytes()[kept..]);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        shown.len() - kept >= 3 && digest.starts_with(&shown[kept..])
    };
    ["kworker/", "irq/", "napi/"].iter().any(|kind| shown.starts_with(kind)) && (4..=same).any(is_stood_for)
}

/// Compares JSON: texts may differ only as a hash differs from what it stands for.
fn assert_redacted(here: &Value, there: &Value, place: &str, hashes: &mut usize) {
    match (here, there) {
        (Value::Array(here), Value::Array(there)) if here.len() == there.len() => {
            here.iter().zip(there).for_each(|(here, there)| assert_redacted(here, there, place, hashes));
        }
        (Value::Object(here), Value::Object(there)) => {
            assert!(here.keys().eq(there.keys()), "{place}");
            for (key, value) in here {
                assert_redacted(value, &there[key], key, hashes);
            }
        }
        // Registers may hold anything; pods and containers are parts of paths.
        (Value::Array(_), Value::Null) if place == "arguments" => {}
        (Value::String(_), Value::Null) if ["pod_uid", "container_id"].contains(&place) => {}
        (Value::String(here), Value::String(there)) if here != there => {
            let in_brackets = |text: &str| text.starts_with('[') && text.ends_with(']');
            if place == "path" && in_brackets(here) && in_brackets(there) {
                return;
            }
            assert!(stands_for(there, here) || is_kernel_thread(there, here), "{place}: {here} {there}");
            *hashes += 1;
        }
        _ => assert_eq!(here, there, "{place}"),
    }
}

#[test]
fn nothing_of_a_comm_or_a_path_is_left() {
    for (recording, scene) in scenes() {
        let original = fs::read(scene.at("here/perf.data")).unwrap_or_default();
        scene.pack(&["--redact"]);
        for (name, _, bytes) in entries(&scene.packed()) {
            for word in NAMES {
                assert!(!contains(&bytes, word), "{recording}: {word} in {name}");
            }
        }
        let is_file = !original.is_empty();
        let is_packed = recording.contains("packed");
        assert!(
            !is_file || is_packed || contains(&original, "/usr/"),
            "{recording}: else this test says nothing"
        );
    }
}

#[test]
fn all_else_is_told_as_before() {
    let mut hashes = 0;
    for (recording, scene) in scenes() {
        scene.pack(&["--redact"]);
        for arguments in [&["window", "--format", "json"][..], &["stalls", "--format", "json"]] {
            let (here, there) = (scene.here(arguments), scene.there(arguments));
            assert_eq!(here.code, there.code, "{recording} {arguments:?}: {there:?}");
            if here.code == Some(2) {
                continue;
            }
            let json = |text: &str| -> Value {
                let mut json: Value = serde_json::from_str(text).expect("JSON");
                json.as_object_mut().expect("an object").remove("diagnostics");
                json
            };
            assert_redacted(&json(&here.stdout), &json(&there.stdout), recording, &mut hashes);
        }
        let (here, there) = (scene.here(&["check"]), scene.there(&["check"]));
        let judged = |text: &str| text.split("; CPU").next().unwrap_or_default().to_owned();
        assert_eq!((here.code, judged(&here.stdout)), (there.code, judged(&there.stdout)), "{recording}");
        // Each sample, its time and its stack; unnamed frames have the name of their module.
        let lines = |text: &str| -> Vec<String> {
            let stack = |line: &str| match line.split_once(';') {
                Some((before, stack)) => {
                    format!("{};{stack}", before.rsplit_once('\t').map_or("", |(who, _)| who))
                }
                None => String::new(),
            };
            let without_modules = |line: String| {
                let frames = line.split(';').map(|frame| if frame.starts_with('[') { "[]" } else { frame });
                frames.collect::<Vec<_>>().join(";")
            };
            text.lines().map(stack).map(without_modules).map(without_paths).collect()
        };
        let arguments = ["collapse", "-F", "cpu,time,pid,tid,stack", "--kernel-suffix"];
        let (here, there) = (scene.here(&arguments), scene.there(&arguments));
        // Registers and pieces of the stack may hold anything, so a redacted pack has none.
        let shown = |text: &str| -> Vec<String> {
            let kernel = |line: String| {
                let frames = line.split(';').enumerate();
                let frames = frames.filter(|(at, frame)| *at == 0 || frame.ends_with("_[k]"));
                frames.map(|(_, frame)| frame).collect::<Vec<_>>().join(";")
            };
            match recording.contains("dwarf") {
                true => lines(text).into_iter().map(kernel).collect(),
                false => lines(text),
            }
        };
        assert!(
            shown(&here.stdout) == shown(&there.stdout),
            "{recording}: {}\n{}",
            here.stdout,
            there.stdout
        );
        assert!(lines(&here.stdout).len() > 20 || here.code == Some(2), "{recording}: {here:?}");
    }
    assert!(hashes > 30, "{hashes}");
}

#[test]
fn advice_names_no_file_that_is_a_hash() {
    let scene = Scene::of("names/forms.data.zst", None, "names/symfs");
    scene.pack(&["--redact"]);
    let info = |run: Run| run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let (here, there) = (info(scene.here(&["info"])), info(scene.there(&["info"])));
    for command in ["copy it to FOLDER", "perf buildid-cache", "find-dbgsym-packages"] {
        assert!(here.contains(command), "else this test says nothing: {here}");
        assert!(!there.contains(command), "{command}: {there}");
    }
    assert!(there.contains("ask on the node: stallgraph info of the recording itself"), "{there}");
}

/// A node on which threads of the kernel hold CPU 0 once each before packets are served, by a
/// thread that polls for them.
fn node_of_threads(threads: &[&str], server: &str) -> Scene {
    let (mut file, mut kernel) = (Builder::new(), Kernel::new());
    file.event(Event::cpu_clock().freq(1000)).os_release("6.12.0").arch("x86_64").kernel_map(&kernel);
    let mut tid = 100;
    let mut thread = |file: &mut Builder, comm: &str| {
        tid += 1;
        file.fork((tid, tid), (2, 2)).comm((tid, tid), comm);
        (tid, tid)
    };
    let server = thread(&mut file, server);
    let threads: Vec<_> = threads.iter().map(|comm| thread(&mut file, comm)).collect();
    let envoy = (900, 900);
    file.comm(envoy, "envoy");
    let hold = kernel.stack("ret_from_fork;kthread;irq_thread;irq_thread_fn;slow_handler");
    let serve = kernel.stack("ret_from_fork;kthread;napi_threaded_poll;__napi_poll;net_rx_action");
    let mut now_ns = 1_000_000_000;
    let mut run = |file: &mut Builder, ms: u64, task, kernel: &[u64], user: &[u64]| {
        for _ in 0..ms {
            now_ns += 1_000_000;
            file.at(0, now_ns).sample(Sample::new(task).kernel(kernel).user(user).period(1_000_000));
        }
    };
    for thread in threads {
        run(&mut file, 900, envoy, &[], &[0x40_1000]);
        run(&mut file, 110, thread, &hold, &[]);
        run(&mut file, 2, server, &serve, &[]);
    }
    Scene::made(&file.build(), &kernel.kallsyms())
}

#[test]
fn threads_of_the_kernel_that_differ_stay_different() {
    let alike = ["irq/33-alpha", "irq/33-alpha", "irq/33-alpha"];
    let different = ["irq/33-alpha", "irq/33-beta", "irq/33-gamma"];
    let short = ["irq/3-a", "irq/3-b", "irq/3-c"];
    let workers = ["kworker/u8:1-ev", "kworker/u8:1-kv", "kworker/u8:1"];
    for (threads, candidates) in [(alike, 1), (different, 3), (short, 3), (workers, 3)] {
        for server in ["napi/eth0-8193", "backlog_napi/0", "ksoftirqd/0"] {
            let scene = node_of_threads(&threads, server);
            scene.pack(&["--redact"]);
            for command in ["window", "stalls"] {
                let arguments = [command, "--format", "json"];
                let json = |run: Run| -> Value { serde_json::from_str(&run.stdout).expect("JSON") };
                let (mut here, mut there) = (json(scene.here(&arguments)), json(scene.there(&arguments)));
                if command == "window" {
                    let verdicts = |json: &Value| -> Vec<String> {
                        let ranking = json["ranking"].as_array().expect("a list");
                        ranking.iter().map(|ranked| ranked["verdict"].to_string()).collect()
                    };
                    assert_eq!(verdicts(&here), verdicts(&there), "{threads:?} {server}");
                    assert_eq!(verdicts(&here).len(), candidates, "{threads:?} {server}");
                }
                for json in [&mut here, &mut there] {
                    // Rows that are equal otherwise are in the order of their names.
                    let ranking = json["ranking"].as_array_mut().expect("a list");
                    ranking.sort_by_key(|row| row["total_ns"].as_u64());
                    json.as_object_mut().expect("an object").remove("diagnostics");
                }
                if candidates == 1 || command == "stalls" {
                    assert_redacted(&here, &there, command, &mut 0);
                }
            }
            let (here, there) = (scene.here(&["check"]), scene.there(&["check"]));
            assert_eq!(here.code, there.code, "{here:?} {there:?}");
        }
    }
}

/// Removes the path of the script from the names of its functions.
fn without_paths(line: String) -> String {
    let words = line.split(' ').map(|word| if word.starts_with('/') { "/" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_same_name_has_the_same_hash_in_every_pack() {
    let post = Scene::post();
    post.pack(&["--redact"]);
    let first = post.packed();
    post.pack(&["--redact"]);
    assert!(first == post.packed());
    let window = post.there(&["window"]);
    // printf %s node_exporter | sha256sum
    assert!(window.stdout.contains("culprit   a8b8139c6a4a, in system call lseek"), "{window:?}");
    assert!(window.stdout.contains("#=ksoftirqd"), "{window:?}");
    let info = post.there(&["info"]);
    assert!(info.stdout.contains("hashes stand for comms and paths"), "{info:?}");
    assert!(info.stdout.contains("\ncommand    not recorded"), "{info:?}");
    // printf %s vm | sha256sum
    assert!(info.stdout.contains("\nhost       5bce98f"), "{info:?}");
}

#[test]
fn what_cannot_be_read_is_not_there_and_still_said() {
    let scene = Scene::of("variants/plain.zst", None, "names/symfs");
    let file = scene.at("here/perf.data");
    let whole = fs::read(&file).expect("the recording");
    let samples = |text: &str| text.lines().count();
    // Cut in the middle, then with a hole in the middle.
    let cut = whole[..whole.len() * 2 / 3].to_vec();
    let mut holed = whole.clone();
    holed[whole.len() / 2..][..64].fill(0xff);
    for damaged in [cut, holed] {
        fs::write(&file, &damaged).expect("a file");
        scene.pack(&["--redact"]);
        let (here, there) = (scene.here(&["collapse"]), scene.there(&["collapse"]));
        assert_eq!((here.code, there.code), (Some(3), Some(3)), "{there:?}");
        assert_eq!(samples(&here.stdout), samples(&there.stdout));
        assert!(samples(&there.stdout) > 10 && there.stderr.contains("error"), "{there:?}");
        for (name, _, bytes) in entries(&scene.packed()) {
            for word in NAMES {
                assert!(!contains(&bytes, word), "{word} in {name}");
            }
        }
    }
}

#[test]
fn damage_lets_no_name_through() {
    let scene = Scene::of("variants/two-events.zst", None, "names/symfs");
    let file = scene.at("here/perf.data");
    let whole = fs::read(&file).expect("the recording");
    let mut dice = Dice::new(0x5eed_0004);
    let mut packed = 0;
    for _ in 0..60 {
        let mut damaged = whole.clone();
        for _ in 0..=dice.below(6) {
            let at = dice.below(damaged.len() - 16);
            match dice.below(3) {
                0 => damaged[at] = dice.below(256) as u8,
                1 => damaged[at / 8 * 8 + 6..][..2].fill(dice.below(256) as u8),
                _ => damaged.copy_within(at / 8 * 8..at / 8 * 8 + 8, dice.below(whole.len() - 16) / 8 * 8),
            }
        }
        fs::write(&file, &damaged).expect("a file");
        let run = scene.here(&["pack", "-o", "../there/perf.data", "--redact"]);
        assert!(matches!(run.code, Some(0 | 2 | 3)) && !run.stderr.contains("panicked"), "{run:?}");
        if run.code == Some(2) {
            continue;
        }
        packed += 1;
        for (name, _, bytes) in entries(&scene.packed()) {
            for word in NAMES {
                assert!(!contains(&bytes, word), "{word} in {name}");
            }
        }
        assert_ne!(scene.there(&["info"]).code, Some(101));
    }
    assert!(packed > 20, "{packed}");
}

#[test]
fn names_of_a_redacted_pack_come_from_nowhere_else() {
    let post = Scene::post();
    post.pack(&["--redact"]);
    for option in
        [&["--symfs", "/"][..], &["--buildid-dir", "/"], &["--kallsyms", "k"], &["--container-root"]]
    {
        let run = post.there(&[&["window"][..], option].concat());
        assert!(run.code == Some(2) && run.stderr.contains("the pack is redacted"), "{run:?}");
    }
    let run = post.there(&["collapse", "--inline"]);
    assert!(run.code == Some(0) && run.stderr.contains("with --inline, without --redact"), "{run:?}");
    let unnamed = post.there(&["collapse", "--no-symbols"]);
    assert!(unnamed.code == Some(0) && !unnamed.stdout.contains("seq_lseek"), "{unnamed:?}");
    for option in ["--inline", "--whole-files", "--no-symbols"] {
        let run = post.here(&["pack", "-o", "x", "--redact", option]);
        assert!(run.code == Some(2) && run.stderr.contains("cannot be used with"), "{run:?}");
    }
}

#[test]
fn perf_reads_what_is_left() {
    for (recording, scene) in scenes().filter(|(recording, _)| recording.starts_with("variants/")) {
        scene.pack(&["--redact"]);
        let (_, _, bytes) = entries(&scene.packed()).pop().expect("the recording comes last");
        let file = scene.at("redacted.data");
        fs::write(&file, bytes).expect("a file");
        let mut perf = Command::new("perf");
        perf.args(["script", "--force", "--no-inline", "-F", "comm,tid,time", "-i"]).arg(&file);
        if perf.output().is_err() {
            eprintln!("skipped: no perf");
            return;
        }
        let read = run(&mut perf);
        let samples = scene.there(&["info", "--format", "json"]).stdout;
        let info: Value = serde_json::from_str(&samples).expect("JSON");
        assert!(
            read.stdout.lines().count() as u64 >= info["recording"]["samples"].as_u64().expect("a number"),
            "{recording}: {read:?}"
        );
    }
}

#[test]
fn the_program_says_what_it_packed() {
    let post = Scene::post();
    let mut command = stallgraph();
    command.args(["pack", "perf.data", "--redact", "-o", "../there/x", "--symfs"]).arg(&post.symfs);
    let run = run(command.current_dir(post.at("here")));
    assert!(run.stdout.contains("a redacted recording of 596 KiB, the kernel's names"), "{run:?}");
}
