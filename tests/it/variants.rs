//! Each form of perf.data that perf and its relatives write: what is in it comes out, whatever the form.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support;
use crate::support::builder::{
    Builder, Event, Kernel, Mmap, Sample, context, flag, misc, read_format, record, sample_type,
};
use crate::support::forms::{Apart, BUFFER, framed, user_record};
use crate::support::{Recording, Run, assert_same_lines, run, stallgraph, stdout_of};

const COLUMNS: [&str; 2] = ["-F", "cpu,time,pid,tid,event,stack,count"];

/// What collapse prints for a recording with the names of testdata/NAME.
fn collapse(recording: &Recording, file: &Path) -> Run {
    let mut command = stallgraph();
    command.arg("collapse").arg(file).args(COLUMNS).arg("--symfs").arg(recording.folder.join("symfs"));
    run(command.arg("--kallsyms").arg(recording.folder.join("kallsyms")))
}

#[test]
fn a_recording_is_the_same_in_every_form() {
    for name in ["post", "system"] {
        let recording = Recording::open(name);
        let expected = collapse(&recording, &recording.file).stdout;
        let lines: Vec<String> = expected.lines().map(str::to_owned).collect();
        assert!(lines.len() > 4000);
        let apart = Apart::of(&fs::read(&recording.file).expect("the recording"));
        let mut noted = apart.clone();
        noted.note_compression(BUFFER);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (old, new) = (user_record::COMPRESSED, user_record::COMPRESSED2);
        for (form, bytes) in [
            ("file", apart.file(&apart.data)),
            ("stream", apart.stream(&apart.data)),
            ("packed", noted.file(&noted.packed(old))),
            ("packed, new", noted.file(&noted.packed(new))),
            ("packed stream", noted.stream(&noted.packed(old))),
            // The header's note is lost with the end of a stream or of a killed perf's file; the records tell.
            ("packed stream without a note", apart.stream(&apart.packed(new))),
            ("big endian", apart.big_endian()),
        ] {
            let path = folder.path().join("perf.data");
            fs::write(&path, bytes).expect("it can be written to");
            let run = collapse(&recording, &path);
            assert_same_lines(&format!("{name} as {form}"), &run.stdout, &lines);
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{name} as {form}");
        }
        for (form, pack_as) in [("plain", None), ("packed", Some(old)), ("packed-new", Some(new))] {
            let path = folder.path().join(form);
            apart.write_directory(&path, pack_as);
            let run = collapse(&recording, &path);
            assert_same_lines(&format!("{name} as a directory, {form}"), &run.stdout, &lines);
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{name}, {form}");
        }
    }
}

#[test]
fn a_stream_says_of_itself_what_a_file_says() {
    let recording = Recording::open("system");
    let apart = Apart::of(&fs::read(&recording.file).expect("the recording"));
    let info = |bytes: &[u8]| {
        let mut command = stallgraph();
        command.args(["info", "-", "--format", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        child.stdin.take().expect("a pipe").write_all(bytes).expect("all is read");
        let output = child.wait_with_output().expect("it ends");
        let mut info: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let skipped = info["records"].as_object_mut().expect("an object").remove("skipped");
        for of_the_form in ["bytes", "data_bytes", "total"] {
            info["records"].as_object_mut().expect("an object").remove(of_the_form);
        }
        (info, skipped)
    };
    let (file, of_file) = info(&apart.file(&apart.data));
    let (stream, of_stream) = info(&apart.stream(&apart.data));
    assert_eq!(file["recording"], stream["recording"]);
    assert_ne!(of_file, of_stream, "the records of the stream's header are skipped and counted");
    assert!(file["recording"].to_string().contains("6.18.44"), "{file}");
}

/// testdata/variants: recordings made by perf, and the number of samples that perf script finds in each.
#[test]
fn recordings_made_by_perf_hold_as_many_samples_as_perf_finds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/variants");
    let counts = fs::read_to_string(folder.join("counts.txt")).expect("the counts");
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    let mut seen = 0;
    for line in counts.lines() {
        let (name, count) = line.split_once(' ').expect("a name and a number");
        let path = unpack(&folder, name, unpacked.path());
        let run = run(stallgraph().args(["collapse", "--no-symbols", "-F", "cpu,count"]).arg(&path));
        if name == "no-cpu" {
            check_threads(&path, count);
            continue;
        }
        seen += 1;
        assert_eq!(
            (run.code, run.stdout.lines().count()),
            (Some(0), count.parse().unwrap()),
            "{name}: {run:?}"
        );
        let is_warning = |line: &str| line.starts_with("stallgraph: warning: ");
        assert!(run.stderr.lines().all(is_warning), "{name}: {}", run.stderr);
        assert!(run.stdout.lines().all(|line| line == "0\t1" || line == "1\t1"), "{name}: {}", run.stdout);
    }
    assert!(seen >= 18, "{seen} variants");
}

/// `perf record -D` has the side band of a recording written for an event of its own. Where that has another `sample_id` than the others,
/// comms and paths end where its own begins.
#[test]
fn each_record_ends_in_the_sample_id_of_its_event() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/variants");
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    let path = unpack(&folder, "delay", unpacked.path());
    let collapsed = run(stallgraph().args(["collapse", "--no-symbols"]).arg(&path));
    let comms: Vec<&str> = collapsed.stdout.lines().filter_map(|line| line.split(';').next()).collect();
    // perf script -F comm,event
    assert_eq!(comms, ["dd"; 29], "{collapsed:?}");
    assert!(collapsed.stdout.contains(";[libc.so.6];"), "{collapsed:?}");
}

/// Samples without a CPU: collapse prints thread after thread, each in time order; what needs a CPU is refused.
fn check_threads(file: &Path, count: &str) {
    let columns = ["--no-symbols", "-F", "tid,time,count"];
    let stdout = stdout_of(stallgraph().arg("collapse").arg(file).args(columns));
    let rows: Vec<(u32, &str)> = stdout
        .lines()
        .map(|line| {
            let mut columns = line.split('\t');
            (columns.next().unwrap().parse().unwrap(), columns.next().unwrap())
        })
        .collect();
    assert_eq!(rows.len().to_string(), count);
    assert!(rows.is_sorted(), "times have one length here: {stdout}");
    let mut tids: Vec<u32> = rows.iter().map(|(tid, _)| *tid).collect();
    tids.dedup();
    assert!(tids.len() > 1, "{tids:?}");

    for lanes in ["cpu", "task"] {
        let options = ["--no-symbols", "--format", "speedscope", "--lanes", lanes];
        let export = stdout_of(stallgraph().arg("export").arg(file).args(options));
        let export: serde_json::Value = serde_json::from_str(&export).expect("JSON");
        let names: Vec<&str> = export["profiles"]
            .as_array()
            .expect("profiles")
            .iter()
            .map(|lane| lane["name"].as_str().and_then(|name| name.split(' ').next_back()).expect("a name"))
            .collect();
        assert_eq!(names, tids.iter().map(u32::to_string).collect::<Vec<_>>(), "a lane for each thread");
    }

    let folder = tempfile::tempdir().expect("a temporary folder");
    stdout_of(stallgraph().arg("collapse").arg(file).arg("--no-symbols").arg("--split").arg(folder.path()));
    let names: Vec<bool> =
        tids.iter().map(|tid| folder.path().join(format!("tid-{tid}.folded")).exists()).collect();
    assert!(names.iter().all(|exists| *exists), "{tids:?}: {names:?}");
    for arguments in
        [["window", "--no-symbols"].as_slice(), &["collapse", "-C", "0"], &["collapse", "-F", "cpu"]]
    {
        let run = run(stallgraph().args(arguments).arg(file));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(run.stderr.contains("on which CPU") && run.stderr.contains("--sample-cpu"), "{}", run.stderr);
    }
    let info = stdout_of(stallgraph().arg("info").arg(file).arg("--no-symbols"));
    assert!(info.contains("samples do not say theirs"), "{info}");
}

/// Unpacks a file of testdata/variants, or a directory.
fn unpack(folder: &Path, name: &str, into: &Path) -> PathBuf {
    let unpack = |packed: &Path, to: &Path| {
        let bytes = zstd::decode_all(fs::File::open(packed).expect("the recording")).expect("it unpacks");
        fs::write(to, bytes).expect("it can be written to");
    };
    let to = into.join(name);
    if !folder.join(name).is_dir() {
        unpack(&folder.join(format!("{name}.zst")), &to);
        return to;
    }
    fs::create_dir(&to).expect("a folder");
    for entry in fs::read_dir(folder.join(name)).expect("a directory") {
        let packed = entry.expect("an entry").path();
        unpack(&packed, &to.join(packed.file_stem().expect("a name")));
    }
    to
}

/// A recording that a test built, in a folder of its own, and what collapse prints for it.
fn print(bytes: &[u8]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    fs::write(&path, bytes).expect("it can be written to");
    run(stallgraph().arg("collapse").arg(&path).args(["--no-symbols", "-F", "cpu,time,stack"]))
}

const LINE: &str = "3\t0.001000000\tworker;[[unknown]]";

#[track_caller]
fn assert_one_sample(what: &str, builder: &Builder) {
    let run = print(&builder.build());
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{what}: {run:?}");
    assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "{what}: {run:?}");
    assert_eq!(run.stderr, "", "{what}");
}

/// One sample of `worker` on CPU 3 at 1 ms.
fn one_sample(event: Event) -> Builder {
    let mut builder = Builder::new();
    builder.event(event);
    builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
    builder
}

fn sample() -> Sample {
    Sample::new((7, 7)).user(&[0x40_1000])
}

#[test]
fn attributes_of_every_size() {
    for size in [64, 72, 80, 96, 104, 112, 120, 128, 136, 144, 152, 168, 184, 256] {
        let mut builder = one_sample(Event::cpu_clock());
        assert_one_sample(&format!("{size} bytes"), builder.attr_size(size));
        let apart = Apart::of(&builder.build());
        let run = print(&apart.stream(&apart.data));
        assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "{size} bytes in a stream: {run:?}");
        let run = print(&apart.big_endian());
        assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "{size} bytes, big endian: {run:?}");
    }
    // Size 0 stands for 64, in the header and in the attribute.
    let mut bytes = one_sample(Event::cpu_clock()).attr_size(64).build();
    let attribute = 104 + 8;
    bytes[16..24].fill(0);
    bytes[attribute + 4..attribute + 8].fill(0);
    let run = print(&bytes);
    assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "size 0: {run:?}");
    let mut stream = {
        let apart = Apart::of(&one_sample(Event::cpu_clock()).attr_size(64).build());
        apart.stream(&apart.data)
    };
    stream[16 + 8 + 4..16 + 8 + 8].fill(0);
    let run = print(&stream);
    assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "size 0 in a stream: {run:?}");
}

#[test]
fn values_of_a_group_with_lost_samples() {
    let format = read_format::GROUP | read_format::ID | read_format::LOST;
    for (what, format) in [
        ("a group", format),
        ("a group with times", format | read_format::TIME_ENABLED | read_format::TIME_RUNNING),
        ("one value", read_format::ID | read_format::LOST | read_format::TIME_ENABLED),
        ("a bare value", 0),
    ] {
        let event = Event::cpu_clock().also(sample_type::READ | sample_type::CGROUP).read_format(format);
        let mut builder = Builder::new();
        builder.event(event).comm((7, 7), "worker").at(3, 1_000_000);
        builder.sample(sample().value(5, 100, 0).value(6, 101, 2).cgroup(9));
        assert_one_sample(what, &builder);
    }
}

#[test]
fn fields_after_the_call_chain_do_not_matter() {
    // ADDR, RAW, BRANCH_STACK, REGS_USER, WEIGHT, DATA_SRC, TRANSACTION, REGS_INTR, PHYS_ADDR, AUX, page sizes,
    // WEIGHT_STRUCT: each alone, and each with the control group, which is behind most of them.
    for bit in [3, 10, 11, 12, 14, 15, 17, 18, 19, 20, 22, 23, 24] {
        for with in [0, sample_type::CGROUP] {
            assert_one_sample(&format!("bit {bit}"), &one_sample(Event::cpu_clock().also(1 << bit | with)));
        }
    }
}

#[test]
fn every_clock() {
    for clock in [0, 1, 4, 7, 11, 99] {
        assert_one_sample(&format!("clock {clock}"), &one_sample(Event::cpu_clock().clockid(clock)));
    }
}

#[test]
fn several_events_are_told_apart() {
    let by_id = |event: Event| {
        let fields = sample_type::IP
            | sample_type::TID
            | sample_type::TIME
            | sample_type::ID
            | sample_type::CPU
            | sample_type::PERIOD
            | sample_type::CALLCHAIN;
        event.sample_type(fields)
    };
    let identified = |event: Event| event.also(0);
    for (what, make) in [("ID", &by_id as &dyn Fn(Event) -> Event), ("IDENTIFIER", &identified)] {
        let mut builder = Builder::new();
        builder.event(make(Event::cpu_clock())).event(make(Event::cycles()));
        builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
        builder.sample(sample().event(1)).sample(sample().id(999));
        let run = print(&builder.build());
        assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{what}: {run:?}");
        assert!(
            run.stderr.contains("1 records were rejected: sample of an unknown event"),
            "{what}: {run:?}"
        );
    }
}

#[test]
fn samples_without_a_cpu_have_that_of_their_id() {
    let fields = sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::CALLCHAIN;
    let event = Event::cpu_clock().sample_type(fields | sample_type::IDENTIFIER).ids(&[50, 51, 52, 53]);
    let index = |cpus: [u64; 4]| {
        let entries = (50u64..).zip(cpus).flat_map(|(id, cpu)| [id, 0, cpu, 7]);
        let words: Vec<u64> = [4].into_iter().chain(entries).collect();
        words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()
    };
    let with = |index: Option<Vec<u8>>| {
        let mut builder = Builder::new();
        builder.event(event.clone());
        if let Some(index) = index {
            builder.raw(user_record::ID_INDEX, 0, &index);
        }
        builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample()).at(1, 2_000_000).sample(sample());
        print(&builder.build())
    };
    let run = with(Some(index([10, 11, 12, 13])));
    let cpus: Vec<&str> = run.stdout.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!((run.code, cpus), (Some(0), vec!["11", "13"]), "{}", run.stderr);
    // What was lost lies on the CPU of the id too.
    let mut builder = Builder::new();
    builder.event(event.clone()).raw(user_record::ID_INDEX, 0, &index([10, 11, 12, 13]));
    builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample()).at(3, 2_000_000).lost(53, 5);
    let made_up = support::MadeUp::write(&builder.build(), "");
    let info = stdout_of(made_up.command("info").args(["--format", "json"]));
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    assert_eq!((&info["cpus"][0]["cpu"], &info["cpus"][0]["gaps"]), (&13.into(), &1.into()), "{info}");

    // One id for every CPU, or no index at all: the CPU is not known.
    for index in [None, Some(index([10, 11, 12, u64::MAX])), Some(index([1, 2, 3, 4])[..40].to_vec())] {
        let run = with(index);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains("on which CPU"), "{}", run.stderr);
    }
}

#[test]
fn what_lies_outside_its_record_is_skipped() {
    let mut decoy = Builder::new();
    decoy.comm((7, 7), "worker").at(3, 2_000_000).sample(sample());
    let decoy = Apart::of(&decoy.build()).data;
    assert_eq!(decoy.len() % 8, 0);
    let mut trace = vec![0; 40];
    trace[..8].copy_from_slice(&(decoy.len() as u64).to_le_bytes());
    let mut builder = one_sample(Event::cpu_clock());
    builder.raw(user_record::AUXTRACE, 0, &trace).bytes(&decoy);
    builder.raw(user_record::TRACING_DATA, 0, &(decoy.len() as u32 - 3).to_le_bytes()).bytes(&decoy);
    assert_one_sample("payloads that look like records", &builder);
    let info = {
        let made_up = support::MadeUp::write(&builder.build(), "");
        stdout_of(made_up.command("info").args(["--format", "json"]))
    };
    assert!(info.contains("71") && info.contains("66"), "both are counted: {info}");
}

#[test]
fn unknown_records_and_features_are_skipped() {
    let mut builder = Builder::new();
    for kind in [0, 11, 12, 16, 18, 20, 21, 23, 50, 63, 65, 68, 70, 72, 79, 82, 84, 127, 32767] {
        builder.raw(kind, 0, &[0; 40]);
    }
    builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
    assert_one_sample(
        "unknown types",
        builder.feature(128, b"simpleperf").feature(132, &[1; 9]).hostname("a"),
    );
}

/// simpleperf's own records have 32 bits of size, the upper half in place of the flags (simpleperf_record_header).
#[test]
fn long_records_of_simpleperf_are_skipped() {
    let long = vec![0; (1 << 16) + 72 - 8];
    let mut builder = Builder::new();
    let mut header = 32769u32.to_le_bytes().to_vec();
    header.extend([1, 0, 72, 0]);
    builder.bytes(&header).bytes(&long).comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
    assert_one_sample("a DSO record of 64 KiB", builder.feature(129, b"meta"));
}

/// PERF_CONTEXT_USER_DEFERRED and a cookie stand for user frames that come in a record of their own, of type 22.
/// Samples of one stay in the kernel share a user chain, which comes after them, with a thread's own cookie. perf script of 6.19
/// joins them the same way.
#[test]
fn deferred_user_chains_are_joined_by_thread_and_cookie() {
    let kernel = &mut Kernel::new();
    let kernel_part = [context::KERNEL, kernel.ip("vfs_read"), kernel.ip("ksys_read")];
    let deferred = |task, cookie| {
        let chain = [&kernel_part[..], &[context::USER_DEFERRED, cookie]].concat();
        Sample::new(task).chain(&chain).ip(kernel_part[1]).misc(misc::KERNEL)
    };
    let mut builder = Builder::new();
    builder.kernel_map(kernel).comm((7, 7), "worker").comm((7, 8), "other");
    for pid in [7, 8] {
        builder.mmap2(Mmap::new(pid, "/bin/worker", 0x40_0000, 0x1_0000));
        builder.mmap2(Mmap::new(pid, "/bin/library", 0x50_0000, 0x1_0000));
    }
    builder.at(3, 1_000_000).sample(deferred((7, 7), 0x1234));
    builder.at(3, 2_000_000).sample(deferred((7, 8), 0x1234));
    builder.at(3, 3_000_000).sample(deferred((7, 7), 0x1234));
    builder.at(3, 4_000_000).sample(deferred((7, 7), 0x9999));
    builder.callchain_deferred((7, 7), 0x1234, &[context::USER, 0x40_1000, 0x50_1000]);
    builder.callchain_deferred((7, 8), 0x1234, &[context::USER, 0x50_1000]);
    let whole = builder.build();
    let made_up = support::MadeUp::write(&whole, &kernel.kallsyms());
    let run = run(&mut made_up.command("collapse"));
    let expected = "worker;[library];[worker];ksys_read;vfs_read 1\n\
                    other;[library];ksys_read;vfs_read 1\n\
                    worker;[library];[worker];ksys_read;vfs_read 1\n\
                    worker;ksys_read;vfs_read 1\n";
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{run:?}");
    assert!(run.stderr.contains("1 samples lack their user stack"), "{}", run.stderr);
    let big_endian = print(&Apart::of(&whole).big_endian());
    assert_eq!(big_endian.stdout.lines().filter(|line| line.contains("[library];[worker]")).count(), 2);
}

#[test]
fn samples_without_times_are_printed_in_the_order_of_the_file() {
    let fields = sample_type::IP | sample_type::TID | sample_type::CALLCHAIN | sample_type::CPU;
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().sample_type(fields)).comm((7, 7), "worker");
    for (cpu, address) in [(3, 0x40_3000), (3, 0x40_1000), (1, 0x40_9000), (3, 0x40_2000)] {
        builder.mmap2(Mmap::new(7, &format!("/bin/m{address:x}"), address, 0x1000));
        builder.at(cpu, 0).sample(Sample::new((7, 7)).user(&[address + 0x10]));
    }
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&builder.build()).expect("it can be written to");
    let collapse = |options: &[&str]| {
        run(stallgraph().arg("collapse").arg(file.path()).arg("--no-symbols").args(options))
    };
    let refused = collapse(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains("-T") && refused.stderr.contains("--file-order"), "{}", refused.stderr);
    let printed = collapse(&["--file-order", "-F", "cpu,stack"]);
    let expected = "1\tworker;[m409000]\n3\tworker;[m403000]\n3\tworker;[m401000]\n3\tworker;[m402000]\n";
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(0), expected), "{printed:?}");
    for needs_times in [["-F", "time,stack"], ["--weight", "us"], ["--time", "0,1"]] {
        let refused = collapse(&[&["--file-order"], &needs_times[..]].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{needs_times:?}");
    }
}

#[test]
fn every_marker_switches_the_mode() {
    for marker in [-32i64, -128, -512, -2048, -2176, -2560, -3000, -4095] {
        let mut builder = Builder::new();
        builder.comm((7, 7), "worker").at(3, 1_000_000);
        builder.sample(Sample::new((7, 7)).chain(&[0x40_1000, marker as u64, 0x40_2000]).ip(0x40_1000));
        let run = print(&builder.build());
        let stack = run.stdout.trim_end().rsplit('\t').next().unwrap().to_owned();
        assert!(!stack.contains("fff"), "{marker} is no address: {stack}");
        assert!((2..=3).contains(&stack.split(';').count()), "{marker}: {stack}");
    }
}

#[test]
fn switches_and_build_ids_of_maps_do_not_disturb() {
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().set(flag::CONTEXT_SWITCH | flag::BUILD_ID));
    builder.mmap2(Mmap::new(7, "/bin/worker", 0x40_0000, 0x1_0000).build_id(&[7; 16]));
    builder.comm((7, 7), "worker").at(3, 500_000).switch_in((7, 7), (0, 0));
    builder.switch((7, 7), true).at(3, 1_000_000).sample(sample());
    for bytes in [builder.build(), Apart::of(&builder.build()).big_endian()] {
        let run = print(&bytes);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(0), "3\t0.001000000\tworker;[worker]\n"),
            "{run:?}"
        );
    }
}

/// `--overwrite` writes the newest records only, and the maps after them.
#[test]
fn the_side_band_may_follow_its_samples() {
    let mut builder = Builder::new();
    builder.at(3, 1_000_000).sample(sample()).synthesized();
    builder.comm((7, 7), "worker").mmap2(Mmap::new(7, "/bin/worker", 0x40_0000, 0x1_0000));
    let run = print(&builder.build());
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "3\t0.001000000\tworker;[worker]\n"), "{run:?}");
}

#[test]
fn only_the_files_of_a_directory_are_read_and_no_links() {
    let apart = Apart::of(&one_sample(Event::cpu_clock()).build());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    apart.write_directory(&path, None);
    let collapse =
        || run(stallgraph().arg("collapse").arg(&path).args(["--no-symbols", "-F", "cpu,time,stack"]));
    // What perf did not name so is no part of it.
    for name in ["data.00", "data.1x", "data.", "data.old", "other"] {
        fs::write(path.join(name), framed(record::SAMPLE, &[1; 64])).expect("it can be written to");
    }
    let whole = collapse();
    assert_eq!((whole.code, whole.stdout.lines().count()), (Some(0), 1), "{whole:?}");
    assert!(whole.stdout.starts_with(&LINE[..19]));

    fs::remove_file(path.join("data.4")).expect("it is there");
    let missing = collapse();
    assert_eq!(missing.code, Some(3));
    assert!(missing.stderr.contains("data.4 is missing"), "{}", missing.stderr);

    std::os::unix::fs::symlink("/etc/hostname", path.join("data.4")).expect("a link");
    let link = collapse();
    assert_eq!(link.code, Some(2));
    assert!(link.stderr.contains("data.4: is a link"), "{}", link.stderr);

    fs::remove_file(path.join("data.4")).expect("it is there");
    fs::create_dir(path.join("data.4")).expect("a folder");
    let directory = collapse();
    assert_eq!(directory.code, Some(2));
    assert!(directory.stderr.contains("data.4: is not a regular file"), "{}", directory.stderr);
}

/// `--call-graph dwarf`: the dump is not unwound, and that is told.
#[test]
fn stack_dumps_are_skipped() {
    for dump in [0, 8, 4096] {
        let mut builder = Builder::new();
        builder.event(Event::cpu_clock().also(sample_type::STACK_USER | sample_type::CGROUP));
        builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample().user_stack(&vec![0xff; dump]));
        let run = print(&builder.build());
        assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{dump}: {run:?}");
        assert!(run.stdout.starts_with(&LINE[..19]), "{dump}: {run:?}");
        assert!(run.stderr.contains("dumps"), "{dump}: {run:?}");
    }
}

/// As perf does: without FILE, what a pipe brings.
#[test]
fn a_pipe_is_read_without_being_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("perf.data"), b"an old one").expect("it can be written to");
    let mut command = stallgraph();
    command.args(["collapse", "--no-symbols", "-F", "cpu,time,stack"]).current_dir(folder.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let bytes = one_sample(Event::cpu_clock()).build();
    child.stdin.take().expect("a pipe").write_all(&bytes).expect("all is read");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}

#[test]
fn an_event_that_samples_time_is_preferred() {
    let page_faults = || Event::new("page-faults", 1, 2);
    for events in [[page_faults(), Event::cpu_clock()], [Event::cpu_clock(), page_faults()]] {
        let clock = events.iter().position(|event| event.name() == "cpu-clock").expect("it is there");
        let mut builder = Builder::new();
        events.into_iter().for_each(|event| {
            builder.event(event);
        });
        builder.event_desc().comm((7, 7), "worker");
        builder.at(3, 1_000_000).sample(sample().event(1 - clock));
        builder.at(3, 2_000_000).sample(sample().event(clock));
        assert_eq!(print(&builder.build()).stdout, "3\t0.002000000\tworker;[unknown]\n");
    }
}

#[test]
fn a_second_recording_in_the_file_is_told() {
    let one = one_sample(Event::cpu_clock()).build();
    let apart = Apart::of(&one);
    for (whole, what) in [(one.clone(), "file"), (apart.stream(&apart.data), "stream")] {
        let run = print(&[whole.clone(), whole.clone()].concat());
        assert_eq!((run.code, run.stdout.lines().count()), (Some(3), 1), "{what}: {run:?}");
        let place = format!("another recording begins at byte {}", whole.len());
        assert!(run.stderr.contains(&place), "{what}: {}", run.stderr);
    }
}

/// A path that leads to an open file is a stream too: it belongs to whoever reads.
#[test]
fn nothing_that_a_stream_names_is_trusted() {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").expect("the host's name");
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker").mmap2(Mmap::new(7, "/bin/sh", 0x40_0000, 0x1_0000));
    builder.at(3, 1_000_000).sample(sample()).hostname(host.trim());
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&builder.build()).expect("it can be written to");
    for path in ["-", "/dev/stdin", "/proc/self/fd/0"] {
        let stdin = fs::File::open(file.path()).expect("the file");
        let run = run(stallgraph().args(["info", path]).stdin(stdin));
        let words: Vec<&str> = run.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains("read from a pipe"), "{path}: {}", run.stdout);
    }
}
