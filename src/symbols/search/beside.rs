//! Opens files beside a recording, which anybody may have put there.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

use crate::symbols::trust;

use super::open::Opener;

/// Opens the regular file `path`, which was found beside `recording`; `None` if there is none.
///
/// # Errors
///
/// Why it does not count, or cannot be read.
pub fn open_beside(opener: &Opener, recording: &Path, path: &Path) -> Option<Result<File, String>> {
    let link = handle(path, OFlags::NOFOLLOW)?;
    let file = handle(path, OFlags::empty())?;
    let (link, metadata) = (link.metadata().ok()?, file.metadata().ok()?);
    if !metadata.is_file() {
        return None;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (recording, folder) = (fs::metadata(recording).ok()?, fs::metadata(folder).ok()?);
    let owners = trust::Owners::of(&recording);
    let refused = [&link, &metadata].into_iter().find_map(|file| owners.refusal(file, &folder));
    if let Some(why) = refused {
        return Some(Err(why));
    }
    let opened = match Path::new("/proc/self/fd").exists() {
        true => opener.open_handle(&file),
        false => open_again(opener, path, &metadata),
    };
    Some(opened.map_err(|error| error.to_string()))
}

/// Opens a file by its path, where no /proc is mounted that would lead to it by its handle: in a
/// root folder that has nothing but this program and recordings.
fn open_again(opener: &Opener, path: &Path, checked: &Metadata) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if (metadata.dev(), metadata.ino()) != (checked.dev(), checked.ino()) {
        return Err(io::Error::other("it was replaced while it was opened"));
    }
    opener.note(&metadata);
    Ok(file)
}

/// Names what is at a path. A device does not act on that.
fn handle(path: &Path, flags: OFlags) -> Option<File> {
    let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty()).ok().map(File::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_is_not_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["kallsyms", "other"] {
            fs::write(at(name), "x").unwrap();
        }
        let checked = fs::metadata(at("kallsyms")).unwrap();
        let opener = Opener::default();
        assert!(open_again(&opener, &at("kallsyms"), &checked).is_ok());
        fs::rename(at("other"), at("kallsyms")).unwrap();
        let refused = open_again(&opener, &at("kallsyms"), &checked).unwrap_err();
        assert!(refused.to_string().contains("replaced"), "{refused}");
        assert_eq!(opener.opened().len(), 1);
    }
}
