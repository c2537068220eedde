//! The time axis: where its ticks are, and what they, the title and the tooltips say.

use std::fmt::Write;
use std::fs;

use crate::support::builder::{Builder, Event, Sample};
use crate::support::svg::{self, Picture};
use crate::support::{MadeUp, Recording, run, stallgraph};

use super::drawing::{MS, chart};
use stallgraph::load;

/// The seconds of a label in µs.
fn us(label: &str) -> u64 {
    let (seconds, rest) = label.strip_suffix(" s").expect("seconds").split_once('.').unwrap_or((label, ""));
    let seconds = seconds.trim_end_matches(" s");
    seconds.parse::<u64>().expect("a number") * 1_000_000
        + format!("{rest:0<6}").parse::<u64>().expect("digits")
}

/// When a picture starts, in µs of its clock, by its title.
fn start_us(picture: &Picture) -> u64 {
    let (before, _) = picture.title.split_once(" to ").expect("start and end");
    us(&format!("{} s", before.rsplit(' ').next().expect("the start")))
}

/// Each tick stands at a round time of the recording's clock, where the frames of that time are.
#[track_caller]
fn check_ticks(picture: &Picture, has_time_of_day: bool) {
    let is_of_clock = |label: &&(f64, String)| label.1.ends_with(" s");
    let labels: Vec<&(f64, String)> = picture.labels.iter().filter(is_of_clock).collect();
    assert!((2..=8).contains(&labels.len()), "{:?}", picture.labels);
    for (x, label) in &labels {
        let expected = (us(label) - start_us(picture)) as f64 / picture.total as f64 * 100.0;
        assert!((x - expected).abs() < 1e-3, "{label} is at {x} %, not {expected} %");
        assert!(picture.ticks.contains(x), "{label} has a line");
    }
    let steps: Vec<u64> = labels.windows(2).map(|pair| us(&pair[1].1) - us(&pair[0].1)).collect();
    let digits = steps[0].to_string();
    assert!(steps.iter().all(|step| *step == steps[0]), "{steps:?}");
    assert!(matches!(digits.trim_end_matches('0'), "1" | "2" | "5"), "a round step: {digits}");
    let of_day = picture.labels.iter().filter(|label| label.1.ends_with(" UTC")).count();
    assert_eq!(of_day > 0, has_time_of_day, "{:?}", picture.labels);
}

#[test]
fn ticks_are_where_their_times_are() {
    for (name, options, has_time_of_day) in [
        ("post", &[][..], false),
        ("post", &["--window", "2"], false),
        ("post", &["--time", "4058.4,4058.403"], false),
        ("system", &["-C", "1"], true),
        ("evidence", &["--stall", "1"], true),
        ("interrupts-off", &["--stall", "2"], true),
    ] {
        check_ticks(&chart(&Recording::open(name), options), has_time_of_day);
    }
    // A merged picture has no time axis.
    for options in [&["--flamegraph"][..], &["--diff"]] {
        let picture = chart(&Recording::open("post"), options);
        assert_eq!((picture.ticks.len(), picture.markers.len()), (0, 0));
    }
}

/// The time of day is that of the clocks' relation in the recording.
#[test]
fn the_time_of_day_is_that_of_the_recording() {
    let recording = Recording::open("evidence");
    let json: serde_json::Value =
        serde_json::from_str(&recording.stdout("stalls", &["--format", "json"])).expect("JSON");
    let start_ns = json["stalls"][0]["start_ns"].as_u64().expect("ns");
    let loaded = load::load(&recording.file, &load::Options::default(), &|_, _, _| {}).expect("it is read");
    let since_1970_ns = loaded.about.clock.since_1970_ns(start_ns).expect("a time of day");
    let since_1970_ns = u64::try_from(since_1970_ns).expect("after 1970");
    let picture = chart(&recording, &["--stall", "1", "--after", "0ms"]);
    // The picture begins with the stall; a tick's x says how long after that it is.
    let (x, label) = picture.labels.iter().find(|label| label.1.ends_with(" UTC")).expect("a time of day");
    let ns = since_1970_ns + (x / 100.0 * picture.total as f64 * 1000.0) as u64;
    let of_day = ns % 86_400_000_000_000;
    let fields: Vec<f64> =
        label.trim_end_matches(" UTC").split(':').map(|field| field.parse().expect("a number")).collect();
    let shown = fields[0] * 3600.0 + fields[1] * 60.0 + fields[2];
    assert!((shown - of_day as f64 / 1e9).abs() < 0.0011, "{label} at {x} %, expected {of_day} ns");
    assert!(picture.title.ends_with(", 2026-11-22"), "{}", picture.title);
}

/// A tooltip begins with the time at which the frame begins: that of `collapse` for its first
/// sample.
#[test]
fn tooltips_have_start_and_length() {
    let recording = Recording::open("post");
    let picture = chart(&recording, &["--window", "2"]);
    for frame in &picture.frames {
        let start = start_us(&picture) + frame.x;
        let expected = format!("(from {}.{:06} s, for ", start / 1_000_000, start % 1_000_000);
        assert!(frame.title.contains(&expected), "{}: {expected}", frame.title);
        let length = frame.title.split_once(", for ").expect("a length").1;
        let digits: String = length.split(" us").next().expect("µs").replace(',', "");
        assert_eq!(digits, frame.width.to_string(), "{}", frame.title);
    }
    let times = recording.stdout("collapse", &["-F", "time,stack", "-C", "1"]);
    let of_agent = picture.frames.iter().filter(|frame| frame.name == "node_exporter" && frame.x > 0);
    let starts: Vec<u64> = of_agent.map(|frame| start_us(&picture) + frame.x).collect();
    assert!(!starts.is_empty());
    for start in starts {
        let time = format!("{}.{:06}", start / 1_000_000, start % 1_000_000);
        assert!(times.contains(&time), "a sample at {time}");
    }
    // With a clock, the time of day too.
    let picture = chart(&Recording::open("evidence"), &["--stall", "1"]);
    assert!(picture.frames.iter().all(|frame| frame.title.contains(" s, 19:04:")), "{:?}", picture.frames[0]);
    assert!(picture.frames.iter().all(|frame| frame.title.contains(" UTC, for ")));
}

/// 17 pixels high letters are 10.2 wide: the title fits between "Reset Zoom" and "Reset Search".
#[test]
fn the_title_fits_however_long_the_name_of_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let deep = folder.path().join("a-folder-with-a-long-name/another-folder-with-a-long-name/node7");
    fs::create_dir_all(&deep).expect("folders");
    let text = "app 1/1 [000] 1.000000: cpu-clock: \n\t401000 main (/bin/app)\n\n";
    for (name, shown) in [
        ("short.txt", "../node7/short.txt: CPU 0, 1.000000 to "),
        ("a-file-with-a-name-that-is-much-too-long-to-show.txt", "..t-is-much-too-long-to-show.txt: CPU 0, "),
    ] {
        let file = deep.join(name);
        fs::write(&file, text).expect("the folder can be written to");
        let run = run(stallgraph().arg("chart").arg(&file));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let picture = svg::read(&run.stdout);
        assert!(picture.title.starts_with(shown), "{}", picture.title);
        assert!(picture.title.chars().count() as f64 * 10.23 <= 1000.0, "{}", picture.title);
    }
}

/// A clock that says an impossible time makes no axis without end.
#[test]
fn odd_clocks_have_an_axis() {
    for start_ns in [0, u64::MAX / 2, u64::MAX - 20 * MS] {
        let mut builder = Builder::new();
        builder.event(Event::cpu_clock()).comm((7, 7), "odd");
        for ms in 1..=10 {
            builder.at(0, start_ns + ms * MS).sample(Sample::new((7, 7)).user(&[0x40_1000]));
        }
        let made_up = MadeUp::write(&builder.build(), "");
        let drawn = run(made_up.command("chart").arg("--no-symbols"));
        assert_eq!(drawn.code, Some(0), "{}", drawn.stderr);
        let picture = svg::read(&drawn.stdout);
        let mut labels = String::new();
        picture.labels.iter().for_each(|label| write!(labels, "{} ", label.1).expect("a String"));
        assert!((2..=9).contains(&picture.ticks.len()), "{start_ns}: {labels}");
    }
}
