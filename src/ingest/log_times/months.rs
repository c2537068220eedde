//! Dates with the name of the month: of syslog and journald, of `dmesg -T`, and of access logs.

use crate::model::Stamp;

use super::dates::{days_since_1970, days_since_march, two_digits};
use super::line_time::{LineTime, NS, in_zone, number, time_of_day};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// `Nov 28 17:56:10` of syslog (RFC 3164) and of `journalctl`, where a fraction may follow
/// (`short-precise`); and `Nov 28 17:56:10 2026` of `ctime`, which `dmesg -T` puts into brackets.
pub(super) fn month_and_day(text: &[u8]) -> Option<LineTime> {
    let month = month(text)?;
    let spaces = text.get(3..)?.iter().take_while(|byte| **byte == b' ').count();
    let (day, digits) = number(text.get(3 + spaces..)?)?;
    let at = 3 + spaces + digits;
    if !(1..=2).contains(&spaces) || !(1..=2).contains(&digits) || text.get(at) != Some(&b' ') {
        return None;
    }
    let time = time_of_day(text.get(at + 1..)?)?;
    let end = at + 1 + time.length;
    let (resolution_ns, took_ns) = (time.resolution_ns, None);
    if let Some(year) = year_of_ctime(text.get(end..).unwrap_or_default()) {
        let days = days_since_1970(year, month, day)?;
        let stamp = Stamp::Local(days.checked_mul(86_400 * NS)?.checked_add(time.ns)?);
        return Some(LineTime { stamp, resolution_ns, took_ns, end: end + " 2026".len() });
    }
    let stamp = Stamp::WithoutYear(days_since_march(month, day)? * 86_400 * NS + time.ns);
    Some(LineTime { stamp, resolution_ns, took_ns, end })
}

/// The year at the end of what `ctime` prints. `dmesg -T -d` goes on with ` <` and a distance.
fn year_of_ctime(text: &[u8]) -> Option<u64> {
    let [b' ', y1, y2, y3, y4, rest @ ..] = text else { return None };
    let is_end = matches!(rest, [] | [b']' | b'\r', ..] | [b' ', b'<', ..]);
    if is_end { year([*y1, *y2, *y3, *y4]) } else { None }
}

/// `28/Nov/2026:17:56:10 +0000` of access logs, and what is close to it: other separators, and a
/// space before the time (BIND), as in dates of HTTP and of mail.
pub(super) fn day_and_month(text: &[u8]) -> Option<LineTime> {
    let (day, digits) = number(text)?;
    let [separator @ (b'/' | b'-' | b' '), rest @ ..] = text.get(digits..)? else { return None };
    let month = month(rest)?;
    let [after_month, y1, y2, y3, y4, b':' | b' ', rest @ ..] = rest.get(3..)? else { return None };
    if digits > 2 || after_month != separator {
        return None;
    }
    let days = days_since_1970(year([*y1, *y2, *y3, *y4])?, month, day)?;
    let time = time_of_day(rest)?;
    let local_ns = days.checked_mul(86_400 * NS)?.checked_add(time.ns)?;
    let (stamp, zone) = in_zone(local_ns, rest.get(time.length..).unwrap_or_default())?;
    let end = digits + "/Nov/2026:".len() + time.length + zone;
    Some(LineTime { stamp, resolution_ns: time.resolution_ns, took_ns: None, end })
}

/// The time in brackets in a line of an access log. It counts even if syslog's time stands before
/// it.
///
/// nginx and Apache print when the answer was sent. HAProxy prints when the request was accepted,
/// and then how long each phase took (doc/configuration.txt of HAProxy, 8.2.2 and 8.2.3), so the
/// result is the end of the request.
pub(super) fn of_access_log(line: &[u8]) -> Option<LineTime> {
    // `[28/Nov/2026:`
    let is_date = |window: &[u8]| {
        matches!(window, [b'[', b'0'..=b'9', b'0'..=b'9', b'/', b'A'..=b'Z', _, _, b'/', _, _, _, _, b':'])
    };
    let at = line.windows("[28/Nov/2026:".len()).position(is_date)? + 1;
    let mut time = day_and_month(&line[at..])?;
    time.end += at;
    let Stamp::Local(accepted_ns) = time.stamp else { return Some(time) };
    if let Some(took_ns) = haproxy_ns(line.get(time.end..).unwrap_or_default()) {
        time.stamp = Stamp::Local(accepted_ns.checked_add(took_ns)?);
        time.took_ns = Some(took_ns);
    }
    Some(time)
}

/// How long a request took, from what HAProxy prints after its time: `] http-in static/srv1
/// 10/0/30/69/109`, the last in ms. With `option logasap` it has a plus, and counts until the line
/// was logged.
fn haproxy_ns(text: &[u8]) -> Option<u64> {
    /// No request takes longer: it is a number of another kind.
    const MAX_MS: u64 = 86_400_000;
    let text = text.strip_prefix(b"] ")?;
    let timers = text.split(|byte| *byte == b' ').nth(2)?;
    let mut timers = timers.rsplit(|byte| *byte == b'/');
    let last = timers.next()?;
    let (ms, digits) = number(last.strip_prefix(b"+").unwrap_or(last))?;
    let is_number = |timer: &[u8]| {
        let timer = timer.strip_prefix(b"-").unwrap_or(timer);
        !timer.is_empty() && timer.iter().all(u8::is_ascii_digit)
    };
    let others: Vec<&[u8]> = timers.collect();
    let are_timers = matches!(others.len(), 2 | 4) && others.into_iter().all(is_number);
    let is_whole = last.len() - usize::from(last.starts_with(b"+")) == digits;
    (are_timers && is_whole && ms <= MAX_MS).then_some(ms * 1_000_000)
}

/// The number of the month, from 1, whose name `text` begins with.
fn month(text: &[u8]) -> Option<u64> {
    let name = text.first_chunk::<3>()?;
    let index = MONTHS.iter().position(|month| *month == name)?;
    Some(index as u64 + 1)
}

fn year([y1, y2, y3, y4]: [u8; 4]) -> Option<u64> {
    Some(two_digits(y1, y2)? * 100 + two_digits(y3, y4)?)
}
