//! Bounds: what is hostile costs no more time, memory or descriptors than its size allows.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::builder::{Builder, Event, Kernel, Mmap, Sample};
use crate::support::elf::stripped;
use crate::support::pack_scene::{Scene, entries, repack};
use crate::support::{Dice, Run, run, stallgraph, with_peak_memory};

const BUILD_ID: [u8; 20] = [7; 20];
/// The length of a sparse file that no machine should copy.
const SPARSE: u64 = 3 << 30;

/// A scene with this recording.
fn scene_of(recording: &[u8]) -> Scene {
    let scene = Scene::post();
    fs::write(scene.at("here/perf.data"), recording).expect("a file");
    scene
}

/// `pack` names the frames of all events, since its reader may choose any of them. It reads the
/// recording once for all of them.
#[test]
fn a_recording_of_thousands_of_events_is_packed_in_one_pass() {
    const EVENTS: usize = 12_800;
    let mut kernel = Kernel::new();
    let stack = kernel.stack("sys_read;vfs_read");
    let mut builder = Builder::new();
    builder.event_desc();
    for number in 0..EVENTS {
        builder.event(Event::new(&format!("event-{number}"), 1, number as u64));
    }
    builder.kernel_map(&kernel);
    for number in 0..EVENTS {
        builder.at(0, 1_000_000 + number as u64).sample(Sample::new((42, 42)).event(number).kernel(&stack));
    }
    let scene = scene_of(&builder.build());
    fs::write(scene.at("here/kallsyms"), kernel.kallsyms()).expect("a file");
    let start = Instant::now();
    scene.pack(&[]);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    for event in ["event-0", "event-1234"] {
        scene.is_the_same_there(&[&["collapse", "-e", event]]);
        let there = scene.there(&["collapse", "-e", event]);
        assert!(there.stdout.contains("sys_read;vfs_read"), "{event}: {there:?}");
    }
}

/// A recording of samples in this many programs, all of the same build id.
fn in_programs(count: u64) -> Vec<u8> {
    let mut builder = Builder::new();
    for number in 0..count {
        let start = 0x1000_0000 * (number + 1);
        let map = Mmap::new(42, &format!("/bin/program-{number}"), start, 0x1000);
        builder.mmap2(map.build_id(&BUILD_ID));
    }
    for number in 0..count {
        let address = 0x1000_0000 * (number + 1) + 0x10;
        builder.at(0, 1_000_000 + number).sample(Sample::new((42, 42)).user(&[address]));
    }
    builder.build()
}

/// A scene in which each of the programs of [`in_programs`] is a name of one file.
fn with_programs(count: u64, file: &[u8]) -> Scene {
    let mut scene = scene_of(&in_programs(count));
    scene.symfs = scene.at("symfs");
    fs::create_dir_all(scene.symfs.join("bin")).expect("a folder");
    let first = scene.symfs.join("bin/program-0");
    fs::write(&first, file).expect("a file");
    for number in 1..count {
        fs::hard_link(&first, scene.symfs.join(format!("bin/program-{number}"))).expect("a link");
    }
    scene
}

/// Runs the program with at most this many KiB of addresses.
fn run_within(kib: u64, command: &Command, folder: &Path) -> Run {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -v {kib}; exec \"$@\""), "sh"]).arg(command.get_program());
    run(limited.args(command.get_args()).current_dir(folder))
}

/// 64 MiB of zeros, packed by xz.
fn packed_zeros() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bounds/zeros.xz.zst");
    zstd::decode_all(&*fs::read(file).expect("testdata")).expect("it unpacks")
}

/// A pack of 5 KB, in which 300 modules name one file with symbols that unpack to 64 MiB each.
#[test]
fn all_that_is_unpacked_shares_one_budget() {
    let bomb = stripped(&BUILD_ID, &[(".gnu_debugdata", &packed_zeros())]);
    let scene = with_programs(300, &bomb);
    scene.pack(&[]);
    let files = entries(&scene.packed()).into_iter().filter(|(name, ..)| name.starts_with("files/"));
    assert_eq!(files.count(), 1, "all modules name one file");
    let message = "the memory that is allowed is used up by files that names come from";
    for options in [&[][..], &["--max-memory", "8M"], &["--max-memory", "8M", "--threads", "32"]] {
        let mut command = stallgraph();
        command.args(["collapse", "perf.data"]).args(options);
        let start = Instant::now();
        let run = run_within(2 << 20, &command, &scene.at("there"));
        assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 300), "{options:?}: {}", run.stderr);
        assert!(run.stderr.contains(message), "{options:?}: {}", run.stderr);
        assert!(start.elapsed() < Duration::from_secs(20), "{options:?}: {:?}", start.elapsed());
    }
}

/// A pack of some KB whose manifest names the files of the kernel and of modules again and again.
#[test]
fn a_file_that_a_manifest_names_often_is_read_once() {
    let scene = with_programs(2, &stripped(&BUILD_ID, &[(".gnu_debugdata", &packed_zeros())]));
    let mut kernel = Kernel::new();
    kernel.stack("sys_read");
    // Of another kernel, so that each would be tried.
    let other: String = (0..40_000).map(|at| format!("ffffffff9{at:07x} T function_{at}\n")).collect();
    fs::write(scene.at("here/kallsyms"), kernel.kallsyms()).expect("a file");
    scene.pack(&[]);
    let mut entries = entries(&scene.packed());
    let mut manifest: serde_json::Value = serde_json::from_slice(&entries[0].2).expect("a manifest");
    let module = manifest["modules"][0].clone();
    manifest["modules"].as_array_mut().expect("modules").extend(std::iter::repeat_n(module, 100_000));
    let file = entries.len();
    entries.insert(1, (format!("files/{file}"), tar::EntryType::Regular, other.into_bytes()));
    let sums = manifest["checksums"].as_array_mut().expect("checksums");
    sums.resize(file + 1, 0.into());
    sums[file] = crc32fast::hash(&entries[1].2).into();
    let named = serde_json::json!({"path": "kallsyms", "is_elf": false, "file": file});
    manifest["kernel"] = std::iter::repeat_n(named, 100_000).collect();
    entries[0].2 = serde_json::to_vec(&manifest).expect("JSON");
    scene.put(&repack(&entries));
    let start = Instant::now();
    let run = scene.there(&["collapse"]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 2), "{}", run.stderr);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// What is longer than the memory that is allowed is reduced or left out, and never copied whole.
#[test]
fn no_sparse_file_is_packed_whole() {
    let program = stripped(&BUILD_ID, &[(".debug_str", &[0; 64])]);
    // The same with a section that is as long as the file, and kept.
    let longer = stripped(&BUILD_ID, &[(".gnu_debugdata", &[1; 64])]);
    let longer = with_long_section(&longer, 64);
    for (file, is_kept) in [(&program, true), (&longer, false)] {
        let scene = with_programs(1, file);
        let path = scene.symfs.join("bin/program-0");
        File::options().write(true).open(&path).and_then(|file| file.set_len(SPARSE)).expect("it grows");
        for options in [&[][..], &["--whole-files"], &["--inline"]] {
            let mut command = stallgraph();
            command.args(["pack", "perf.data", "-o", "../there/perf.data", "--max-memory", "64M"]);
            command.args(options).arg("--symfs").arg(&scene.symfs);
            let run = run_within(2 << 20, &command, &scene.at("here"));
            assert_eq!(run.code, Some(0), "{options:?}: {}", run.stderr);
            let packed = entries(&scene.packed());
            let file = packed.iter().find(|(name, ..)| name == "files/0").map(|(.., bytes)| bytes.len());
            assert_eq!(file.is_some_and(|length| length < 4096), is_kept, "{options:?}: {file:?}");
            let is_told = run.stderr.contains("the memory that is allowed is used up");
            assert_eq!(is_told, !is_kept || options == ["--whole-files"], "{options:?}: {}", run.stderr);
        }
    }
}

/// A file that is packed whole goes from disk to disk.
#[test]
fn a_whole_file_is_copied_and_not_held() {
    let scene = with_programs(1, &stripped(&BUILD_ID, &[(".debug_str", &[0; 64])]));
    let path = scene.symfs.join("bin/program-0");
    File::options().write(true).open(&path).and_then(|file| file.set_len(64 << 20)).expect("it grows");
    let mut command = stallgraph();
    command.args(["pack", "perf.data", "-o", "../there/perf.data", "--whole-files", "--max-memory", "256M"]);
    command.arg("--symfs").arg(&scene.symfs).current_dir(scene.at("here"));
    let (run, peak) = with_peak_memory(&mut command);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(peak < 48 << 20, "{peak}");
    let packed = entries(&scene.packed());
    let file = packed.iter().find(|(name, ..)| name == "files/0").map(|(.., bytes)| bytes);
    assert!(file == Some(&fs::read(&path).expect("the program")));
}

/// An ELF file of 64 bits whose section of `size` bytes reaches to the end of [`SPARSE`] bytes.
fn with_long_section(file: &[u8], size: u64) -> Vec<u8> {
    let field = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().expect("8 bytes"));
    let headers = field(40) as usize;
    let mut longer = file.to_vec();
    for header in (headers..file.len()).step_by(64).filter(|header| header + 64 <= file.len()) {
        if field(header + 32) == size && field(header + 8) == 0 {
            longer[header + 32..header + 40].copy_from_slice(&(SPARSE - field(header + 24)).to_le_bytes());
        }
    }
    assert_ne!(longer, file, "there is such a section");
    longer
}

/// Another process writes into all files that are read. Names are UTF-8 whatever it writes, and
/// nothing that was checked changes afterwards.
#[test]
fn files_that_are_written_meanwhile_break_nothing() {
    let mut scene = Scene::of("names/forms.data.zst", None, "names/symfs");
    let symfs = scene.at("symfs");
    let copied = Command::new("cp").arg("-r").arg(&scene.symfs).arg(&symfs).status();
    assert!(copied.is_ok_and(|status| status.success()));
    scene.symfs = symfs;
    let mut paths = vec![scene.at("here/perf.data")];
    let mut folders = vec![scene.symfs.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path)
            } else if path.is_file() {
                paths.push(path)
            }
        }
    }
    let (recording, others) = paths.split_first().expect("the recording");
    let before = fs::read(recording).expect("the recording");
    for (files, codes) in [(others, &[0, 3][..]), (std::slice::from_ref(recording), &[0, 1, 2, 3])] {
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut dice = Dice::new(0x5eed_0017);
                let open = |path| File::options().read(true).write(true).open(path).expect("a file");
                let files: Vec<File> = files.iter().map(open).collect();
                while !is_done.load(Ordering::Relaxed) {
                    let file = &files[dice.below(files.len())];
                    let at = dice.below(file.metadata().expect("a file").len() as usize - 8) as u64;
                    let mut bytes = [0; 8];
                    file.read_exact_at(&mut bytes, at).expect("it is read");
                    file.write_all_at(&[0xff; 8], at).expect("it is written");
                    file.write_all_at(&bytes, at).expect("it is written");
                }
            });
            for arguments in [&["collapse"][..], &["window"], &["collapse", "--inline"], &["info"]] {
                for _ in 0..8 {
                    // The result is UTF-8, or `run` panics.
                    let run = scene.here(arguments);
                    let is_expected = run.code.is_some_and(|code| codes.contains(&code));
                    assert!(is_expected && !run.stderr.contains("panicked"), "{arguments:?}: {run:?}");
                }
            }
            is_done.store(true, Ordering::Relaxed);
        });
    }
    assert!(fs::read(recording).expect("the recording") == before, "all was written back");
}
