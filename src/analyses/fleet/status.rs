//! What `check` said of a recording, as tables have it.

/// What `check` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Healthy,
    Stalling,
    Overloaded,
    /// That, or a word of a later version.
    Unknown,
}

impl Status {
    /// The status that a table calls by this word.
    pub fn of(word: &str) -> Status {
        match word {
            "healthy" => Status::Healthy,
            "stalling" => Status::Stalling,
            "overload" => Status::Overloaded,
            _ => Status::Unknown,
        }
    }
}
