//! A progress bar on standard error, if that is a terminal and loading takes more than a second.

use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stallgraph::load::Stage;

use super::{messages, output};

/// The bar appears after this time.
const DELAY: Duration = Duration::from_secs(1);
/// How much of one recording.
const BYTES: &str = "{msg:<24} {bar:30} {bytes}/{total_bytes} {eta}";
/// How many recordings.
const NUMBERS: &str = "{msg:<24} {bar:30} {pos}/{len} {eta}";

/// A progress bar that appears only if loading takes long.
pub struct Progress {
    start: Instant,
    is_terminal: bool,
    bar: OnceLock<ProgressBar>,
    /// When each stage began, if it is to be told.
    begins: Mutex<Vec<(&'static str, Instant)>>,
}

impl Progress {
    /// Starts the clock.
    pub fn new() -> Self {
        Progress {
            start: Instant::now(),
            is_terminal: std::io::stderr().is_terminal() && !messages::is_quiet(),
            bar: OnceLock::new(),
            begins: Mutex::new(Vec::new()),
        }
    }

    /// Shows how much of a stage is done.
    pub fn show(&self, stage: Stage, done: u64, total: u64) {
        let stage = match stage {
            Stage::Unpacking => "unpacking",
            Stage::Records => "reading records",
            Stage::Meanings => "making stacks",
            Stage::Names => "looking up names",
            _ => "loading",
        };
        if messages::is_verbose() {
            self.note(stage);
        }
        if !self.is_terminal || self.start.elapsed() < DELAY {
            return;
        }
        let bar = self.bar.get_or_init(|| new_bar(BYTES));
        bar.set_message(stage);
        bar.set_length(total);
        bar.set_position(done);
    }

    /// Remembers when a stage began.
    fn note(&self, stage: &'static str) {
        let Ok(mut begins) = self.begins.lock() else { return };
        if begins.last().is_none_or(|(last, _)| *last != stage) {
            begins.push((stage, Instant::now()));
        }
    }

    /// Shows how many of several recordings have been read.
    pub fn count(&self, done: usize, total: usize) {
        if !self.is_terminal || self.start.elapsed() < DELAY {
            return;
        }
        let bar = self.bar.get_or_init(|| new_bar(NUMBERS));
        bar.set_message("reading recordings");
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }
}

impl Drop for Progress {
    /// Says how long each stage took, if that is asked for: the last one ends here.
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
        let Ok(begins) = self.begins.get_mut() else { return };
        let ends = begins.iter().skip(1).map(|(_, begin)| *begin).chain([Instant::now()]);
        for ((stage, begin), end) in begins.iter().zip(ends) {
            output::complain(&format!("{stage} took {:.3} s", (end - *begin).as_secs_f64()));
        }
    }
}

fn new_bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style.progress_chars("=> "))
}
