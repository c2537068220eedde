//! Numbers with their units, text cut to a width, and words of a command line, for all forms of
//! output.

use crate::model::{Recording, clean};

/// A share as a percentage with two significant digits.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        p if p >= 9.95 || p == 0.0 => format!("{p:.0}%"),
        p if p >= 0.095 => format!("{p:.1}%"),
        p => format!("{p:.2}%"),
    }
}

/// A probability in a sentence: `p = 1e-4`, `p < 1e-9`.
pub(crate) fn p_value(p: f64) -> String {
    match probability(p).strip_prefix('<') {
        Some(bound) => format!("p < {bound}"),
        None => format!("p = {}", probability(p)),
    }
}

/// A probability, with a power of ten if it is small. Below 1e-9 its size tells nothing more.
pub(crate) fn probability(p: f64) -> String {
    match p {
        p if p >= 0.0995 => format!("{p:.1}"),
        p if p >= 0.000995 => format!("{p:.3}"),
        p if p < 1e-9 => "<1e-9".to_owned(),
        p => format!("{p:.0e}"),
    }
}

/// A probability in a sentence, in percent: `30 %`, `0.7 %`, `0.01 %`, `below 0.001 %`.
pub(crate) fn chance(p: f64) -> String {
    match p * 100.0 {
        percent if percent >= 9.95 => format!("{percent:.0} %"),
        percent if percent >= 0.095 => format!("{percent:.1} %"),
        percent if percent >= 0.0095 => format!("{percent:.2} %"),
        percent if percent >= 0.00095 => format!("{percent:.3} %"),
        _ => "below 0.001 %".to_owned(),
    }
}

/// Milliseconds, with one decimal if there are less than ten.
pub(crate) fn milliseconds(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    if ms >= 9.95 || ns == 0 { format!("{ms:.0}") } else { format!("{ms:.1}") }
}

/// A duration in a sentence: `134 ms`, `1.05 s`, `60.0 s`.
pub(crate) fn short(ns: u64) -> String {
    match ns {
        0..1_000_000_000 => format!("{} ms", milliseconds(ns)),
        1_000_000_000..10_000_000_000 => format!("{:.2} s", ns as f64 / 1e9),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

/// A duration in a sentence, with the unit that fits: up to days.
pub(crate) fn long(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    match seconds {
        seconds if seconds < 120.0 => short(ns),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.1} days", seconds / 86_400.0),
    }
}

/// A duration with its unit, in at least two digits.
pub fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0 => return "0".to_owned(),
        1..1000 => return format!("{ns}ns"),
        1000..999_500 => (ns as f64 / 1e3, "us"),
        999_500..999_500_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    if value < 9.95 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

/// Seconds with six decimals.
pub fn seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000)
}

/// A time of a recording's clock by the time of day, in UTC; `-` where that is not known.
pub(crate) fn time_of_day(recording: &Recording, time_ns: u64) -> String {
    recording.about.time_of_day(time_ns).unwrap_or_else(|| "-".to_owned())
}

/// `1 window`, `2 windows`.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// The text if it fits into `width` characters, else its beginning and `..`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(2)).chain("..".chars()).collect()
}

/// The text if it fits into `width` characters, else `..` and its end, which is the most useful
/// part of a path.
pub(crate) fn cut_begin(text: &str, width: usize) -> String {
    let more = text.chars().count().saturating_sub(width);
    if more == 0 {
        return text.to_owned();
    }
    "..".chars().chain(text.chars().skip(more + 2)).collect()
}

/// A text as a word of a shell's command line.
pub fn shell_word(text: &str) -> String {
    let text = clean(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    match text.starts_with('-') || text.is_empty() || !text.chars().all(is_plain) {
        true => format!("'{}'", text.replace('\'', r"'\''")),
        false => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let percents = [0.0, 0.0004, 0.0123, 0.5, 1.0].map(percent);
        assert_eq!(percents, ["0%", "0.04%", "1.2%", "50%", "100%"]);
        let probabilities = [1.0, 0.04, 0.0000123, 0.0].map(probability);
        assert_eq!(probabilities, ["1.0", "0.040", "1e-5", "<1e-9"]);
        assert_eq!([1e-4, 1e-18].map(p_value), ["p = 1e-4", "p < 1e-9"]);
        assert_eq!(milliseconds(1_234_567), "1.2");
        let durations =
            [0, 999, 1_234, 99_960, 999_499, 149_954_000, 999_600_000, 61_234_000_000].map(duration);
        assert_eq!(durations, ["0", "999ns", "1.2us", "100us", "999us", "150ms", "1.0s", "61s"]);
        assert_eq!(seconds(4_057_765_268_351), "4057.765268");
    }
}
