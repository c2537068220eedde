//! Colours: which paths stand out.

use crate::support::Recording;
use crate::support::fixture::{self, RX, every_ms};
use stallgraph::analyses::flame::{self, MarkedPath, Marks, Painter, Section};
use stallgraph::analyses::paths::Path;
use stallgraph::analyses::windows::{Options, Triggers};
use stallgraph::internals::Contexts;

use super::drawing::{READ, chart, draw, ordered, rgb};

/// A handler may interrupt any task: its path is highlighted on every stack, and without the frames
/// that it interrupts.
#[test]
fn a_handler_stands_out_on_every_stack() {
    let handler = "work_[u];asm_common_interrupt;handle_softirqs;net_rx_action;ixgbe_poll";
    let text = every_ms(0, 0..10, "nginx", handler)
        + &every_ms(0, 10..20, "envoy", &format!("{handler};napi_gro_receive"))
        + &every_ms(0, 20..30, "envoy", READ);
    let recording = fixture::recording(&text);
    let contexts = Contexts::of(&recording);
    let timeline = &recording.timelines[0];
    let path = contexts.handler(timeline.samples[0].stack).expect("a handler");
    let path = Path {
        owner: contexts.owner(path),
        system_call: None,
        functions: contexts.names(path),
        entry_frames: 0,
        function: contexts.name(path),
        beyond: Vec::new(),
    };
    let comm = recording.task(timeline.samples[0].task).comm;
    let marks = Marks {
        triggers: Triggers::new(&recording, &Options::default()),
        paths: vec![MarkedPath::new(Some(comm), &path)],
        holes: Vec::new(),
    };
    let whole = flame::extent(&recording, [timeline]);
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

/// What the legend says is the colour of the block, in every kind of picture.
#[test]
fn each_colour_is_in_the_legend() {
    for (name, options) in [
        ("post", &[][..]),
        ("post", &["--window", "2"]),
        ("post", &["--flamegraph"]),
        ("post", &["--diff"]),
        ("system", &["-C", "0"]),
        ("evidence", &["--stall", "1"]),
        ("interrupts-off", &[]),
        ("worker", &["--stall", "1"]),
    ] {
        let picture = chart(&Recording::open(name), options);
        for frame in picture.frames.iter().filter(|frame| frame.depth > 0) {
            assert!(picture.colours.contains(&frame.fill), "{name} {options:?}: {frame:?}");
        }
        // No more than are drawn: each entry has one at least.
        let is_drawn = |colour: &&String| picture.frames.iter().any(|frame| frame.fill == **colour);
        assert!(picture.colours.iter().filter(is_drawn).count() > picture.colours.len() / 4, "{name}");
    }
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
    // The same function is pale in the stacks of another task.
    let fills = picture.fills("do_syscall_64");
    assert_eq!(fills.len(), 2, "{fills:?}");
    let darkest = |name: &str| picture.fills(name).iter().map(|fill| rgb(fill).iter().sum::<u32>()).min();
    assert!(darkest("vfs_write") > Some(550) && darkest("seq_read") < Some(400));
    assert!(
        picture.legend.starts_with(" ■■■ dominating path ■■■ trigger ■■■ kernel ■■■ user"),
        "{}",
        picture.legend
    );
}
