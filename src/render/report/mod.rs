//! Text reports, at most 80 columns wide, and text for monitoring: one file per command.
//!
//! Every line begins with a fixed word, or with spaces where it continues the line before, so that
//! reports can be searched with grep. `about`, `layout`, `overloads` and `strips` are shared.

pub(super) mod about;
pub mod causes;
pub mod check;
pub mod diff;
pub mod fleet;
pub mod info;
mod layout;
pub mod moments;
pub(super) mod overloads;
pub mod packets;
pub mod prometheus;
pub mod stalls;
pub mod strips;
pub mod syscalls;
pub mod waits;
pub mod watch;
pub mod window;
