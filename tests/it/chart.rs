//! `stallgraph chart`: order, widths and colours of what it draws, read back by an XML parser; that it is well-formed whatever
//! names the recording holds, and of a size that a browser can show.

use std::fmt::Write;
use std::fs;

use crate::support::builder::{Builder, Event, Sample};
use crate::support::fixture::every_ms;
use crate::support::svg::{Frame, Picture};
use crate::support::{self, fixture, svg};
use crate::support::{MadeUp, Recording, run, stallgraph};
use stallgraph::analyses::contexts::Contexts;
use stallgraph::analyses::flame::{Flame, MarkedPath, Marks, Painter, Section};
use stallgraph::analyses::paths::Path;
use stallgraph::analyses::spans;
use stallgraph::analyses::windows::{self, Options, Triggers, Windows};
use stallgraph::render::viewers::flame_svg::{self, Caption};

const READ: &str = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read";
const RX: &str = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action";
const IDLE: &str = "common_startup_64;start_secondary;cpu_startup_entry;do_idle;default_idle";
const MS: u64 = 1_000_000;

/// The flame that `paint` makes of a fixture, with the windows found in it.
fn flame_of(
    text: &str,
    paint: impl FnOnce(&mut Painter, &stallgraph::model::Recording, Section, &Windows) -> Flame,
) -> (stallgraph::model::Recording, Flame) {
    let recording = fixture::recording(text);
    let options = Options::default();
    let windows = windows::find(&recording, &options);
    let culprit = windows.culprit().map(|top| MarkedPath::new(top.comm, &top.path));
    let marks = Marks { triggers: Triggers::new(&recording, &options), paths: culprit.into_iter().collect() };
    let timeline = &recording.timelines[0];
    let whole = spans::extent(&recording, [timeline]);
    let flame = paint(
        &mut Painter::new(&recording, &marks),
        &recording,
        Section { timeline, range: whole },
        &windows,
    );
    (recording, flame)
}

fn draw(recording: &stallgraph::model::Recording, flame: &Flame) -> Picture {
    let caption = Caption { title: "title".to_owned(), subtitle: "subtitle".to_owned() };
    let mut bytes = Vec::new();
    flame_svg::write(recording, flame, &caption, &mut bytes).expect("a picture");
    svg::read(&String::from_utf8(bytes).expect("UTF-8"))
}

fn ordered(text: &str) -> Picture {
    let (recording, flame) = flame_of(text, |painter, _, section, _| painter.ordered(section));
    draw(&recording, &flame)
}

/// The frames of a depth as (x, width, name).
fn row(picture: &Picture, depth: usize) -> Vec<(u64, u64, &str)> {
    let frames = picture.frames.iter().filter(|frame| frame.depth == depth);
    frames.map(|frame| (frame.x, frame.width, frame.name.as_str())).collect()
}

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
        // Two samples of idle, the second of which stands for two intervals at most.
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
    assert_eq!(picture.legend, " ■ kernel ■ user ■ idle ■ lost ■ unsampled");
}

/// Each sample that `collapse` prints stands in the chart at its time, for as long as `collapse --weight us` says.
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
            // Half the time, not to be hit by the rounding of the end.
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
        // Nothing is left out, and nothing stands twice: each frame lies within one below it.
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
    // Without --window the time that is asked for, and nothing else.
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
        assert_eq!(picture.total, (end_ns - start_ns + 2 * after_ns) / 1000);
        let seconds = |ns: u64| format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000);
        let times = format!("CPU 1, {} to ", seconds(start_ns - after_ns));
        assert!(picture.title.contains(&times), "{} is not from {times}", picture.title);
        assert!(picture.subtitle.starts_with("stall 2, confidence "), "{}", picture.subtitle);
        assert!(picture.subtitle.contains("node_exporter, in system call lseek"), "{}", picture.subtitle);
        assert_eq!(rgb(picture.fills("ksys_lseek")[0]).map(|part| part / 64), [3, 1, 0]);
    }
}

/// A handler interrupts anybody: its path stands out whoever's stack it is on, and without what it interrupts.
#[test]
fn a_handler_stands_out_on_every_stack() {
    let handler = "work_[u];asm_common_interrupt;handle_softirqs;net_rx_action;ixgbe_poll";
    let text = every_ms(0, 0..10, "nginx", handler)
        + &every_ms(0, 10..20, "envoy", &format!("{handler};napi_gro_receive"))
        + &every_ms(0, 20..30, "envoy", READ);
    let recording = fixture::recording(&text);
    let contexts = Contexts::with_handlers(&recording);
    let timeline = &recording.timelines[0];
    let path = contexts.handler(timeline.samples[0].stack).expect("a handler");
    let path = Path {
        owner: contexts.owner(path),
        system_call: None,
        functions: contexts.names(path),
        entry_frames: 0,
    };
    let comm = recording.task(timeline.samples[0].task).comm;
    let marks = Marks {
        triggers: Triggers::new(&recording, &Options::default()),
        paths: vec![MarkedPath::new(comm, &path)],
    };
    let whole = spans::extent(&recording, [timeline]);
    let picture =
        draw(&recording, &Painter::new(&recording, &marks).ordered(Section { timeline, range: whole }));
    let is_dark = |name: &str| {
        let fills = picture.fills(name);
        assert_eq!(fills.len(), 1, "{name}: {fills:?}");
        rgb(fills[0]).iter().sum::<u32>() < 400
    };
    assert!(is_dark("net_rx_action") && is_dark("ixgbe_poll"));
    let others = ["asm_common_interrupt", "handle_softirqs", "napi_gro_receive", "vfs_read", "work"];
    assert!(!others.into_iter().any(is_dark));
}

#[test]
fn what_shall_stand_out_has_colours_of_its_own() {
    let text: String = (0..5)
        .map(|turn| {
            let start = turn * 600;
            every_ms(0, start..start + 480, "nginx", &READ.replace("vfs_read", "vfs_write"))
                + &every_ms(0, start + 480..start + 500, "cadvisor", "other_[u]")
                + &every_ms(0, start + 500..start + 597, "cadvisor", &format!("{READ};seq_read"))
                + &every_ms(0, start + 597..start + 600, "ksoftirqd/0", RX)
        })
        .collect();
    let picture = ordered(&text);
    assert_eq!(picture.fills("ksoftirqd/0").len(), 1);
    let (vermillion, blue) = (picture.fills("seq_read")[0], picture.fills("net_rx_action")[0]);
    assert_eq!(rgb(vermillion).map(|part| part / 64), [3, 1, 0], "{vermillion}");
    assert_eq!(rgb(blue).map(|part| part / 64), [1, 2, 3], "{blue}");
    // The same function is pale where another task calls it.
    let fills = picture.fills("do_syscall_64");
    assert_eq!(fills.len(), 2, "{fills:?}");
    let darkest = |name: &str| picture.fills(name).iter().map(|fill| rgb(fill).iter().sum::<u32>()).min();
    assert!(darkest("vfs_write") > Some(550) && darkest("seq_read") < Some(400));
    assert!(picture.legend.starts_with(" ■ dominating path ■ trigger ■ kernel ■ user"), "{}", picture.legend);
}

fn rgb(fill: &str) -> [u32; 3] {
    let parts = fill.trim_start_matches("rgb(").trim_end_matches(')').split(',');
    let parts: Vec<u32> = parts.map(|part| part.parse().expect("a number")).collect();
    parts.try_into().expect("three parts")
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
    // 50 of 100 ms are cadvisor's in the window, 100 of 1000 in the rest.
    let widths: Vec<(u64, u64)> = flame.lines.iter().map(|line| (line.us, line.before_us)).collect();
    assert_eq!(widths, [(50_000, 10_000), (50_000, 90_000)]);
    let picture = draw(&recording, &flame);
    assert_eq!(row(&picture, 1), [(0, 50_000, "cadvisor"), (50_000, 50_000, "nginx")]);
    let (more, less) = (rgb(picture.fills("vfs_read")[0]), rgb(picture.fills("work")[0]));
    assert!(more[0] == 255 && more[2] < 128, "red: {more:?}");
    assert!(less[2] == 255 && less[0] < 128, "blue: {less:?}");
    assert!(picture.legend.contains("more in the windows"), "{}", picture.legend);
}

/// Names that would be markup, script, an end of line or of text, and one that is longer than any.
fn hostile_names() -> Vec<String> {
    let names = [
        "<script>alert(1)</script>",
        "</title></g></svg><script>alert(1)</script>",
        "\"'onload='alert(1)' x=\"",
        "a&lt;b&amp;c&#0;&quot;]]><![CDATA[",
        "esc\u{1b}[2J\u{9b}31m",
        "bidi\u{202e}txt\u{2066}x\u{200f}",
        "no xml \u{fffe}\u{ffff}\u{feff}\u{1}",
        "-- --> <!-- ",
        "trailing 17",
        "_[k]",
        "# no comment",
        "--",
    ];
    names.iter().map(|name| (*name).to_owned()).chain(["long".repeat(16 << 10)]).collect()
}

/// Checks that a picture is well-formed, and that nothing in it acts but inferno's own script.
#[track_caller]
fn check_harmless(text: &str) {
    let is_harmless = |c: char| !c.is_control() || c == '\n';
    let odd: String = text.chars().filter(|c| !is_harmless(*c)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{fffe}', '\u{ffff}', '\u{feff}']));
    let document = svg::parse(text);
    let elements: Vec<_> = document.descendants().filter(|node| node.is_element()).collect();
    let scripts = elements.iter().filter(|node| node.has_tag_name("script")).count();
    assert_eq!(scripts, 1);
    for node in &elements {
        let is_root = node.parent_element().is_none();
        for attribute in node.attributes() {
            let acts = attribute.name().starts_with("on") || attribute.name() == "href";
            assert!(!acts || is_root && attribute.name() == "onload", "{attribute:?}");
        }
        let tag = node.tag_name().name();
        let known = [
            "svg",
            "defs",
            "linearGradient",
            "stop",
            "style",
            "script",
            "rect",
            "text",
            "g",
            "title",
            "tspan",
        ];
        assert!(known.contains(&tag), "{tag}");
    }
}

#[test]
fn hostile_names_leave_a_picture_well_formed_and_harmless() {
    // In the text of perf script: comms, functions and modules.
    let mut text = String::new();
    for (number, name) in hostile_names().iter().enumerate() {
        let name = name.replace('\n', " ");
        let comm = if name.len() > 100 { "long" } else { &name };
        let _ = write!(
            text,
            "{comm} {pid}/{pid} [000] 1.{number:03}000000: cpu-clock: \n\
             \tffffffff81000010 {name} ([kernel.kallsyms])\n\t    401000 {name} (/bin/{name})\n\n",
            pid = number + 1,
        );
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("<&\">.txt");
    fs::write(&file, &text).expect("the folder can be written to");
    for options in
        [&[][..], &["--flamegraph"], &["--diff", "--trigger", "esc"], &["--window", "1", "--trigger", "esc"]]
    {
        let run = run(stallgraph().arg("chart").arg(&file).args(options));
        assert_eq!(run.code, Some(0), "{options:?}: {}", run.stderr);
        check_harmless(&run.stdout);
        if options.is_empty() {
            let picture = svg::read(&run.stdout);
            let names: Vec<&str> = picture.frames.iter().map(|frame| frame.name.as_str()).collect();
            for name in [
                "<script>alert(1)</script>",
                "trailing 17",
                "_[k]",
                "--",
                "#_no_comment",
                "a&lt:b&amp:c&#0:&quot:]]><![CDATA[",
            ] {
                assert!(names.contains(&name), "{name} is not among {names:?}");
            }
            assert!(picture.title.contains("<&\">.txt"), "{}", picture.title);
        }
    }
    // In a perf.data: comms of up to 64 KB, which perf never writes.
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock());
    for (tid, name) in (1..).zip(hostile_names()) {
        let length = name.floor_char_boundary(60_000);
        builder.comm((tid, tid), &name[..length]).at(0, u64::from(tid) * MS);
        builder.sample(Sample::new((tid, tid)).user(&[0x40_1000]));
    }
    let made_up = MadeUp::write(&builder.build(), "");
    check_harmless(&run(made_up.command("chart").arg("--no-symbols")).stdout);
}

#[test]
fn what_is_too_much_for_a_browser_is_gathered() {
    // Short turns of deep stacks, between them one long.
    let deep =
        |root: &str| format!("{root};{}", (0..20).map(|n| format!("f{n}")).collect::<Vec<_>>().join(";"));
    let stacks = ["a", "b", "c"].map(deep);
    let mut text = String::new();
    let mut samples = 0;
    let mut sample = |stack: &str, text: &mut String| {
        let _ = writeln!(text, "cpu0 {}.{:03} app {stack}", samples / 1000, samples % 1000);
        samples += 1;
    };
    for turn in 0..6000 {
        sample(&stacks[turn % 3], &mut text);
    }
    (0..2000).for_each(|_| sample("long;stall", &mut text));
    for turn in 0..6000 {
        sample(&stacks[turn % 3], &mut text);
    }
    let (recording, flame) = flame_of(&text, |painter, _, section, _| painter.ordered(section));
    assert!(flame.narrow_us > 1000, "{}", flame.narrow_us);
    let picture = draw(&recording, &flame);
    assert!(picture.frames.len() <= 50_001, "{}", picture.frames.len());
    assert_eq!(row(&picture, 1), [(0, 14_000_000, "app")]);
    let above = [
        (0, 6_000_000, "(narrower frames)"),
        (6_000_000, 2_000_000, "long"),
        (8_000_000, 6_000_000, "(narrower frames)"),
    ];
    assert_eq!(row(&picture, 2), above);
    // As many samples of one stack are all drawn.
    let (_, flame) = flame_of(&every_ms(0, 0..14_000, "app", &stacks[0]), |painter, _, section, _| {
        painter.ordered(section)
    });
    assert_eq!((flame.narrow_us, flame.lines.len()), (0, 1));
}

#[test]
fn stacks_without_end_are_cut() {
    let deep: Vec<String> = (0..2000).map(|n| format!("f{n}")).collect();
    let (recording, flame) =
        flame_of(&format!("cpu0 1.0 app {}\ncpu0 1.001 app a", deep.join(";")), |painter, _, section, _| {
            painter.ordered(section)
        });
    let picture = draw(&recording, &flame);
    let deepest = picture.frames.iter().max_by_key(|frame| frame.depth).expect("frames");
    assert_eq!((deepest.depth, deepest.name.as_str()), (512, "(deeper frames)"));
}

#[test]
fn each_cpu_gets_its_file_and_the_worst_is_drawn_first() {
    let recording = Recording::open("system");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let chart = |options: &[&str], name: &str| {
        run(recording.command("chart").args(options).arg("-o").arg(file(name)))
    };
    let one = chart(&[], "one.svg");
    assert_eq!(one.code, Some(0), "{one:?}");
    assert!(one.stderr.contains("CPU 1 is drawn, of CPUs 0-1; -C chooses others"), "{}", one.stderr);
    let of_cpu_1 = fs::read_to_string(file("one.svg")).expect("a chart");
    assert!(svg::read(&of_cpu_1).title.contains("CPU 1, "));
    assert_eq!(chart(&["-C", "0-1"], "both.svg").code, Some(0));
    assert_eq!(fs::read_to_string(file("both.cpu1.svg")).expect("a chart"), of_cpu_1);
    let of_cpu_0 = fs::read_to_string(file("both.cpu0.svg")).expect("a chart");
    assert!(svg::read(&of_cpu_0).title.contains("CPU 0, "));
    assert!(!file("both.svg").exists());
    // A flame graph adds them up.
    let merged = svg::read(&recording.stdout("chart", &["--flamegraph"]));
    assert!(merged.title.contains("CPUs 0-1, ") && merged.subtitle.contains("not drawn: idle"), "{merged:?}");
    let both = run(recording.command("chart").args(["-C", "0-1"]));
    assert_eq!((both.code, both.stdout.as_str()), (Some(2), ""));
    assert!(both.stderr.contains("give -o chart.svg for several, or one CPU with -C"), "{}", both.stderr);
}

#[test]
fn what_cannot_be_drawn_is_told() {
    let recording = Recording::open("post");
    for (options, code, says) in [
        (
            &["--window", "8"][..],
            2,
            "--window 8: there are 7 episodes; stallgraph window lists them, given the same options",
        ),
        (&["--window", "0"], 2, "--window 0: there are 7 episodes"),
        (&["--window", "1", "--trigger", "nobody"], 1, "nothing to draw: no episode of the trigger"),
        (&["--diff", "--trigger", "nobody"], 1, "nothing to draw: no episode of the trigger"),
        (&["-C", "7"], 2, "-C 7: the recording has no"),
        (&["--time", "1,2"], 2, "--time: nothing was recorded then"),
        (&["--before", "0ms"], 2, "--before 0"),
        (&["--diff", "--flamegraph"], 2, "cannot be used with"),
        (&["--after", "5ms"], 2, "--after goes with --window or --stall only"),
        (&["--min", "5ms"], 2, "--stall <N>"),
        (&["--stall", "99"], 2, "; stallgraph stalls lists them, given the same options"),
        (&["--stall", "1", "--min", "5s"], 1, "nothing to draw: no stall"),
    ] {
        let run = run(recording.command("chart").args(options));
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{options:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{options:?} does not say {says:?}: {}", run.stderr);
    }
    // A picture in place of the recording would be the end of it.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("perf.data");
    fs::copy(&recording.file, &file).expect("the folder can be written to");
    let before = fs::read(&file).expect("the recording");
    let run = run(stallgraph().arg("chart").arg(&file).arg("-o").arg(&file));
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("that is the recording itself"), "{}", run.stderr);
    assert!(fs::read(&file).expect("the recording") == before);
}

#[test]
fn threads_are_drawn_where_samples_have_no_cpu() {
    let mut builder = Builder::new();
    let bits = support::builder::sample_type::IP
        | support::builder::sample_type::TID
        | support::builder::sample_type::TIME
        | support::builder::sample_type::CALLCHAIN;
    builder.event(Event::cpu_clock().sample_type(bits).freq(1000));
    builder.comm((7, 7), "one").comm((7, 8), "two");
    for ms in 1..=10 {
        builder.at(0, ms * MS).sample(Sample::new((7, 7)).user(&[0x40_1000]));
        builder.at(0, ms * MS + 7).sample(Sample::new((7, 8)).user(&[0x40_1000]));
    }
    builder.at(0, 11 * MS).sample(Sample::new((7, 8)).user(&[0x40_1000]));
    let made_up = MadeUp::write(&builder.build(), "");
    let chart = run(made_up.command("chart").arg("--no-symbols"));
    assert_eq!(chart.code, Some(0), "{}", chart.stderr);
    assert!(chart.stderr.contains("thread 8 is drawn, of threads 7-8\n"), "{}", chart.stderr);
    let picture = svg::read(&chart.stdout);
    assert!(picture.title.contains("thread 8, "), "{}", picture.title);
    assert_eq!(row(&picture, 1), [(0, 11_000, "two")]);
    let refused = run(made_up.command("chart").args(["--no-symbols", "--window", "1"]));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

#[test]
fn rare_samples_are_drawn_though_no_window_could_hold_one() {
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().freq(2)).comm((7, 7), "rare");
    for half_second in 1..=10 {
        builder.at(0, half_second * 500 * MS).sample(Sample::new((7, 7)).user(&[0x40_1000]));
    }
    let made_up = MadeUp::write(&builder.build(), "");
    let picture = svg::read(&run(made_up.command("chart").arg("--no-symbols")).stdout);
    assert_eq!(row(&picture, 1), [(0, 5_000_000, "rare")]);
    let refused = run(made_up.command("chart").args(["--no-symbols", "--diff"]));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("--before is shorter than the time between samples"),
        "{}",
        refused.stderr
    );
}
