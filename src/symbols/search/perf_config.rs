//! perf's configuration: the folder of its build-id cache.

use std::fs;
use std::path::{Path, PathBuf};

use crate::symbols::trust;

/// No configuration is longer.
const LONGEST: u64 = 1 << 20;

/// The folder that `buildid.dir` names in the files that perf reads, of which the last one counts
/// (perf_config_set__init, tools/perf/util/config.c): that of `PERF_CONFIG` alone, or the system's
/// and then the user's. As in perf, the user's file counts only if it is this user's or root's.
pub(super) fn cache_folder(home: &Path) -> Option<PathBuf> {
    let files = match std::env::var_os("PERF_CONFIG").filter(|file| !file.is_empty()) {
        Some(only) => vec![PathBuf::from(only)],
        None => vec![PathBuf::from("/etc/perfconfig"), home.join(".perfconfig")],
    };
    files.iter().rev().find_map(|file| folder_in(&read(file)?))
}

fn read(file: &Path) -> Option<String> {
    let metadata = fs::metadata(file).ok()?;
    let is_read = metadata.is_file() && metadata.len() <= LONGEST && trust::is_own_or_roots(&metadata);
    is_read.then(|| fs::read_to_string(file).ok()).flatten()
}

/// The absolute folder that `buildid.dir` names in a configuration. A value may be in quotes, and
/// ends at a comment.
fn folder_in(text: &str) -> Option<PathBuf> {
    let mut section = "";
    let mut folder = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.split(']').next().unwrap_or_default().trim();
        } else if let Some((key, value)) = line.split_once('=')
            && section.eq_ignore_ascii_case("buildid")
            && key.trim().eq_ignore_ascii_case("dir")
        {
            let value = value.split(['#', ';']).next().unwrap_or_default();
            folder = Some(PathBuf::from(value.trim().trim_matches('"')));
        }
    }
    folder.filter(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_that_of_its_section() {
        for (text, expected) in [
            ("[buildid]\n\tdir = /var/cache/perf\n", Some("/var/cache/perf")),
            ("# perf\n[ui]\ndir = /a\n[BuildId]\nDir=\"/b c\" ; here\n[report]\ndir = /d\n", Some("/b c")),
            ("[buildid]\ndir = /a\ndir = /b # the last one\n", Some("/b")),
            ("[buildid]\ndir = cache\n", None),
            ("[buildid]\n# dir = /a\n", None),
            ("dir = /a\n[buildid\ndir\n", None),
            ("", None),
        ] {
            assert_eq!(folder_in(text), expected.map(PathBuf::from), "{text}");
        }
    }
}
