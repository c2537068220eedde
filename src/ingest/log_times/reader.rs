//! Reads a log line by line, and says what is wrong with a file that is not a log.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::{Log, LogTime, clean};

use super::dates::Zone;
use super::line_time::LineTime;
use super::times::{first_time, is_tcpdump_delta, round_trip_ns};

/// The bytes at the start of a line that are searched for a time.
const LINE_BYTES: usize = 4096;
/// The most times in a log; the rest of the log is not read.
const MAX_TIMES: usize = 1_000_000;
/// The most bytes of a log that are read.
const MAX_BYTES: u64 = 4 << 30;
/// The remedy for a file without a time.
const SUPPORTED: &str = "give a log of syslog, journalctl, dmesg, nginx or haproxy, one with times of RFC 3339 or since 1970, or what \
                         ping -D or tcpdump -tt print; | ts %.s puts a time before each line";

/// Reads the log at `path`, or standard input if that is `-`. Times without a zone are in `zone`.
///
/// # Errors
///
/// If the file cannot be read, is not a text, or has no time.
pub fn read(path: &Path, zone: Zone) -> Result<Log> {
    let is_stdin = path.as_os_str() == "-";
    let file = File::open(if is_stdin { Path::new("/dev/stdin") } else { path });
    let file = file.map_err(|cause| Error::Io { file: path.to_owned(), cause, remedy: None })?;
    parse(file, path, zone)
}

/// Reads a log from `input`; `path` is its name in messages. Times without a zone are in `zone`.
///
/// # Errors
///
/// If `input` fails, is not a text, or has no time.
pub fn parse(input: impl Read, path: &Path, zone: Zone) -> Result<Log> {
    let failed = |cause| Error::Io { file: path.to_owned(), cause, remedy: None };
    let mut reader = BufReader::with_capacity(1 << 20, input.take(MAX_BYTES));
    if let Some((problem, remedy)) = foreign_file(reader.fill_buf().map_err(failed)?) {
        return Err(Error::input(path, problem, remedy));
    }
    let mut log = Log {
        file: clean(&path.to_string_lossy()).into_owned(),
        zone_minutes: zone.minutes,
        ..Log::default()
    };
    // tcpdump -ttt prints no times of the clock.
    let mut deltas = 0;
    let mut line = Vec::new();
    while next_line(&mut reader, &mut line).map_err(failed)? {
        log.lines += 1;
        if is_tcpdump_delta(&line) {
            deltas += 1;
            continue;
        }
        match first_time(&line) {
            Some(_) if log.times.len() == MAX_TIMES => {
                log.is_cut = true;
                break;
            }
            Some(LineTime { stamp, resolution_ns, took_ns, end }) => log.times.push(LogTime {
                line: log.lines,
                stamp,
                resolution_ns,
                took_ns: took_ns.or_else(|| round_trip_ns(line.get(end..).unwrap_or_default())),
            }),
            None => log.without += 1,
        }
    }
    log.is_cut |= reader.get_ref().limit() == 0;
    log.without += deltas;
    if !log.times.is_empty() {
        return Ok(log);
    }
    Err(match (deltas, log.lines) {
        (0, 1) => Error::input(path, "has no time that is known in 1 line", SUPPORTED),
        (0, lines) => Error::input(path, format!("has no time that is known in {lines} lines"), SUPPORTED),
        _ => Error::input(
            path,
            "its times are distances from the line before or from the first",
            "print it with tcpdump -tt, not -ttt or -ttttt",
        ),
    })
}

/// What a file is that cannot be a log, judged by its first bytes, and what to do about it.
fn foreign_file(start: &[u8]) -> Option<(&'static str, &'static str)> {
    /// pcap in both byte orders, with µs and with ns (pcap-savefile(5)), and pcapng (the type of
    /// its first block).
    const PACKETS: [[u8; 4]; 5] = [
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x0a, 0x0d, 0x0d, 0x0a],
    ];
    if start.is_empty() {
        return Some(("is empty", SUPPORTED));
    }
    if PACKETS.iter().any(|magic| start.starts_with(magic)) {
        return Some(("holds packets, not text", "print them: tcpdump -n -tt -r FILE > times.txt"));
    }
    if start.starts_with(&[0x1f, 0x8b]) {
        return Some(("is compressed by gzip", "unpack it: gunzip"));
    }
    if start.iter().take(LINE_BYTES).any(|byte| *byte == 0) {
        return Some(("is no text", SUPPORTED));
    }
    None
}

/// Reads the next line into `line`, at most its first [`LINE_BYTES`]; false at the end of the log.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let mut is_line = false;
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        };
        if buffer.is_empty() {
            return Ok(is_line);
        }
        is_line = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let piece = &buffer[..end.unwrap_or(buffer.len())];
        let room = LINE_BYTES - line.len();
        line.extend_from_slice(&piece[..room.min(piece.len())]);
        let used = piece.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Stamp;

    use super::*;

    const NS: u64 = 1_000_000_000;
    /// 2023-11-14T22:13:20Z.
    const EPOCH: u64 = 1_700_000_000 * NS;

    fn parse_bytes(bytes: &[u8]) -> std::result::Result<Log, String> {
        parse(bytes, Path::new("log"), Zone { minutes: 60 }).map_err(|error| error.to_string())
    }

    #[test]
    fn a_log_has_its_lines_and_times_counted() {
        let text =
            "PING 192.0.2.2\n[1700000000.5] a time=9 ms\n\n[1700000001.5] b 1600000000.1\r\nend 1700000002.5";
        let log = parse_bytes(text.as_bytes()).expect("a log");
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
        let log = parse_bytes(&bytes).expect("a log");
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
            let error = parse_bytes(bytes).expect_err("no log");
            assert!(error.contains(says), "{error}");
        }
        let absent = read(Path::new("/absent/log"), Zone { minutes: 0 }).expect_err("no file");
        assert!(absent.to_string().contains("/absent/log: No such file"), "{absent}");
        let folder = read(Path::new("/"), Zone { minutes: 0 }).expect_err("a folder");
        assert!(folder.to_string().contains("Is a directory"), "{folder}");
    }
}
