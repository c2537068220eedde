//! Order and widths: which frame is where, for how long.

use std::fs;

use crate::support::fixture::{IDLE, RX, every_ms};
use crate::support::svg;
use crate::support::svg::Frame;
use crate::support::{Recording, run};
use stallgraph::analyses::flame::Section;
use stallgraph::render::viewers::flame_svg;

use super::drawing::{MS, READ, draw, flame_of, ordered, rgb, row};

#[test]
fn the_oldest_is_leftmost_and_widths_are_times() {
    let picture = ordered(&format!(
        "cpu0 1.000000 first a;b\ncpu0 1.001000 first a;c\ncpu0 1.002500 second a;c\n\
         cpu0 1.003500 swapper {IDLE}\ncpu0 1.004500 swapper {IDLE}\nlost cpu0 1.004500 1.008 3\n\
         cpu0 1.010000 second a;c\ncpu0 1.011000 first a;b"
    ));
    assert_eq!(row(&picture, 0), [(0, 12_000, "all")]);
    let comms = [
        (0, 2500, "first"),
        (2500, 1000, "second"),
        // Two idle samples; the second lasts two intervals at most.
        (3500, 3000, "idle"),
        (6500, 1500, "lost"),
        (8000, 2000, "unsampled"),
        (10_000, 1000, "second"),
        (11_000, 1000, "first"),
    ];
    assert_eq!(row(&picture, 1), comms);
    let callers = [(0, 2500, "a"), (2500, 1000, "a"), (10_000, 1000, "a"), (11_000, 1000, "a")];
    assert_eq!(row(&picture, 2), callers);
    let callees =
        [(0, 1000, "b"), (1000, 1500, "c"), (2500, 1000, "c"), (10_000, 1000, "c"), (11_000, 1000, "b")];
    assert_eq!(row(&picture, 3), callees);
    let fillers: Vec<&str> =
        ["idle", "lost", "unsampled"].into_iter().flat_map(|name| picture.fills(name)).collect();
    assert_eq!(fillers.len(), 3);
    assert!(fillers[0] != fillers[1] && fillers[1] != fillers[2] && fillers[0] != fillers[2], "{fillers:?}");
    assert_eq!(picture.legend, " ■■■ kernel ■■■ user ■ idle ■ lost ■ unsampled");
}

/// The chart shows each sample that `collapse` prints at its time, for as long as `collapse
/// --weight us` says.
#[test]
fn a_chart_shows_what_collapse_prints() {
    for (name, cpu) in [("post", "1"), ("system", "0"), ("system", "1"), ("evidence", "1")] {
        let recording = Recording::open(name);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("chart.svg");
        let options = ["-C", cpu, "-o", file.to_str().expect("UTF-8")];
        let charted = run(recording.command("chart").args(options));
        assert_eq!((charted.code, charted.stdout.as_str()), (Some(0), ""), "{charted:?}");
        let picture = svg::read(&fs::read_to_string(&file).expect("the chart"));
        let fields = ["-C", cpu, "-F", "time,stack,count", "--weight", "us"];
        let collapsed = recording.stdout("collapse", &fields);
        let lines: Vec<(u64, &str, u64)> = collapsed.lines().map(line_of_collapse).collect();
        let everything = recording.stdout("collapse", &["-F", "time"]);
        let start_ns = everything.lines().map(ns).min().expect("samples");
        let us = |time_ns: u64| (time_ns - start_ns) / 1000;
        let mut idle = 0;
        for (number, &(time_ns, stack, held_us)) in lines.iter().enumerate() {
            let names: Vec<&str> = stack.split(';').collect();
            // The middle of the sample, so that rounding does not matter.
            for at in [us(time_ns) + 1, us(time_ns) + held_us / 2, us(time_ns) + held_us.max(3) - 2] {
                let drawn = picture.stack_at(at);
                match drawn[..] {
                    ["idle"] => idle += u32::from(names[0] == "swapper"),
                    _ => assert_eq!(drawn, names, "{name} CPU {cpu}, sample {number}, at {at} us"),
                }
            }
            let end_us = us(time_ns) + held_us + 2;
            let next_us = lines.get(number + 1).map_or(picture.total, |next| us(next.0));
            if end_us + 2 < next_us {
                let drawn = picture.stack_at(end_us);
                assert!(
                    matches!(drawn[..], ["lost" | "unsampled"]),
                    "{name}, after sample {number}: {drawn:?}"
                );
            }
        }
        assert_eq!(idle > 0, (name, cpu) == ("system", "0"), "{name} CPU {cpu}: {idle} idle");
        let (last_ns, _, last_us) = lines[lines.len() - 1];
        assert!(picture.total.abs_diff(us(last_ns) + last_us) <= 1, "{} us", picture.total);
        // Nothing is left out or shown twice: each frame lies within one below it.
        for (below, above) in picture.by_depth().zip(picture.by_depth().skip(1)) {
            assert!(above.windows(2).all(|pair| pair[0].x + pair[0].width <= pair[1].x));
            let is_held = |frame: &Frame| {
                let at = below.partition_point(|other| other.x <= frame.x);
                below[..at].last().is_some_and(|other| frame.x + frame.width <= other.x + other.width)
            };
            assert!(above.iter().all(is_held));
        }
        assert_eq!(row(&picture, 1).iter().map(|(_, width, _)| width).sum::<u64>(), picture.total);
    }
}

fn line_of_collapse(line: &str) -> (u64, &str, u64) {
    let (time, rest) = line.split_once('\t').expect("a time");
    let (stack, count) = rest.rsplit_once(' ').expect("a count");
    (ns(time), stack, count.parse().expect("a number"))
}

fn ns(time: &str) -> u64 {
    time.replace('.', "").parse().expect("seconds with nine digits")
}

#[test]
fn a_window_ends_with_its_trigger_and_what_follows() {
    let recording = Recording::open("post");
    let picture = svg::read(&recording.stdout("chart", &["--window", "2"]));
    // 100 ms before, one trigger sample, 20 ms after.
    assert_eq!(picture.total, 120_000);
    assert!(picture.title.contains("CPU 1, 4058.367969 to 4058.487969 s (120ms)"), "{}", picture.title);
    let expected = "window 2, before ksoftirqd/1: node_exporter, in system call lseek, at traverse.part.0.constprop.0, \
                    93 of 100 ms";
    assert_eq!(picture.subtitle, expected);
    let trigger = picture.stack_at(100_001);
    assert_eq!(trigger[..3], ["ksoftirqd/1", "ret_from_fork_asm", "ret_from_fork"], "{trigger:?}");
    assert_eq!(picture.stack_at(99_999)[0], "node_exporter");
    let widest =
        picture.frames.iter().filter(|frame| frame.name == "ksys_lseek").map(|frame| frame.width).max();
    assert!(widest.is_some_and(|us| (92_000..94_000).contains(&us)), "{widest:?}");
    for (before, after, total) in [("50ms", "0ms", 50_000), ("10ms", "5ms", 15_000)] {
        let options = ["--window", "2", "--before", before, "--after", after];
        assert_eq!(svg::read(&recording.stdout("chart", &options)).total, total);
    }
    // Without --window the chart shows exactly the time that was asked for.
    let part = svg::read(&recording.stdout("chart", &["--time", "4058.4,4058.41"]));
    assert_eq!(part.total, 10_000);
    assert!(part.subtitle.starts_with("culprit: node_exporter, in system call lseek"), "{}", part.subtitle);
}

#[test]
fn a_stall_is_drawn_with_what_came_before_and_follows() {
    let recording = Recording::open("post");
    let stalls: serde_json::Value =
        serde_json::from_str(&recording.stdout("stalls", &["--format", "json"])).expect("JSON");
    let time = |name: &str| stalls["stalls"][1][name].as_u64().expect("ns");
    let (start_ns, end_ns) = (time("start_ns"), time("end_ns"));
    for (after, after_ns) in [(&[][..], 20 * MS), (&["--after", "5ms"], 5 * MS)] {
        let picture = svg::read(&recording.stdout("chart", &[&["--stall", "2"], after].concat()));
        assert_eq!(picture.total, (end_ns + after_ns + 1) / 1000 - (start_ns - after_ns) / 1000);
        let seconds = |ns: u64| format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000);
        let times = format!("CPU 1, {} to ", seconds(start_ns - after_ns));
        assert!(picture.title.contains(&times), "{} is not from {times}", picture.title);
        assert!(picture.subtitle.starts_with("stall 2, confidence "), "{}", picture.subtitle);
        assert!(picture.subtitle.contains("node_exporter, in system call lseek"), "{}", picture.subtitle);
        assert_eq!(rgb(picture.fills("ksys_lseek")[0]).map(|part| part / 64), [3, 1, 0]);
    }
}

#[test]
fn merged_stacks_are_added_up_without_idle_time() {
    let text = every_ms(0, 0..10, "b", "x;y")
        + &every_ms(0, 10..30, "swapper", IDLE)
        + &every_ms(0, 30..35, "a", "x")
        + &every_ms(0, 35..40, "b", "x;y")
        + &every_ms(0, 40..41, "b", "x");
    let (recording, flame) = flame_of(&text, |painter, _, section, _| painter.merged(&[section]));
    assert_eq!((flame.times.busy_ns, flame.times.idle_ns), (21 * MS, 20 * MS));
    let picture = draw(&recording, &flame);
    assert_eq!(row(&picture, 0), [(0, 21_000, "all")]);
    assert_eq!(row(&picture, 1), [(0, 5000, "a"), (5000, 16_000, "b")]);
    assert_eq!(row(&picture, 2), [(0, 5000, "x"), (5000, 16_000, "x")]);
    assert_eq!(row(&picture, 3), [(6000, 15_000, "y")]);
    assert_eq!(flame_svg::left_out(&flame.times), "not drawn: idle 49%");
}

#[test]
fn a_differential_shows_what_windows_have_more_of() {
    let text = every_ms(0, 0..800, "nginx", "work_[u]")
        + &every_ms(0, 800..900, "cadvisor", READ)
        + &every_ms(0, 900..950, "nginx", "work_[u]")
        + &every_ms(0, 950..1000, "cadvisor", READ)
        + &every_ms(0, 1000..1003, "ksoftirqd/0", RX)
        + &every_ms(0, 1003..1103, "nginx", "work_[u]");
    let (recording, flame) = flame_of(&text, |painter, recording, Section { timeline, range }, windows| {
        let window = &windows.episodes[0].window;
        let baseline =
            windows.baseline(recording, timeline, range).into_iter().map(|range| Section { timeline, range });
        let sections = [Section { timeline, range: window.start_ns..window.end_ns }];
        painter.differential(&sections, &baseline.collect::<Vec<_>>())
    });
    // In the window 50 of 100 ms are cadvisor's, elsewhere 100 of 1000.
    let widths: Vec<(u64, u64)> = flame.lines.iter().map(|line| (line.us, line.before_us)).collect();
    assert_eq!(widths, [(50_000, 10_000), (50_000, 90_000)]);
    let picture = draw(&recording, &flame);
    assert_eq!(row(&picture, 1), [(0, 50_000, "cadvisor"), (50_000, 50_000, "nginx")]);
    // All frames of what windows have more of are red, callers too, and the others are pale.
    for name in ["cadvisor", "main", "do_syscall_64", "vfs_read"] {
        let [fill] = picture.fills(name)[..] else { panic!("{name} has one colour") };
        let [red, green, blue] = rgb(fill);
        assert!(red > 200 && green < 140 && blue < 80, "red: {name}: {fill}");
    }
    for name in ["nginx", "work"] {
        let [red, green, blue] = rgb(picture.fills(name)[0]);
        assert!(blue > green && green > red && red > 140, "pale blue: {name}: {:?}", picture.fills(name));
    }
    assert_eq!(picture.legend, " ■■■■ less ■ same ■■■■ more in the windows than in the rest of the time");
    let title = |name: &str| &picture.frames.iter().find(|frame| frame.name == name).expect("a frame").title;
    assert_eq!(title("vfs_read"), "vfs_read (50% of the windows, 10% of the rest; 50,000 us, 50.00%)");
    assert_eq!(title("nginx"), "nginx (50% of the windows, 90% of the rest; 50,000 us, 50.00%)");
}
