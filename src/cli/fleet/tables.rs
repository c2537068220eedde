//! Folders of tables: the rows of recordings that were read before.
//!
//! An engine may have joined files: so a file may hold rows of many recordings, and those of one
//! recording may lie in several.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::slice;

use stallgraph::analyses::fleet::{Added, Fleet};
use stallgraph::analyses::rows::{DAY_US, StallRow};
use stallgraph::tables::{self, OfNode, Table};

/// Whether a folder holds tables.
pub fn are_in(folder: &Path) -> bool {
    tables::is_folder(folder)
}

/// Whether a folder in such a folder is called like a table.
pub fn is_one(name: &OsStr) -> bool {
    Table::ALL.iter().any(|table| name == table.name())
}

/// Adds all that is in a folder of tables. Shorter stalls than `min_ns` do not count.
pub fn add(folder: &Path, min_ns: u64, fleet: &mut Fleet) {
    let mut recordings = Recordings::default();
    for file in files(folder, Table::Recordings, fleet) {
        let read = tables::recordings(&file, &mut |OfNode { node, mut row }| {
            row.min_ns = row.min_ns.max(min_ns);
            if row.host.is_none() {
                // What it was called where it was read may be what others are called.
                row.file = file.to_string_lossy().into_owned();
            }
            let added = fleet.add_recording(&row);
            let entry = recordings.by_name.entry((node, row.recording)).or_insert(added);
            // Of two, the later one may be better.
            *entry = added.or(*entry);
        });
        skip_if_failed(read, &file, fleet);
    }
    let mut orphans = 0u64;
    for (number, file) in files(folder, Table::Stalls, fleet).iter().enumerate() {
        let read = tables::stalls(file, &mut |one| match recordings.of(&one) {
            _ if one.row.duration_ns < min_ns => {}
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
        let folder = folder.to_string_lossy();
        let why = format!("{folder}: {orphans} stalls of recordings that are not in the table of recordings");
        fleet.skip(&folder, &why);
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
    let (files, errors) = tables::files_of(folder, table);
    for error in errors {
        fleet.skip(&folder.join(table.name()).to_string_lossy(), &error.to_string());
    }
    files
}

fn skip_if_failed(read: stallgraph::Result<()>, file: &Path, fleet: &mut Fleet) {
    if let Err(error) = read {
        fleet.skip(&file.to_string_lossy(), &error.to_string());
    }
}
