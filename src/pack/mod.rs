//! Packs: a recording and the files that its names come from, in one tar archive packed by zstd.
//!
//! The entries of a pack, in this order:
//!
//! 1. `manifest.json`, which describes all other entries;
//! 2. `files/0`, `files/1`, …: the kernel's symbols and the files of modules;
//! 3. files that describe the machine, and a page, for people to read;
//! 4. the recording. It is last, so that a pack that was cut short has all names.
//!
//! No path in a pack is ever used in the file system. Entries are looked up in memory, by names
//! that this program gave.
//!
//! Archives of `perf archive` are read here too: `archive` and `bundle`.
//!
//! Without the feature `pack`, `absent` replaces all of this: nothing can be read.

#[cfg(not(feature = "pack"))]
mod absent;
#[cfg(feature = "pack")]
mod archive;
mod budget;
#[cfg(feature = "pack")]
mod bundle;
#[cfg(feature = "pack")]
mod bunzip2;
mod compressed;
#[cfg(feature = "pack")]
mod contents;
mod damage;
#[cfg(feature = "pack")]
mod kept;
mod magic;
#[cfg(feature = "pack")]
mod manifest;
#[cfg(feature = "pack")]
mod read;
#[cfg(feature = "pack")]
mod tar_files;
#[cfg(feature = "pack")]
mod write;

#[cfg(not(feature = "pack"))]
pub use absent::{Archive, Bundle, Pack};
#[cfg(feature = "pack")]
pub use archive::Archive;
pub use budget::Budget;
#[cfg(feature = "pack")]
pub use bundle::Bundle;
pub use compressed::Compression;
#[cfg(feature = "pack")]
pub use contents::Contents;
pub use damage::{ALLOW_MORE, Damage};
#[cfg(feature = "pack")]
pub use kept::{KeptFile, OpenFile};
pub use magic::{begins_pack, may_be_archive, may_be_pack};
#[cfg(feature = "pack")]
pub use read::Pack;
#[cfg(feature = "pack")]
pub use write::{RecordedFile, write};
