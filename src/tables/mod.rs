//! Tables: the results of many recordings as Parquet files in one folder, which DuckDB, Spark,
//! ClickHouse and pandas read as tables, and `fleet` too.
//!
//! `docs/fleet-tables.md` has the tables and their columns.
//!
//! ```no_run
//! # use std::fs::{File, create_dir_all};
//! # use stallgraph::{analyses::rows::{RecordingRow, Rows}, tables};
//! let rows = Rows::of(RecordingRow::default());
//! for file in tables::files(&rows, None) {
//!     let path = std::path::Path::new("fleet").join(file.path());
//!     create_dir_all(path.parent().expect("it is in a folder"))?;
//!     file.write(&mut File::create(path)?)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod column;
mod folder;
mod layout;
mod parquet_file;
mod read;
mod redact;
mod samples;
mod schema;
mod values;
mod write;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::analyses::rows::{
    CulpritRow, DAY_US, EvidenceRow, RecordingRow, Rows, StallRow, VictimRow, WindowRow,
};
use crate::error::Result;

pub use folder::{files_of, is_folder};
pub use read::{OfNode, recordings, stalls};
pub use samples::Samples;
pub use schema::Table;

use column::Column;
use write::{GROUP, Writer};

/// A file of a table: the rows of one recording that lie on one day.
pub struct TableFile<'r> {
    table: Table,
    path: PathBuf,
    rows: Slice<'r>,
}

/// Rows of a table.
enum Slice<'r> {
    Recordings(&'r [RecordingRow]),
    Stalls(&'r [StallRow]),
    Evidence(&'r [EvidenceRow]),
    Victims(&'r [VictimRow]),
    Windows(&'r [WindowRow]),
    Culprits(&'r [CulpritRow]),
    Samples(&'r Samples<'r>, Range<u64>),
    Stacks(&'r Samples<'r>),
    Frames(&'r Samples<'r>),
}

/// Replaces comms, paths and names of machines by the hashes that a redacted pack has. Labels stay.
pub fn redact(rows: &mut Rows) {
    redact::redact(rows);
}

/// The files of `rows`, and of the samples if they are wanted. No file is empty.
pub fn files<'r>(rows: &'r Rows, samples: Option<&'r Samples<'r>>) -> Vec<TableFile<'r>> {
    let id = &rows.recording.recording;
    let node = rows.recording.host.as_deref();
    let mut files = Vec::new();
    let mut add = |table, days: Vec<(String, Range<usize>)>, slice: &dyn Fn(Range<usize>) -> Slice<'r>| {
        files.extend(days.into_iter().map(|(day, range)| TableFile {
            table,
            path: layout::path(table, &day, node, id),
            rows: slice(range),
        }));
    };
    let recordings = std::slice::from_ref(&rows.recording);
    add(Table::Recordings, layout::days(recordings, |row| row.time), &|range| {
        Slice::Recordings(&recordings[range])
    });
    add(Table::Stalls, layout::days(&rows.stalls, |row| row.time), &|range| {
        Slice::Stalls(&rows.stalls[range])
    });
    add(Table::Evidence, layout::days(&rows.evidence, |row| row.time), &|range| {
        Slice::Evidence(&rows.evidence[range])
    });
    add(Table::Victims, layout::days(&rows.victims, |row| row.time), &|range| {
        Slice::Victims(&rows.victims[range])
    });
    add(Table::Windows, layout::days(&rows.windows, |row| row.time), &|range| {
        Slice::Windows(&rows.windows[range])
    });
    add(Table::Culprits, layout::days(&rows.culprits, |row| row.time), &|range| {
        Slice::Culprits(&rows.culprits[range])
    });
    let Some(samples) = samples else { return files };
    let mut add = |table, day: &str, rows| {
        files.push(TableFile { table, path: layout::path(table, day, node, id), rows });
    };
    for (day, range) in samples.days(layout::day) {
        add(Table::Samples, &day, Slice::Samples(samples, range));
    }
    let day = layout::day(samples.begin());
    add(Table::Stacks, &day, Slice::Stacks(samples));
    add(Table::Frames, &day, Slice::Frames(samples));
    files
}

/// The paths of files that would hold more rows of the same recording, on the days that it spans,
/// but for those of `rows`. An export with other options may have left such files.
pub fn others(rows: &Rows, has_samples: bool) -> Vec<PathBuf> {
    const MOST_DAYS: i64 = 400;
    let (id, node) = (&rows.recording.recording, rows.recording.host.as_deref());
    let days = match (rows.recording.time, rows.recording.end) {
        (Some(begin), Some(end)) => {
            let (first, last) = (begin.div_euclid(DAY_US), end.div_euclid(DAY_US));
            (first..=last.min(first.saturating_add(MOST_DAYS)))
                .map(|day| layout::day(Some(day * DAY_US)))
                .collect()
        }
        _ => vec![layout::day(None)],
    };
    let written: BTreeSet<PathBuf> = files(rows, None).into_iter().map(|file| file.path).collect();
    let is_of_samples = |table: &Table| matches!(table, Table::Samples | Table::Stacks | Table::Frames);
    let tables = Table::ALL.into_iter().filter(|table| !(has_samples && is_of_samples(table)));
    let paths = tables.flat_map(|table| days.iter().map(move |day| layout::path(table, day, node, id)));
    paths.filter(|path| !written.contains(path)).collect()
}

impl TableFile<'_> {
    /// Its place in the folder of all tables. It has no part that a recording could choose: no
    /// `..`, no `/`, and no character but letters, digits and `._-=`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it: the same rows as the same bytes.
    ///
    /// # Errors
    ///
    /// If `out` does not take the bytes.
    pub fn write(&self, out: &mut (dyn Write + Send)) -> Result<()> {
        let table = self.table;
        match &self.rows {
            Slice::Recordings(rows) => write(table, schema::recordings(), rows, out),
            Slice::Stalls(rows) => write(table, schema::stalls(), rows, out),
            Slice::Evidence(rows) => write(table, schema::evidence(), rows, out),
            Slice::Victims(rows) => write(table, schema::victims(), rows, out),
            Slice::Windows(rows) => write(table, schema::windows(), rows, out),
            Slice::Culprits(rows) => write(table, schema::culprits(), rows, out),
            Slice::Samples(samples, range) => {
                write_all(table, schema::samples(), samples.samples(range.clone()), out)
            }
            Slice::Stacks(samples) => write_all(table, schema::stacks(), samples.stacks(), out),
            Slice::Frames(samples) => write_all(table, schema::frames(), samples.frames(), out),
        }
    }
}

fn write<R>(table: Table, columns: Vec<Column<R>>, rows: &[R], out: &mut (dyn Write + Send)) -> Result<()> {
    let mut writer = Writer::new(table, columns, out)?;
    writer.write(rows)?;
    writer.finish()
}

/// Writes rows that would not all fit into memory.
fn write_all<R>(
    table: Table,
    columns: Vec<Column<R>>,
    rows: impl Iterator<Item = R>,
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let mut writer = Writer::new(table, columns, out)?;
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let group: Vec<R> = rows.by_ref().take(GROUP).collect();
        writer.write(&group)?;
    }
    writer.finish()
}
