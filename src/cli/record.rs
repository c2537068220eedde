//! `stallgraph record`.

use std::env;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use rustix::fs::{Access, access};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use stallgraph::capture::{Capture, Evidence, Options, perf_command};
use stallgraph::model::clean;

use super::outcome::Outcome;
use super::output;
use super::signals;
use super::values::{CpuList, parse_cpus, parse_duration, parse_size};

/// Records samples and other evidence, without perf
///
/// The recording is a perf.data, which perf reads too. By default it is of all CPUs, with call
/// chains: -a and -g of perf record are taken, and change nothing. It ends with COMMAND, after the
/// time of --for, or with Ctrl-C.
///
/// Examples:
///
///   stallgraph record -- sleep 60
///   stallgraph record --for 60s
///   stallgraph record -C 11 --evidence full -- sleep 10
///   stallgraph stalls
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// All CPUs and processes (the default)
    #[arg(short = 'a', long, hide = true, conflicts_with_all = ["cpus", "pids"])]
    all_cpus: bool,
    /// Only these CPUs: 0,2-5
    #[arg(short = 'C', long = "cpu", value_name = "LIST", value_parser = parse_cpus)]
    cpus: Option<CpuList>,
    /// Only these processes, and those that they start
    #[arg(short = 'p', long = "pid", value_name = "PID", value_delimiter = ',')]
    pids: Vec<i32>,
    /// Samples a second of each CPU
    #[arg(short = 'F', long = "freq", value_name = "HZ", default_value = "999", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    frequency_hz: u64,
    /// Record call chains (the default)
    #[arg(short = 'g', hide = true)]
    call_chains: bool,
    /// Leave the calls in user space out of call chains
    #[arg(long)]
    no_user_callchain: bool,
    /// The events besides samples
    #[arg(long, value_name = "SET", value_enum, default_value = "softirq")]
    evidence: EvidenceArgument,
    /// The size of each buffer: pages, or bytes with a unit (4M)
    ///
    /// Each CPU has up to four buffers: for samples, tracepoints, switches, and all else.
    #[arg(short = 'm', long = "mmap-pages", value_name = "SIZE", default_value = "4M")]
    buffer: String,
    /// The file to write
    ///
    /// One that is there is kept as FILE.old.
    #[arg(short = 'o', long, value_name = "FILE", default_value = "perf.data")]
    output: PathBuf,
    /// Record for so long: 60s, 5m
    ///
    /// For a container whose image has no `sleep`.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, conflicts_with = "command")]
    length: Option<Duration>,
    /// Print the perf command that records the same, and do not record
    #[arg(long)]
    dry_run: bool,
    /// Record until this command ends
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum EvidenceArgument {
    /// Samples alone. Each takes 22 us of the CPU in a virtual machine: 2.2 % with 999 a second
    Samples,
    /// Also switches, raise and entry of NET_RX: 1 % at 10,000 packets a second, 37 % at 115,000
    /// NET_RX softirqs a second
    Softirq,
    /// Also all softirqs, system calls, wake-ups and packets: 9 % at 10,000 packets a second
    Full,
}

impl From<EvidenceArgument> for Evidence {
    fn from(argument: EvidenceArgument) -> Evidence {
        match argument {
            EvidenceArgument::Samples => Evidence::Samples,
            EvidenceArgument::Softirq => Evidence::Softirq,
            EvidenceArgument::Full => Evidence::Full,
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let options = arguments.options()?;
    if arguments.dry_run {
        if !options.cpus.is_empty() && !options.pids.is_empty() {
            output::warn("perf records processes on all CPUs: -C is left out");
        }
        let command = perf_command(&options, &arguments.perf_workload());
        output::print(|out| writeln!(out, "{command}"))?;
        return Ok(Outcome::Found);
    }
    arguments.find_command()?;
    let is_over = signals::note_end();
    let begin = Instant::now();
    let output = options.output.clone();
    let mut capture = Capture::start(options)?;
    for lack in capture.lacks() {
        output::warn(&format!("not recorded: {lack}"));
    }
    let mut child = arguments.spawn()?;
    let mut ended = None;
    let over = |ended: &mut Option<_>, child: &mut Option<Child>| {
        if let Some(child) = child {
            *ended = child.try_wait().ok().flatten();
        }
        let is_long_enough = arguments.length.is_some_and(|length| begin.elapsed() >= length);
        ended.is_some() || is_long_enough || is_over.load(Ordering::Relaxed)
    };
    // Its end is seen at once. Where the system has no such descriptor (before Linux 5.3), a bit
    // later.
    let end = child.as_ref().and_then(|child| {
        let pid = Pid::from_raw(i32::try_from(child.id()).ok()?)?;
        pidfd_open(pid, PidfdFlags::empty()).ok()
    });
    capture.run(end.as_ref().map(|end| end.as_fd()), || over(&mut ended, &mut child))?;
    let recorded = capture.finish()?;
    if let Some(child) = child.as_mut().filter(|_| ended.is_none()) {
        // Ctrl-C reached the command too. Another signal reached this program alone.
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = child.wait();
    }
    output::warn(&format!(
        "recorded {} for {}, {} KiB: stallgraph stalls {0}",
        clean(&output.to_string_lossy()),
        humantime::format_duration(Duration::from_secs(begin.elapsed().as_secs())),
        recorded.bytes.div_ceil(1024),
    ));
    Ok(Outcome::Found)
}

impl Arguments {
    fn options(&self) -> Result<Options> {
        Ok(Options {
            cpus: self.cpus.as_ref().map(CpuList::numbers).unwrap_or_default(),
            pids: self.pids.clone(),
            frequency_hz: self.frequency_hz,
            user_callchain: !self.no_user_callchain,
            pages: self.pages()?,
            evidence: self.evidence.into(),
            output: self.output.clone(),
            ..Options::default()
        })
    }

    /// The pages of a buffer: a number of pages, or of bytes if it has a unit.
    fn pages(&self) -> Result<usize> {
        const MOST: u64 = 1 << 20;
        let pages = match self.buffer.parse::<u64>() {
            Ok(pages) => pages,
            Err(_) => match parse_size(&self.buffer) {
                Ok(bytes) => bytes.div_ceil(Options::page_size() as u64),
                Err(wrong) => bail!("-m {}: {wrong}", self.buffer),
            },
        };
        match pages {
            1..=MOST => Ok(usize::try_from(pages)?.next_power_of_two()),
            _ => bail!("-m {}: from 1 to {MOST} pages", self.buffer),
        }
    }

    /// What perf records during: it has no option for a length.
    fn perf_workload(&self) -> Vec<String> {
        match self.length {
            Some(length) => vec!["sleep".to_owned(), length.as_secs_f64().to_string()],
            None => self.command.clone(),
        }
    }

    /// Looks for the command, so that no recording is begun, and none replaced, for one that is not
    /// there.
    fn find_command(&self) -> Result<()> {
        let Some(program) = self.command.first() else { return Ok(()) };
        let may_run = |path: &Path| path.is_file() && access(path, Access::EXEC_OK).is_ok();
        let is_there = match program.contains('/') {
            true => may_run(Path::new(program)),
            false => env::var_os("PATH")
                .is_some_and(|path| env::split_paths(&path).any(|folder| may_run(&folder.join(program)))),
        };
        if !is_there {
            bail!("cannot run {program}: there is no such program");
        }
        Ok(())
    }

    /// Starts the command, if one is given.
    fn spawn(&self) -> Result<Option<Child>> {
        let [program, arguments @ ..] = &self.command[..] else { return Ok(None) };
        let child = Command::new(program).args(arguments).spawn();
        Ok(Some(child.with_context(|| format!("cannot run {program}"))?))
    }
}
