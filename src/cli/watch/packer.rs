//! The packer: writes packs in a thread of its own, since looking up all names may take seconds.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::Result;

use crate::cli::{allocator, output};

use super::keep::Folder;
use super::page::Shared;
use super::tell::Format;

/// No more stalls wait to be packed: each is some megabytes.
const WAITING: usize = 4;

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
    counters: Shared,
}

impl Packer {
    /// Starts the thread, for packs in this folder.
    pub fn start(folder: Folder, counters: Shared, format: Format) -> Result<Packer> {
        let (stalls, received) = sync_channel(WAITING);
        let counted = counters.clone();
        let run = move || run(&folder, &received, &counted, format);
        let thread = thread::Builder::new().name("packer".to_owned()).spawn(run)?;
        Ok(Packer { stalls, thread, counters })
    }

    /// Packs a stall, unless too many wait.
    pub fn pack(&self, stalled: Stalled) {
        if let Err(TrySendError::Full(stalled) | TrySendError::Disconnected(stalled)) =
            self.stalls.try_send(stalled)
        {
            self.counters.change(|counters| counters.failed_packs += 1);
            let Stalled { name, .. } = stalled;
            output::complain(&format!("no pack {name} was kept: {WAITING} others wait to be written"));
        }
    }

    /// Waits until all packs are written.
    pub fn close(self) {
        drop(self.stalls);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

fn run(folder: &Folder, stalls: &Receiver<Stalled>, counters: &Shared, format: Format) {
    for Stalled { name, recording, verdict } in stalls {
        // A full disk ends no watch.
        match folder.add(&name, &recording, &verdict) {
            Ok(path) => {
                counters.change(|counters| counters.packs += 1);
                let _ = format.kept(&path);
            }
            Err(error) => {
                counters.change(|counters| counters.failed_packs += 1);
                output::complain(&format!("no pack was kept: {error:#}"));
            }
        }
        drop(recording);
        allocator::give_back();
    }
}
