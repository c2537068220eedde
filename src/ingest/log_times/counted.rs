//! Times that are a number: of s, ms, µs or ns since 1970 or since the boot.

use crate::model::Stamp;

use super::line_time::{LineTime, NS, fraction, number};

/// Digits of the seconds since 1970 from 2001 to 2286.
const EPOCH_DIGITS: usize = "1700000000".len();

/// Seconds since 1970 with a fraction. `ping -D` prints them in brackets (iputils,
/// `print_timestamp`); `tcpdump -tt`, `journalctl -o short-unix` and `date +%s.%N` print them bare.
pub(super) fn epoch_with_fraction(text: &[u8]) -> Option<LineTime> {
    let (seconds, digits) = number(text)?;
    let fraction = fraction(text.get(digits..)?).filter(|_| digits == EPOCH_DIGITS)?;
    let ns = seconds.checked_mul(NS)?.checked_add(fraction.ns)?;
    let end = digits + fraction.length;
    Some(LineTime { stamp: Stamp::Absolute(ns), resolution_ns: fraction.resolution_ns, took_ns: None, end })
}

/// A whole number of s, ms, µs or ns since 1970 at `at`: at the start of the line or of its
/// bracket, or after a key that says so, as in `"ts":1700000000123` and `time=1700000000`.
/// Elsewhere a number of ten digits may be anything.
pub(super) fn whole_epoch(line: &[u8], at: usize) -> Option<LineTime> {
    let text = line.get(at..)?;
    let (count, digits) = number(text)?;
    let unit_ns = match digits.checked_sub(EPOCH_DIGITS)? {
        0 => NS,
        3 => 1_000_000,
        6 => 1000,
        9 => 1,
        _ => return None,
    };
    let next = text.get(digits);
    let is_word = next.is_none_or(|next| b" \t,;\r]|\"'}".contains(next));
    let before = &line[..at];
    let is_first = matches!(before, [] | [b'[' | b'"']);
    let ns = count.checked_mul(unit_ns).filter(|_| is_word && (is_first || ends_in_key(before)))?;
    Some(LineTime { stamp: Stamp::Absolute(ns), resolution_ns: unit_ns, took_ns: None, end: digits })
}

/// Whether a text ends in a key for a time, with what may stand between a key and its value.
fn ends_in_key(text: &[u8]) -> bool {
    const KEYS: [&[u8]; 8] =
        [b"ts", b"time", b"timestamp", b"epoch", b"date", b"datetime", b"time_ns", b"timestamp_ms"];
    let text = text.strip_suffix(b"\"").unwrap_or(text).trim_ascii_end();
    let Some(text) = text.strip_suffix(b":").or(text.strip_suffix(b"=")) else { return false };
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    let start = text.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let key = &text[start.map_or(0, |at| at + 1)..];
    KEYS.iter().any(|word| key.eq_ignore_ascii_case(word))
}

/// `[ 4076.500000]` at the start of a line: seconds since the boot, as printk counts them. It is
/// what `dmesg` and `journalctl -o short-monotonic` print, `dmesg -r` with the level before it, and
/// `dmesg -d` with the distance from the message before.
pub(super) fn since_boot(line: &[u8]) -> Option<LineTime> {
    let level = match line {
        [b'<', rest @ ..] => number(rest).filter(|_| rest.len() > 1)?.1 + 2,
        _ => 0,
    };
    let bracket = match level {
        0 => line,
        _ => line.get(level - 1..)?.strip_prefix(b">")?,
    };
    let text = bracket.strip_prefix(b"[")?;
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    let (seconds, digits) = number(text.get(spaces..)?)?;
    let fraction = fraction(text.get(spaces + digits..)?)?;
    let length = spaces + digits + fraction.length;
    let is_end = matches!(text.get(length..), Some([b']', ..] | [b' ', b'<', ..]));
    let ns = seconds.checked_mul(NS)?.checked_add(fraction.ns)?;
    (digits < EPOCH_DIGITS && is_end).then_some(LineTime {
        stamp: Stamp::SinceBoot(ns),
        resolution_ns: fraction.resolution_ns,
        took_ns: None,
        end: level + 1 + length,
    })
}

/// The time of an entry that `journalctl -o json` (or `json-pretty`, or `export`) printed: when the
/// journal received it, in µs since 1970, and in µs of CLOCK_MONOTONIC
/// (systemd.journal-fields(7)).
pub(super) fn of_journal(line: &[u8]) -> Option<LineTime> {
    let field = |name: &[u8]| {
        // A quote in a message has a backslash before it. `export` puts each field on a line.
        let is_key = |at: &usize| *at == 0 || line[at - 1] == b'"' && !line[..at - 1].ends_with(b"\\");
        let mut places = line.windows(name.len()).enumerate();
        let at = places.find_map(|(at, window)| (window == name && is_key(&at)).then_some(at))?;
        let rest = line.get(at + name.len()..)?;
        let rest = rest.strip_prefix(b"\"").unwrap_or(rest).trim_ascii_start();
        let rest = rest.strip_prefix(b":").or(rest.strip_prefix(b"="))?.trim_ascii_start();
        let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
        let (us, digits) = number(rest)?;
        Some((us.checked_mul(1000)?, line.len() - rest.len() + digits))
    };
    let real = field(b"__REALTIME_TIMESTAMP");
    let monotonic = field(b"__MONOTONIC_TIMESTAMP").filter(|_| line.starts_with(b"{"));
    let (stamp, end) = match (real, monotonic) {
        (Some((real_ns, end)), Some((monotonic_ns, _))) => (Stamp::Both { real_ns, monotonic_ns }, end),
        (Some((real_ns, end)), None) => (Stamp::Absolute(real_ns), end),
        (None, Some((monotonic_ns, end))) => (Stamp::SinceBoot(monotonic_ns), end),
        (None, None) => return None,
    };
    Some(LineTime { stamp, resolution_ns: 1000, took_ns: None, end })
}
