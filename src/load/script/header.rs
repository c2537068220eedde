//! The header that `perf script --header` prints first, as comments.

use hashbrown::HashMap;

use crate::ingest::number;
use crate::load::events::kept;
use crate::model::{About, clean};

/// How often perf was asked to sample an event.
#[derive(Clone, Copy)]
pub(super) enum Rate {
    /// This many times a second.
    Frequency(u64),
    /// Once in this many counts.
    Period(u64),
}

impl Rate {
    /// The frequency, if it is one.
    pub fn frequency(self) -> Option<u64> {
        if let Rate::Frequency(hz) = self { Some(hz) } else { None }
    }

    /// The period, if it is one.
    pub fn period(self) -> Option<u64> {
        if let Rate::Period(period) = self { Some(period) } else { None }
    }
}

/// Reads a line of comment. The keys are those of tools/perf/util/header.c.
pub(super) fn read_comment(text: &str, about: &mut About, rates: &mut HashMap<String, Rate>) {
    let (key, value) = text.split_once(':').map_or((text, ""), |(key, value)| (key.trim(), value.trim()));
    let words = || Some(clean(value).into_owned());
    match key {
        "hostname" => about.hostname = words(),
        "os release" => about.kernel = words(),
        "perf version" => about.perf_version = words(),
        "arch" => about.arch = words(),
        "cmdline" => {
            about.kept = kept(about.perf_version.as_deref(), value.split_whitespace());
            about.command = words();
        }
        "nrcpus online" => about.cpus_online = value.parse().ok(),
        "nrcpus avail" => about.cpus_available = value.parse().ok(),
        "clockid" => {
            let id = value.rsplit_once('(').and_then(|(_, id)| id.strip_suffix(')'));
            about.clock.id = id.and_then(|id| id.parse().ok());
        }
        "reference time" => about.clock.wall = reference_time(value),
        "event" => rates.extend(rate(value)),
        _ => {}
    }
}

/// The two times, both in ns, of the wall clock and of the recording's clock in
/// `2026-11-22 19:04:54.727261 = 1795374294.727261 (TOD) = 4075.584754456 (monotonic)`.
fn reference_time(value: &str) -> Option<(u64, u64)> {
    let mut parts = value.split(" = ").skip(1).map(|part| {
        let (whole, fraction) = part.split_whitespace().next()?.split_once('.')?;
        let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        number(whole.as_bytes())?.checked_mul(1_000_000_000)?.checked_add(number(nine.as_bytes())?)
    });
    Some((parts.next()??, parts.next()??))
}

/// The name and the rate of the event in
/// `name = cpu-clock/freq=999/, , id = { 1413 }, …, { sample_period, sample_freq } = 999, …`, which
/// goes on with `freq = 1` if the number is a frequency.
fn rate(value: &str) -> Option<(String, Rate)> {
    let rest = value.strip_prefix("name = ")?;
    let end = [", , id = ", ", id = ", ", type = "].iter().filter_map(|end| rest.find(end)).min()?;
    let (_, count) = rest.split_once("{ sample_period, sample_freq } = ")?;
    let count: u64 = count.split(',').next()?.trim().parse().ok()?;
    let is_frequency = rest.contains(", freq = 1");
    Some((rest[..end].to_owned(), if is_frequency { Rate::Frequency(count) } else { Rate::Period(count) }))
}
