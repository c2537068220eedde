//! The stretches that tile a lane.

use std::ops::Range;

use crate::analyses::spans::{Span, SpanKind, Spans};
use crate::model::{Sample, Timeline};

use super::lane::{Content, Lane, Source, Stretch};
use super::result::Lanes;

impl<'r> Lanes<'r> {
    /// The stretches that tile a lane, in time order. Each sample has its own.
    pub fn stretches<'l>(&'l self, lane: &'l Lane<'r>) -> impl Iterator<Item = Stretch> + 'l {
        let stretches: Box<dyn Iterator<Item = Stretch>> = match &lane.source {
            Source::Timeline(timeline, indices) => {
                let spans = Spans::new(self.recording, &self.contexts, timeline, self.range.clone());
                Box::new(spans.map(|span| self.of_span(timeline, indices, &span)))
            }
            Source::Thread(timeline, ends) => Box::new(self.of_thread(&timeline.samples, ends)),
        };
        let start_ns = self.range.start;
        let mut stretches = stretches.filter(|stretch| !is_empty_nothing(stretch)).peekable();
        std::iter::from_fn(move || {
            let mut stretch = stretches.next()?;
            // Consecutive samples that are not selected leave one hole.
            while stretch.content == Content::Nothing
                && let Some(next) = stretches.next_if(|next| next.content == Content::Nothing)
            {
                stretch.end_ns = next.end_ns;
            }
            stretch.start_ns -= start_ns;
            stretch.end_ns -= start_ns;
            Some(stretch)
        })
    }

    /// The stretch of a span, on the recording's clock.
    fn of_span(&self, timeline: &Timeline, indices: &Range<usize>, span: &Span) -> Stretch {
        let content_of = |at: usize, is_idle| {
            let sample = timeline.samples[at];
            match indices.contains(&at) && self.is_selected[sample.task.index()] {
                true => Content::Sample { sample, is_idle },
                false => Content::Nothing,
            }
        };
        let content = match span.kind {
            SpanKind::Busy(at) => content_of(at, false),
            SpanKind::Idle(at) => content_of(at, true),
            SpanKind::Lost => Content::Lost,
            SpanKind::Unsampled => Content::Nothing,
        };
        Stretch { start_ns: span.start_ns, end_ns: span.end_ns, content }
    }

    /// The stretches of a thread's samples and of the time between them, on the recording's clock.
    fn of_thread<'l>(&'l self, samples: &'l [Sample], ends: &'l [u64]) -> impl Iterator<Item = Stretch> + 'l {
        let nothing = |start_ns, end_ns| Stretch { start_ns, end_ns, content: Content::Nothing };
        let mut free_from = self.range.start;
        let with_holes = samples.iter().zip(ends).flat_map(move |(&sample, &end_ns)| {
            let before = nothing(free_from, sample.time_ns);
            free_from = end_ns;
            let is_idle = self.contexts.is_idle(self.recording, &sample);
            let content = Content::Sample { sample, is_idle };
            [before, Stretch { start_ns: sample.time_ns, end_ns, content }]
        });
        let last = ends.last().copied().unwrap_or(self.range.start);
        with_holes.chain([nothing(last, self.range.end)])
    }
}

fn is_empty_nothing(stretch: &Stretch) -> bool {
    stretch.content == Content::Nothing && stretch.start_ns >= stretch.end_ns
}
