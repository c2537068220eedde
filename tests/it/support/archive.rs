//! Archives in the form of `perf archive`, and build-id caches to make them from.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bzip2::Compression;
use bzip2::write::BzEncoder;
use tar::EntryType;

/// Adds `bytes` to a build-id cache, as perf does: `PATH/HEX/NAME`, and a link to the folder under
/// the build id.
pub fn add_to_cache(cache: &Path, build_id: &str, path: &str, name: &str, bytes: &[u8]) {
    let folder = cache.join(path).join(build_id);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), bytes).expect("a file");
    let (first, rest) = build_id.split_at(2);
    let links = cache.join(".build-id").join(first);
    fs::create_dir_all(&links).expect("a folder");
    if fs::symlink_metadata(links.join(rest)).is_err() {
        symlink(Path::new("../..").join(path).join(build_id), links.join(rest)).expect("a link");
    }
}

/// The archive that `perf archive` writes of a build-id cache, if samples hit all its files
/// (tools/perf/perf-archive.sh).
pub fn of_cache(cache: &Path) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    let sorted = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut entries: Vec<PathBuf> = entries.collect();
        entries.sort();
        entries
    };
    for link in sorted(&cache.join(".build-id")).iter().flat_map(|folder| sorted(folder)) {
        let name = link.strip_prefix(cache).expect("it is in the cache");
        archive.append_path_with_name(&link, name).expect("a link");
        let folder = fs::canonicalize(&link).expect("a link of the cache");
        let cache = fs::canonicalize(cache).expect("a folder");
        let name = folder.strip_prefix(cache).expect("it is in the cache");
        archive.append_dir_all(name, &folder).expect("a folder");
    }
    pack(&archive.into_inner().expect("an archive"))
}

/// Compresses with bzip2.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packer = BzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

/// An archive of these entries, whatever their names are.
pub fn of_entries(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, kind, bytes) in entries {
        add_entry(&mut tar, name, *kind, bytes);
    }
    tar.resize(tar.len() + 1024, 0);
    pack(&tar)
}

/// Adds an entry; if its name is long, an entry with the name goes before it.
pub fn add_entry(tar: &mut Vec<u8>, name: &str, kind: EntryType, bytes: &[u8]) {
    if name.len() > 100 {
        let long = [name.as_bytes(), b"\0"].concat();
        add_entry(tar, "././@LongLink", EntryType::GNULongName, &long);
    }
    let mut header = tar::Header::new_gnu();
    // Set directly, since the setter refuses the names that these tests need.
    let short = &name.as_bytes()[..name.len().min(100)];
    header.as_old_mut().name[..short.len()].copy_from_slice(short);
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    tar.extend(header.as_bytes());
    tar.extend(bytes);
    tar.resize(tar.len().next_multiple_of(512), 0);
}
