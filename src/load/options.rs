//! The options of a load, and the callback for its progress.

use crate::model::Stacks;
use crate::symbols::Sources;

/// What to load, and where names come from.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The sampling event, as `-e` names it. By default it is the first of those that show best
    /// where time goes and have samples: a clock or cycles, then instructions, then others with a
    /// warning.
    pub event: Option<String>,
    /// Whether the samples of `perf record --off-cpu` are the sampling event's, unless another one
    /// is asked for, or switches between tasks were recorded.
    pub off_cpu: bool,
    /// Where names come from.
    pub sources: Sources,
    /// Which part of stacks to read.
    pub stacks: Stacks,
    /// Whether to decode events too: tracepoints and switch records.
    pub events: bool,
    /// Bytes of memory for a stream, for records that are unpacked (`perf record -z`), and for what
    /// is read, unpacked or packed of the files that names come from, which have as much again. The
    /// default is half of the machine's memory, and no more than 256 times the size of a compressed
    /// recording.
    pub max_memory: Option<u64>,
}

/// The stages of a load, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Unpacking a file that gzip, xz or zstd compressed. The bytes are those of the file.
    Unpacking,
    /// Reading the records.
    Records,
    /// Resolving samples: the task and the stack of each, at its time.
    Meanings,
    /// Looking up names.
    Names,
}

/// A callback for the progress of a load. Its arguments are the stage, the bytes done and the total
/// bytes.
pub type Progress<'p> = &'p (dyn Fn(Stage, u64, u64) + Sync);
