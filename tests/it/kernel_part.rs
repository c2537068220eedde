//! Stacks of which only the kernel's part is read: what is found in them is what is found in whole
//! stacks, byte for byte, and no command prints the frame that stands for those of user space.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::builder::{Builder, Kernel, Mmap, Sample};
use crate::support::sources::{files, root};
use crate::support::{MadeUp, Recording, run};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::{check, packets, stalls, syscalls, windows};
use stallgraph::load;
use stallgraph::model::{self, Frame, Mode, Stacks};
use stallgraph::render::json;

fn load(bytes: &[u8], path: &Path, stacks: Stacks) -> model::Recording {
    let options = load::Options { stacks, events: true, ..load::Options::default() };
    let mut recording = load::load_bytes(bytes, path, &options, &|_, _, _| {}).expect("a recording");
    // How far user stacks were unwound is only known where they were read.
    recording.diagnostics.retain(|diagnostic| diagnostic.code != "user_stacks");
    recording
}

/// Everything that is found in the kernel's part of stacks, as text.
fn found(recording: &model::Recording) -> String {
    let found_stalls = stalls::find(recording, &stalls::Options::default());
    let found_windows = windows::find(recording, &windows::Options::default());
    let doubt = check::doubt(recording, &found_stalls.sight, &Selection::default());
    let mut out = Vec::new();
    json::stalls::write(recording, &found_stalls, None, &mut out).expect("it is written");
    json::window::write(recording, &found_windows, doubt.as_ref(), &mut out).expect("it is written");
    if let Ok(calls) = syscalls::find(recording, &syscalls::Options::default()) {
        json::syscalls::write(recording, &calls, &mut out).expect("it is written");
    }
    if let Ok(packets) = packets::find(recording, &packets::Options::default()) {
        json::packets::write(recording, &packets, &mut out).expect("it is written");
    }
    String::from_utf8(out).expect("JSON is text")
}

/// Each recording in testdata, unpacked, with the path that names are looked for beside.
fn recordings() -> Vec<(PathBuf, Vec<u8>)> {
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("testdata");
        match path.extension()?.to_str()? {
            "data" => Some((path, bytes)),
            "zst" if path.file_stem()?.to_str()?.ends_with("data") => {
                Some((path, zstd::decode_all(bytes.as_slice()).expect("it unpacks")))
            }
            _ => None,
        }
    };
    files(&root().join("testdata")).into_iter().filter_map(read).collect()
}

#[test]
fn what_a_recording_would_have_shown_is_known_without_the_search_for_stalls() {
    for (path, bytes) in recordings() {
        let recording = load(&bytes, &path, Stacks::Kernel);
        let options = stalls::Options::default();
        let (found, sight) = (stalls::find(&recording, &options), stalls::sight(&recording, &options));
        assert!(!sight.powers.is_empty() || recording.timelines.is_empty(), "{}", path.display());
        assert_eq!(format!("{sight:?}"), format!("{:?}", found.sight), "{}", path.display());
    }
}

#[test]
fn what_is_found_in_the_kernels_part_is_what_is_found_in_whole_stacks() {
    let recordings = recordings();
    assert!(recordings.len() > 20);
    let mut saved = 0;
    for (path, bytes) in recordings {
        let [whole, kernel] = [Stacks::Whole, Stacks::Kernel].map(|stacks| load(&bytes, &path, stacks));
        assert!(found(&whole) == found(&kernel), "{}", path.display());
        saved += whole.stacks.len() - kernel.stacks.len();
    }
    assert!(saved > 10_000, "{saved} stacks are not told apart");
}

#[test]
fn no_command_prints_frames_that_are_not_read() {
    let recording = Recording::open("system");
    let (name, _) = not_read();
    for arguments in [
        &["window"][..],
        &["window", "--format", "json"],
        &["window", "--format", "stacks"],
        &["window", "--trigger-frame", "net_rx_action"],
        &["window", "--trigger", "^envoy$", "--inline"],
        &["stalls"],
        &["stalls", "--format", "json"],
        &["check", "--format", "json"],
        &["syscalls", "--format", "json"],
        &["collapse"],
        &["info"],
        &["info", "--format", "json"],
        &["chart"],
        &["report", "-o", "-"],
        &["export", "--format", "speedscope"],
        &["export", "--format", "firefox"],
        &["export", "--format", "chrome"],
        &["export", "--format", "folded"],
    ] {
        let run = run(recording.command(arguments[0]).args(&arguments[1..]));
        assert!(run.stdout.len() > 50 && !run.stdout.contains(&name), "{arguments:?}");
    }
}

/// The name of frames that are not read, and the stacks of [`samples`] of which the kernel's part
/// is read, root first: the offset in the kernel, or `user`.
fn not_read() -> (String, Vec<Vec<String>>) {
    let (bytes, _) = samples();
    let recording = load(&bytes, "perf.data".as_ref(), Stacks::Kernel);
    let user = recording.functions.iter().find(|function| function.mode == Mode::User).expect("a function");
    (recording.name(user.name).to_owned(), stacks(&recording))
}

/// The stacks of a recording's samples, root first.
fn stacks(recording: &model::Recording) -> Vec<Vec<String>> {
    let frame = |frame: &Frame| match frame.mode {
        Mode::User => "user".to_owned(),
        mode => format!("{mode:?} {:x}", frame.offset),
    };
    let samples = recording.timelines.iter().flat_map(|timeline| &timeline.samples);
    let stack = |sample: &model::Sample| {
        let leaf_first = recording.stacks.leaf_first(sample.stack);
        let mut names: Vec<String> =
            leaf_first.map(|id| frame(&recording.frames.frames()[id.index()])).collect();
        names.reverse();
        names.dedup_by(|after, before| *after == "user" && *before == "user");
        names
    };
    samples.map(stack).collect()
}

/// Samples whose chains have every form that the kernel's part may have, and their number.
fn samples() -> (Vec<u8>, usize) {
    let mut kernel = Kernel::new();
    let read = kernel.stack("sys_read;vfs_read");
    let mut builder = Builder::new();
    builder.kernel_map(&kernel).comm((7, 7), "worker");
    let all = [
        Sample::new((7, 7)).kernel(&read).user(&[0x40_1000, 0x40_2000]),
        Sample::new((7, 7)).kernel(&read).user(&[0x40_3000]),
        Sample::new((7, 7)).kernel(&read),
        Sample::new((7, 7)).user(&[0x40_1000, 0x40_2000]),
        Sample::new((7, 7)).user(&[0x40_4000]),
    ];
    let count = all.len();
    for (sample, time_ns) in all.into_iter().zip((1..).map(|ms| ms * 1_000_000)) {
        builder.at(0, time_ns).sample(sample);
    }
    (builder.build(), count)
}

#[test]
fn a_stack_says_whether_user_space_called() {
    let (bytes, count) = samples();
    let whole = stacks(&load(&bytes, "perf.data".as_ref(), Stacks::Whole));
    let (name, kernel) = not_read();
    assert_eq!(name, "[user frames not read]");
    assert_eq!(kernel.len(), count);
    assert_eq!(kernel, whole);
    assert_eq!(kernel[0].len(), 3);
    assert_eq!(kernel[2].len(), 2);
    assert_eq!(kernel[3], ["user"]);
}

/// A thread whose user code is somewhere else in each sample, and that is interrupted for 40 ms
/// every 300 ms by one timer; if `is_stuck`, at one place of its user code.
fn interrupted_by_timers(is_stuck: bool) -> MadeUp {
    let mut kernel = Kernel::new();
    let timer = kernel.stack(
        "asm_sysvec_apic_timer_interrupt;sysvec_apic_timer_interrupt;irq_exit_rcu;handle_softirqs;\
         run_timer_softirq;slow_timer",
    );
    let mut builder = Builder::new();
    builder.kernel_map(&kernel).comm((7, 7), "worker").mmap2(Mmap::new(
        7,
        "/bin/worker",
        0x40_0000,
        0x10_0000,
    ));
    for ms in 0..3000u64 {
        let elsewhere = 0x40_1000 + 16 * (ms * 7919 % 4001);
        let is_interrupted = ms % 300 < 40;
        let place = if is_interrupted && is_stuck { 0x40_1000 + 16 * (ms / 300) } else { elsewhere };
        let sample = Sample::new((7, 7)).user(&[0x40_0100, place]);
        let sample = if is_interrupted { sample.kernel(&timer) } else { sample };
        builder.at(0, 1_000_000_000 + ms * 1_000_000).sample(sample);
    }
    MadeUp::write(&builder.build(), &kernel.kallsyms())
}

#[test]
fn where_user_code_was_interrupted_is_known_without_its_frames() {
    for (is_stuck, stalls) in [(true, 10), (false, 0)] {
        let made_up = interrupted_by_timers(is_stuck);
        let (path, bytes) = made_up.recording();
        let [whole, kernel] = [Stacks::Whole, Stacks::Kernel].map(|stacks| load(&bytes, &path, stacks));
        let found_stalls = stalls::find(&kernel, &stalls::Options::default()).stalls.len();
        assert_eq!(found_stalls, stalls);
        assert!(found(&whole) == found(&kernel));
    }
}
