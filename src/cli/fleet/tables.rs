//! Folders of tables: the rows of recordings that were read before.
//!
//! An engine may have joined files: so a file may hold rows of many recordings, and those of one
//! recording may lie in several.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::slice;

use stallgraph::analyses::fleet::{Added, Fleet};
use stallgraph::analyses::rows::StallRow;
use stallgraph::tables::{self, OfNode, Table};

const DAY_US: i64 = 86_400_000_000;

/// Whether a folder holds tables.
pub fn are_in(folder: &Path) -> bool {
    tables::is_folder(folder)
}

/// Adds all that is in a folder of tables.
pub fn add(folder: &Path, fleet: &mut Fleet) {
    let mut recordings = Recordings::default();
    for file in files(folder, Table::Recordings, fleet) {
        let read = tables::recordings(&file, &mut |OfNode { node, row }| {
            let added = fleet.add_recording(&row);
            recordings.by_name.entry((node, row.recording)).or_insert(added);
        });
        skip_if_failed(read, &file, fleet);
    }
    let mut orphans = 0u64;
    for (number, file) in files(folder, Table::Stalls, fleet).iter().enumerate() {
        let read = tables::stalls(file, &mut |one| match recordings.of(&one) {
            None => orphans += 1,
            Some(None) => {}
            Some(Some(added)) if recordings.is_first(added, &one.row, number) => {
                fleet.add_stalls(added, slice::from_ref(&one.row));
            }
            Some(Some(_)) => {}
        });
        skip_if_failed(read, file, fleet);
    }
    if orphans > 0 {
        let why = format!("{orphans} stalls of recordings that are not in the table of recordings");
        fleet.skip(&folder.to_string_lossy(), &why);
    }
}

/// The recordings of a folder.
#[derive(Default)]
struct Recordings {
    /// By node and id; `None` is one that is there already, from elsewhere.
    by_name: HashMap<(String, String), Option<Added>>,
    /// The last one that was asked for: rows of one recording lie together.
    last: Option<((String, String), Option<Added>)>,
    /// The file that has the stalls of a recording on a day. Those of another file are the same,
    /// left there when files were joined.
    files: HashMap<(Added, Option<i64>), usize>,
}

impl Recordings {
    /// The recording of a stall; `None` if the table of recordings has none such.
    fn of(&mut self, stall: &OfNode<StallRow>) -> Option<Option<Added>> {
        let is_last = |name: &(String, String)| name.0 == stall.node && name.1 == stall.row.recording;
        if let Some((_, added)) = self.last.as_ref().filter(|(name, _)| is_last(name)) {
            return Some(*added);
        }
        let name = (stall.node.clone(), stall.row.recording.clone());
        let added = *self.by_name.get(&name)?;
        self.last = Some((name, added));
        Some(added)
    }

    /// Whether a stall is not in an earlier file, too.
    fn is_first(&mut self, recording: Added, stall: &StallRow, file: usize) -> bool {
        let day = stall.time.map(|us| us.div_euclid(DAY_US));
        *self.files.entry((recording, day)).or_insert(file) == file
    }
}

fn files(folder: &Path, table: Table, fleet: &mut Fleet) -> Vec<PathBuf> {
    tables::files_of(folder, table).unwrap_or_else(|error| {
        fleet.skip(&folder.to_string_lossy(), &error.to_string());
        Vec::new()
    })
}

fn skip_if_failed(read: stallgraph::Result<()>, file: &Path, fleet: &mut Fleet) {
    if let Err(error) = read {
        fleet.skip(&file.to_string_lossy(), &error.to_string());
    }
}
