//! A cause: what a data file says of it.

use regex_lite::Regex;

use crate::model::Softirq;

use super::kernels::Kernels;
use super::pattern::Pattern;

/// A cause of stalls that others have found before. All texts are safe to print.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cause {
    /// Its name: lower case, words joined by `-`.
    pub name: String,
    /// What happens, in a few words.
    pub title: String,
    /// What it is about: the name of its data file; `own` for a user's file.
    pub topic: String,
    /// The user's file that it is from, as the user named it; `None` if the program knows it.
    pub file: Option<String>,
    /// The paths in which it is seen. One of them is enough. Without any, a condition tells it.
    pub paths: Vec<Pattern>,
    /// What else must hold.
    pub condition: Condition,
    /// The kernels that have it.
    pub kernels: Kernels,
    /// What the kernel does, and why packets wait for it.
    pub means: String,
    /// What helps at once.
    pub now: Vec<Remedy>,
    /// What mends it for good.
    pub cure: String,
    /// How to make sure on the machine.
    pub verify: Verify,
    /// Where that was found.
    pub sources: Vec<String>,
    /// Causes that may be found in the same stacks.
    pub also: Vec<String>,
    /// Whether it is no stall of softirqs, but taken for one.
    pub is_mistaken: bool,
}

/// What must hold of a stall besides its path.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Condition {
    /// The holder is this softirq's action.
    pub softirq: Option<Softirq>,
    /// The holder is the machine itself.
    pub is_machine: bool,
    /// Nobody held the CPU in the kernel: it ran programs in user space while ksoftirqd waited.
    pub is_user_space: bool,
    /// The holder is a task whose comm matches.
    pub comm: Option<Regex>,
    /// No sample was taken in it, because interrupts were off.
    pub interrupts_off: bool,
}

/// A command that helps, and what it may do besides.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Remedy {
    /// The command, for root's shell.
    pub run: String,
    /// What it may do besides.
    pub risk: String,
}

/// A command that settles whether it is this cause.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Verify {
    /// The command, for root's shell.
    pub run: String,
    /// What it prints if it is.
    pub shows: String,
}
