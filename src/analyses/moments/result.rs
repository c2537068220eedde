//! The result: the moments of a log that are in the recording, each with its explanation.

use crate::analyses::windows::StretchSummary;

/// The result.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Moments {
    /// The moments in the recording, in the order of the log.
    pub moments: Vec<Moment>,
    /// The operations in the log that took a known time and lie in the recording: when each ended
    /// and how long it took, in ns. Short ones and those that were left out are among them.
    pub trips: Vec<(u64, u64)>,
    /// Times that are not in the recording.
    pub outside: u64,
    /// Times of log lines with a duration shorter than the shortest stall, so they did not wait for
    /// one.
    pub quick: u64,
    /// Times in the recording that were left out because there are too many.
    pub left_out: u64,
    /// Times without a zone.
    pub zoneless: u64,
    /// Times without a year: the year nearest to the recording is meant.
    pub yearless: u64,
    /// Times since the boot: the recording's clock is taken to begin with it.
    pub since_boot: u64,
    /// If none of the times without a zone is in the recording: the zone in which most of them
    /// would be, in minutes east of UTC, and how many would be.
    pub better_zone: Option<(i32, u64)>,
    /// If hardly any moment lies in a stall or shortly after one, but nearly all would if their
    /// times were others by a fixed amount.
    pub better_offset: Option<Offset>,
}

/// An amount to add to the times of a log, so that they lie in stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The amount, in ns.
    pub ns: i64,
    /// How many moments then lie in a stall or shortly after one.
    pub in_stalls: u64,
    /// Of how many that are then still in the recording.
    pub moments: u64,
}

/// A time of the log that is in the recording.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Moment {
    /// Its line in the log, from 1.
    pub line: u64,
    /// The start of the reported operation, in ns of the recording's clock.
    pub start_ns: u64,
    /// The time in the log, in ns of the recording's clock; the latest possible one if it is
    /// coarse.
    pub end_ns: u64,
    /// How long the reported operation took, in ns.
    pub took_ns: Option<u64>,
    /// The stalls that it lies in or shortly after, the one that explains most first.
    pub hits: Vec<Hit>,
    /// If there are no such stalls: the overload that it lies in, as an index of
    /// [`Stalls::overloads`](crate::analyses::stalls::Stalls::overloads).
    pub overload: Option<usize>,
    /// If there is no such overload either: what each CPU did just before, by CPU.
    pub before: Vec<StretchSummary>,
}

impl Moments {
    /// How many moments lie in a stall or shortly after one.
    pub fn in_stalls(&self) -> usize {
        self.moments.iter().filter(|moment| !moment.hits.is_empty()).count()
    }

    /// How many of the others lie in an overload.
    pub fn in_overloads(&self) -> usize {
        self.moments.iter().filter(|moment| moment.overload.is_some()).count()
    }
}

impl Moment {
    /// The CPU that one path held longest before the moment, else the busiest CPU; the first of
    /// several equal ones. `None` if no CPU was looked at.
    pub fn most_held(&self) -> Option<&StretchSummary> {
        self.before.iter().max_by_key(|summary| {
            let held_ns = summary.dominating.as_ref().map_or(0, |dominating| dominating.time_ns);
            (held_ns, summary.busy_samples(), std::cmp::Reverse(summary.cpu))
        })
    }
}

/// A stall that explains a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its index in [`Stalls::stalls`](crate::analyses::stalls::Stalls::stalls).
    pub stall: usize,
    /// How long before the moment it ended, in ns; 0 if the moment lies in it.
    pub over_ns: u64,
}
