//! Analyses: functions of a [`Recording`](crate::model::Recording) with a typed result. They do no
//! input or output.
//!
//! | module | question |
//! | --- | --- |
//! | [`stalls`] | when did a CPU handle no softirq although it should have, and who held it? |
//! | [`overloads`] | where did softirqs take so much of a CPU that it could do little else? |
//! | [`windows`] | what ran before each episode of ksoftirqd, and which path stands out? |
//! | [`moments`] | what held the CPUs at the times in a victim's log? |
//! | [`check`] | is this node stalling? |
//! | [`diff`] | are the stalls gone, from recordings before and after a change? |
//! | [`syscalls`] | which system calls were slow, and did they run, wait or sleep? |
//! | [`waits`] | what did threads wait for, and for how long? |
//! | [`packets`] | when and in which context was each packet handled? |
//! | [`contents`] | what is in the recording, and which frames have no name? |
//! | [`ordered`], [`lanes`], [`flame`], [`strips`] | what ran when, to be written or drawn |
//! | [`panorama`] | what ran when on all CPUs, for a page |
//! | [`profile`] | how long ran what in all, in which stall and in which window |
//! | [`overview`] | the same in a thousand pieces, beside that of another recording |
//! | [`rows`] | all of that as rows of tables, for the recordings of many nodes |
//! | [`fleet`] | which of many nodes are bad, since when, and by what? |
//! | [`causes`] | which known causes does a culprit's path show? |
//!
//! [`selection`] says which CPUs, times and tasks to look at, [`paths`] what the kernel worked on:
//! most analyses share them.
//!
//! ```no_run
//! # use stallgraph::{analyses::{selection::{Selection, TimeRange}, stalls}, load};
//! # let options = load::Options { events: true, ..load::Options::default() };
//! # let recording = load::load("perf.data".as_ref(), &options, &|_, _, _| {})?;
//! let selection = Selection { time: TimeRange::Share(0.5, 1.0), ..Selection::default() };
//! let stalls = stalls::find(&recording, &stalls::Options { selection, ..Default::default() });
//! println!("{} stalls in the second half", stalls.stalls.len());
//! # Ok::<(), stallgraph::Error>(())
//! ```

pub(crate) mod calls;
mod categories;
pub mod causes;
pub mod check;
pub mod contents;
pub(crate) mod contexts;
mod day_times;
pub mod diff;
pub mod flame;
pub mod fleet;
mod holder;
pub mod lanes;
pub mod moments;
pub(crate) mod off_cpu;
pub mod ordered;
pub mod overloads;
pub mod overview;
pub mod packets;
pub mod panorama;
pub mod paths;
pub mod profile;
mod ranges;
pub mod rows;
pub mod selection;
mod shares;
pub(crate) mod spans;
pub mod stalls;
mod statistics;
pub mod strips;
pub mod syscalls;
mod tables;
pub mod waits;
pub mod windows;
