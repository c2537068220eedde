//! Strips of windows: which task ran when, cell by cell, and how they are drawn.

use crate::support::fixture::{IDLE, RX, every_ms, recording};
use stallgraph::analyses::strips::{self, CELLS, Cell, Strips};
use stallgraph::analyses::windows::{self, Options};
use stallgraph::model::Recording;
use stallgraph::render::report::strips as drawing;

const WORK: &str = "main_[u];work_[u]";

/// Strips of windows of 59 ms: a cell is a millisecond, and samples are a millisecond apart.
fn find(recording: &Recording) -> Strips {
    let options = Options { before_ns: 59_000_000, ..Options::default() };
    strips::find(recording, &windows::find(recording, &options))
}

/// The strips of a fixture as drawn, and the legend in one line.
fn drawn(text: &str) -> (Vec<String>, String) {
    let recording = recording(text);
    let drawing = drawing::draw(&recording, &find(&recording), "ksoftirqd");
    let every = drawing.strips.iter().chain(&drawing.legend);
    assert!(every.clone().all(|line| line.is_ascii() && line.len() <= 80), "{:?}", drawing.legend);
    assert!(drawing.strips.iter().all(|strip| strip.len() == CELLS && strip.ends_with('#')));
    let legend: Vec<&str> = drawing.legend.iter().map(|line| line.trim()).collect();
    (drawing.strips, legend.join(" "))
}

#[test]
fn a_strip_shows_who_ran_when() {
    let text = every_ms(0, 0..110, "nginx", WORK)
        + &every_ms(0, 110..120, "swapper", IDLE)
        + &every_ms(0, 120..125, "nginx", WORK)
        + &every_ms(0, 135..150, "cadvisor", WORK)
        + &every_ms(0, 150..153, "ksoftirqd/0", RX);
    let (strips, legend) = drawn(&text);
    // From 91 ms on: the last sample of nginx lasts two intervals; what ran after that is unknown.
    let expected = "n".repeat(19) + &".".repeat(10) + "nnnnnn" + "---------" + &"c".repeat(15) + "#";
    assert_eq!(strips, [expected]);
    assert_eq!(
        legend,
        "legend    n=nginx, c=cadvisor, .=idle, -=not sampled, #=ksoftirqd; each character is 1.0 ms"
    );
}

#[test]
fn what_was_lost_is_never_hidden() {
    // The sample at 119 ms lasts two intervals; of the two intervals that follow, one microsecond
    // was lost.
    let text = every_ms(0, 0..120, "nginx", WORK)
        + &every_ms(0, 123..159, "nginx", WORK)
        + "lost cpu0 0.121 0.121001 9\n"
        + &every_ms(0, 159..160, "ksoftirqd/0", RX);
    let (strips, legend) = drawn(&text);
    assert_eq!(strips, ["n".repeat(21) + "?-" + &"n".repeat(36) + "#"], "the window is from 100 ms on");
    assert!(legend.contains("?=lost"), "{legend}");
}

#[test]
fn a_cut_window_is_of_the_same_scale_and_shows_the_episode_that_cut_it() {
    let text = every_ms(0, 0..30, "nginx", WORK)
        + &every_ms(0, 30..31, "ksoftirqd/0", RX)
        + &every_ms(0, 31..70, "nginx", WORK)
        + &every_ms(0, 70..71, "ksoftirqd/0", RX);
    let (strips, legend) = drawn(&text);
    let first = " ".repeat(29) + &"n".repeat(30) + "#";
    let second = " ".repeat(19) + "#" + &"n".repeat(39) + "#";
    assert_eq!(strips, [first, second], "cut by the recording's start, and by the episode before");
    assert!(legend.contains("blank=before a window that was cut"), "{legend}");
}

#[test]
fn threads_of_one_comm_share_a_letter() {
    let text = every_ms(0, 0..40, "cadvisor@7", WORK)
        + &every_ms(0, 40..50, "cadvisor@8", WORK)
        + &every_ms(0, 50..55, "1@9", WORK)
        + &every_ms(0, 55..59, "größe@10", WORK)
        + &every_ms(0, 59..60, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let drawing = drawing::draw(&recording, &find(&recording), "ksoftirqd");
    assert_eq!(drawing.strips, ["c".repeat(50) + "aaaaa" + "gggg" + "#"]);
    assert!(
        drawing.legend.concat().starts_with("legend    c=cadvisor, a=1, g=größe, #="),
        "{:?}",
        drawing.legend
    );
}

#[test]
fn more_tasks_than_letters_share_those_of_their_comms() {
    let of = |comm: &dyn Fn(u64) -> String| {
        let windows = (0..4).map(|window| {
            let begin = window * 100;
            let tasks = (begin..begin + 59).map(|ms| every_ms(0, ms..ms + 1, &comm(ms), WORK));
            tasks.collect::<String>() + &every_ms(0, begin + 59..begin + 60, "ksoftirqd/0", RX)
        });
        drawn(&windows.collect::<String>())
    };
    let (strips, legend) = of(&|ms| format!("{}@{}", if ms % 2 == 0 { "even" } else { "odd" }, 1000 + ms));
    assert!(strips[0].starts_with("eoeoeo") && strips[3].contains("oeoeo"), "{strips:?}");
    assert!(legend.starts_with("legend    e=even, o=odd, #=ksoftirqd"), "{legend}");
    let (strips, legend) = of(&|ms| format!("comm{ms}"));
    assert!(strips[0][..52].chars().all(|c| c.is_ascii_alphabetic()) && strips[3].starts_with("****"));
    assert!(legend.contains("*=others"), "{legend}");
}

#[test]
fn cells_tell_tasks_apart_by_the_time_they_held() {
    // Cells of 2 ms: nginx runs 0.9 ms of each, cadvisor 1.1 ms.
    let mut text = String::new();
    for cell in 0..60 {
        text += &format!(
            "cpu0 1.{:06} nginx {WORK}\ncpu0 1.{:06} cadvisor {WORK}\n",
            cell * 2000,
            cell * 2000 + 900
        );
    }
    text += &format!("cpu0 1.118 ksoftirqd/0 {RX}\n");
    let recording = recording(&text);
    let options = Options { before_ns: 118_000_000, ..Options::default() };
    let strips = strips::find(&recording, &windows::find(&recording, &options));
    assert_eq!(strips.cell_ns, 2_000_000);
    let of = |cell: &Cell| match cell {
        Cell::Task(task) => recording.comm(*task).to_owned(),
        other => format!("{other:?}"),
    };
    let seen: Vec<String> = strips.strips[0].iter().map(of).collect();
    assert!(seen[..59].iter().all(|cell| cell == "cadvisor") && seen[59] == "Trigger", "{seen:?}");
}
