//! The first bytes of a file: those of a recording in either byte order, or else what the file is.

use std::path::Path;

use crate::error::{Error, RECORD_ONE, Result};
use crate::mapped::copied;
use crate::pack::Compression;

use super::cursor::ByteOrder;

/// The first bytes of a recording from a little-endian machine.
pub const MAGIC: &[u8; 8] = b"PERFILE2";
/// The first bytes of a recording from a big-endian machine.
const MAGIC_SWAPPED: &[u8; 8] = b"2ELIFREP";
/// The first bytes of a recording of version 1.
const MAGIC_V1: &[u8] = b"PERFFILE";

/// Whether `bytes` start as a recording does.
pub fn is_recording(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || bytes.starts_with(MAGIC_SWAPPED)
}

/// The byte order of a recording.
///
/// # Errors
///
/// If the file is not a recording.
pub fn byte_order(file: &[u8], path: &Path) -> Result<ByteOrder> {
    match file.get(..8) {
        Some(magic) if magic == MAGIC => Ok(ByteOrder::Little),
        Some(magic) if magic == MAGIC_SWAPPED => Ok(ByteOrder::Big),
        _ => Err(not_a_recording(file, path)),
    }
}

/// The error for a file that is not a perf.data. It says what the file is and what to do.
fn not_a_recording(file: &[u8], path: &Path) -> Error {
    let starts = |magic: &[u8]| file.starts_with(magic);
    const COPY_AGAIN: &str = "copy it again: it is damaged, cut short, or compressed twice";
    let (problem, remedy) = if file.is_empty() {
        match path.as_os_str() == "-" {
            true => {
                ("is empty: the command before the pipe printed nothing", "look at what that command says")
            }
            false => (
                "is empty: perf wrote nothing into it",
                "look at what perf said: without root it needs a lower kernel.perf_event_paranoid, and the disk needs space; \
                 then record again",
            ),
        }
    } else if starts(MAGIC_V1) {
        ("is a perf.data of version 1, written by a perf older than 2011", "record with a newer perf")
    } else if starts(Compression::Gzip.magic()) {
        ("is compressed by gzip, and cannot be unpacked", COPY_AGAIN)
    } else if starts(Compression::Zstd.magic()) {
        ("is compressed by zstd, and cannot be unpacked", COPY_AGAIN)
    } else if starts(Compression::Xz.magic()) {
        ("is compressed by xz, and cannot be unpacked", COPY_AGAIN)
    } else if starts(b"BZh") {
        (
            "is packed by bzip2 and holds no recording: perf archive packs programs, unless it is told --all",
            "give the perf.data that it lies beside: it is found there; elsewhere name it with --buildid-dir",
        )
    } else if file.get(257..262) == Some(b"ustar") {
        (
            "is a tar archive, not a perf.data",
            "a pack is read as stallgraph pack wrote it, packed by zstd; of any other unpack the perf.data first",
        )
    } else if starts(b"\x89PNG") {
        ("is a PNG picture, not a perf.data", RECORD_ONE)
    } else if starts(b"\x7fELF") {
        ("is an ELF file, not a perf.data", RECORD_ONE)
    } else if file.len() < 8 && MAGIC.starts_with(file) {
        ("is a perf.data cut short within its first 8 bytes", "copy it again, or record again")
    } else if looks_like_text(file) {
        (
            "is a text file, and neither a perf.data nor what perf script prints",
            "give the perf.data itself, or its text: perf script -F comm,pid,tid,cpu,time,event,ip,sym,dso",
        )
    } else {
        ("is not a perf.data: it does not begin with PERFILE2", RECORD_ONE)
    };
    Error::input(path, problem, remedy)
}

fn looks_like_text(file: &[u8]) -> bool {
    let head = copied(&file[..file.len().min(512)]);
    let is_text = match std::str::from_utf8(&head) {
        Ok(_) => true,
        // The text is cut in the middle of a character.
        Err(error) => error.error_len().is_none(),
    };
    is_text && head.iter().filter(|&&byte| byte < b' ').count() <= head.len() / 8
}
