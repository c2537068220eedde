//! Opens files that names come from: only regular ones, and below a folder only those that are
//! still below it once all links are followed.

use std::fs::{self, File};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use crate::mapped::{self, Map};
use crate::symbols::trust;

/// The bytes of a file.
pub enum Bytes<'p> {
    /// A file that is mapped.
    Mapped(Map),
    /// A file that was read, or decompressed.
    Read(Vec<u8>),
    /// An entry of a pack or an archive that was unpacked.
    Packed(&'p [u8]),
}

impl Bytes<'_> {
    /// Whether another process has cut the file short since it was mapped, so that zeros were read
    /// in place of what it held.
    pub fn is_cut(&self) -> bool {
        match self {
            Bytes::Mapped(map) => map.lost_from().is_some(),
            Bytes::Read(_) | Bytes::Packed(_) => false,
        }
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Read(bytes) => bytes,
            Bytes::Packed(bytes) => bytes,
        }
    }
}

/// The real path of `path` below `root`, if it is still below `root` once all links are followed.
pub fn real_below(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let is_plain = |component| matches!(component, Component::Normal(_));
    if path.as_os_str().is_empty() || !path.components().all(is_plain) {
        return None;
    }
    let root = root.canonicalize().ok()?;
    let real = root.join(path).canonicalize().ok()?;
    real.starts_with(&root).then_some(real)
}

/// Opens the regular file `path` below `root`, if it is still below `root` once all links are
/// followed. Empty files are not opened.
pub fn open_below(root: &Path, path: &str) -> Option<File> {
    let real = real_below(root, path)?;
    let has_content = fs::metadata(&real).is_ok_and(|metadata| trust::has_content(&metadata));
    if has_content { open_regular(&real) } else { None }
}

/// Maps the regular file `path` below `root`, under the conditions of [`open_below`].
pub fn map_below(root: &Path, path: &str) -> Option<Bytes<'static>> {
    mapped::map(&open_below(root, path)?).ok().map(Bytes::Mapped)
}

/// Opens a file if it is a regular one. If a FIFO replaces it meanwhile, opening does not wait for
/// a writer.
pub fn open_regular(path: &Path) -> Option<File> {
    let is_regular = |metadata: fs::Metadata| metadata.is_file();
    if !fs::metadata(path).is_ok_and(is_regular) {
        return None;
    }
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    file.metadata().is_ok_and(is_regular).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
        fs::write(folder.path().join("usr/bin/tool"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("leaves")).unwrap();
        std::os::unix::fs::symlink("usr/bin/tool", folder.path().join("stays")).unwrap();
        let is_opened = |path: &str| open_below(folder.path(), path).is_some();
        assert!(is_opened("usr/bin/tool"));
        assert!(is_opened("stays"));
        fs::write(folder.path().join("empty"), "").unwrap();
        assert!(!is_opened("empty"));
        assert!(!is_opened("leaves"));
        assert!(!is_opened("usr/bin"));
        assert!(!is_opened("../../etc/hostname"));
        assert!(!is_opened("/etc/hostname"));
        assert!(!is_opened(""));
    }
}
