//! Times from a victim's log: epoch seconds, RFC 3339, `ping -D`, tcpdump; the first time in each line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use clap::Args;
use stallgraph::analyses::moments::{Log, LogTime, Stamp};
use stallgraph::model::clean;
use stallgraph::render::text::counted;
use stallgraph::{Error, Result};

/// A line's time is looked for in so many of its first bytes.
const LOOKED_AT: usize = 4096;
/// So many times are read; those of a longer log are few of it.
const MOST_TIMES: usize = 1_000_000;
/// So many bytes of a log are read.
const MOST_BYTES: u64 = 4 << 30;
/// What to give instead of what holds no time.
const UNDERSTOOD: &str = "give one with epoch seconds, RFC 3339, or what ping -D or tcpdump -tt print; | ts %.s puts a time before each line";
const NS: u64 = 1_000_000_000;

/// Which log.
#[derive(Args)]
pub struct At {
    /// For each time in FILE, say in which stall it lies, or else what the CPUs did just before: a log with epoch seconds or
    /// RFC 3339, what ping -O -D or tcpdump print; - is standard input. The recording must tell the time of day (perf record -k CLOCK_MONOTONIC)
    #[arg(long, value_name = "FILE")]
    at: Option<PathBuf>,
    /// Zone of times that name none: UTC, +01:00
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "at", value_parser = parse_zone)]
    #[arg(allow_hyphen_values = true)]
    at_zone: Zone,
}

impl At {
    /// Reads the log; `None` if none is asked for.
    pub fn read(&self) -> Result<Option<Log>> {
        self.at.as_deref().map(|file| read_file(file, self.at_zone)).transpose()
    }
}

/// Minutes east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Zone(i32);

fn parse_zone(text: &str) -> std::result::Result<Zone, String> {
    match zone(text.as_bytes()) {
        Some((minutes, length)) if length == text.len() => Ok(Zone(minutes)),
        _ => Err("not a zone; write UTC, +01:00 or -0530".to_owned()),
    }
}

fn read_file(path: &Path, zone: Zone) -> Result<Log> {
    let failed = |cause| Error::Io { file: path.to_owned(), cause, remedy: None };
    let is_stdin = path.as_os_str() == "-";
    let file = File::open(if is_stdin { Path::new("/dev/stdin") } else { path }).map_err(failed)?;
    let mut reader = BufReader::with_capacity(1 << 20, file.take(MOST_BYTES));
    if let Some((what, remedy)) = no_log(reader.fill_buf().map_err(failed)?) {
        return Err(Error::input(path, what, remedy));
    }
    let mut log =
        Log { file: clean(&path.to_string_lossy()).into_owned(), zone_minutes: zone.0, ..Log::default() };
    let mut since_previous = 0u64;
    let mut line = Vec::new();
    while next_line(&mut reader, &mut line).map_err(failed)? {
        log.lines += 1;
        match time_in(&line) {
            _ if is_since_previous(&line) => since_previous += 1,
            Some(_) if log.times.len() == MOST_TIMES => {
                log.is_cut = true;
                return Ok(log);
            }
            Some(Found { stamp, resolution_ns, end }) => log.times.push(LogTime {
                line: log.lines,
                stamp,
                resolution_ns,
                took_ns: took_ns(line.get(end..).unwrap_or_default()),
            }),
            None => log.without += 1,
        }
    }
    log.is_cut = reader.get_ref().limit() == 0;
    log.without += since_previous;
    match log.times.is_empty() {
        false => Ok(log),
        true if since_previous > 0 => {
            let what = "its times are distances from the line before or from the first";
            Err(Error::input(path, what, "print it with tcpdump -tt, not -ttt or -ttttt"))
        }
        true => Err(Error::input(
            path,
            format!("has no time that is known in {}", counted(log.lines, "line")),
            UNDERSTOOD,
        )),
    }
}

/// What a file is that cannot be a log, by its beginning, and what to give instead.
fn no_log(beginning: &[u8]) -> Option<(&'static str, &'static str)> {
    /// pcap in both orders of bytes, with µs and ns (pcap-savefile(5)), and pcapng (its first block's type).
    const PACKETS: [[u8; 4]; 5] = [
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x0a, 0x0d, 0x0d, 0x0a],
    ];
    if beginning.is_empty() {
        return Some(("is empty", UNDERSTOOD));
    }
    if PACKETS.iter().any(|magic| beginning.starts_with(magic)) {
        return Some(("holds packets, not text", "print them: tcpdump -n -tt -r FILE > times.txt"));
    }
    if beginning.starts_with(&[0x1f, 0x8b]) {
        return Some(("is compressed by gzip", "unpack it: gunzip"));
    }
    if beginning.iter().take(LOOKED_AT).any(|byte| *byte == 0) {
        return Some(("is no text", UNDERSTOOD));
    }
    None
}

/// Reads the next line, of a long one the beginning; false at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let mut is_any = false;
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if buffer.is_empty() {
            return Ok(is_any);
        }
        is_any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let of_line = &buffer[..end.unwrap_or(buffer.len())];
        let room = LOOKED_AT - line.len();
        line.extend_from_slice(&of_line[..room.min(of_line.len())]);
        let used = of_line.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// tcpdump's `-ttt` and `-ttttt` begin the line with a space or a minus, then a time of day (print of `ts_print` in tcpdump 4.99's
/// util-print.c).
fn is_since_previous(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'-', rest @ ..] if time_of_day(rest).is_some_and(|time| time.end > 8))
}

/// A time in a line.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    stamp: Stamp,
    resolution_ns: u64,
    /// Where in the line it ends.
    end: usize,
}

/// The first time in a line.
fn time_in(line: &[u8]) -> Option<Found> {
    let is_start = |at: usize| {
        line[at].is_ascii_digit()
            && (at == 0
                || !line[at - 1].is_ascii_alphanumeric() && !matches!(line[at - 1], b'.' | b'_' | b'-'))
    };
    (0..line.len()).filter(|&at| is_start(at)).find_map(|at| {
        let rest = &line[at..];
        let is_after_colon = at > 0 && line[at - 1] == b':';
        let found = dated(rest).or_else(|| seconds(rest, at == 0)).or_else(|| {
            // Without a fraction it may be a duration, or a part of an address, and is too coarse to ask anything.
            time_of_day(rest).filter(|time| !is_after_colon && time.end > 8)
        })?;
        Some(Found { end: found.end + at, ..found })
    })
}

/// RFC 3339, and what is near it: a space for the `T` (`tcpdump -tttt`, `date --rfc-3339`), slashes (nginx), a comma for the
/// point (log4j), no colon in the zone, or no zone.
fn dated(text: &[u8]) -> Option<Found> {
    const DATE: usize = "2026-11-23".len();
    let [y1, y2, y3, y4, dash, m1, m2, other_dash, d1, d2] = *text.first_chunk::<DATE>()?;
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if dash != other_dash || !matches!(dash, b'-' | b'/') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if !matches!(text.get(DATE)?, b'T' | b't' | b' ') {
        return None;
    }
    let time = time_of_day(text.get(DATE + 1..)?)?;
    let Stamp::TimeOfDay(time_ns) = time.stamp else { return None };
    let date: String = digits.iter().map(|digit| char::from(*digit)).collect();
    let midnight = format!("{}-{}-{}T00:00:00", &date[..4], &date[4..6], &date[6..]);
    let midnight = humantime::parse_rfc3339_weak(&midnight).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let local_ns = midnight.as_secs().checked_mul(NS)?.checked_add(time_ns)?;
    let end = DATE + 1 + time.end;
    let rest = text.get(end..).unwrap_or_default();
    // Go prints `2026-11-23 01:45:59.1 +0000 UTC`.
    let gap = usize::from(matches!(rest, [b' ', b'+' | b'-', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', ..]));
    let (stamp, end) = match zone(rest.get(gap..).unwrap_or_default()) {
        Some((minutes, length)) => {
            let utc = i128::from(local_ns) - i128::from(minutes) * 60 * i128::from(NS);
            (Stamp::Absolute(u64::try_from(utc).ok()?), end + gap + length)
        }
        None => (Stamp::Local(local_ns), end),
    };
    Some(Found { stamp, resolution_ns: time.resolution_ns, end })
}

/// Minutes east of UTC and the length of the text: `Z`, `UTC`, `+01:00`, `-0530`.
fn zone(text: &[u8]) -> Option<(i32, usize)> {
    match text {
        [b'U', b'T', b'C', ..] => return Some((0, 3)),
        [b'Z' | b'z', ..] => return Some((0, 1)),
        _ => {}
    }
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes, length) = match rest {
        [h1, h2, b':', m1, m2, ..] => (two(*h1, *h2)?, two(*m1, *m2)?, 6),
        [h1, h2, m1, m2, ..] => (two(*h1, *h2)?, two(*m1, *m2)?, 5),
        _ => return None,
    };
    let minutes_of_day = i32::try_from(hours * 60 + minutes).ok()?;
    (hours < 24 && minutes < 60).then_some((sign * minutes_of_day, length))
}

/// Seconds since 1970, with a fraction or, as a line's first word, without (of ms, µs and ns the whole number): `ping -D` prints
/// them in brackets (iputils, `print_timestamp`), `tcpdump -tt` and `date +%s.%N` as they are.
fn seconds(text: &[u8], is_first: bool) -> Option<Found> {
    const DIGITS: usize = "1700000000".len();
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(text.get(..whole)?).ok()?.parse::<u64>().ok()?;
    if let Some((fraction_ns, resolution_ns, length)) =
        fraction(text.get(whole..)?).filter(|_| whole == DIGITS)
    {
        let ns = number.checked_mul(NS)?.checked_add(fraction_ns)?;
        return Some(Found { stamp: Stamp::Absolute(ns), resolution_ns, end: whole + length });
    }
    let is_word = text.get(whole).is_none_or(|next| matches!(next, b' ' | b'\t' | b',' | b';' | b'\r'));
    let unit_ns = match whole.checked_sub(DIGITS)? {
        0 => NS,
        3 => 1_000_000,
        6 => 1000,
        9 => 1,
        _ => return None,
    };
    let ns = number.checked_mul(unit_ns).filter(|_| is_first && is_word)?;
    Some(Found { stamp: Stamp::Absolute(ns), resolution_ns: unit_ns, end: whole })
}

/// `01:45:59.123456`.
fn time_of_day(text: &[u8]) -> Option<Found> {
    const LENGTH: usize = "01:45:59".len();
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *text.first_chunk::<LENGTH>()? else { return None };
    let (hours, minutes, seconds) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    // 60 is a leap second.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let rest = text.get(LENGTH..).unwrap_or_default();
    let (fraction_ns, resolution_ns, length) = match fraction(rest) {
        Some(found) => found,
        None if matches!(rest.first(), Some(b'0'..=b'9' | b':')) => return None,
        None => (0, NS, 0),
    };
    let ns = (hours * 3600 + minutes * 60 + seconds) * NS + fraction_ns;
    Some(Found { stamp: Stamp::TimeOfDay(ns), resolution_ns, end: LENGTH + length })
}

/// ns, what one in the last digit is in ns, and the length, of `.123456`; digits after the ninth do not count.
fn fraction(text: &[u8]) -> Option<(u64, u64, usize)> {
    let [b'.' | b',', digits @ ..] = text else { return None };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let (mut ns, mut unit_ns) = (0, NS);
    for digit in digits.iter().take(count.min(9)) {
        unit_ns /= 10;
        ns += u64::from(digit - b'0') * unit_ns;
    }
    Some((ns, unit_ns, 1 + count))
}

fn two(tens: u8, ones: u8) -> Option<u64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u64::from(tens - b'0') * 10 + u64::from(ones - b'0'))
}

/// The round trip in ns: ping's `time=127 ms`, hping3's `rtt=127.0 ms`.
fn took_ns(text: &[u8]) -> Option<u64> {
    /// No answer is waited for longer.
    const LONGEST_NS: u64 = 3600 * NS;
    let after = |name: &[u8]| {
        let at = text.windows(name.len()).position(|window| window == name)?;
        let is_word = at == 0 || text[at - 1] == b' ';
        text.get(at + name.len()..).filter(|_| is_word)
    };
    let value = after(b"time=").or_else(|| after(b"rtt="))?;
    let whole = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ms = std::str::from_utf8(value.get(..whole)?).ok()?.parse::<u64>().ok()?;
    let (fraction_ns, _, length) = fraction(value.get(whole..)?).unwrap_or((0, 0, 0));
    let unit = value.get(whole + length..)?;
    let ns = ms.checked_mul(1_000_000)?.checked_add(fraction_ns / 1000)?;
    (ns <= LONGEST_NS && (unit.starts_with(b" ms") || unit.starts_with(b"ms"))).then_some(ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14T22:13:20Z.
    const EPOCH: u64 = 1_700_000_000 * NS;

    fn stamp(line: &str) -> Option<(Stamp, u64)> {
        time_in(line.as_bytes()).map(|found| (found.stamp, found.resolution_ns))
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
        assert!(is_since_previous(b" 00:00:00.000123 IP"));
        assert!(is_since_previous(b"-00:00:00.000123 IP"));
        assert!(!is_since_previous(b"22:13:20.000123 IP"));
        assert!(!is_since_previous(b" 22:13:20 no fraction"));
    }

    #[test]
    fn round_trips() {
        let took = |text: &str| took_ns(text.as_bytes());
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
    fn zones() {
        for (text, minutes) in [("UTC", 0), ("Z", 0), ("+01:00", 60), ("-0530", -330), ("+14:00", 840)] {
            assert_eq!(parse_zone(text), Ok(Zone(minutes)), "{text}");
        }
        for wrong in ["", "CET", "+1", "+01:0", "+25:00", "+01:60", "+01:00x", "local"] {
            assert!(parse_zone(wrong).is_err(), "{wrong}");
        }
    }

    fn read(bytes: &[u8]) -> std::result::Result<Log, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, bytes).expect("a file");
        read_file(&path, Zone(60)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_log_has_its_lines_and_times_counted() {
        let text =
            "PING 192.0.2.2\n[1700000000.5] a time=9 ms\n\n[1700000001.5] b 1600000000.1\r\nend 1700000002.5";
        let log = read(text.as_bytes()).expect("a log");
        assert_eq!((log.lines, log.without, log.is_cut, log.zone_minutes), (5, 2, false, 60));
        let times: Vec<_> = log.times.iter().map(|time| (time.line, time.stamp, time.took_ns)).collect();
        let at = |ns| Stamp::Absolute(EPOCH + ns);
        assert_eq!(
            times,
            [(2, at(NS / 2), Some(9_000_000)), (4, at(3 * NS / 2), None), (5, at(5 * NS / 2), None)]
        );
    }

    #[test]
    fn lines_of_any_length_are_lines() {
        let mut bytes = vec![b'x'; 5 << 20];
        bytes.extend_from_slice(b" 1700000000.5\n1700000000.5");
        bytes.extend_from_slice(&vec![b'y'; 5 << 20]);
        bytes.extend_from_slice(b"\n1700000001.5\n");
        let log = read(&bytes).expect("a log");
        let lines: Vec<u64> = log.times.iter().map(|time| time.line).collect();
        assert_eq!((log.lines, log.without, lines), (3, 1, vec![2, 3]));
    }

    #[test]
    fn what_is_no_log_is_said() {
        for (bytes, says) in [
            (&b""[..], "is empty"),
            (&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0], "tcpdump -n -tt -r"),
            (&[0x0a, 0x0d, 0x0d, 0x0a, 2, 0, 4, 0], "tcpdump -n -tt -r"),
            (&[0x1f, 0x8b, 8], "gunzip"),
            (b"PERFILE2\0\0", "is no text"),
            (b"1 1.0\n2 0.9\n", "no time that is known in 2 lines"),
            (b" 00:00:00.000000 IP\n 00:00:00.000123 IP\n", "not -ttt"),
            (&[0xff, 0xfe, 0x80, b'\n'].repeat(9), "no time that is known"),
        ] {
            let error = read(bytes).expect_err("no log");
            assert!(error.contains(says), "{error}");
        }
        let absent = read_file(Path::new("/absent/log"), Zone(0)).expect_err("no file");
        assert!(absent.to_string().contains("/absent/log: No such file"), "{absent}");
        let folder = read_file(Path::new("/"), Zone(0)).expect_err("a folder");
        assert!(folder.to_string().contains("Is a directory"), "{folder}");
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
        let (mut line, mut found) = (Vec::new(), 0);
        for number in 0..pieces.len().pow(4) {
            line.clear();
            let mut rest = number;
            for _ in 0..4 {
                line.extend_from_slice(pieces[rest % pieces.len()]);
                rest /= pieces.len();
            }
            let time = time_in(&line);
            assert!(time.as_ref().is_none_or(|time| time.end <= line.len()), "{line:?}");
            found += usize::from(time.is_some());
            took_ns(&line);
            is_since_previous(&line);
        }
        assert!(found > 400, "{found}");
    }
}
