//! Opens files beside a recording, which anybody may have put there.

use std::fs::{self, File};
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
    Some(match refused {
        Some(why) => Err(why),
        None => opener.open_handle_of(&file, path).map_err(|error| error.to_string()),
    })
}

/// Names what is at a path. A device does not act on that.
fn handle(path: &Path, flags: OFlags) -> Option<File> {
    let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty()).ok().map(File::from)
}
