//! The options that say where names come from.

use std::path::PathBuf;

/// Where names come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Whether inlined functions of user space are shown.
    pub inline: bool,
    /// Whether frames get no names at all.
    pub disabled: bool,
    /// The kernel's ELF file, if the user named it.
    pub vmlinux: Option<PathBuf>,
    /// A kallsyms file that the user named.
    pub kallsyms: Option<PathBuf>,
    /// Whether files are also looked for below the root of the process that mapped them, which
    /// differs from this one in containers.
    pub container_root: bool,
    /// Whether the caller recorded this itself, on this machine, just now: the files that the
    /// recording names may be opened then.
    pub is_own: bool,
    /// A folder that holds the recorded machine's files.
    pub symfs: Option<PathBuf>,
    /// A build-id cache, as perf fills it, or an archive that `perf archive` made of one; by
    /// default `.debug` below `symfs`, else in the user's home.
    pub buildid_dir: Option<PathBuf>,
}
