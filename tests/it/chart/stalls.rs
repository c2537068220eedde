//! Stalls in charts: their numbers, and those with interrupts off.

use crate::support::svg::{self, Picture};
use crate::support::{Recording, run, stallgraph};

use super::drawing::{chart, rgb};

/// Number, start in ns and length in ns of what a report lists as JSON.
fn listed(recording: &Recording, command: &str, list: &str) -> Vec<(u64, u64, u64)> {
    // 1 is nothing found.
    let run = run(recording.command(command).args(["--format", "json"]));
    assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let entries = report[list].as_array().expect("a list").clone();
    let time = |entry: &serde_json::Value, name: &str| entry[name].as_u64().expect("ns");
    (1..)
        .zip(&entries)
        .map(|(number, entry)| {
            let of = if list == "episodes" { &entry["window"] } else { entry };
            (number, time(of, "start_ns"), time(of, "end_ns") - time(of, "start_ns"))
        })
        .collect()
}

/// When a marker begins, in ns of the recording's clock, by its text.
fn start_ns(title: &str) -> u64 {
    let seconds = title.split_once(", from ").expect("a start").1.split(" s").next().expect("seconds");
    seconds.replace('.', "").parse::<u64>().expect("a number") * 1000
}

/// In the chart of a whole CPU each stall and window has the number of its report, at its time.
#[test]
fn stalls_and_windows_have_the_numbers_of_their_reports() {
    for name in ["post", "evidence", "interrupts-off", "worker", "mixed"] {
        let recording = Recording::open(name);
        let picture = chart(&recording, &["-C", "1"]);
        let mut expected = Vec::new();
        for (command, list, kind) in [("stalls", "stalls", "stall"), ("window", "episodes", "window")] {
            expected.extend(listed(&recording, command, list).into_iter().map(|entry| (kind, entry)));
        }
        assert_eq!(picture.markers.len(), expected.len(), "{name}: {:?}", picture.markers);
        for (marker, (kind, (number, start, length))) in picture.markers.iter().zip(expected) {
            assert!(marker.title.starts_with(&format!("{kind} {number}: ")), "{name}: {marker:?}");
            assert!(marker.text.starts_with(&format!("{number}: ")), "{name}: {marker:?}");
            assert_eq!(start_ns(&marker.title), start / 1000 * 1000, "{name}: {marker:?}");
            assert!(marker.width.abs_diff(length / 1000) <= 1, "{name}: {marker:?}, {length} ns");
        }
    }
}

/// The colours of a stretch at `us` from the left, from the comms inward.
fn fills_at(picture: &Picture, us: u64) -> Vec<&str> {
    let is_there = |frame: &&svg::Frame| frame.depth > 0 && frame.x <= us && us < frame.x + frame.width;
    picture.frames.iter().filter(is_there).map(|frame| frame.fill.as_str()).collect()
}

#[test]
fn a_stall_with_interrupts_off_is_a_block_with_its_culprit() {
    let recording = Recording::open("interrupts-off");
    let stalls = listed(&recording, "stalls", "stalls");
    assert_eq!(stalls.len(), 3);
    for (number, _, length) in stalls {
        let option = number.to_string();
        let picture = chart(&recording, &["--stall", &option]);
        // 20 ms are shown before it.
        let middle = 20_000 + length / 2000;
        let stack = picture.stack_at(middle);
        assert_eq!(stack[0], "interrupts off", "stall {number}: {stack:?}");
        assert!(stack.contains(&"css_rstat_flush"), "stall {number}: {stack:?}");
        let block = picture.frames.iter().find(|frame| frame.depth == 1 && frame.name == "interrupts off");
        let block = block.expect("a block");
        assert!(block.width * 1000 > length * 9 / 10, "stall {number}: {block:?}, {length} ns");
        for fill in fills_at(&picture, middle) {
            let [red, green, blue] = rgb(fill);
            assert!(red.abs_diff(green) > 10 || green.abs_diff(blue) > 10, "grey: {fill}");
        }
        assert!(picture.legend.contains("■ interrupts off"), "{}", picture.legend);
        assert!(!picture.legend.contains("unsampled") || !stack.contains(&"unsampled"));
    }
    // It counts where stacks are added up.
    let merged = chart(&recording, &["--flamegraph"]);
    let off: u64 =
        merged.frames.iter().filter(|frame| frame.name == "interrupts off").map(|frame| frame.width).sum();
    assert!((90_000..110_000).contains(&off), "{off} us");
}

/// The windows of `diff/before` were sampled where no culprit is: what fills its stalls is shown.
#[test]
fn a_differential_shows_the_culprit_though_windows_miss_it() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/diff");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("before.data");
    let packed = std::fs::File::open(folder.join("before.data.zst")).expect("the recording");
    zstd::stream::copy_decode(packed, std::fs::File::create(&file).expect("a file")).expect("it unpacks");
    let mut command = stallgraph();
    command.arg("chart").arg(&file).arg("--kallsyms").arg(folder.join("kallsyms"));
    let picture = svg::read(&run(command.arg("--diff")).stdout);
    assert!(picture.title.contains("stalls of CPU 1"), "{}", picture.title);
    assert!(
        picture.subtitle.starts_with("culprit: netstat_exp, in system call lseek"),
        "{}",
        picture.subtitle
    );
    let widest = |picture: &Picture, name: &str| {
        let frames = picture.frames.iter().filter(|frame| frame.name == name);
        rgb(&frames.max_by_key(|frame| frame.width).expect("a frame").fill)
    };
    for name in ["netstat_exp", "ksys_lseek", "seq_lseek", "traverse.part.0.constprop.0", "udp4_seq_show"] {
        let [red, green, blue] = widest(&picture, name);
        assert!(red > 200 && green < 140 && blue < 80, "{name}: {red} {green} {blue}");
    }
    let others = picture.frames.iter().filter(|frame| frame.name == "sh").map(|frame| rgb(&frame.fill));
    assert!(others.into_iter().all(|[red, _, blue]| red > 140 && blue > red));
    // So does that of windows which show it: callers are as red as what they call.
    let post = chart(&Recording::open("post"), &["--diff"]);
    assert!(post.title.contains("windows of CPU 1"), "{}", post.title);
    for name in ["node_exporter", "ksys_lseek", "seq_lseek", "traverse.part.0.constprop.0"] {
        let [red, green, blue] = widest(&post, name);
        assert!(red > 200 && green < 140 && blue < 80, "{name}: {red} {green} {blue}");
    }
    let of_one = run(Recording::open("interrupts-off").command("chart").args(["--diff", "--stall", "2"]));
    assert_eq!(of_one.code, Some(0), "{}", of_one.stderr);
    assert!(svg::read(&of_one.stdout).title.contains("stall 2 of CPU 1"));
}
