//! Options that say where names of functions come from.

use std::path::{Path, PathBuf};

use clap::Args;
use stallgraph::load::Sources;

/// Where names come from.
#[derive(Args)]
#[command(next_help_heading = "Names")]
pub struct NameOptions {
    /// ELF file of the recorded kernel
    ///
    /// Its build id must be that of the recorded kernel. The default is described at --kallsyms.
    #[arg(short = 'k', long, value_name = "FILE")]
    vmlinux: Option<PathBuf>,
    /// Kernel symbols, saved as root in the boot that was recorded
    ///
    /// The default is the first of these that has them: a file `kallsyms` beside FILE, if it
    /// belongs to you, root or the owner of FILE; the build-id cache; this machine's own kernel if
    /// it made the recording; and an installed vmlinux with the recorded build id.
    #[arg(long, value_name = "FILE")]
    kallsyms: Option<PathBuf>,
    /// Folder with the recorded machine's programs and libraries
    ///
    /// No program or library of this machine outside the folder is then opened.
    #[arg(long, value_name = "DIR")]
    symfs: Option<PathBuf>,
    /// Also look for files of containers, while their processes run
    ///
    /// A file is looked for below the root folder of the process that mapped it, /proc/PID/root.
    #[arg(long)]
    container_root: bool,
    /// Build-id cache, or an archive of perf archive [default: ~/.debug]
    ///
    /// perf record and perf buildid-cache fill the cache: programs and libraries by build id. With
    /// --symfs DIR the default is DIR/.debug. An archive FILE.tar.bz2 beside the recording is
    /// looked into after the default cache.
    #[arg(long, value_name = "PATH")]
    buildid_dir: Option<PathBuf>,
    /// Also show inlined functions of user space
    ///
    /// They come from debug information, which takes time to read, and are marked as inlined.
    /// --no-inline, as perf has it, is the default.
    #[arg(long, overrides_with = "no_inline")]
    inline: bool,
    /// Do not show inlined functions, which is the default
    #[arg(long, hide = true, overrides_with = "inline")]
    no_inline: bool,
    /// Do not look up any names
    #[arg(long)]
    no_symbols: bool,
}

impl NameOptions {
    /// The files that the options name.
    pub fn files(&self) -> Vec<PathBuf> {
        [&self.vmlinux, &self.kallsyms, &self.buildid_dir].into_iter().flatten().cloned().collect()
    }

    /// The options that were given, and what each names.
    pub fn given(&self) -> Vec<(&'static str, Option<&Path>)> {
        let files = [
            ("--vmlinux", &self.vmlinux),
            ("--kallsyms", &self.kallsyms),
            ("--symfs", &self.symfs),
            ("--buildid-dir", &self.buildid_dir),
        ];
        let switches = [
            ("--container-root", self.container_root),
            ("--inline", self.inline && !self.no_inline),
            ("--no-symbols", self.no_symbols),
        ];
        let files = files.into_iter().filter_map(|(name, file)| Some((name, Some(file.as_deref()?))));
        files.chain(switches.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| (name, None))).collect()
    }

    /// The sources that the options name.
    pub fn sources(&self) -> Sources {
        Sources {
            disabled: self.no_symbols,
            inline: self.inline && !self.no_inline,
            vmlinux: self.vmlinux.clone(),
            kallsyms: self.kallsyms.clone(),
            container_root: self.container_root,
            is_own: false,
            symfs: self.symfs.clone(),
            buildid_dir: self.buildid_dir.clone(),
        }
    }
}
