//! System calls as events tell them: by number.

use super::NameId;

/// What a number of a system call means in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Its name.
    pub name: NameId,
    /// What it does to threads.
    pub role: SystemCallRole,
}

/// What a system call does to threads, as far as that changes how its records are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemCallRole {
    /// It makes a new thread, which returns from a call that it never entered.
    Birth,
    /// It ends the thread, so it never returns.
    Exit,
    /// Neither.
    #[default]
    Ordinary,
}
