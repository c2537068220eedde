//! Spans from text fixtures: they cover the range without gap or overlap, and say what ran and for
//! how long.

use std::ops::Range;

use crate::support::fixture::{IDLE, recording};
use stallgraph::analyses::flame::extent;
use stallgraph::internals::{Contexts, Span, SpanKind, Spans};
use stallgraph::model::{Gap, Recording};

const MS: u64 = 1_000_000;

/// The spans of the only CPU, which must cover the range: the length of each in µs, and the
/// outermost frame, `idle`, `lost` or `unsampled`.
fn tiles(recording: &Recording, range: Range<u64>) -> Vec<(u64, String)> {
    let contexts = Contexts::of(recording);
    let timeline = &recording.timelines[0];
    let spans: Vec<Span> = Spans::new(recording, &contexts, timeline, range.clone()).collect();
    let mut at = range.start;
    for span in &spans {
        assert_eq!(span.start_ns, at, "{spans:?}");
        assert!(span.end_ns >= span.start_ns, "{spans:?}");
        at = span.end_ns;
    }
    assert_eq!(at, range.end.max(range.start), "{spans:?}");
    let text = |what| match what {
        SpanKind::Busy(at) => {
            let functions = recording.functions_root_first(timeline.samples[at].stack);
            recording.name(recording.function(functions[0]).name).to_owned()
        }
        SpanKind::Idle(_) => "idle".to_owned(),
        SpanKind::Lost => "lost".to_owned(),
        SpanKind::Unsampled => "unsampled".to_owned(),
    };
    spans.iter().map(|span| (span.duration_ns() / 1000, text(span.kind))).collect()
}

fn expected(spans: &[(u64, &str)]) -> Vec<(u64, String)> {
    spans.iter().map(|&(us, what)| (us, what.to_owned())).collect()
}

/// Samples at 0, 1, 3 and 10 ms; records lost from 3 to 6 ms.
fn holey() -> Recording {
    recording(&format!(
        "cpu0 1.000 app a;b\ncpu0 1.001 app c\ncpu0 1.003 swapper {IDLE}\nlost cpu0 1.003 1.006 7\ncpu0 1.010 app d"
    ))
}

#[test]
fn spans_tile_a_range_and_say_what_was_there() {
    let recording = holey();
    let whole = extent(&recording, &recording.timelines);
    assert_eq!(whole, 1000 * MS..1011 * MS, "the last sample stands for one interval");
    let all = [(1000, "a"), (2000, "c"), (2000, "idle"), (1000, "lost"), (4000, "unsampled"), (1000, "d")];
    assert_eq!(tiles(&recording, whole), expected(&all));
}

#[test]
fn a_range_cuts_what_reaches_out_of_it() {
    let recording = holey();
    let part = [(1500, "c"), (2000, "idle"), (500, "lost")];
    assert_eq!(tiles(&recording, 1001 * MS + MS / 2..1005 * MS + MS / 2), expected(&part));
    let within = [(500, "c")];
    assert_eq!(tiles(&recording, 1002 * MS..1002 * MS + MS / 2), expected(&within));
    let around = [(1000, "unsampled"), (1000, "a")];
    assert_eq!(tiles(&recording, 999 * MS..1001 * MS), expected(&around));
    let after = [(500, "d"), (2000, "unsampled")];
    assert_eq!(tiles(&recording, 1010 * MS + MS / 2..1013 * MS), expected(&after));
    assert_eq!(tiles(&recording, 1001 * MS..1001 * MS), []);
    assert_eq!(tiles(&recording, 5000 * MS..5001 * MS), expected(&[(1000, "unsampled")]));
    assert_eq!(tiles(&recording, 0..u64::MAX).len(), 8);
}

#[test]
fn a_pause_is_lost_and_gaps_that_overlap_are_one() {
    let mut recording = holey();
    let gap = |from: u64, to: u64| Gap { start_ns: from, end_ns: to, records: 0 };
    recording.timelines[0].throttled =
        vec![gap(1005 * MS, 1007 * MS), gap(1007 * MS, 1007 * MS), gap(1009 * MS, u64::MAX)];
    let all =
        [(500, "idle"), (2000, "lost"), (2000, "unsampled"), (1000, "lost"), (1000, "d"), (4000, "lost")];
    assert_eq!(tiles(&recording, 1004 * MS + MS / 2..1015 * MS), expected(&all));
}

#[test]
fn samples_of_one_time_have_a_span_each() {
    let recording = recording("cpu0 1.000 app a\ncpu0 1.000 app b\ncpu0 1.000 app c\ncpu0 1.001 app d");
    let all = [(0, "a"), (0, "b"), (1000, "c"), (1000, "d")];
    assert_eq!(tiles(&recording, extent(&recording, &recording.timelines)), expected(&all));
}

#[test]
fn without_samples_all_is_unsampled() {
    let mut recording = holey();
    recording.timelines[0].samples.clear();
    recording.timelines[0].lost.clear();
    assert_eq!(tiles(&recording, 1000 * MS..1001 * MS), expected(&[(1000, "unsampled")]));
    assert!(extent(&recording, &recording.timelines).is_empty());
}
