//! Values of options: durations, sizes, lists of CPUs and ranges of time.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::anyhow;
use stallgraph::analyses::selection::{CpuRange, TimeRange};

/// CPUs as typed. A type of its own, since clap reads a bare `Vec` as an option that may be given
/// several times.
#[derive(Clone)]
pub struct CpuList(pub Vec<CpuRange>);

impl CpuList {
    /// The CPUs themselves, each once.
    pub fn numbers(&self) -> Vec<u32> {
        /// No kernel has more (CONFIG_NR_CPUS).
        const MOST: u32 = 1 << 16;
        let each = |&CpuRange(first, last): &CpuRange| first..=last.min(first.saturating_add(MOST));
        let numbers: BTreeSet<u32> = self.0.iter().flat_map(each).collect();
        numbers.into_iter().collect()
    }
}

/// `0,2-5`.
pub fn parse_cpus(list: &str) -> Result<CpuList, String> {
    let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{text:?} is not the number of a CPU"));
    let range = |part: &str| match part.split_once('-') {
        None => number(part).map(|cpu| CpuRange(cpu, cpu)),
        Some((first, last)) => match (number(first)?, number(last)?) {
            (first, last) if first <= last => Ok(CpuRange(first, last)),
            _ => Err(format!("{part}: the first is greater than the last")),
        },
    };
    list.split(',').map(range).collect::<Result<_, _>>().map(CpuList)
}

/// A duration in ns, as the library takes it.
pub fn to_ns(duration: Duration) -> anyhow::Result<u64> {
    u64::try_from(duration.as_nanos()).map_err(|_| anyhow!("{duration:?} is longer than any recording"))
}

/// `100ms`, `1s`, `1m 30s`. A bare number has no unit, and is refused.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 100ms or 2s"))
}

/// `512M`, `16G`, `4096`. Units are powers of 1024, as in perf.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let units = [("K", 10), ("M", 20), ("G", 30), ("T", 40)];
    let text = text.strip_suffix("iB").or(text.strip_suffix('B')).unwrap_or(text);
    let unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(*unit)?, *shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    let wrong = || format!("{text:?} is not a size; write 512M or 16G");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// `0.1%`, `5`: a share in percent, as a number from 0 to 1.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    let percent = number.filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or_else(|| format!("{text:?} is not a share from 0% to 100%"))
}

/// `START,STOP` in seconds or times of day, either of which may be left out, or `10%-20%`.
pub fn parse_time(range: &str) -> Result<TimeRange, String> {
    let range = range.trim();
    if range.contains('%') {
        let share = |text: &str| {
            let percent = text.trim().strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
            percent
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(|percent| percent / 100.0)
                .ok_or_else(|| format!("{text:?} is not a share from 0% to 100%"))
        };
        let (start, stop) = range.split_once('-').ok_or("give two shares: 10%-20%")?;
        let (start, stop) = (share(start)?, share(stop)?);
        return match start < stop {
            true => Ok(TimeRange::Share(start, stop)),
            false => Err("the range ends before it starts".to_owned()),
        };
    }
    let (start, stop) =
        range.split_once(',').ok_or("give START,STOP in seconds or times of day, or 10%-20%")?;
    if range.contains(':') {
        let is_other = |text: &str| !text.trim().is_empty() && !text.contains(':');
        if is_other(start) || is_other(stop) {
            return Err("START and STOP must both be times of day, or both seconds of the recording's clock"
                .to_owned());
        }
        let end = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::parse).transpose();
        return Ok(TimeRange::Day(end(start)?, end(stop)?));
    }
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        text => seconds_to_ns(text).map(Some),
    };
    match (end(start)?, end(stop)?) {
        (Some(start), Some(stop)) if start > stop => Err("the range ends before it starts".to_owned()),
        (start, stop) => Ok(TimeRange::Clock(start, stop)),
    }
}

/// Exact, unlike a float: after days of uptime, times in ns have more digits than a float holds.
fn seconds_to_ns(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a number of seconds");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.is_empty() && fraction.is_empty() {
        return Err(wrong());
    }
    let whole: u64 = format!("0{whole}").parse().map_err(|_| wrong())?;
    let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let fraction: u64 = nine.parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(fraction)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        assert_eq!(seconds_to_ns("4057.765268351"), Ok(4_057_765_268_351));
        assert_eq!(seconds_to_ns("86400000.000000001"), Ok(86_400_000_000_000_001));
        assert_eq!(seconds_to_ns(".5"), Ok(500_000_000));
        assert!(seconds_to_ns("1e3").is_err());
        assert!(seconds_to_ns("-1").is_err());
        assert!(seconds_to_ns("99999999999999999999").is_err());
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("512M"), Ok(512 << 20));
        assert_eq!(parse_size("16G"), Ok(16 << 30));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("4096B"), Ok(4096));
        assert_eq!((parse_size("512MB"), parse_size("512MiB")), (Ok(512 << 20), Ok(512 << 20)));
        for wrong in ["", "0", "M", "1.5G", "-1", "16777217T", "1x"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_are_those_of_perf() {
        assert_eq!(parse_time("1,2.5"), Ok(TimeRange::Clock(Some(1_000_000_000), Some(2_500_000_000))));
        assert_eq!(parse_time(",2"), Ok(TimeRange::Clock(None, Some(2_000_000_000))));
        assert_eq!(parse_time("10%-20%"), Ok(TimeRange::Share(0.1, 0.2)));
        assert!(matches!(parse_time("19:04:47.5,"), Ok(TimeRange::Day(Some(_), None))));
        assert!(matches!(parse_time(" 19:04, 2026-11-22 19:05 UTC"), Ok(TimeRange::Day(Some(_), Some(_)))));
        assert!(parse_time("19:04:47,4069").is_err_and(|why| why.contains("both")));
        assert!(parse_time("19:04:47,25:00").is_err());
        assert!(parse_time("5,3").is_err());
        assert!(parse_time("20%-10%").is_err());
        assert!(parse_time("7").is_err());
        assert!(parse_cpus("3-1").is_err());
        assert!(parse_cpus("a").is_err());
        assert_eq!(parse_cpus("0,2-5").unwrap().0, [CpuRange(0, 0), CpuRange(2, 5)]);
    }
}
