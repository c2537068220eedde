//! Times of day, in UTC and the proleptic Gregorian calendar.

use std::fmt;

use serde::{Serialize, Serializer};

/// How long a day is, in ns.
pub(crate) const DAY_NS: i128 = 86_400_000_000_000;

/// A moment by the time of day, in UTC. It is written as RFC 3339 says, with all digits of the ns:
/// `2026-11-22T19:04:48.227000123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utc {
    /// ns since 1970.
    ns: i128,
}

impl Utc {
    /// The moment so many ns after the begin of 1970.
    pub fn from_ns(since_1970_ns: i128) -> Self {
        Utc { ns: since_1970_ns }
    }

    /// The begin of a day; `None` if there is no such day in that month.
    pub fn of_date(year: i128, month: i128, day: i128) -> Option<Self> {
        // The same counting as in `date`, the other way round.
        let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (era, of_era) = (years.div_euclid(400), years.rem_euclid(400));
        let of_year = (153 * months + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let begin = Utc { ns: days * DAY_NS };
        (begin.date() == (year, month, day)).then_some(begin)
    }

    /// ns since 1970.
    pub fn since_1970_ns(self) -> i128 {
        self.ns
    }

    /// The number of its day; that of 1970-01-01 is 0.
    pub fn day(self) -> i128 {
        self.ns.div_euclid(DAY_NS)
    }

    /// The time of day in whole ms, rounded down: `19:04:48.227`.
    pub fn clock(self) -> String {
        let (hour, minute, second, ns) = self.time();
        format!("{hour:02}:{minute:02}:{second:02}.{:03}", ns / 1_000_000)
    }

    /// The same with the date: `2026-11-22T19:04:48.227`.
    pub fn date_and_clock(self) -> String {
        let (year, month, day) = self.date();
        format!("{year:04}-{month:02}-{day:02}T{}", self.clock())
    }

    /// The hour, minute, second and ns.
    fn time(self) -> (i128, i128, i128, i128) {
        let of_day = self.ns.rem_euclid(DAY_NS);
        let seconds = of_day / 1_000_000_000;
        (seconds / 3600, seconds / 60 % 60, seconds % 60, of_day % 1_000_000_000)
    }

    /// The year, month and day.
    fn date(self) -> (i128, i128, i128) {
        // Years are counted from March on, so that the leap day is their last day. 400 years have
        // 146,097 days.
        let days = self.day() + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        (era * 400 + year + next, month, day)
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second, ns)) = (self.date(), self.time());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ns:09}Z")
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time in ns since 1970 as `2026-11-23 01:32:48`, in UTC.
#[cfg(any(feature = "parquet", feature = "render"))]
pub(crate) fn utc(ns: i128) -> String {
    let at = Utc::from_ns(ns);
    let ((year, month, day), (hour, minute, second, _)) = (at.date(), at.time());
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_date_does() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (1_795_399_142, "2026-11-23T01:59:02"),
            (-1, "1969-12-31T23:59:59"),
        ] {
            let at = Utc::from_ns(seconds * 1_000_000_000);
            assert_eq!(at.to_string(), format!("{expected}.000000000Z"));
            assert_eq!(at.date_and_clock(), format!("{expected}.000"));
        }
    }

    #[test]
    fn a_date_is_the_begin_of_its_day() {
        for day in (-200_000..=400_000).step_by(7) {
            let begin = Utc::from_ns(day * DAY_NS);
            let (year, month, day) = begin.date();
            assert_eq!(Utc::of_date(year, month, day), Some(begin));
        }
        assert_eq!(Utc::of_date(2024, 2, 29).map(Utc::day), Some(1_709_164_800 / 86_400));
        for (year, month, day) in [(2023, 2, 29), (2026, 11, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0)] {
            assert_eq!(Utc::of_date(year, month, day), None, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn times_are_rounded_down() {
        let at = Utc::from_ns(1_795_374_288_227_999_999);
        assert_eq!(at.to_string(), "2026-11-22T19:04:48.227999999Z");
        assert_eq!(at.clock(), "19:04:48.227");
        assert_eq!(Utc::from_ns(-1).clock(), "23:59:59.999");
        assert_eq!(Utc::from_ns(-1).day(), -1);
    }
}
