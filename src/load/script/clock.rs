//! Whether the times of a text order its samples.

use crate::ingest::line_number;
use crate::model::{Diagnostic, Severity};

/// The fewest steps from one sample of a CPU to the next that show what kind of times they are.
const FEWEST_STEPS: u64 = 8;

/// How the times of samples change from one to the next on the same CPU, in the order of the text.
/// perf script prints in order of time.
#[derive(Clone, Copy, Default)]
pub(super) struct Steps {
    /// Steps in all.
    all: u64,
    /// Steps back in time.
    back: u64,
    /// Steps to the same time. A CPU takes one sample at a time.
    still: u64,
    /// Samples not later than one that stands before them.
    repeated: u64,
}

impl Steps {
    /// Adds the times of one CPU.
    pub fn add(&mut self, times: impl Iterator<Item = u64>) {
        let (mut before, mut latest) = (None, 0);
        for time in times {
            if let Some(before) = before {
                self.all += 1;
                self.back += u64::from(time < before);
                self.still += u64::from(time == before);
                self.repeated += u64::from(time <= latest);
            }
            latest = latest.max(time);
            before = Some(time);
        }
    }

    /// Whether the times are differences to the sample before (`perf script --deltatime`): they go
    /// back as often as forward, or stay the same.
    fn are_differences(self) -> bool {
        let is_mixed = self.back > self.all / 50 && self.back + self.still > self.all / 3;
        self.all >= FEWEST_STEPS && (is_mixed || self.still >= self.all - self.all / 10)
    }

    /// Whether the same times come twice. A few records that perf prints too late are no matter.
    fn come_twice(self) -> bool {
        self.back > 0 && self.repeated > 1 && self.repeated > self.all / 20
    }
}

/// Where the times of a text go back by most, or another header stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Restart {
    /// The position of the line.
    pub position: usize,
    /// By how many ns they go back there.
    pub by_ns: u64,
}

impl Restart {
    /// Notes that the times go back here too, further down.
    pub fn note(&mut self, later: Restart) {
        if later.by_ns > self.by_ns {
            *self = later;
        }
    }
}

/// What is wrong with the times, if they do not order the samples of `text`. `restart` is where
/// they go back by most, `other_host` the position where a header of another machine stands.
pub(super) fn disorder(
    steps: Steps,
    restart: Restart,
    other_host: Option<usize>,
    text: &[u8],
) -> Option<Diagnostic> {
    let (message, remedy) = if steps.are_differences() {
        (
            "the times are no clock: they go back again and again, as those that perf script --deltatime prints"
                .to_owned(),
            "print times: perf script without --deltatime; the order of the lines shows: collapse --file-order"
                .to_owned(),
        )
    } else if steps.come_twice() || other_host.is_some() {
        let line = line_number(text, other_host.unwrap_or(restart.position));
        let why = if other_host.is_some() { "of another machine" } else { "and the same times come twice" };
        (
            format!("another recording begins in line {line}, {why}"),
            format!("give each by itself: head -n {} FILE, tail -n +{line} FILE", line.saturating_sub(1)),
        )
    } else {
        return None;
    };
    Some(Diagnostic::new(Severity::Error, Diagnostic::CLOCK, 1, &message, &remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(cpus: &[&[u64]]) -> Steps {
        let mut steps = Steps::default();
        cpus.iter().for_each(|times| steps.add(times.iter().copied()));
        steps
    }

    #[test]
    fn kinds_of_times_are_told_apart() {
        let clock: Vec<u64> = (0..100).map(|at| 1000 * at).collect();
        let twice = [&clock[..], &clock].concat();
        let later: Vec<u64> = clock.iter().map(|time| time + 50_000).collect();
        let overlap = [&clock[..], &later].concat();
        // A few records late, a coarse clock, and CPUs one after the other.
        let late: Vec<u64> =
            clock.iter().map(|time| if time % 50_000 == 9000 { time - 1500 } else { *time }).collect();
        let coarse: Vec<u64> = clock.iter().map(|time| time / 4000 * 4000).collect();
        let constant = [&[0][..], &[1001; 60]].concat();
        let jitter: Vec<u64> = clock.iter().map(|time| 1000 + (time / 1000 * 7919 % 10) / 8).collect();
        for (cpus, expected) in [
            (vec![&clock[..]], (false, false)),
            (vec![&late], (false, false)),
            (vec![&coarse, &coarse], (false, false)),
            (vec![&clock[..1]; 30], (false, false)),
            (vec![&twice], (false, true)),
            (vec![&overlap], (false, true)),
            (vec![&twice[97..103]], (false, true)),
            (vec![&constant], (true, false)),
            (vec![&jitter, &jitter], (true, true)),
        ] {
            let steps = steps(&cpus);
            assert_eq!((steps.are_differences(), steps.come_twice()), expected, "{cpus:?}");
        }
    }
}
