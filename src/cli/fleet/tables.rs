//! Folders of tables: the rows of recordings that were read before.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use stallgraph::analyses::rows::{RecordingRow, StallRow};

/// Whether a folder holds tables: those of recordings and of stalls, both by day.
pub fn are_in(folder: &Path) -> bool {
    let is_by_day = |table: &str| {
        let days = fs::read_dir(folder.join(table)).into_iter().flatten().flatten();
        days.into_iter().any(|day| day.file_name().as_encoded_bytes().starts_with(b"date="))
    };
    is_by_day("recordings") && is_by_day("stalls")
}

/// Hands over each recording of the tables in a folder with its stalls, in the order of node and
/// time.
pub fn each(_folder: &Path, _take: impl FnMut(&RecordingRow, &[StallRow])) -> Result<()> {
    bail!("this version does not read tables; name the folder of the recordings")
}
