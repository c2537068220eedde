//! Dates of the Gregorian calendar, and zones.

/// A zone, as its distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Minutes east of UTC.
    pub minutes: i32,
}

impl Zone {
    /// The zone that `text` names, and nothing else: `UTC`, `GMT`, `Z`, `+01:00`, `-0530`.
    pub fn parse(text: &str) -> Option<Zone> {
        let (zone, length) = Zone::at_start(text.as_bytes())?;
        (length == text.len()).then_some(zone)
    }

    /// The zone at the start of `text`, and its length in bytes.
    pub(super) fn at_start(text: &[u8]) -> Option<(Zone, usize)> {
        const UTC: Zone = Zone { minutes: 0 };
        match text {
            [b'U', b'T', b'C', ..] | [b'G', b'M', b'T', ..] => return Some((UTC, 3)),
            [b'Z' | b'z', ..] => return Some((UTC, 1)),
            _ => {}
        }
        let (sign, rest) = match text {
            [b'+', rest @ ..] => (1, rest),
            [b'-', rest @ ..] => (-1, rest),
            _ => return None,
        };
        let (hours, minutes, length) = match rest {
            [h1, h2, b':', m1, m2, ..] => (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, 6),
            [h1, h2, m1, m2, ..] => (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, 5),
            _ => return None,
        };
        let minutes_of_day = i32::try_from(hours * 60 + minutes).ok()?;
        (hours < 24 && minutes < 60).then_some((Zone { minutes: sign * minutes_of_day }, length))
    }
}

/// Days from 1970-01-01 to a date; `None` if there is no such date, or it is earlier.
pub(super) fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const MONTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap_year = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let length = MONTHS.get(index)? + u64::from(month == 2 && is_leap_year);
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    // Leap days from the year 1 up to the end of `year`.
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let days_before_year = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let days_before_month = MONTHS.iter().take(index).sum::<u64>() + u64::from(month > 2 && is_leap_year);
    Some(days_before_year + days_before_month + day - 1)
}

/// Days from 1 March to a day of a year that is not known; `None` if no year has that day. From
/// March on, each day has the same number in every year: the leap day is the last.
pub(super) fn days_since_march(month: u64, day: u64) -> Option<u64> {
    // January and February belong to the year that began in the March before.
    let year = if month < 3 { 1972 } else { 1971 };
    Some(days_since_1970(year, month, day)? - days_since_1970(1971, 3, 1)?)
}

/// The number that two decimal digits spell.
pub(super) fn two_digits(tens: u8, ones: u8) -> Option<u64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u64::from(tens - b'0') * 10 + u64::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        for (text, minutes) in
            [("UTC", 0), ("GMT", 0), ("Z", 0), ("+01:00", 60), ("-0530", -330), ("+14:00", 840)]
        {
            assert_eq!(Zone::parse(text), Some(Zone { minutes }), "{text}");
        }
        for wrong in ["", "CET", "+1", "+01:0", "+25:00", "+01:60", "+01:00x", "local"] {
            assert_eq!(Zone::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_since_march_are_one_after_the_other() {
        let months = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2];
        let dates = months.into_iter().flat_map(|month| (0..=32).map(move |day| (month, day)));
        let days = dates.filter_map(|(month, day)| days_since_march(month, day));
        assert!(days.eq(0..366), "the leap day is the last");
    }

    #[test]
    fn each_date_is_one_day_after_the_date_before() {
        let years = 1970..=9999;
        let dates = years
            .flat_map(|year| (0..=13).flat_map(move |month| (0..=32).map(move |day| (year, month, day))));
        let days: Vec<u64> =
            dates.filter_map(|(year, month, day)| days_since_1970(year, month, day)).collect();
        // `date -u -d 9999-12-31 +%s` prints 253402214400.
        assert!(days.iter().copied().eq(0..=253_402_214_400 / 86_400));
        assert_eq!(days_since_1970(2023, 11, 14), Some(1_699_920_000 / 86_400));
        assert_eq!(days_since_1970(2023, 2, 29), None);
        assert_eq!(days_since_1970(2024, 2, 29), Some(1_709_164_800 / 86_400));
        assert_eq!(days_since_1970(1969, 12, 31), None);
    }
}
