//! What is wrong with a file, before it is known which one it is.

use std::io;
use std::path::Path;

use crate::error::Error;

/// What is wrong.
#[derive(Debug)]
pub enum Problem {
    /// The system's error.
    Unreadable(io::Error),
    /// A clause that follows the name of the file.
    Wrong(String),
}

/// The result of reading a part of a file.
pub type Read<T> = std::result::Result<T, Problem>;

impl Problem {
    pub fn new(what: impl Into<String>) -> Problem {
        Problem::Wrong(what.into())
    }

    /// Something in it cannot be.
    pub fn damaged(what: &str) -> Problem {
        Problem::Wrong(format!("is damaged: {what}"))
    }

    pub fn at(self, path: &Path) -> Error {
        match self {
            Problem::Unreadable(cause) => Error::Io { file: path.to_owned(), cause, remedy: None },
            Problem::Wrong(what) => Error::input(path, what, ""),
        }
    }
}
