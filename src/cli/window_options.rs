//! Options of the commands that look for windows: which samples are triggers, and how far to look
//! back from them.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use regex_lite::Regex;
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::windows::{Options, TriggerTasks};
use stallgraph::model::{Recording, Softirq};

use super::values::{parse_duration, to_ns};

/// Which windows to look for.
#[derive(Args)]
#[command(next_help_heading = "Windows")]
pub struct WindowOptions {
    /// Length of a window
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = parse_duration)]
    before: Duration,
    /// Look back from tasks whose comm matches [default: ksoftirqd, napi]
    ///
    /// The default are the kernel threads that do the work of softirqs that was left to them:
    /// ksoftirqd/N, napi/..., backlog_napi/N, ktimers/N. There is no default if --trigger-frame is
    /// given.
    #[arg(long, value_name = "REGEX", value_parser = Regex::new)]
    trigger: Option<Regex>,
    /// Look back from samples with a function that matches
    ///
    /// With --trigger both must match.
    #[arg(long, value_name = "REGEX", value_parser = Regex::new)]
    trigger_frame: Option<Regex>,
    /// Trigger samples within this time are one episode
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    join: Duration,
    /// Only episodes that served one of these softirqs: net_rx,timer
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_softirq)]
    softirq: Option<Vec<Softirq>>,
}

impl WindowOptions {
    /// Whether frames start windows, which may be those of programs.
    pub fn has_trigger_frame(&self) -> bool {
        self.trigger_frame.is_some()
    }

    /// The options of the analysis.
    pub fn options(&self, selection: Selection) -> Result<Options> {
        if self.before.is_zero() {
            bail!("--before 0: a window without length holds nothing; give --before 100ms");
        }
        let trigger = match (&self.trigger, &self.trigger_frame) {
            (Some(regex), _) => TriggerTasks::Comm(regex.clone()),
            (None, Some(_)) => TriggerTasks::Any,
            (None, None) => TriggerTasks::Servers,
        };
        Ok(Options {
            before_ns: to_ns(self.before)?,
            join_ns: to_ns(self.join)?,
            trigger,
            trigger_frame: self.trigger_frame.clone(),
            softirqs: self.softirq.clone(),
            selection,
            ..Options::default()
        })
    }
}

/// Checks that a window is long enough to hold a sample of the recording.
pub fn check(options: &Options, recording: &Recording) -> Result<()> {
    let interval_ns = recording.sampling_interval_ns();
    if options.before_ns < interval_ns {
        let interval = Duration::from_nanos(interval_ns);
        bail!("--before is shorter than the time between samples, {interval:?}: a window could hold none");
    }
    Ok(())
}

fn parse_softirq(name: &str) -> Result<Softirq, String> {
    let softirq = Softirq::ALL.into_iter().find(|softirq| softirq.name().eq_ignore_ascii_case(name));
    softirq.ok_or_else(|| {
        let names = Softirq::ALL.map(Softirq::name);
        format!("there is no such softirq; there are {}", names.join(", "))
    })
}
