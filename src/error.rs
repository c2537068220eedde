//! The library's error type: which file or option, what is wrong with it, and the remedy.

use std::path::{Path, PathBuf};

use crate::model::clean;

/// The command that makes a plain recording, as a literal for messages. Such a recording has what
/// the commands of this program want of samples: call chains, control groups, the time of day.
macro_rules! perf_record {
    () => {
        "perf record -a -g -F 999 -k CLOCK_MONOTONIC --all-cgroups -- sleep 60"
    };
}
pub(crate) use perf_record;

/// What to do where there is no recording.
pub(crate) const RECORD_ONE: &str = concat!("record one with: ", perf_record!());

/// An error of the library. `Display` writes one line that names the file or option, what is wrong,
/// and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened or read.
    #[error("{}: {cause}{}", safe(.file), remedy_clause(.remedy))]
    Io {
        /// The file as the user named it.
        file: PathBuf,
        /// The error from the system.
        cause: std::io::Error,
        /// What the user can do about it, if there is something.
        remedy: Option<String>,
    },
    /// The file cannot be analysed.
    #[error("{}: {problem}{}", safe(.file), remedy_clause(.remedy))]
    Input {
        /// The file as the user named it.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What the user can do about it, if there is something.
        remedy: Option<String>,
    },
    /// An option that is wrong, by itself or for this recording.
    #[error("{}", clean(.0))]
    Usage(String),
    /// Writing the result failed.
    #[error("cannot write the result: {0}")]
    Output(std::io::Error),
}

impl Error {
    /// An [`Error::Input`] with a remedy, or without one if `remedy` is empty.
    pub(crate) fn input(
        file: impl Into<PathBuf>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into()).filter(|text| !text.is_empty());
        Error::Input { file: file.into(), problem: problem.into(), remedy }
    }

    /// The same error for what reads no samples: if it tells to make a recording, it tells to do so
    /// with `command`.
    pub fn recorded_with(mut self, command: &str) -> Self {
        if let Error::Io { remedy, .. } | Error::Input { remedy, .. } = &mut self
            && remedy.as_deref() == Some(RECORD_ONE)
        {
            *remedy = Some(format!("record one with: {command}"));
        }
        self
    }
}

/// A path as text that is safe to print on a terminal. It may come from a stranger's recording.
fn safe(path: &Path) -> String {
    clean(&path.to_string_lossy()).into_owned()
}

fn remedy_clause(remedy: &Option<String>) -> String {
    remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default()
}

/// The library's result type.
pub type Result<T> = std::result::Result<T, Error>;
