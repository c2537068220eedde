//! Charts that a browser must be able to show, whatever the recording holds.

use std::fmt::Write;
use std::fs;

use crate::support::builder::{Builder, Event, Sample, sample_type};
use crate::support::fixture::every_ms;
use crate::support::svg;
use crate::support::{MadeUp, Recording, run, stallgraph};

use super::drawing::{MS, draw, flame_of, row};

/// Names that are markup, script, line ends or ends of text, and one that is very long.
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

/// Checks that a picture is well-formed, and that no script is in it but inferno's own.
#[track_caller]
fn check_harmless(text: &str) {
    let is_harmless = |c: char| !c.is_control() || c == '\n';
    let odd: String = text.chars().filter(|c| !is_harmless(*c)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{fffe}', '\u{ffff}', '\u{feff}']));
    let document = svg::parse(text);
    let elements: Vec<_> = document.descendants().filter(|node| node.is_element()).collect();
    let scripts = elements.iter().filter(|node| node.has_tag_name("script")).count();
    assert_eq!(scripts, 2, "inferno's and that of the axis");
    // No renderer finds anything to load.
    assert!(!text.contains("<!DOCTYPE") && !text.contains("<!ENTITY"));
    assert!(text.split("url(").skip(1).all(|rest| rest.starts_with("#background)")));
    for node in &elements {
        let is_root = node.parent_element().is_none();
        for attribute in node.attributes() {
            let acts = attribute.name().starts_with("on") || attribute.name() == "href";
            assert!(!acts || is_root && attribute.name() == "onload", "{attribute:?}");
        }
        let tag = node.tag_name().name();
        let harmless = [
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
            "line",
        ];
        assert!(harmless.contains(&tag), "{tag}");
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
    // Short bursts of deep stacks, with a long one among them.
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
    // The same number of samples of one stack are all drawn.
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
        (
            &["--diff", "--window", "1", "--trigger", "nobody"],
            1,
            "nothing to draw: no episode of the trigger",
        ),
        (&["--diff", "--trigger", "nobody", "--min", "5s"], 1, "nothing to draw: no episode of the trigger"),
        (&["--diff", "--stall", "99"], 2, "; stallgraph stalls lists them, given the same options"),
        (&["-C", "7"], 2, "-C 7: the recording has no"),
        (&["--time", "1,2"], 2, "--time: nothing was recorded then"),
        (&["--before", "0ms"], 2, "--before 0"),
        (&["--diff", "--flamegraph"], 2, "cannot be used with"),
        (&["--after", "5ms"], 2, "--after goes with --window or --stall only"),
        (&["--stall", "99"], 2, "; stallgraph stalls lists them, given the same options"),
        (&["--stall", "1", "--min", "5s"], 1, "nothing to draw: no stall"),
    ] {
        let run = run(recording.command("chart").args(options));
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{options:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{options:?} does not say {says:?}: {}", run.stderr);
    }
    // Writing the picture over the recording would destroy it.
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
    let bits = sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::CALLCHAIN;
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
