//! The page for Prometheus: what was counted.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use stallgraph::capture::Health;
use stallgraph::render::report::prometheus::Labels;
use stallgraph::render::report::prometheus::watch::Counters;

use crate::cli::inputs::Inputs;
use crate::cli::output;
use crate::cli::target::{self, Readers};

use super::rounds::Rounds;

/// The file for Prometheus. `check` has another.
const PAGE: &str = "stallgraph_watch.prom";
/// How often it is written.
const EVERY: Duration = Duration::from_secs(10);

/// Counters that several threads change.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Counters>>);

impl Shared {
    /// Counters of zero. The culprits that the page in `folder` has keep series of their own.
    pub fn after(folder: Option<&Path>) -> Shared {
        let before = folder.and_then(|folder| fs::read_to_string(folder.join(PAGE)).ok());
        Shared(Arc::new(Mutex::new(Counters::new(Labels::of(&before.unwrap_or_default())))))
    }

    /// Counts how well a flight recorder keeps up.
    pub fn observe(&self, health: Health) {
        self.change(|counters| {
            counters.lost_records = counters.lost_records.saturating_add(health.lost_records);
            counters.ring_fill = counters.ring_fill.max(health.ring_fill);
            if health.cut_short {
                counters.rounds_cut_short += 1;
            }
        });
    }

    /// Changes the counters.
    pub fn change<T>(&self, change: impl FnOnce(&mut Counters) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes the page into `folder` for the first time, and starts the thread that does it again.
pub fn start(folder: &Path, counters: Shared) -> Result<Rounds> {
    let path = folder.join(PAGE);
    write(&path, &counters)?;
    Rounds::start("page", EVERY, move || {
        // A full disk ends no watch.
        if let Err(error) = write(&path, &counters) {
            output::complain(&format!("{error:#}"));
        }
    })
}

fn write(path: &Path, counters: &Shared) -> Result<()> {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let cpu_time = Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32);
    let page = counters.change(|counters| {
        let page = counters.page(cpu_time);
        counters.ring_fill = 0.0;
        page
    });
    // The collector runs as another user. It reads `*.prom`, so not the temporary file.
    let written = target::write(Some(path), Readers::All, &Inputs::default(), |out| {
        out.write_all(page.as_bytes()).map_err(stallgraph::Error::Output)
    });
    written.context("no page was written")
}
