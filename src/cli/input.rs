//! Options that every command has: which recording, which part of it, where names come from.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use stallgraph::analyses::selection::{CpuRange, Selection, TimeRange};
use stallgraph::load::{self, Keep, Options, Packed, Sources};
use stallgraph::model::Recording;

use super::progress::Progress;

/// Which recording.
#[derive(Args)]
pub struct Input {
    /// The recording, a pack of it, an archive of perf archive --all, or what perf script printed of it; - is standard
    /// input [default: perf.data, or standard input if that is a pipe]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The recording, as perf spells it
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    input: Option<PathBuf>,
    /// The sampling event [default: the first that samples time, such as cycles or cpu-clock, else the first that is
    /// no tracepoint]
    #[arg(short, long, value_name = "NAME")]
    event: Option<String>,
    /// The recorded kernel's ELF file; its build id must agree [default: see --kallsyms]
    #[arg(short = 'k', long, value_name = "FILE")]
    vmlinux: Option<PathBuf>,
    /// Names of kernel functions, read as root in the boot that was recorded [default: a file `kallsyms` beside FILE, the
    /// build-id cache, this kernel's own if it made the recording, then an installed vmlinux of its build id]
    #[arg(long, value_name = "FILE")]
    kallsyms: Option<PathBuf>,
    /// Folder that holds the recorded machine's programs and libraries; of this machine none outside it is then opened
    #[arg(long, value_name = "DIR")]
    symfs: Option<PathBuf>,
    /// Look for files where their processes have their root (/proc/PID/root), as those in containers do, while they run
    #[arg(long)]
    container_root: bool,
    /// Cache of programs and libraries by build id, as perf record and perf buildid-cache fill it, or what perf archive packed of
    /// one [default: DIR/.debug with --symfs DIR, else ~/.debug; and then FILE.tar.bz2]
    #[arg(long, value_name = "DIR|ARCHIVE")]
    buildid_dir: Option<PathBuf>,
    /// Also show the functions of user space that were inlined, marked so; they come from debug information, which takes time
    #[arg(long, overrides_with = "no_inline")]
    inline: bool,
    /// Show no inlined functions, which is the default
    #[arg(long, overrides_with = "inline")]
    no_inline: bool,
    /// Look up no names at all
    #[arg(long)]
    no_symbols: bool,
    /// Memory for a recording from a pipe, or for a compressed one or an archive when unpacked: 512M, 16G or bytes [default: half
    /// of the machine's, and for what is unpacked at most 256 times its size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_memory: Option<u64>,
    /// Threads to work with; the output is the same with any number [default: one for each CPU that may be used]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Input {
    /// Loads the recording's samples, with progress on a terminal.
    pub fn load(&self) -> stallgraph::Result<Recording> {
        self.load_with(false)
    }

    /// Loads the recording's samples and events, with progress on a terminal.
    pub fn load_with_events(&self) -> stallgraph::Result<Recording> {
        self.load_with(true)
    }

    /// The recording's file; `-` is standard input.
    pub fn path(&self) -> PathBuf {
        let path = self.file.as_ref().or(self.input.as_ref());
        path.cloned().unwrap_or_else(|| PathBuf::from(default_file()))
    }

    /// Packs the recording and what its names come from, with progress on a terminal.
    pub fn pack(&self, keep: Keep, out: &mut dyn Write) -> stallgraph::Result<Packed> {
        self.start_threads()?;
        let progress = Progress::new();
        let show = |stage, done, total| progress.show(stage, done, total);
        load::pack(&self.path(), &self.options(true), keep, out, &show)
    }

    fn load_with(&self, events: bool) -> stallgraph::Result<Recording> {
        self.start_threads()?;
        let options = self.options(events);
        let progress = Progress::new();
        load::load(&self.path(), &options, &|stage, done, total| progress.show(stage, done, total))
    }

    /// Starts as many threads as were asked for, before any work is given to them.
    fn start_threads(&self) -> stallgraph::Result<()> {
        let Some(threads) = self.threads else { return Ok(()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
        pool.build_global().map_err(|error| stallgraph::Error::Usage(format!("--threads {threads}: {error}")))
    }

    /// What to load, with events or without, and where names come from.
    pub fn options(&self, events: bool) -> Options {
        Options {
            event: self.event.clone(),
            sources: Sources {
                disabled: self.no_symbols,
                inline: self.inline && !self.no_inline,
                vmlinux: self.vmlinux.clone(),
                kallsyms: self.kallsyms.clone(),
                container_root: self.container_root,
                symfs: self.symfs.clone(),
                buildid_dir: self.buildid_dir.clone(),
            },
            events,
            max_memory: self.max_memory,
        }
    }
}

/// As perf has it: what a pipe brings, else `perf.data`.
fn default_file() -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let is_pipe = std::fs::metadata("/dev/stdin").is_ok_and(|metadata| metadata.file_type().is_fifo());
    if is_pipe { "-" } else { "perf.data" }
}

/// Which part of it.
#[derive(Args)]
pub struct Part {
    /// Only these CPUs: 0,2-5
    #[arg(short = 'C', long, value_name = "LIST", value_parser = parse_cpus)]
    cpu: Option<CpuList>,
    /// Only this time: START,STOP in seconds of the recording's clock, either may be left out; or 10%-20%
    #[arg(long, value_name = "RANGE", value_parser = parse_time)]
    time: Option<TimeRange>,
}

impl Part {
    /// The selection of these CPUs and this time.
    pub fn selection(&self) -> Selection {
        Selection {
            cpus: self.cpu.as_ref().map(|list| list.0.clone()),
            time: self.time.unwrap_or_default(),
            ..Selection::default()
        }
    }
}

/// CPUs as typed: a type of its own, since clap takes a bare `Vec` for an option given several times.
#[derive(Clone)]
pub struct CpuList(Vec<CpuRange>);

fn parse_cpus(list: &str) -> Result<CpuList, String> {
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

/// A duration as the library takes it.
pub fn to_ns(duration: Duration) -> anyhow::Result<u64> {
    u64::try_from(duration.as_nanos()).map_err(|_| anyhow!("{duration:?} is longer than any recording"))
}

/// `100ms`, `1s`, `1m 30s`. A bare number has no unit, and is refused.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 100ms or 2s"))
}

/// `512M`, `16G`, `4096`: units as perf has them, powers of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let units = [("K", 10), ("M", 20), ("G", 30), ("T", 40)];
    let text = text.strip_suffix("iB").or(text.strip_suffix('B')).unwrap_or(text);
    let unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(*unit)?, *shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    let wrong = || format!("{text:?} is not a size; write 512M or 16G");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

fn parse_time(range: &str) -> Result<TimeRange, String> {
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
    let (start, stop) = range.split_once(',').ok_or("give START,STOP in seconds, or 10%-20%")?;
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        text => seconds_to_ns(text).map(Some),
    };
    match (end(start)?, end(stop)?) {
        (Some(start), Some(stop)) if start > stop => Err("the range ends before it starts".to_owned()),
        (start, stop) => Ok(TimeRange::Clock(start, stop)),
    }
}

/// Exact, unlike a float: times of days of uptime in ns have more digits than a float holds.
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
    fn ranges_as_perf_has_them() {
        assert_eq!(parse_time("1,2.5"), Ok(TimeRange::Clock(Some(1_000_000_000), Some(2_500_000_000))));
        assert_eq!(parse_time(",2"), Ok(TimeRange::Clock(None, Some(2_000_000_000))));
        assert_eq!(parse_time("10%-20%"), Ok(TimeRange::Share(0.1, 0.2)));
        assert!(parse_time("5,3").is_err());
        assert!(parse_time("20%-10%").is_err());
        assert!(parse_time("7").is_err());
        assert!(parse_cpus("3-1").is_err());
        assert!(parse_cpus("a").is_err());
        assert_eq!(parse_cpus("0,2-5").unwrap().0, [CpuRange(0, 0), CpuRange(2, 5)]);
    }
}
