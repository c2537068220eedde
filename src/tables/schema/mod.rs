//! The columns of each table. A new column goes to the end of its list, and a column keeps its name
//! and meaning: files of all versions lie in one folder. A change of meaning is a new name, and
//! raises [`VERSION`].

mod recordings;
mod samples;
mod shared;
mod stalls;
mod windows;

pub use recordings::recordings;
pub use samples::{frames, samples, stacks};
pub use stalls::{culprits, evidence, stalls, victims};
pub use windows::windows;

/// The version of the schema. It is raised only if a column changes its meaning or is removed.
pub(super) const VERSION: &str = "1";

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Table {
    /// A row for each recording.
    Recordings,
    /// A row for each stall.
    Stalls,
    /// A row for each witness of a stall.
    Evidence,
    /// A row for each softirq that waited in a stall, and one for a task.
    Victims,
    /// A row for each episode of ksoftirqd.
    Windows,
    /// A row for each culprit of a recording.
    Culprits,
    /// A row for each sample.
    Samples,
    /// A row for each frame of a stack.
    Stacks,
    /// A row for each function that a frame is of.
    Frames,
}

impl Table {
    /// All tables.
    pub const ALL: [Table; 9] = [
        Table::Recordings,
        Table::Stalls,
        Table::Evidence,
        Table::Victims,
        Table::Windows,
        Table::Culprits,
        Table::Samples,
        Table::Stacks,
        Table::Frames,
    ];

    /// Its name, which is that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Table::Recordings => "recordings",
            Table::Stalls => "stalls",
            Table::Evidence => "evidence",
            Table::Victims => "victims",
            Table::Windows => "windows",
            Table::Culprits => "culprits",
            Table::Samples => "samples",
            Table::Stacks => "stacks",
            Table::Frames => "frames",
        }
    }
}
