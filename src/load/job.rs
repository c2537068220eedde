//! A load in progress: its options, and the sources of names besides the recording's own files.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::ingest::{self, Input, Memory};
use crate::pack::{Budget, Pack};
use crate::symbols::Gatherer;

use super::memory;
use super::options::{Options, Progress, Stage};

/// What every step of a load needs besides the recording's files.
#[derive(Clone, Copy)]
pub(super) struct Job<'j> {
    /// The recording as the user named it: for messages, and to find symbols beside it.
    pub path: &'j Path,
    /// The options of the load.
    pub options: &'j Options,
    /// Receives the progress of the load.
    pub progress: Progress<'j>,
    /// Bytes of memory in use for the recording's files: they count against what is allowed.
    pub held: u64,
    /// The pack that the recording was read from. It holds the files that names come from.
    pub pack: Option<&'j Pack>,
    /// The archive of programs that came with the recording, still packed.
    pub archive: Option<&'j [u8]>,
    /// Collects the files that names come from, if they are to be packed.
    pub gatherer: Option<&'j Gatherer>,
    /// The memory for all that is read and unpacked for names, if several loads share it.
    pub budget: Option<&'j Arc<Budget>>,
    /// The length of the pack or archive that the recording was read from.
    pub packed: Option<u64>,
    /// Whether the records of all events are samples that may be, and not only those of one event:
    /// then the frames of all of them get names.
    pub samples_all: bool,
}

impl<'j> Job<'j> {
    /// The job of loading the recording at `path`, before anything is held in memory for it.
    pub fn new(path: &'j Path, options: &'j Options, progress: Progress<'j>) -> Self {
        Job {
            path,
            options,
            progress,
            held: 0,
            pack: None,
            archive: None,
            gatherer: None,
            budget: None,
            packed: None,
            samples_all: false,
        }
    }

    /// Opens the recording.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is a directory that is not a recording.
    pub fn open(&self) -> Result<Input> {
        let most = self.options.max_memory;
        let unpacked = |packed| memory::for_unpacking(most, packed);
        let progress = |done, total| (self.progress)(Stage::Unpacking, done, total);
        let stream = memory::for_stream(most);
        ingest::open(self.path, &Memory { stream, unpacked: &unpacked, progress: &progress })
    }

    /// The same job with `bytes` more held in memory.
    pub fn holding(self, bytes: u64) -> Self {
        Job { held: self.held + bytes, ..self }
    }

    /// Bytes of memory that are left for unpacking `packed` bytes. Of what is in a pack or an
    /// archive, the length of that counts.
    pub fn memory_for_unpacking(&self, packed: u64) -> u64 {
        let packed = self.packed.unwrap_or(packed);
        memory::for_unpacking(self.options.max_memory, packed).saturating_sub(self.held)
    }

    /// The memory for all that is read and unpacked for names.
    pub fn memory_for_names(&self) -> Arc<Budget> {
        let new = || match self.packed {
            Some(packed) => self.memory_for_unpacking(packed),
            None => memory::for_stream(self.options.max_memory).saturating_sub(self.held),
        };
        self.budget.map_or_else(|| Arc::new(Budget::new(new())), Arc::clone)
    }
}
