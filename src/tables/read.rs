//! Reads the tables that `fleet` needs: recordings and stalls. Files may be of other versions of
//! this program, or of an engine that joined many files into one. So columns are found by name: one
//! that is missing has no values, and one that is unknown is not read.

use std::path::Path;

use crate::analyses::rows::{RecordingRow, StallRow, Who};
use crate::error::Result;

use super::layout;
use super::parquet_file::ParquetFile;
use super::values::Group;

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
    let folder = layout::node_of(path);
    read(path, &mut |group| {
        let (nodes, ids) = (group.texts("node")?, group.texts("recording")?);
        let (hosts, files) = (group.texts("host")?, group.texts("file")?);
        let (kernels, archs) = (group.texts("kernel")?, group.texts("arch")?);
        let (begins, ends) = (group.moments("time")?, group.moments("end_time")?);
        let (starts, durations) = (group.numbers("start_ns")?, group.numbers("duration_ns")?);
        let (statuses, doubts) = (group.texts("status")?, group.texts("doubt")?);
        let (kept, min_ns) = (group.texts("kept")?, group.numbers("min_ns")?);
        let (damaged, named) = (group.flags("is_damaged")?, group.flags("has_names")?);
        let (overloads, mut labels) = (group.numbers("overloads")?, group.maps("labels")?);
        for at in 0..group.rows {
            let row = RecordingRow {
                recording: ids.owned(at).unwrap_or_default(),
                time: begins[at],
                end: ends[at],
                start_ns: unsigned(starts[at]),
                duration_ns: unsigned(durations[at]),
                host: hosts.owned(at),
                labels: std::mem::take(&mut labels[at]),
                file: files.owned(at).unwrap_or_default(),
                kernel: kernels.owned(at),
                arch: archs.owned(at),
                min_ns: unsigned(min_ns[at]),
                status: statuses.owned(at).unwrap_or_default(),
                doubt: doubts.owned(at),
                kept: kept.owned(at).unwrap_or_default(),
                is_damaged: damaged[at].unwrap_or(false),
                has_names: named[at].unwrap_or(true),
                overloads: i32::try_from(unsigned(overloads[at])).unwrap_or(i32::MAX),
                ..RecordingRow::default()
            };
            each(OfNode { node: node_of(&folder, nodes.get(at)), row });
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
    let folder = layout::node_of(path);
    read(path, &mut |group| {
        let (nodes, ids) = (group.texts("node")?, group.texts("recording")?);
        let (begins, starts) = (group.moments("time")?, group.numbers("start_ns")?);
        let (durations, cpus) = (group.numbers("duration_ns")?, group.numbers("cpu")?);
        let confidences = group.texts("confidence")?;
        let (culprits, functions) = (group.texts("culprit")?, group.texts("function")?);
        let (causes, certainties) = (group.texts("known")?, group.texts("certainty")?);
        for at in 0..group.rows {
            let row = StallRow {
                recording: ids.owned(at).unwrap_or_default(),
                time: begins[at],
                start_ns: unsigned(starts[at]),
                duration_ns: unsigned(durations[at]),
                cpu: u32::try_from(unsigned(cpus[at])).unwrap_or(u32::MAX),
                // A level of a later version is not known to be sure.
                confidence: word(confidences.get(at), ["high", "medium", "low"]).unwrap_or("low"),
                who: Who {
                    culprit: culprits.owned(at),
                    function: functions.owned(at),
                    cause: causes.owned(at),
                    certainty: word(certainties.get(at), ["sure", "possible"]),
                    ..Who::default()
                },
                ..StallRow::default()
            };
            each(OfNode { node: node_of(&folder, nodes.get(at)), row });
        }
        Ok(())
    })
}

/// Reads the row groups of a file one after the other.
fn read(path: &Path, each: &mut dyn FnMut(&Group) -> Result<()>) -> Result<()> {
    let file = ParquetFile::open(path)?;
    if !file.has("recording") {
        return Err(file.problem("has no column recording: it is no table of stallgraph"));
    }
    for group in file.row_groups().iter().filter(|group| group.rows > 0) {
        let rows = usize::try_from(group.rows).unwrap_or(usize::MAX);
        each(&Group { file: &file, group, rows })?;
    }
    Ok(())
}

/// The node of a row: that of the folder, else that of its column.
fn node_of(folder: &Option<String>, column: Option<&str>) -> String {
    folder.as_deref().or(column).unwrap_or_default().to_owned()
}

/// The one of the `words` that a text is.
fn word<const N: usize>(text: Option<&str>, words: [&'static str; N]) -> Option<&'static str> {
    words.into_iter().find(|word| Some(*word) == text)
}

/// A number that is never negative.
fn unsigned(number: Option<i64>) -> u64 {
    number.map_or(0, |number| u64::try_from(number).unwrap_or(0))
}
