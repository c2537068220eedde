//! The facts about a recording that naming needs.

use std::path::Path;
use std::sync::Arc;

use crate::model::{About, Frame};
use crate::pack::{Budget, Pack};

use super::gather::Gatherer;

/// The facts about a recording that naming needs.
pub struct Request<'r> {
    /// The recording's file.
    pub recording: &'r Path,
    /// What the recording says about itself.
    pub about: &'r About,
    /// The kernel's build id, if it was recorded.
    pub kernel_build_id: Option<&'r [u8]>,
    /// The frames to name.
    pub frames: &'r [Frame],
    /// For each frame whether its offset is a return address, and not where the CPU was. Only
    /// inlined functions need it; empty if they are not asked for.
    pub callers: &'r [bool],
    /// The pack that the recording was read from.
    pub pack: Option<&'r Pack>,
    /// Collects the files that names come from.
    pub gatherer: Option<&'r Gatherer>,
    /// The archive of programs that came with the recording, still compressed.
    pub archive: Option<&'r [u8]>,
    /// The memory for all that is read and unpacked of files that names come from.
    pub budget: &'r Arc<Budget>,
    /// How many bytes of memory the content of an archive of this many bytes may use.
    pub memory: &'r (dyn Fn(u64) -> u64 + Sync),
    /// When each frame was sampled; `None` if no names are asked for.
    pub seen: Option<Seen<'r>>,
}

/// When a frame was sampled first and last, in ns of the recording's clock.
pub type Seen<'r> = &'r (dyn Fn(usize) -> Option<(u64, u64)> + Sync);

impl Request<'_> {
    /// Gives back all memory, and forgets what was gathered with it, for another attempt.
    pub fn start_again(&self) {
        self.budget.reset();
        if let Some(gatherer) = self.gatherer {
            gatherer.start_again();
        }
    }

    /// When a frame was sampled first and last, in ns of CLOCK_MONOTONIC, if that is the
    /// recording's clock.
    pub(super) fn seen_monotonic(&self, frame: usize) -> Option<(u64, u64)> {
        const CLOCK_MONOTONIC: i32 = 1;
        let seen = self.seen.filter(|_| self.about.clock.id == Some(CLOCK_MONOTONIC))?;
        seen(frame)
    }
}
