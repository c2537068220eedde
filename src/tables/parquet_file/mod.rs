//! The reader of Parquet files: flat columns and maps of texts, row group by row group.
//!
//! The library that writes tables can read them, too, but panics on some damaged files: one changed
//! byte is enough. Files of a fleet come from a thousand machines, so this reader checks each
//! offset, size and count before it is used, and reads no more of the format than tables need. The
//! format is that of <https://parquet.apache.org/docs/file-format/> (parquet-format 2.11).

mod column;
mod decoders;
mod hybrid;
mod metadata;
mod page;
mod problem;
mod thrift;
mod unpacker;

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};

use metadata::Metadata;
use problem::{Problem, Read};
use unpacker::Unpacker;

pub use column::{Column, Level, Value};
pub use metadata::{Kind, RowGroup};

/// A file.
pub struct ParquetFile<'p> {
    path: &'p Path,
    file: File,
    bytes: u64,
    metadata: Metadata,
    /// How many more bytes of columns are read. Those of no two columns are the same, and one is
    /// read twice.
    left: Cell<u64>,
    unpacker: Unpacker,
}

/// What a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";
/// The length of the footer and the magic bytes after it.
const TAIL: u64 = 8;
/// The footer of a file of ours has some kilobytes. One of hundreds of row groups has megabytes.
const LONGEST_FOOTER: u64 = 4 << 20;

impl<'p> ParquetFile<'p> {
    /// Opens a file, and reads what it says of itself.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or its footer is damaged.
    pub fn open(path: &'p Path) -> Result<ParquetFile<'p>> {
        let unreadable = |cause| Error::Io { file: path.to_owned(), cause, remedy: None };
        let file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let metadata = footer(&file, bytes).map_err(|problem| problem.at(path))?;
        let unpacker = Unpacker::new(bytes).map_err(|problem| problem.at(path))?;
        Ok(ParquetFile { path, file, bytes, metadata, left: Cell::new(bytes.saturating_mul(2)), unpacker })
    }

    /// Its row groups.
    pub fn row_groups(&self) -> &[RowGroup] {
        &self.metadata.row_groups
    }

    /// Whether it has a column at this path: `time`, or `labels.key_value.key`.
    pub fn has(&self, path: &str) -> bool {
        self.metadata.leaf(path).is_some()
    }

    /// A column of a row group; `None` if the file has no such column.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is not of this kind, or is damaged.
    pub fn column(&self, group: &RowGroup, path: &str, kind: Kind) -> Result<Option<Column>> {
        let Some((number, leaf)) = self.metadata.leaf(path) else { return Ok(None) };
        let read = || {
            if leaf.kind != Some(kind) {
                return Err(Problem::new(format!("its column {path} has a type that is not read")));
            }
            let chunk = group.chunk(number).ok_or_else(|| Problem::damaged("a column is missing"))?;
            let bytes = self.bytes_at(chunk.offset, chunk.length)?;
            Column::new(bytes, chunk, leaf, group.rows)
        };
        read().map(Some).map_err(|problem: Problem| problem.at(self.path))
    }

    /// Calls `each` with the values of a column.
    ///
    /// # Errors
    ///
    /// If it is damaged.
    pub fn read(&self, column: &Column, each: &mut dyn FnMut(Level, Option<Value>)) -> Result<()> {
        column.each(&self.unpacker, each).map_err(|problem| problem.at(self.path))
    }

    /// The error of what is wrong with this file.
    pub fn problem(&self, what: &str) -> Error {
        Problem::new(what).at(self.path)
    }

    fn bytes_at(&self, offset: u64, length: u64) -> Read<Vec<u8>> {
        let left = self.left.get().checked_sub(length);
        self.left.set(left.ok_or_else(|| Problem::damaged("its columns are longer than it is"))?);
        read_at(&self.file, self.bytes, offset, length)
    }
}

/// Reads the metadata at the end of a file.
fn footer(file: &File, bytes: u64) -> Read<Metadata> {
    let begin = bytes.checked_sub(TAIL).filter(|begin| *begin >= MAGIC.len() as u64);
    let begin = begin.ok_or_else(|| Problem::new("is no Parquet file: it is too short"))?;
    let tail = read_at(file, bytes, begin, TAIL)?;
    let (length, magic) = tail.split_at(4);
    if magic != MAGIC {
        return Err(Problem::new("is no whole Parquet file: it does not end as one"));
    }
    let length = u64::from(u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
    let start = begin.checked_sub(length).filter(|_| length <= LONGEST_FOOTER);
    let start = start.ok_or_else(|| Problem::damaged("its footer is longer than it is"))?;
    Metadata::read(&read_at(file, bytes, start, length)?, bytes)
}

fn read_at(file: &File, bytes: u64, offset: u64, length: u64) -> Read<Vec<u8>> {
    let is_inside = offset.checked_add(length).is_some_and(|end| end <= bytes);
    let length = usize::try_from(length).ok().filter(|_| is_inside);
    let length = length.ok_or_else(|| Problem::damaged("a part of it lies behind its end"))?;
    let mut part = vec![0; length];
    file.read_exact_at(&mut part, offset).map_err(Problem::Unreadable)?;
    Ok(part)
}
