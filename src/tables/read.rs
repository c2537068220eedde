//! Reads the tables that `fleet` needs: recordings and stalls. Files may be of other versions of
//! this program, or of an engine that joined many files into one. So columns are found by name: one
//! that is missing has no values, and one that is unknown is not read.

use std::fs::File;
use std::io;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetStatisticsPolicy;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

use crate::analyses::rows::{RecordingRow, StallRow, Who};
use crate::error::{Error, Result};

use super::layout;
use super::values::{Group, damaged};

/// Rows that are in memory at a time. A small file may hold many rows that are long and alike.
const BATCH: usize = 4096;

/// A row, and the folder of its node. Rows of one recording have the same.
pub struct OfNode<R> {
    /// The name of the folder, or what an engine has as the column `node` in its place.
    pub node: String,
    /// The row.
    pub row: R,
}

/// Reads a file of the table of recordings.
///
/// # Errors
///
/// If it cannot be read, is damaged, or is no such table.
pub fn recordings(path: &Path, each: &mut dyn FnMut(OfNode<RecordingRow>)) -> Result<()> {
    read(path, &mut |group, rows| {
        let mut nodes = group.texts("node")?;
        let (mut ids, mut hosts, mut files) =
            (group.texts("recording")?, group.texts("host")?, group.texts("file")?);
        let (mut kernels, mut archs) = (group.texts("kernel")?, group.texts("arch")?);
        let (mut begins, mut ends) = (group.moments("time")?, group.moments("end_time")?);
        let (mut starts, mut durations) = (group.numbers("start_ns")?, group.numbers("duration_ns")?);
        let (mut statuses, mut doubts) = (group.texts("status")?, group.texts("doubt")?);
        let (mut kept, mut min_ns) = (group.texts("kept")?, group.numbers("min_ns")?);
        let (mut damaged, mut named) = (group.flags("is_damaged")?, group.flags("has_names")?);
        let (mut overloads, mut labels) = (group.numbers("overloads")?, group.maps("labels")?);
        for batch in batches(rows) {
            let (nodes, ids, hosts) = (nodes.next(batch)?, ids.next(batch)?, hosts.next(batch)?);
            let (files, kernels, archs) = (files.next(batch)?, kernels.next(batch)?, archs.next(batch)?);
            let (begins, ends) = (begins.next(batch)?, ends.next(batch)?);
            let (starts, durations) = (starts.next(batch)?, durations.next(batch)?);
            let (statuses, doubts) = (statuses.next(batch)?, doubts.next(batch)?);
            let (kept, min_ns) = (kept.next(batch)?, min_ns.next(batch)?);
            let (damaged, named) = (damaged.next(batch)?, named.next(batch)?);
            let (overloads, labels) = (overloads.next(batch)?, labels.next(batch)?);
            for at in 0..batch {
                let text = |texts: &[Option<String>]| texts[at].clone();
                let number = |numbers: &[Option<i64>]| numbers[at].map_or(0, unsigned);
                let row = RecordingRow {
                    recording: text(&ids).unwrap_or_default(),
                    time: begins[at],
                    end: ends[at],
                    start_ns: number(&starts),
                    duration_ns: number(&durations),
                    host: text(&hosts),
                    labels: labels[at].clone().unwrap_or_default(),
                    file: text(&files).unwrap_or_default(),
                    kernel: text(&kernels),
                    arch: text(&archs),
                    min_ns: number(&min_ns),
                    status: text(&statuses).unwrap_or_default(),
                    doubt: text(&doubts),
                    kept: text(&kept).unwrap_or_default(),
                    is_damaged: damaged[at].unwrap_or(false),
                    has_names: named[at].unwrap_or(true),
                    overloads: i32::try_from(number(&overloads)).unwrap_or(i32::MAX),
                    ..RecordingRow::default()
                };
                each(OfNode { node: node_of(path, text(&nodes)), row });
            }
        }
        Ok(())
    })
}

/// Reads a file of the table of stalls: of each stall what `fleet` needs.
///
/// # Errors
///
/// If it cannot be read, is damaged, or is no such table.
pub fn stalls(path: &Path, each: &mut dyn FnMut(OfNode<StallRow>)) -> Result<()> {
    read(path, &mut |group, rows| {
        let (mut nodes, mut ids, mut begins) =
            (group.texts("node")?, group.texts("recording")?, group.moments("time")?);
        let (mut starts, mut durations) = (group.numbers("start_ns")?, group.numbers("duration_ns")?);
        let (mut cpus, mut confidences) = (group.numbers("cpu")?, group.texts("confidence")?);
        let (mut culprits, mut functions) = (group.texts("culprit")?, group.texts("function")?);
        let (mut causes, mut certainties) = (group.texts("known")?, group.texts("certainty")?);
        for batch in batches(rows) {
            let (nodes, ids, begins) = (nodes.next(batch)?, ids.next(batch)?, begins.next(batch)?);
            let (starts, durations, cpus) = (starts.next(batch)?, durations.next(batch)?, cpus.next(batch)?);
            let confidences = confidences.next(batch)?;
            let (culprits, functions) = (culprits.next(batch)?, functions.next(batch)?);
            let (causes, certainties) = (causes.next(batch)?, certainties.next(batch)?);
            for at in 0..batch {
                let text = |texts: &[Option<String>]| texts[at].clone();
                let number = |numbers: &[Option<i64>]| numbers[at].map_or(0, unsigned);
                let row = StallRow {
                    recording: text(&ids).unwrap_or_default(),
                    time: begins[at],
                    start_ns: number(&starts),
                    duration_ns: number(&durations),
                    cpu: u32::try_from(number(&cpus)).unwrap_or(u32::MAX),
                    // A level of a later version is not known to be sure.
                    confidence: word(&confidences[at], ["high", "medium", "low"]).unwrap_or("low"),
                    who: Who {
                        culprit: text(&culprits),
                        function: text(&functions),
                        cause: text(&causes),
                        certainty: word(&certainties[at], ["sure", "possible"]),
                        ..Who::default()
                    },
                    ..StallRow::default()
                };
                each(OfNode { node: node_of(path, text(&nodes)), row });
            }
        }
        Ok(())
    })
}

/// Reads the row groups of a file one after the other.
fn read(
    path: &Path,
    group: &mut dyn FnMut(&Group, usize) -> std::result::Result<(), ParquetError>,
) -> Result<()> {
    let failed = |error: ParquetError| match error {
        ParquetError::External(cause) => Error::input(path, cause.to_string(), ""),
        other => Error::input(path, format!("is no whole Parquet file: {other}"), ""),
    };
    let unreadable = |cause: io::Error| Error::Io { file: path.to_owned(), cause, remedy: None };
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let options =
        ReadOptionsBuilder::new().with_column_stats_policy(ParquetStatisticsPolicy::SkipAll).build();
    let reader = SerializedFileReader::new_with_options(file, options).map_err(failed)?;
    let counts = reader.metadata().row_groups().iter().map(|group| group.num_rows());
    let all = counts.map(|rows| u64::try_from(rows).ok()).try_fold(0u64, |sum, rows| sum.checked_add(rows?));
    let Some(true) = all.map(|rows| rows / MOST_ROWS_A_BYTE <= bytes) else {
        return Err(failed(damaged("has more rows than its size can hold")));
    };
    for number in 0..reader.num_row_groups() {
        let row_group = reader.get_row_group(number).map_err(failed)?;
        let rows = usize::try_from(row_group.metadata().num_rows()).unwrap_or(0);
        if !row_group.metadata().columns().iter().any(|column| column.column_path().string() == "recording") {
            return Err(failed(damaged("has no column recording: it is no table of stallgraph")));
        }
        group(&Group::new(row_group.as_ref()), rows).map_err(failed)?;
    }
    Ok(())
}

/// No table has more rows than this for each of its bytes: times differ from row to row.
const MOST_ROWS_A_BYTE: u64 = 16;

/// The sizes of batches that are so many rows together.
fn batches(rows: usize) -> impl Iterator<Item = usize> {
    (0..rows).step_by(BATCH).map(move |begin| BATCH.min(rows - begin))
}

/// The node of a row: that of the folder, else that of its column.
fn node_of(path: &Path, column: Option<String>) -> String {
    layout::node_of(path).or(column).unwrap_or_default()
}

/// The one of the `words` that a text is.
fn word<const N: usize>(text: &Option<String>, words: [&'static str; N]) -> Option<&'static str> {
    let text = text.as_deref()?;
    words.into_iter().find(|word| *word == text)
}

/// A number that is never negative.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
