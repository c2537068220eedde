//! What a page is made of.

use crate::analyses::check::{Check, Doubt};
use crate::analyses::contents::Contents;
use crate::analyses::diff::Diff;
use crate::analyses::moments::Moments;
use crate::analyses::overview::Overview;
use crate::analyses::packets::Packets;
use crate::analyses::panorama::Panorama;
use crate::analyses::stalls::Stalls;
use crate::analyses::syscalls::SystemCalls;
use crate::analyses::windows::Windows;
use crate::model::{Log, Recording};

/// What a page shows. What the recording does not tell of is `None`.
pub struct Page<'r> {
    /// The name and version of the program.
    pub program: &'r str,
    /// The recording.
    pub recording: &'r Recording,
    /// The recording, as words of a shell's command line.
    pub shell_input: &'r str,
    /// What ran when.
    pub panorama: &'r Panorama,
    /// The stalls.
    pub stalls: &'r Stalls,
    /// The answer whether the node is stalling.
    pub check: &'r Check,
    /// Why stalls may have been missed.
    pub doubt: Option<&'r Doubt>,
    /// A victim's log, and what held the CPUs at its times.
    pub at: Option<(&'r Log, &'r Moments)>,
    /// What ran before ksoftirqd.
    pub windows: Option<&'r Windows>,
    /// Slow system calls.
    pub syscalls: Option<&'r SystemCalls>,
    /// Packets.
    pub packets: Option<&'r Packets>,
    /// What is in the recording.
    pub contents: &'r Contents,
    /// A recording from before a change.
    pub against: Option<Against<'r>>,
}

/// A recording from before a change, beside the one that the page shows.
pub struct Against<'r> {
    /// What changed.
    pub diff: &'r Diff,
    /// Who had its CPUs when.
    pub before: &'r Overview,
    /// Who had the CPUs when in the recording that the page shows.
    pub after: &'r Overview,
}
