//! System calls: what their numbers in events mean.

use super::ids::NameId;

/// A system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Its name.
    pub name: NameId,
    /// What it does to threads.
    pub role: SystemCallRole,
}

/// The effect of a system call on threads, if it decides which records belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemCallRole {
    /// It makes a new thread, which returns from a call that it never entered.
    Birth,
    /// It ends the thread, so it never returns.
    Exit,
    /// Neither.
    #[default]
    Ordinary,
}
