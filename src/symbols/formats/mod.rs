//! One reader for each format that names come in: bytes in, symbols out.
//!
//! Nothing here opens a file, knows a recording, or decides whether a file is the recorded one:
//! that is for `search` and `trust`.

pub mod demangle;
pub mod dwarf;
pub mod elf;
pub mod jitdump;
pub mod kallsyms;
pub mod perf_map;
pub mod table;
pub mod unpack;
