//! Packs: a recording and the files that its names come from, in one tar archive packed by zstd.
//!
//! The entries of a pack, in this order:
//!
//! 1. `manifest.json`, which says what all others are;
//! 2. `files/0`, `files/1`, …: the kernel's symbols and the files of modules;
//! 3. what the machine says about itself, for people to read;
//! 4. the recording. It is last, so that a pack that was cut short has all names.
//!
//! No path in a pack is ever used in the file system. Entries are looked up in memory, by names
//! that this program gave.
//!
//! Archives of `perf archive` are read here too: `archive` and `bundle`.

mod archive;
mod budget;
mod bundle;
mod bunzip2;
mod contents;
mod damage;
mod manifest;
mod read;
mod tar_files;
mod write;

pub use archive::Archive;
pub use bundle::Bundle;
pub use bunzip2::may_be_archive;
pub use contents::Contents;
pub use damage::{ALLOW_MORE, Damage};
pub use read::{Pack, may_be_pack};
pub use write::{RecordedFile, write};
