//! Panoramas: what a page draws. Every sample is in it once, at its time, with its stack; or, where
//! there are too many, samples of one task in a cell are one entry, and no count or time is lost.

use std::collections::BTreeMap;

use crate::support::fixture::{IDLE, RX, every_ms, recording};
use crate::support::hand_made::{self, MS};
use stallgraph::analyses::panorama::{Entry, Found, MOST_ENTRIES, Panorama, find};
use stallgraph::analyses::selection::{Selection, TimeRange};
use stallgraph::analyses::stalls::{self, Confidence, Stalls};
use stallgraph::model::{Recording, TaskId};

const LSEEK: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;traverse";

/// Two CPUs for two seconds. On CPU 0 `agent` stalls the CPU from 500 ms to 700 ms.
fn node() -> Recording {
    let text = every_ms(0, 0..500, "nginx@7", "main;work_[u]")
        + &every_ms(0, 500..700, "agent@8", LSEEK)
        + &every_ms(0, 700..701, "ksoftirqd/0", RX)
        + &every_ms(0, 701..2000, "nginx@7", "main;work_[u]")
        + &every_ms(1, 0..1000, "swapper", IDLE)
        + &every_ms(1, 1000..2000, "cron@9", "main;sleep_[u]");
    recording(&text)
}

fn stalls_of(node: &Recording) -> Stalls {
    let culprit = hand_made::culprit(node, "agent");
    hand_made::stalls_of(vec![hand_made::stall(0, 500, 700, Confidence::High, Some(culprit))])
}

fn panorama(node: &Recording, stalls: &Stalls, most_entries: usize) -> Panorama {
    let found = Found { stalls, windows: None, packets: None };
    find(node, &Selection::default(), &found, most_entries)
}

/// The comm and the folded functions of an entry.
fn folded(node: &Recording, panorama: &Panorama, entry: &Entry) -> String {
    let mut names = Vec::new();
    let mut stack = entry.stack;
    while stack != 0 {
        let frame = panorama.stacks[stack as usize];
        assert!(frame.parent < stack, "callers come first");
        names.push(node.name(node.function(panorama.functions[frame.function as usize]).name));
        stack = frame.parent;
    }
    names.push(node.comm(panorama.tasks[entry.task as usize]));
    names.reverse();
    names.join(";")
}

/// For each CPU and task: how many samples, and how long they lasted in ns.
fn sums(node: &Recording, panorama: &Panorama) -> BTreeMap<(u32, String), (u64, u64)> {
    let mut sums = BTreeMap::new();
    for track in &panorama.tracks {
        let mut last_ns = 0;
        for entry in &track.entries {
            assert!(last_ns <= entry.start_ns && entry.start_ns <= entry.end_ns, "{entry:?} after {last_ns}");
            last_ns = entry.end_ns;
            let comm = node.comm(panorama.tasks[entry.task as usize]).to_owned();
            let (samples, length_ns) = sums.entry((track.cpu, comm)).or_insert((0, 0));
            *samples += u64::from(entry.count);
            *length_ns += entry.end_ns - entry.start_ns;
        }
        let samples: u64 = track.entries.iter().map(|entry| u64::from(entry.count)).sum();
        assert_eq!(samples, track.samples);
    }
    sums
}

#[test]
fn each_sample_is_an_entry() {
    let node = node();
    let panorama = panorama(&node, &stalls_of(&node), MOST_ENTRIES);
    assert_eq!((panorama.start_ns, panorama.samples), (node.about.start_ns, 4000));
    assert!(panorama.thinned.is_none());
    for (track, timeline) in panorama.tracks.iter().zip(&node.timelines) {
        assert_eq!((track.cpu, track.entries.len()), (timeline.cpu, timeline.samples.len()));
        for (entry, sample) in track.entries.iter().zip(&timeline.samples) {
            assert_eq!((entry.start_ns, entry.count), (sample.time_ns, 1));
            assert_eq!(panorama.tasks[entry.task as usize], sample.task);
        }
    }
    let stalled = &panorama.tracks[0].entries[500];
    assert_eq!(folded(&node, &panorama, stalled), format!("agent;{LSEEK}"));
    assert!(panorama.tracks[1].entries[0].is_idle && !stalled.is_idle);
    let culprits: Vec<TaskId> =
        panorama.tasks.iter().zip(&panorama.culprits).filter(|(_, is)| **is).map(|(task, _)| *task).collect();
    assert!(culprits.is_empty(), "a result made by hand has no ranking");
}

#[test]
fn the_culprits_of_stalls_are_marked() {
    let node = node();
    let found = stalls::find(&node, &stalls::Options::default());
    let panorama = panorama(&node, &found, MOST_ENTRIES);
    let marked = |comm: &str| {
        let at = panorama.tasks.iter().position(|task| node.comm(*task) == comm);
        panorama.culprits[at.expect("a task of this comm")]
    };
    assert_eq!(found.ranking.len(), 1);
    assert_eq!(["agent", "nginx", "cron", "swapper"].map(marked), [true, false, false, false]);
}

#[test]
fn thinned_samples_keep_counts_and_times() {
    let node = node();
    let stalls = stalls_of(&node);
    let whole = panorama(&node, &stalls, MOST_ENTRIES);
    for most_entries in [2000, 1000, 900, 200, 10, 1] {
        let thin = panorama(&node, &stalls, most_entries);
        let thinned = thin.thinned.as_ref().expect("there are too many samples");
        assert_eq!(sums(&node, &thin), sums(&node, &whole), "{most_entries}");
        let entries: usize = thin.tracks.iter().map(|track| track.entries.len()).sum();
        assert!(entries <= most_entries.max(6), "{entries} of {most_entries}, {thinned:?}");
        // 400 ms of two CPUs around the stall are 800 samples.
        let is_whole = most_entries >= 2000;
        assert_eq!(thinned.whole.is_empty(), !is_whole, "{most_entries}");
        if is_whole {
            let start_ns = node.about.start_ns;
            let around = start_ns + 400 * MS..start_ns + 800 * MS;
            assert_eq!(thinned.whole, std::slice::from_ref(&around));
            assert_eq!(thinned.whole_samples, 800);
            let within = |entry: &&Entry| thinned.whole[0].contains(&entry.start_ns);
            assert_eq!(thin.tracks[0].entries.iter().filter(within).count(), 400);
        }
    }
}

#[test]
fn a_thinned_entry_has_the_most_frequent_stack() {
    let text = (0..100u64)
        .map(|ms| {
            let stack = if ms % 4 == 0 { "main;rare_[u]" } else { "main;often_[u]" };
            let comm = if ms % 2 == 0 { "one@7" } else { "two@8" };
            format!("cpu0 0.{ms:03} {comm} {stack}\n")
        })
        .collect::<String>();
    let node = recording(&text);
    let thin = panorama(&node, &hand_made::stalls_of(Vec::new()), 10);
    let cells: Vec<(String, u32)> =
        thin.tracks[0].entries.iter().map(|entry| (folded(&node, &thin, entry), entry.count)).collect();
    // Of two stacks that are equally frequent, it has one.
    assert!(
        cells.iter().all(|(folded, _)| folded.starts_with("one;") || folded.ends_with(";often")),
        "{cells:?}"
    );
    assert_eq!(cells.iter().map(|(_, count)| count).sum::<u32>(), 100);
}

#[test]
fn only_the_selection_is_shown() {
    let node = node();
    let (start_ns, stalls) = (node.about.start_ns, stalls_of(&node));
    let selection = Selection {
        cpus: Some(vec![stallgraph::analyses::selection::CpuRange(0, 0)]),
        time: TimeRange::Clock(Some(start_ns + 600 * MS), Some(start_ns + 650 * MS)),
        ..Selection::default()
    };
    let found = Found { stalls: &stalls, windows: None, packets: None };
    let panorama = find(&node, &selection, &found, MOST_ENTRIES);
    assert_eq!(panorama.tracks.len(), 1);
    assert_eq!(panorama.samples, 51, "both ends are included, as in perf");
    assert_eq!((panorama.start_ns, panorama.end_ns), (start_ns + 600 * MS, start_ns + 650 * MS));
    assert!(panorama.tracks[0].entries.iter().all(|entry| entry.end_ns <= panorama.end_ns));
}

#[test]
fn a_recording_without_samples_has_an_empty_panorama() {
    let node = recording("cpu0 1.000 agent sys_enter:read(3)\ncpu0 1.010 agent sys_exit:read=3");
    let panorama = panorama(&node, &hand_made::stalls_of(Vec::new()), MOST_ENTRIES);
    assert_eq!((panorama.samples, panorama.stacks.len()), (0, 1));
    assert!(panorama.tracks.iter().all(|track| track.entries.is_empty()));
}

#[test]
fn what_lies_across_the_selected_time_is_cut() {
    let text = every_ms(0, 0..200, "nginx@7", "main;work_[u]")
        + "cpu0 0.0105 nginx@7 entry:net_rx\ncpu0 0.0505 nginx@7 raise:net_rx\n\
           cpu0 0.1505 nginx@7 entry:net_rx\nlost cpu0 0.080 0.120 7\n";
    let node = recording(&text);
    let found = stalls::find(&node, &stalls::Options::default());
    let shown = |from_ms: u64, to_ms: u64| {
        let at = |ms: u64| Some(node.about.start_ns + ms * MS);
        let selection = Selection { time: TimeRange::Clock(at(from_ms), at(to_ms)), ..Selection::default() };
        let found = Found { stalls: &found, windows: None, packets: None };
        let track = find(&node, &selection, &found, MOST_ENTRIES).tracks.remove(0);
        let ms = |ns: u64| (ns - node.about.start_ns) / MS;
        let waits: Vec<_> = track.waits.iter().map(|wait| (ms(wait.start_ns), ms(wait.end_ns))).collect();
        let lost: Vec<_> = track.lost.iter().map(|gap| (ms(gap.start_ns), ms(gap.end_ns))).collect();
        (waits, lost)
    };
    assert_eq!(shown(0, 200), (vec![(50, 150)], vec![(80, 120)]));
    assert_eq!(shown(100, 140), (vec![(100, 140)], vec![(100, 120)]));
    assert_eq!(shown(160, 200), (vec![], vec![]));
}
