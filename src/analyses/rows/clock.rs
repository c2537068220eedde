//! The time of day of what a recording has times of.

use crate::model::{self, Recording};

/// A time of day in microseconds since 1970 (UTC): all engines read that. `None` where the
/// recording does not relate its clock to the time of day.
pub type Moment = Option<i64>;

/// A day, in us.
pub const DAY_US: i64 = 86_400_000_000;

/// Turns times of a recording into times of day.
#[derive(Clone, Copy)]
pub struct Clock(model::Clock);

impl Clock {
    pub fn new(recording: &Recording) -> Clock {
        Clock(recording.about.clock)
    }

    pub fn moment(&self, time_ns: u64) -> Moment {
        let ns = self.0.since_1970_ns(time_ns)?;
        i64::try_from(ns.div_euclid(1000)).ok()
    }
}
