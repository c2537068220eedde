//! Opens files that names come from: only regular ones, and of those that a recording names only
//! those that [`find_below`] finds. Notes which files were opened, so that no result is written
//! over one.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{FileId, Symbols};
use crate::pack::Budget;
use crate::symbols::formats::bytes::Bytes;
use crate::symbols::formats::stored::StoredFile;
use crate::symbols::trust;

use super::walk::{Links, Root, find_below};

/// Opens files for reading, and notes which.
#[derive(Debug, Default)]
pub struct Opener {
    opened: Mutex<BTreeSet<FileId>>,
}

impl Opener {
    /// The files that were opened.
    pub fn opened(&self) -> BTreeSet<FileId> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a file was opened.
    pub fn note(&self, file: &Metadata) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(file.into());
    }

    /// Opens the regular file that `path`, which a recording names, leads to below `root`. Empty
    /// files are not opened.
    ///
    /// # Errors
    ///
    /// If there is none that may be opened.
    pub fn open_below(&self, root: &Root, path: &str) -> Result<File, Symbols> {
        let handle = find_below(root, path, Links::Followed)?;
        let has_content = handle.metadata().is_ok_and(|metadata| trust::has_content(&metadata));
        let opened = has_content.then(|| self.open_handle(&handle).ok()).flatten();
        opened.ok_or(Symbols::NoFile)
    }

    /// The bytes of the regular file `path` below `folder`, under the conditions of
    /// [`Opener::open_below`]. What is read of them counts against `budget`.
    pub fn bytes_below(&self, folder: &Path, path: &str, budget: &Arc<Budget>) -> Option<Bytes<'static>> {
        stored(self.open_below(&Root::of_user(folder)?, path).ok()?, budget)
    }

    /// Opens a file that the user names, if it is a regular one.
    pub fn open_regular(&self, path: &Path) -> Option<File> {
        let file = open_regular(path)?;
        self.note(&file.metadata().ok()?);
        Some(file)
    }

    /// Opens for reading what a handle names. If another process has replaced it meanwhile, the old
    /// file is opened.
    ///
    /// # Errors
    ///
    /// If this user may not read it.
    pub fn open_handle(&self, handle: &File) -> std::io::Result<File> {
        let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let file = open_at_once(Path::new(&path))?;
        self.note(&handle.metadata()?);
        Ok(file)
    }

    /// Opens for reading what a handle names, to which `path` led. Handles are opened by way of
    /// /proc. Where that is not mounted, as in the root folder of an image with one program, the
    /// path is opened.
    ///
    /// # Errors
    ///
    /// If this user may not read it, or another process has replaced it meanwhile.
    pub fn open_handle_of(&self, handle: &File, path: &Path) -> std::io::Result<File> {
        match Path::new("/proc/self/fd").exists() {
            true => self.open_handle(handle),
            false => self.open_again(handle, path),
        }
    }

    fn open_again(&self, handle: &File, path: &Path) -> std::io::Result<File> {
        let (file, named) = (open_at_once(path)?, handle.metadata()?);
        if FileId::from(&file.metadata()?) != FileId::from(&named) {
            return Err(std::io::Error::other("it was replaced while it was opened"));
        }
        self.note(&named);
        Ok(file)
    }
}

/// Opens a file for reading. If it is a FIFO, this does not wait for a writer.
fn open_at_once(path: &Path) -> std::io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// The bytes of an open file. What is read of them counts against `budget`.
pub fn stored(file: File, budget: &Arc<Budget>) -> Option<Bytes<'static>> {
    StoredFile::new(file, budget).ok().map(|file| Bytes::Stored(Box::new(file)))
}

/// Opens a file if it is a regular one. If a FIFO replaces it meanwhile, opening does not wait for
/// a writer.
pub fn open_regular(path: &Path) -> Option<File> {
    let is_regular = |metadata: Metadata| metadata.is_file();
    if !fs::metadata(path).is_ok_and(is_regular) {
        return None;
    }
    let file = open_at_once(path).ok()?;
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
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        };
        link("/etc/hostname", "leaves");
        link("../../../../../etc/hostname", "climbs");
        link("usr/bin/tool", "stays");
        // The folder is the root of what lies below it, but its own path is understood too.
        link("/usr/bin/tool", "from_its_root");
        link(&folder.path().join("usr").display().to_string(), "from_the_root");
        link("circle", "circle");
        let opener = Opener::default();
        let root = Root::of_user(folder.path()).unwrap();
        let is_opened = |path: &str| opener.open_below(&root, path).is_ok();
        assert!(is_opened("usr/bin/tool"));
        assert!(is_opened("stays"));
        assert!(is_opened("from_its_root"));
        assert!(is_opened("from_the_root/bin/tool"));
        fs::write(folder.path().join("empty"), "").unwrap();
        for path in [
            "empty",
            "leaves",
            "climbs",
            "circle",
            "usr/bin",
            "usr/bin/tool/x",
            "usr/../usr/bin/tool",
            "../../etc/hostname",
            "/etc/hostname",
            "",
        ] {
            assert!(!is_opened(path), "{path}");
        }
        assert_eq!(opener.opened().len(), 1);
    }

    #[test]
    fn a_file_that_was_replaced_is_not_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["kallsyms", "other"] {
            fs::write(at(name), "x").unwrap();
        }
        let handle = File::open(at("kallsyms")).unwrap();
        let opener = Opener::default();
        assert!(opener.open_again(&handle, &at("kallsyms")).is_ok());
        fs::rename(at("other"), at("kallsyms")).unwrap();
        let refused = opener.open_again(&handle, &at("kallsyms")).unwrap_err();
        assert!(refused.to_string().contains("replaced"), "{refused}");
        assert_eq!(opener.opened().len(), 1);
    }
}
