//! The files that names of the kernel come from.

use super::names::clean;

/// A file that names of the kernel come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelNames {
    /// The file, safe to print.
    pub file: String,
    /// Why it was looked into.
    pub place: NamePlace,
}

impl KernelNames {
    /// A file that was found at a place.
    pub fn new(file: &str, place: NamePlace) -> Self {
        KernelNames { file: clean(file).into_owned(), place }
    }
}

/// Why a file was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamePlace {
    /// `--vmlinux` names it.
    Vmlinux,
    /// `--kallsyms` names it.
    Kallsyms,
    /// It is beside the recording.
    Beside,
    /// It is in a build-id cache.
    Cache,
    /// It shows the kernel that runs here.
    ThisKernel,
    /// It is installed here.
    Installed,
    /// It is in the pack that the recording was read from.
    Pack,
}

impl NamePlace {
    /// A stable word for scripts.
    pub fn code(self) -> &'static str {
        match self {
            NamePlace::Vmlinux => "vmlinux_option",
            NamePlace::Kallsyms => "kallsyms_option",
            NamePlace::Beside => "beside_recording",
            NamePlace::Cache => "build_id_cache",
            NamePlace::ThisKernel => "this_kernel",
            NamePlace::Installed => "installed",
            NamePlace::Pack => "pack",
        }
    }

    /// The option that names the file. Then no other file was looked for.
    pub fn option(self) -> Option<&'static str> {
        match self {
            NamePlace::Vmlinux => Some("--vmlinux"),
            NamePlace::Kallsyms => Some("--kallsyms"),
            _ => None,
        }
    }
}
