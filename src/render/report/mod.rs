//! Reports: text for people, at most 80 columns wide, one file per command; and what monitoring
//! reads.

mod about;
pub mod check;
pub mod info;
mod layout;
pub mod moments;
pub mod packets;
pub mod prometheus;
pub mod stalls;
pub mod strips;
pub mod syscalls;
pub mod window;
