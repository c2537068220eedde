//! State: who a tid was and what an address was, at any time of the recording.
//!
//! The task and the stack of a sample depend on records (the side band) that may come later in the
//! file. So a part of the file is first only [collected](Collector): a sample gets the number of
//! its thread and of its raw call chain. The side band is replayed once into [histories](State)
//! that answer for any time. With them each part is [resolved](Collector::resolve) in the order of
//! the file, and the parts are [joined](ResolvedPart::join).

mod chain_keys;
mod chain_parts;
mod chains;
mod joined;
mod kernel_space;
mod losses;
mod mappings;
mod modules;
mod replay;
mod resolve;
mod samples;
mod spaces;
mod tasks;
mod trace;
mod unwound;

pub use chains::Chains;
pub use joined::{JoinedSamples, ResolvedPart};
pub use losses::OPEN_END_NS;
pub use replay::State;
pub use resolve::Meanings;
pub use samples::{Collector, CpuSamples};
pub use spaces::UserSpace;
pub use trace::{Occurrence, Traces, UNKNOWN_TASK};
pub use unwound::UnwoundStacks;
