//! The library's error type: which file or option, what is wrong with it, and the remedy.

use std::path::{Path, PathBuf};

use crate::model::clean;

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
