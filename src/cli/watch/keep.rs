//! The folder of packs: one for each stall that is told, within a budget.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use stallgraph::load::{self, Keep};
use stallgraph::model::clean;

use crate::cli::inputs::Inputs;
use crate::cli::output;
use crate::cli::target::{self, Readers};

/// What the names of all files here begin and end with.
const PREFIX: &str = "stall-";
const PACK: &str = ".stall.tar.zst";
const VERDICT: &str = ".json";

/// What messages call the recording in memory. Beside it is the kallsyms of this kernel.
pub const RECORDING: &str = "/proc/watch";

/// Names come from this machine, and from its containers.
fn options() -> load::Options {
    let sources = load::Sources { container_root: true, is_own: true, ..load::Sources::default() };
    load::Options { events: true, sources, ..load::Options::default() }
}

/// A folder of packs.
pub struct Folder {
    path: PathBuf,
    most_bytes: u64,
}

/// A pack in the folder, with its verdict.
struct Kept {
    name: String,
    bytes: u64,
}

impl Folder {
    /// The folder at `path`, which is made if it is not there, for at most `most_bytes`.
    pub fn open(path: &Path, most_bytes: u64) -> Result<Folder> {
        target::make_folder(path)?;
        Ok(Folder { path: path.to_owned(), most_bytes })
    }

    /// Writes a recording as a pack, and its verdict beside it. Returns the pack's path.
    pub fn add(&self, name: &str, recording: &[u8], verdict: &[u8]) -> Result<PathBuf> {
        let at = |end: &str| self.path.join(format!("{PREFIX}{name}{end}"));
        let none = Inputs::default();
        let options = options();
        let mut pack = Vec::new();
        load::pack_bytes(recording, Path::new(RECORDING), &options, Keep::Symbols, &mut pack)?;
        let bytes = (pack.len() + verdict.len()) as u64;
        if bytes > self.most_bytes {
            bail!("{name} needs {bytes} bytes, more than --max-disk");
        }
        self.make_room(bytes)?;
        target::write(Some(&at(PACK)), Readers::Owner, &none, |out| {
            out.write_all(&pack).map_err(stallgraph::Error::Output)
        })?;
        target::write(Some(&at(VERDICT)), Readers::Owner, &none, |out| {
            out.write_all(verdict).map_err(stallgraph::Error::Output)
        })?;
        Ok(at(PACK))
    }

    /// Removes packs until there is room for so many bytes: the oldest of the culprit with most.
    fn make_room(&self, bytes: u64) -> Result<()> {
        let mut kept = self.kept()?;
        let mut all: u64 = kept.values().flatten().map(|kept| kept.bytes).fold(0, u64::saturating_add);
        while all.saturating_add(bytes) > self.most_bytes {
            let such = kept.values_mut().filter(|packs| !packs.is_empty());
            let most = such.max_by_key(|packs| (packs.len(), Reverse(packs[0].name.clone())));
            let Some(packs) = most else { break };
            let oldest = packs.remove(0);
            all = all.saturating_sub(oldest.bytes);
            for end in [PACK, VERDICT] {
                let path = self.path.join(format!("{}{end}", oldest.name));
                // What cannot be removed makes no room. Others may.
                if let Err(error) = fs::remove_file(&path)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    output::complain(&format!("{}: {error}", path.to_string_lossy()));
                }
            }
        }
        Ok(())
    }

    /// The packs that are there, by culprit, the oldest first: names begin with their time.
    fn kept(&self) -> Result<BTreeMap<String, Vec<Kept>>> {
        let mut kept: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
        let entries =
            fs::read_dir(&self.path).with_context(|| clean(&self.path.to_string_lossy()).into_owned())?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(target::TEMPORARY) && is_left(&entry) {
                let _ = fs::remove_file(entry.path());
            }
            let Some(stem) = name.strip_suffix(PACK).filter(|stem| stem.starts_with(PREFIX)) else {
                continue;
            };
            let length = |path: &Path| fs::symlink_metadata(path).map_or(0, |metadata| metadata.len());
            let verdict = self.path.join(format!("{stem}{VERDICT}"));
            let bytes = length(&entry.path()).saturating_add(length(&verdict));
            // `stall-TIME-CPU-CULPRIT`
            let culprit = stem.splitn(4, '-').nth(3).unwrap_or_default().to_owned();
            kept.entry(culprit).or_default().push(Kept { name: stem.to_owned(), bytes });
        }
        kept.values_mut().for_each(|packs| packs.sort_by(|a, b| a.name.cmp(&b.name)));
        Ok(kept)
    }
}

/// Whether nobody has written a file for so long that whoever began it was killed.
fn is_left(file: &fs::DirEntry) -> bool {
    const LEFT: Duration = Duration::from_secs(600);
    let written = file.metadata().and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|time| time > LEFT))
}

/// A name for files: what is no letter or digit becomes a dash.
pub fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '-' };
    name.chars().map(plain).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pack_of_the_most_frequent_culprit_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let add = |name: &str, bytes: usize| {
            fs::write(folder.path().join(format!("stall-{name}.stall.tar.zst")), vec![0; bytes])
                .expect("a file");
            fs::write(folder.path().join(format!("stall-{name}.json")), "{}").expect("a file");
        };
        for at in 1..=3 {
            add(&format!("2026112{at}T000000Z-cpu1-often-read"), 100);
        }
        add("20261101T000000Z-cpu0-rare-ioctl", 100);
        fs::write(folder.path().join("another.stall.tar.zst"), vec![0; 5000]).expect("a file");
        Folder::open(folder.path(), 500).expect("a folder").make_room(250).expect("room");
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .expect("the folder")
            .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "another.stall.tar.zst",
                "stall-20261101T000000Z-cpu0-rare-ioctl.json",
                "stall-20261101T000000Z-cpu0-rare-ioctl.stall.tar.zst",
                "stall-20261123T000000Z-cpu1-often-read.json",
                "stall-20261123T000000Z-cpu1-often-read.stall.tar.zst",
            ]
        );
    }

    #[test]
    fn names_of_culprits_are_no_paths() {
        assert_eq!(plain("../../etc/passwd read"), "..-..-etc-passwd-read");
    }
}
