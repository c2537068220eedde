//! One reader for each format of symbols: bytes in, symbols out.
//!
//! Nothing here opens a file, knows a recording, or decides whether a file is the recorded one:
//! `search` and `trust` do.

pub mod bytes;
pub mod demangle;
pub mod dwarf;
pub mod elf;
pub mod jitdump;
pub mod kallsyms;
pub mod perf_map;
pub mod stored;
pub mod table;
pub mod unpack;
