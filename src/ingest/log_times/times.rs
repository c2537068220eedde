//! Finds the first time in a line of a log, and the round trip in the line.

use crate::model::Stamp;

use super::counted::{epoch_with_fraction, of_journal, since_boot, whole_epoch};
use super::dates::{days_since_1970, two_digits};
use super::line_time::{LineTime, NS, TIME_OF_DAY, fraction, in_zone, time_of_day};
use super::months::{day_and_month, month_and_day, of_access_log};

/// The time in a line: that of a known kind of log, else the first.
pub(super) fn first_time(line: &[u8]) -> Option<LineTime> {
    let of_form = of_access_log(line).or_else(|| of_journal(line)).or_else(|| since_boot(line));
    if of_form.is_some() {
        return of_form;
    }
    let is_start = |at: usize| {
        line[at].is_ascii_alphanumeric()
            && (at == 0
                || !line[at - 1].is_ascii_alphanumeric() && !matches!(line[at - 1], b'.' | b'_' | b'-'))
    };
    (0..line.len()).filter(|&at| is_start(at)).find_map(|at| {
        let rest = &line[at..];
        if !line[at].is_ascii_digit() {
            let time = month_and_day(rest)?;
            return Some(LineTime { end: time.end + at, ..time });
        }
        let is_after_colon = at > 0 && line[at - 1] == b':';
        let time = date_and_time(rest)
            .or_else(|| day_and_month(rest))
            .or_else(|| epoch_with_fraction(rest))
            .or_else(|| whole_epoch(line, at))
            .or_else(|| bare_time_of_day(rest).filter(|_| !is_after_colon))?;
        Some(LineTime { end: time.end + at, ..time })
    })
}

/// A time of day without a date. Without a fraction it may be a duration or a part of an address.
/// It would also be too coarse to look up.
fn bare_time_of_day(text: &[u8]) -> Option<LineTime> {
    let time = time_of_day(text).filter(|time| time.length > TIME_OF_DAY)?;
    Some(LineTime {
        stamp: Stamp::TimeOfDay(time.ns),
        resolution_ns: time.resolution_ns,
        took_ns: None,
        end: time.length,
    })
}

/// Whether tcpdump's `-ttt` or `-ttttt` printed the line: a space or a minus, then a time of day
/// with a fraction, which is the distance from the line before or from the first line (`ts_print`
/// in util-print.c of tcpdump 4.99).
pub(super) fn is_tcpdump_delta(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'-', rest @ ..] if bare_time_of_day(rest).is_some())
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
    let local_ns = days.checked_mul(86_400 * NS)?.checked_add(time.ns)?;
    let end = DATE + 1 + time.length;
    // Go prints `2026-11-23 01:45:59.1 +0000 UTC`, journalctl `2026-11-23 01:45:59 UTC`.
    let (stamp, zone) = in_zone(local_ns, text.get(end..).unwrap_or_default())?;
    Some(LineTime { stamp, resolution_ns: time.resolution_ns, took_ns: None, end: end + zone })
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

    fn absolute(ns: u64, resolution_ns: u64) -> Option<(Stamp, u64)> {
        Some((Stamp::Absolute(EPOCH + ns), resolution_ns))
    }

    #[test]
    fn every_form_is_understood() {
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
        ] {
            assert_eq!(stamp(line), expected, "{line}");
        }
    }

    #[test]
    fn logs_of_the_system_are_understood() {
        // 14 November is day 258 after 1 March.
        let of_year =
            |ns, resolution| Some((Stamp::WithoutYear((258 * 86_400 + 80_000) * NS + ns), resolution));
        let boot = |ns, resolution| Some((Stamp::SinceBoot(ns), resolution));
        let (us, ms, s) = (1000, 1_000_000, NS);
        for (line, expected) in [
            // syslog, RFC 3164 and RFC 5424, and journalctl -o short, short-precise, short-iso,
            // short-iso-precise, short-unix, short-full.
            ("Nov 14 22:13:20 node kernel: slow", of_year(0, s)),
            ("<34>Nov 14 22:13:20 node su: failed", of_year(0, s)),
            ("Nov 14 22:13:20.123456 node kernel: slow", of_year(123_456_000, us)),
            ("<165>1 2023-11-14T22:13:20.003Z node app - ID47 - slow", absolute(3_000_000, ms)),
            ("2023-11-14T22:13:20+0000 node kernel: slow", absolute(0, s)),
            ("2023-11-14T22:13:20.123456+00:00 node kernel: slow", absolute(123_456_000, us)),
            ("1700000000.123456 node kernel: slow", absolute(123_456_000, us)),
            ("Tue 2023-11-14 22:13:20 UTC node kernel: slow", absolute(0, s)),
            ("Tue 2023-11-14 22:13:20 CET node kernel: slow", Some((Stamp::Local(EPOCH), s))),
            // dmesg, -r, -d, -T, --time-format=iso; journalctl -o short-monotonic.
            ("[ 4076.5]", boot(4_076_500_000_000, 100_000_000)),
            ("[ 4076.500001] rcu: INFO: 1700000000.5", boot(4_076_500_001_000, us)),
            ("<6>[    0.000000] Linux version", boot(0, us)),
            ("[12345.678901 <    0.000123>] eth0: reset", boot(12_345_678_901_000, us)),
            ("[Tue Nov 14 22:13:20 2023] eth0: reset", Some((Stamp::Local(EPOCH), s))),
            ("[Tue Nov 14 22:13:20 2023 <    0.5>] eth0: reset", Some((Stamp::Local(EPOCH), s))),
            ("2023-11-14T22:13:20,123456+00:00 eth0: reset", absolute(123_456_000, us)),
            // journalctl -o json and json-pretty.
            (
                r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1700000000123456","MESSAGE":"slow"}"#,
                absolute(123_456_000, us),
            ),
            (
                r#"{"__MONOTONIC_TIMESTAMP":"4076500001","__REALTIME_TIMESTAMP":"1700000000123456"}"#,
                Some((Stamp::Both { real_ns: EPOCH + 123_456_000, monotonic_ns: 4_076_500_001_000 }, us)),
            ),
            (r#"{"__MONOTONIC_TIMESTAMP" : "4076500001"}"#, boot(4_076_500_001_000, us)),
            ("\t\"__REALTIME_TIMESTAMP\" : \"1700000000123456\",", absolute(123_456_000, us)),
            ("__REALTIME_TIMESTAMP=1700000000123456", absolute(123_456_000, us)),
            ("\t\"__MONOTONIC_TIMESTAMP\" : \"4076500001\",", None),
            (
                r#"{"MESSAGE":"\"__REALTIME_TIMESTAMP\":\"1600000000123456\"","ts":1700000000}"#,
                absolute(0, s),
            ),
        ] {
            assert_eq!(stamp(line), expected, "{line}");
        }
    }

    #[test]
    fn access_logs_are_understood() {
        let local = |ns| Stamp::Local(EPOCH + ns);
        let time = |line: &str| {
            first_time(line.as_bytes()).map(|time| (time.stamp, time.resolution_ns, time.took_ns))
        };
        let (ms, s) = (1_000_000, NS);
        let request = r#"200 2750 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#;
        for (line, expected) in [
            (
                r#"192.0.2.9 - - [14/Nov/2023:22:13:20 +0000] "GET / HTTP/1.1" 200 612"#.to_owned(),
                (Stamp::Absolute(EPOCH), s, None),
            ),
            (
                r#"192.0.2.9 - - [14/Nov/2023:23:13:20 +0100] "GET / HTTP/1.1" 200 612"#.to_owned(),
                (Stamp::Absolute(EPOCH), s, None),
            ),
            // The request ended 109 ms after it was accepted; so does one that took 5 s.
            (
                format!(
                    "Nov 14 22:13:20 lb haproxy[7]: 192.0.2.9:33317 [14/Nov/2023:22:13:20.655] http-in static/srv1 10/0/30/69/109 {request}"
                ),
                (local(764 * ms), ms, Some(109 * ms)),
            ),
            (
                "haproxy[7]: 192.0.2.9:33313 [14/Nov/2023:22:13:20.655] fnt bck/srv1 0/-1/+5007 212 --"
                    .to_owned(),
                (local(5_662 * ms), ms, Some(5_007 * ms)),
            ),
            (
                "haproxy[7]: [14/Nov/2023:22:13:20.655] fnt bck/srv1 a/b/c 212".to_owned(),
                (local(655 * ms), ms, None),
            ),
            // BIND, and a date as in HTTP.
            ("14-Nov-2023 22:13:20.655 client @0x7f: query".to_owned(), (local(655 * ms), ms, None)),
            ("Date: Tue, 14 Nov 2023 22:13:20 GMT".to_owned(), (Stamp::Absolute(EPOCH), s, None)),
        ] {
            assert_eq!(time(&line), Some(expected), "{line}");
        }
    }

    #[test]
    fn whole_numbers_count_where_they_can_only_be_times() {
        let (us, ms, s) = (1000, 1_000_000, NS);
        for (line, expected) in [
            ("[1700000000] slow", absolute(0, s)),
            ("1700000000123456|GET", absolute(123_456_000, us)),
            (r#"{"level":"warn","ts":1700000000123,"msg":"slow"}"#, absolute(123_000_000, ms)),
            (r#"{"level":"warn","timestamp": "1700000000123456789"}"#, absolute(123_456_789, 1)),
            ("level=warn time=1700000000 msg=slow", absolute(0, s)),
            (r#"{"id":1700000000123,"msg":"slow"}"#, None),
            ("uptime=1700000000", None),
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
            "Nov 31 22:13:20 node kernel: slow",
            "Nov 14 25:13:20 node kernel: slow",
            "Novel 14 22:13:20",
            "31/Nov/2023:22:13:20 +0000",
            "14/Nov/2023",
            "[4076] no fraction",
            "[ 4076.5 unclosed",
            "<6>4076.5]",
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
        let pieces: [&[u8]; 17] = [
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
            b"] ",
            b"14/Nov/2023:",
            b"Nov 14 ",
            b"\"__REALTIME_TIMESTAMP\":",
            b"<6",
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
