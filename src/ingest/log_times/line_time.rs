//! A time in a line, and the parts that the forms of times share: the time of day, the fraction of
//! a second, the zone.

use crate::model::Stamp;

use super::dates::{Zone, two_digits};

/// ns of a second.
pub(super) const NS: u64 = 1_000_000_000;
/// Bytes of a time of day without a fraction.
pub(super) const TIME_OF_DAY: usize = "01:45:59".len();

/// A time in a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineTime {
    pub stamp: Stamp,
    /// Value of the last digit, in ns.
    pub resolution_ns: u64,
    /// How long the logged operation took until then, if the form of the line says so.
    pub took_ns: Option<u64>,
    /// Position in the line after its last byte.
    pub end: usize,
}

/// A time of day.
pub(super) struct TimeOfDay {
    /// ns since midnight.
    pub ns: u64,
    /// Value of the last digit, in ns.
    pub resolution_ns: u64,
    /// Its bytes.
    pub length: usize,
}

/// `01:45:59`, with or without a fraction, at the start of `text`.
pub(super) fn time_of_day(text: &[u8]) -> Option<TimeOfDay> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *text.first_chunk::<TIME_OF_DAY>()? else { return None };
    let (hours, minutes, seconds) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
    // 60 is a leap second.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let rest = text.get(TIME_OF_DAY..).unwrap_or_default();
    let Fraction { ns, resolution_ns, length } = match fraction(rest) {
        Some(fraction) => fraction,
        None if matches!(rest.first(), Some(b'0'..=b'9' | b':')) => return None,
        None => Fraction { ns: 0, resolution_ns: NS, length: 0 },
    };
    let ns = (hours * 3600 + minutes * 60 + seconds) * NS + ns;
    Some(TimeOfDay { ns, resolution_ns, length: TIME_OF_DAY + length })
}

/// The fraction of a second.
pub(super) struct Fraction {
    pub ns: u64,
    /// Value of the last digit, in ns.
    pub resolution_ns: u64,
    /// Bytes, with the point.
    pub length: usize,
}

/// Reads `.123456` or `,123456`; digits after the ninth do not count.
pub(super) fn fraction(text: &[u8]) -> Option<Fraction> {
    let [b'.' | b',', digits @ ..] = text else { return None };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let (mut ns, mut resolution_ns) = (0, NS);
    for digit in digits.iter().take(count.min(9)) {
        resolution_ns /= 10;
        ns += u64::from(digit - b'0') * resolution_ns;
    }
    Some(Fraction { ns, resolution_ns, length: 1 + count })
}

/// The stamp of `local_ns`, ns since 1970 in the zone that `text` begins with, and the bytes of
/// that zone; in a zone that is not named, if it begins with none.
pub(super) fn in_zone(local_ns: u64, text: &[u8]) -> Option<(Stamp, usize)> {
    let is_after_space = matches!(
        text,
        [b' ', b'+' | b'-', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', ..]
            | [b' ', b'U', b'T', b'C', ..]
            | [b' ', b'G', b'M', b'T', ..]
    );
    let gap = usize::from(is_after_space);
    Some(match Zone::at_start(text.get(gap..).unwrap_or_default()) {
        Some((zone, length)) => {
            let utc_ns = i128::from(local_ns) - i128::from(zone.minutes) * 60 * i128::from(NS);
            (Stamp::Absolute(u64::try_from(utc_ns).ok()?), gap + length)
        }
        None => (Stamp::Local(local_ns), 0),
    })
}

/// The decimal number at the start of `text`, and its digits.
pub(super) fn number(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()?;
    Some((value, digits))
}
