//! The packer: writes packs in a thread of its own, since looking up all names may take seconds.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::Result;
use stallgraph::model::clean;

use crate::cli::output;

use super::keep::Folder;
use super::page::Shared;

/// No more stalls wait to be packed: each is some megabytes.
const WAITING: usize = 2;

/// A stall to keep.
pub struct Stalled {
    /// The name of its files.
    pub name: String,
    pub recording: Arc<Vec<u8>>,
    /// As JSON.
    pub verdict: Vec<u8>,
}

/// The packer's thread.
pub struct Packer {
    stalls: SyncSender<Stalled>,
    thread: JoinHandle<()>,
}

impl Packer {
    /// Starts the thread, for packs in this folder.
    pub fn start(folder: Folder, counters: Shared) -> Result<Packer> {
        let (stalls, received) = sync_channel(WAITING);
        let thread =
            thread::Builder::new().name("packer".to_owned()).spawn(move || run(&folder, &received, &counters))?;
        Ok(Packer { stalls, thread })
    }

    /// Packs a stall, unless too many wait.
    pub fn pack(&self, stalled: Stalled) {
        if let Err(error) = self.stalls.try_send(stalled) {
            output::complain(&format!("no pack was kept: {error}"));
        }
    }

    /// Waits until all packs are written.
    pub fn close(self) -> Result<()> {
        drop(self.stalls);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(())
    }
}

fn run(folder: &Folder, stalls: &Receiver<Stalled>, counters: &Shared) {
    for Stalled { name, recording, verdict } in stalls {
        // A full disk ends no watch.
        match folder.add(&name, &recording, &verdict) {
            Ok(path) => {
                counters.change(|counters| counters.packs += 1);
                let line = format!("kept {}", clean(&path.to_string_lossy()));
                let _ = output::print(|out| writeln!(out, "{line}"));
            }
            Err(error) => {
                counters.change(|counters| counters.failed_packs += 1);
                output::complain(&format!("no pack was kept: {error:#}"));
            }
        }
    }
}
