//! Finds the first time in a line of a log, and the round trip in the line.

use crate::model::Stamp;

use super::dates::{Zone, days_since_1970, two_digits};

const NS: u64 = 1_000_000_000;

/// A time in a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineTime {
    pub stamp: Stamp,
    /// Value of the last digit, in ns.
    pub resolution_ns: u64,
    /// Position in the line after its last byte.
    pub end: usize,
}

/// The first time in a line.
pub(super) fn first_time(line: &[u8]) -> Option<LineTime> {
    let is_start = |at: usize| {
        line[at].is_ascii_digit()
            && (at == 0
                || !line[at - 1].is_ascii_alphanumeric() && !matches!(line[at - 1], b'.' | b'_' | b'-'))
    };
    (0..line.len()).filter(|&at| is_start(at)).find_map(|at| {
        let rest = &line[at..];
        let is_after_colon = at > 0 && line[at - 1] == b':';
        let time = date_and_time(rest).or_else(|| epoch_time(rest, at == 0)).or_else(|| {
            // Without a fraction it may be a duration or a part of an address. It would also be too
            // coarse to look up.
            time_of_day(rest).filter(|time| !is_after_colon && time.end > TIME_OF_DAY)
        })?;
        Some(LineTime { end: time.end + at, ..time })
    })
}

/// Whether tcpdump's `-ttt` or `-ttttt` printed the line: a space or a minus, then a time of day
/// with a fraction, which is the distance from the line before or from the first line (`ts_print`
/// in util-print.c of tcpdump 4.99).
pub(super) fn is_tcpdump_delta(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'-', rest @ ..] if time_of_day(rest).is_some_and(|time| time.end > TIME_OF_DAY))
}

/// RFC 3339, and what is close to it: a space for the `T` (`tcpdump -tttt`, `date --rfc-3339`),
/// slashes (nginx), a comma for the point (log4j), no colon in the zone, or no zone.
fn date_and_time(text: &[u8]) -> Option<LineTime> {
    const DATE: usize = "2026-11-23".len();
    let [y1, y2, y3, y4, dash, m1, m2, other_dash, d1, d2] = *text.first_chunk::<DATE>()?;
    if dash != other_dash || !matches!(dash, b'-' | b'/') || !matches!(text.get(DATE)?, b'T' | b't' | b' ') {
        return None;
    }
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    let days = days_since_1970(year, two_digits(m1, m2)?, two_digits(d1, d2)?)?;
    let time = time_of_day(text.get(DATE + 1..)?)?;
    let Stamp::TimeOfDay(since_midnight_ns) = time.stamp else { return None };
    let local_ns = days.checked_mul(86_400 * NS)?.checked_add(since_midnight_ns)?;
    let end = DATE + 1 + time.end;
    let rest = text.get(end..).unwrap_or_default();
    // Go prints `2026-11-23 01:45:59.1 +0000 UTC`.
    let gap = usize::from(matches!(rest, [b' ', b'+' | b'-', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', ..]));
    let (stamp, end) = match Zone::at_start(rest.get(gap..).unwrap_or_default()) {
        Some((zone, length)) => {
            let utc_ns = i128::from(local_ns) - i128::from(zone.minutes) * 60 * i128::from(NS);
            (Stamp::Absolute(u64::try_from(utc_ns).ok()?), end + gap + length)
        }
        None => (Stamp::Local(local_ns), end),
    };
    Some(LineTime { stamp, resolution_ns: time.resolution_ns, end })
}

/// Seconds since 1970 with a fraction; at the start of a line also a whole number of s, ms, µs or
/// ns. `ping -D` prints seconds in brackets (iputils, `print_timestamp`), `tcpdump -tt` and
/// `date +%s.%N` print them bare.
fn epoch_time(text: &[u8], is_line_start: bool) -> Option<LineTime> {
    /// Digits of the seconds from 2001 to 2286.
    const DIGITS: usize = "1700000000".len();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(text.get(..digits)?).ok()?.parse::<u64>().ok()?;
    if let Some(fraction) = fraction(text.get(digits..)?).filter(|_| digits == DIGITS) {
        let ns = number.checked_mul(NS)?.checked_add(fraction.ns)?;
        let end = digits + fraction.length;
        return Some(LineTime { stamp: Stamp::Absolute(ns), resolution_ns: fraction.resolution_ns, end });
    }
    let is_word = text.get(digits).is_none_or(|next| matches!(next, b' ' | b'\t' | b',' | b';' | b'\r'));
    let unit_ns = match digits.checked_sub(DIGITS)? {
        0 => NS,
        3 => 1_000_000,
        6 => 1000,
        9 => 1,
        _ => return None,
    };
    let ns = number.checked_mul(unit_ns).filter(|_| is_line_start && is_word)?;
    Some(LineTime { stamp: Stamp::Absolute(ns), resolution_ns: unit_ns, end: digits })
}

/// Bytes of a time of day without a fraction.
const TIME_OF_DAY: usize = "01:45:59".len();

/// `01:45:59`, with or without a fraction.
fn time_of_day(text: &[u8]) -> Option<LineTime> {
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
    Some(LineTime { stamp: Stamp::TimeOfDay(ns), resolution_ns, end: TIME_OF_DAY + length })
}

/// The fraction of a second.
struct Fraction {
    ns: u64,
    /// Value of the last digit, in ns.
    resolution_ns: u64,
    /// Bytes, with the point.
    length: usize,
}

/// Reads `.123456` or `,123456`; digits after the ninth do not count.
fn fraction(text: &[u8]) -> Option<Fraction> {
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

/// The round trip in ns: ping's `time=127 ms`, hping3's `rtt=127.0 ms`.
pub(super) fn round_trip_ns(text: &[u8]) -> Option<u64> {
    /// No tool waits longer for an answer.
    const MAX_NS: u64 = 3600 * NS;
    let after = |name: &[u8]| {
        let at = text.windows(name.len()).position(|window| window == name)?;
        let is_word = at == 0 || text[at - 1] == b' ';
        text.get(at + name.len()..).filter(|_| is_word)
    };
    let value = after(b"time=").or_else(|| after(b"rtt="))?;
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ms = std::str::from_utf8(value.get(..digits)?).ok()?.parse::<u64>().ok()?;
    let (millionths, length) =
        fraction(value.get(digits..)?).map_or((0, 0), |fraction| (fraction.ns / 1000, fraction.length));
    let unit = value.get(digits + length..)?;
    let ns = ms.checked_mul(1_000_000)?.checked_add(millionths)?;
    (ns <= MAX_NS && (unit.starts_with(b" ms") || unit.starts_with(b"ms"))).then_some(ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14T22:13:20Z.
    const EPOCH: u64 = 1_700_000_000 * NS;

    fn stamp(line: &str) -> Option<(Stamp, u64)> {
        first_time(line.as_bytes()).map(|time| (time.stamp, time.resolution_ns))
    }

    #[test]
    fn every_form_is_understood() {
        let absolute = |ns, resolution| Some((Stamp::Absolute(EPOCH + ns), resolution));
        let local = |ns, resolution| Some((Stamp::Local(EPOCH + ns), resolution));
        let (us, ms, s) = (1000, 1_000_000, NS);
        for (line, expected) in [
            ("1700000000.123456", absolute(123_456_000, us)),
            (
                "[1700000000.123456] 64 bytes from 192.0.2.2: icmp_seq=7 ttl=64 time=127 ms",
                absolute(123_456_000, us),
            ),
            ("[1700000000.123456] no answer yet for icmp_seq=5", absolute(123_456_000, us)),
            (
                "1700000000.123456 IP 192.0.2.1 > 192.0.2.2: ICMP echo request, id 7, seq 1, length 64",
                absolute(123_456_000, us),
            ),
            (
                "1700000000.123456 len=28 ip=192.0.2.2 ttl=64 id=1 icmp_seq=0 rtt=1.0 ms",
                absolute(123_456_000, us),
            ),
            ("1700000000", absolute(0, s)),
            ("1700000000 it hung", absolute(0, s)),
            ("1700000000123,GET", absolute(123_000_000, ms)),
            ("1700000000123456789", absolute(123_456_789, 1)),
            ("{\"level\":\"warn\",\"ts\":1700000000.5,\"msg\":\"slow\"}", absolute(500_000_000, 100_000_000)),
            ("2023-11-14T22:13:20Z", absolute(0, s)),
            ("2023-11-14T22:13:20.123456789Z stdout F slow", absolute(123_456_789, 1)),
            ("2023-11-14t23:13:20.5+01:00 slow", absolute(500_000_000, 100_000_000)),
            ("at 2023-11-14 16:43:20.001-0530: slow", absolute(1_000_000, ms)),
            ("2023-11-14 22:13:20.1 +0000 UTC m=+3.1", absolute(100_000_000, 100_000_000)),
            ("2023-11-15T00:13:20.25+02:00", absolute(250_000_000, 10_000_000)),
            ("2023-11-14 22:13:20.123456 IP 192.0.2.1 > 192.0.2.2: ICMP", local(123_456_000, us)),
            ("2023/11/14 22:13:20 [error] 7#7: upstream timed out", local(0, s)),
            ("2023-11-14 22:13:20,123 WARN slow", local(123_000_000, ms)),
            (
                "22:13:20.123456 IP 192.0.2.1 > 192.0.2.2: ICMP",
                Some((Stamp::TimeOfDay(80_000_123_456_000), us)),
            ),
            ("Nov 14 22:13:20.123456 node kernel: slow", Some((Stamp::TimeOfDay(80_000_123_456_000), us))),
        ] {
            assert_eq!(stamp(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for line in [
            "",
            "PING 192.0.2.2 (192.0.2.2) 56(84) bytes of data.",
            "len=28 ip=192.0.2.2 ttl=64 id=1 icmp_seq=0 rtt=1.0 ms",
            "seq 1700000000, ack 1",
            "17000000001 too many digits",
            "170000000000000000000000000000000000000",
            "2023-13-14T22:13:20Z",
            "2023-02-30T22:13:20Z",
            "1969-12-31T23:59:59Z",
            "2023-11-14",
            "2023-11-14T25:13:20Z",
            "took 00:01:30 in all",
            "00:11:22:33:44:55.6",
            "v1700000000.5",
            "größe 22:13:2",
        ] {
            assert_eq!(stamp(line), None, "{line}");
        }
    }

    #[test]
    fn distances_of_tcpdump_are_none() {
        assert!(is_tcpdump_delta(b" 00:00:00.000123 IP"));
        assert!(is_tcpdump_delta(b"-00:00:00.000123 IP"));
        assert!(!is_tcpdump_delta(b"22:13:20.000123 IP"));
        assert!(!is_tcpdump_delta(b" 22:13:20 no fraction"));
    }

    #[test]
    fn round_trips() {
        let took = |text: &str| round_trip_ns(text.as_bytes());
        assert_eq!(took("icmp_seq=7 ttl=64 time=127 ms"), Some(127_000_000));
        assert_eq!(took("time=0.043 ms"), Some(43_000));
        assert_eq!(took("icmp_seq=0 rtt=120.5 ms"), Some(120_500_000));
        for none in [
            "",
            "uptime=127 ms",
            "time=127",
            "time=5 s",
            "time=99999999999 ms",
            "time=99999999999999999999 ms",
        ] {
            assert_eq!(took(none), None, "{none}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        // Pieces of times, put together in all orders of four.
        let pieces: [&[u8]; 12] = [
            b"1700000000",
            b".",
            b"5",
            b"2023-11-14",
            b"T",
            b"22:13:20",
            b"+01:00",
            b" time=",
            b" ms",
            b"[",
            &[0xff, 0xfe],
            b"-",
        ];
        let (mut line, mut count) = (Vec::new(), 0);
        for number in 0..pieces.len().pow(4) {
            line.clear();
            let mut rest = number;
            for _ in 0..4 {
                line.extend_from_slice(pieces[rest % pieces.len()]);
                rest /= pieces.len();
            }
            let time = first_time(&line);
            assert!(time.as_ref().is_none_or(|time| time.end <= line.len()), "{line:?}");
            count += usize::from(time.is_some());
            round_trip_ns(&line);
            is_tcpdump_delta(&line);
        }
        assert!(count > 400, "{count}");
    }
}
