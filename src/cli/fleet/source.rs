//! A recording to be read: where it is, how large, and whose.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use stallgraph::analyses::rows::Origin;

/// A pack unpacks to about so many times its size.
const PACKED: u64 = 8;

/// A recording to be read.
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is, as the folders on the way say.
    pub origin: Origin,
    /// How much memory it may need, in bytes.
    pub bytes: u64,
}

impl Source {
    /// The recording at `path`.
    pub fn new(path: PathBuf) -> Source {
        let is_pack = path.as_os_str().as_encoded_bytes().ends_with(b".tar.zst");
        let times = if is_pack { PACKED } else { 1 };
        Source { origin: origin(&path), bytes: length(&path).saturating_mul(times), path }
    }
}

/// What the folders `KEY=VALUE` on the way say. Of two with the same key the inner one counts.
fn origin(path: &Path) -> Origin {
    let mut origin = Origin::default();
    let folders = path.parent().map(|parent| parent.iter()).into_iter().flatten();
    for (key, value) in folders.filter_map(pair) {
        if key == "node" {
            origin.node = Some(value);
            continue;
        }
        origin.labels.retain(|(other, _)| *other != key);
        origin.labels.push((key, value));
    }
    origin
}

fn pair(folder: &OsStr) -> Option<(String, String)> {
    let folder = folder.to_string_lossy();
    let (key, value) = folder.split_once('=')?;
    (!key.is_empty() && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
}

/// The length of a file, or of all files in the folder that `perf record --threads` makes.
fn length(path: &Path) -> u64 {
    let of = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| of(&entry.path())).fold(0, u64::saturating_add),
        Err(_) => of(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_on_the_way_name_the_node_and_labels() {
        let path = Path::new("all/zone=a/rack=7/node=n=1/zone=b/=x/y=/node=/c=d.data");
        let origin = origin(path);
        assert_eq!(origin.node.as_deref(), Some("n=1"));
        let labels = [("rack", "7"), ("zone", "b")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(origin.labels, labels);
    }
}
