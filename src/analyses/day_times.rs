//! Times of day as `--time` takes them, and which times of a recording they mean.

use std::str::FromStr;

use crate::model::{DAY_NS, Recording, Utc};

/// A time of day in UTC, with its date or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayTime {
    /// The begin of its day, in ns since 1970.
    day_ns: Option<i128>,
    /// ns since the begin of the day.
    of_day_ns: i128,
}

impl FromStr for DayTime {
    type Err = String;

    /// `19:04`, `19:04:47.5`, `2026-11-22T19:04:47.227`, with a space for the `T` or a `Z` at the
    /// end: all forms in which this program prints times of day.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not a time of day in UTC; write 19:04:47, 19:04:47.5 or 2026-11-22T19:04:47")
        };
        let bare = [" UTC", "UTC", "Z"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
        let (date, time) = match bare.split_once(['T', ' ']) {
            Some((date, time)) => (Some(date), time),
            None => (None, bare),
        };
        let day = date.map(|date| day(date).ok_or_else(wrong)).transpose()?;
        let of_day_ns = of_day_ns(time).ok_or_else(wrong)?;
        Ok(DayTime { day_ns: day.map(Utc::since_1970_ns), of_day_ns })
    }
}

fn day(date: &str) -> Option<Utc> {
    let mut parts = date.split('-');
    let [year, month, day] = [4, 2, 2].map(|digits| number(parts.next()?, digits));
    if parts.next().is_some() { None } else { Utc::of_date(year?, month?, day?) }
}

fn of_day_ns(time: &str) -> Option<i128> {
    let (hour, rest) = time.split_once(':')?;
    let (minute, rest) = rest.split_once(':').unwrap_or((rest, "00"));
    let (second, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    if hour > 23
        || minute > 59
        || second > 59
        || fraction.is_empty()
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000_000 + number(&nine, 9)?)
}

/// The number that so many decimal digits spell.
fn number(text: &str, digits: usize) -> Option<i128> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The first and last ns of the recording's clock from `start` to `end`. Open ends are those of all
/// time.
///
/// A start without a date is the moment of that time of day in the recording, or the nearest to it.
/// An end without a date is the next such moment after the start.
///
/// # Errors
///
/// If the recording does not relate its clock to the time of day, or `end` is before `start`.
pub(super) fn bounds(
    recording: &Recording,
    start: Option<DayTime>,
    end: Option<DayTime>,
) -> Result<(u64, u64), String> {
    let about = &recording.about;
    let (Some((wall_ns, clock_ns)), Some(first), Some(last)) =
        (about.clock.wall, about.clock.utc(about.start_ns), about.clock.utc(about.end_ns))
    else {
        return Err(
            "the recording does not relate its clock to the time of day: give seconds of its clock, \
                    or record with stallgraph record or perf record -k CLOCK_MONOTONIC"
                .to_owned(),
        );
    };
    let (first, last) = (first.since_1970_ns(), last.since_1970_ns());
    let start = start.map(|start| start.nearest(first, last));
    let end = match (start, end) {
        (Some(start), Some(end)) => Some(end.after(start, last)),
        (_, end) => end.map(|end| end.nearest(first, last)),
    };
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        return Err("the range ends before it starts".to_owned());
    }
    let by_clock = |ns: i128| ns - i128::from(wall_ns) + i128::from(clock_ns);
    let clamped = |ns: i128| u64::try_from(by_clock(ns).max(0)).unwrap_or(u64::MAX);
    Ok((start.map_or(0, clamped), end.map_or(u64::MAX, clamped)))
}

impl DayTime {
    /// The moment that it means for a recording from `first` to `last`: one in the recording, else
    /// the nearest to it.
    fn nearest(self, first: i128, last: i128) -> i128 {
        if let Some(day_ns) = self.day_ns {
            return day_ns + self.of_day_ns;
        }
        // The first at or after the begin of the recording.
        let next = first + (self.of_day_ns - first).rem_euclid(DAY_NS);
        let before = next - DAY_NS;
        if next > last && first - before < next - last { before } else { next }
    }

    /// The moment that it means as the end of a range from `start`, of a recording up to `last`.
    fn after(self, start: i128, last: i128) -> i128 {
        if let Some(day_ns) = self.day_ns {
            return day_ns + self.of_day_ns;
        }
        let midnight = start.div_euclid(DAY_NS) * DAY_NS + DAY_NS;
        let same_day = midnight - DAY_NS + self.of_day_ns;
        // An end on the next day is meant only if the recording goes on past midnight. Else the two
        // were given in the wrong order.
        if same_day < start && last >= midnight { same_day + DAY_NS } else { same_day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Clock;

    /// A recording of so many seconds from a moment on, whose clock is 1000 s behind 1970.
    fn recording(from: &str, seconds: u64) -> Recording {
        let mut recording = Recording::default();
        let from: DayTime = from.parse().expect("a time");
        let from_ns = from.day_ns.expect("a date") + from.of_day_ns;
        recording.about.clock = Clock { id: Some(1), wall: Some((2_000_000_000_000, 1_000_000_000_000)) };
        recording.about.start_ns = u64::try_from(from_ns - 1_000_000_000_000).expect("after 1970");
        recording.about.end_ns = recording.about.start_ns + seconds * 1_000_000_000;
        recording
    }

    /// From and to which second of the recording a range selects.
    fn selected(recording: &Recording, start: &str, end: &str) -> Result<(f64, f64), String> {
        let time = |text: &str| (!text.is_empty()).then(|| text.parse::<DayTime>().expect("a time"));
        let (start_ns, end_ns) = bounds(recording, time(start), time(end))?;
        let second = |ns: u64| (i128::from(ns) - i128::from(recording.about.start_ns)) as f64 / 1e9;
        Ok((second(start_ns), second(end_ns)))
    }

    #[test]
    fn all_printed_forms_are_read() {
        let at = |text: &str| text.parse::<DayTime>();
        let ns = (19 * 3600 + 4 * 60 + 47) * 1_000_000_000;
        assert_eq!(at("19:04:47"), Ok(DayTime { day_ns: None, of_day_ns: ns }));
        assert_eq!(at("19:04:47.227"), Ok(DayTime { day_ns: None, of_day_ns: ns + 227_000_000 }));
        assert_eq!(at("19:04:47 UTC"), at("19:04:47"));
        assert_eq!(at("19:04"), at("19:04:00"));
        let day = Utc::of_date(2026, 11, 22).map(Utc::since_1970_ns);
        assert_eq!(at("2026-11-22T19:04:47"), Ok(DayTime { day_ns: day, of_day_ns: ns }));
        assert_eq!(at("2026-11-22 19:04:47 UTC"), at("2026-11-22T19:04:47"));
        assert_eq!(
            at("2026-11-22T19:04:47.226999785Z"),
            Ok(DayTime { day_ns: day, of_day_ns: ns + 226_999_785 })
        );
        for wrong in [
            "",
            "19",
            "24:00:00",
            "19:60:00",
            "19:04:60",
            "19:4:47",
            "19:04:47.",
            "19:04:47.x",
            "-19:04:47",
            "2026-02-30T19:04:47",
            "26-11-22T19:04:47",
            "2026-11-22T",
            "2026-11-22",
            "19:04:47+01:00",
            "1:2:3",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_without_a_date_is_that_of_the_recording() {
        let short = recording("2026-11-22T19:04:47.25", 6);
        assert_eq!(selected(&short, "19:04:48", "19:04:50.25"), Ok((0.75, 3.0)));
        // Up to half a day before the recording, and after it.
        assert_eq!(selected(&short, "19:04:47", "").map(|(start, _)| start), Ok(-0.25));
        assert_eq!(selected(&short, "", "19:05").map(|(_, end)| end), Ok(12.75));
        assert_eq!(selected(&short, "18:00", "23:00"), Ok((-3887.25, 14_112.75)));
        assert_eq!(selected(&short, "2026-11-22T19:04:48", "19:04:49"), Ok((0.75, 1.75)));
        let reversed = selected(&short, "19:04:50", "19:04:48");
        assert_eq!(reversed, Err("the range ends before it starts".to_owned()));
    }

    #[test]
    fn a_range_may_go_past_midnight() {
        let night = recording("2026-11-22T23:59:50", 20);
        assert_eq!(selected(&night, "23:59:55", "00:00:05"), Ok((5.0, 15.0)));
        assert_eq!(selected(&night, "00:00:01", "00:00:05"), Ok((11.0, 15.0)));
        assert_eq!(selected(&night, "2026-11-22T23:59:58", "2026-11-23T00:00:01"), Ok((8.0, 11.0)));
        assert_eq!(selected(&night, "", "23:59:51").map(|(_, end)| end), Ok(1.0));
        assert!(selected(&night, "00:00:05", "00:00:01").is_err());
    }

    #[test]
    fn a_recording_without_the_time_of_day_says_what_to_do() {
        let unknown = selected(&Recording::default(), "19:04:47", "");
        assert!(unknown.is_err_and(|why| why.contains("-k CLOCK_MONOTONIC")));
    }
}
