//! Damage of a pack or an archive.

/// The damage of a pack or archive that could be read in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is cut short, or cannot be unpacked to its end.
    Cut,
    /// No more memory was allowed.
    #[cfg(feature = "pack")]
    OverBudget,
    /// What was unpacked is not an archive.
    NoArchive,
}

/// The remedy if no more memory was allowed.
pub const ALLOW_MORE: &str = "allow more with --max-memory, such as --max-memory 16G";

impl Damage {
    /// What is wrong, and the remedy, in words.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Damage::Cut => {
                ("it is cut short or damaged", "copy it again; what was unpacked before that place is used")
            }
            #[cfg(feature = "pack")]
            Damage::OverBudget => ("the memory that is allowed is used up before its end", ALLOW_MORE),
            Damage::NoArchive => ("it is compressed, and no archive", "unpack it first: bunzip2 FILE"),
        }
    }
}
