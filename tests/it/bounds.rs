//! Bounds: what is hostile costs no more time, memory or descriptors than its size allows.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::builder::{Builder, Event, Kernel, Sample};
use crate::support::pack_scene::Scene;

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
