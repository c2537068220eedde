//! How much of a stretch of time a path has, and whether it dominates it.

use std::ops::AddAssign;

use crate::analyses::shares::DOMINATE;

/// A silence that is less probable than this by chance is none by chance.
const CHANCE_SILENCE: f64 = 0.01;

/// A stretch's samples.
#[derive(Clone, Copy, Default)]
pub(super) struct Whole {
    /// Samples that are not idle.
    pub busy: u64,
    /// Samples that are idle.
    pub idle: u64,
}

/// A path's samples in a stretch.
#[derive(Clone, Copy, Default)]
pub(super) struct Amount {
    /// Its own.
    pub own: u64,
    /// Those of softirqs and interrupts on top of it.
    pub on_top: u64,
    /// Its own after the last softirq in the stretch.
    pub silent: u64,
}

impl Amount {
    pub const OWN: Amount = Amount { own: 1, on_top: 0, silent: 1 };
    pub const ON_TOP: Amount = Amount { own: 0, on_top: 1, silent: 0 };

    /// Whether the path has at least half of the samples that are not idle.
    pub fn is_half(self, whole: Whole) -> bool {
        self.own > 0 && DOMINATE.is_held(self.own, whole.busy)
    }

    /// Whether a task's path dominates a stretch: with its own samples, or with those on top of it
    /// if softirqs were served on top of it at first and then no more.
    pub fn dominates(self, whole: Whole) -> bool {
        let with_on_top = self.own > 0 && DOMINATE.is_held(self.own + self.on_top, whole.busy);
        self.is_half(whole) || with_on_top && self.falls_silent()
    }

    /// Whether a handler's path dominates a stretch. Idle samples count, because on an idle CPU
    /// hardly anything but handlers is busy.
    pub fn fills(self, whole: Whole) -> bool {
        self.own > 0 && DOMINATE.is_held(self.own, whole.busy + whole.idle)
    }

    /// Whether softirqs were served on top of the path and then no more, for longer than by chance.
    /// That is how a call looks in which ksoftirqd is woken before Linux 6.5, where softirqs are
    /// left to ksoftirqd from then on (`ksoftirqd_running` in kernel/softirq.c, until commit
    /// d15121be7485), and one that disables bottom halves after it has begun.
    fn falls_silent(self) -> bool {
        let share = self.own as f64 / (self.own + self.on_top) as f64;
        self.on_top > 0 && self.silent as f64 * share.ln() <= CHANCE_SILENCE.ln()
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        self.own += other.own;
        self.on_top += other.on_top;
        self.silent += other.silent;
    }
}
