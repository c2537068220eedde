//! Modules: what addresses belong to, and what became of the search for their symbols.

/// What addresses belong to: the kernel, a kernel module, an ELF file, an anonymous mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Path or bracketed name as recorded, without a trailing ` (deleted)`: for looking up files, not safe to print.
    pub path: String,
    /// The build id that the recording holds for it.
    pub build_id: Option<Vec<u8>>,
    /// Device (major, minor) and inode of the file that was mapped, where the recording tells.
    pub inode: Option<(u32, u32, u64)>,
    /// For kernel code: where it lay. For a mapped file: `None`, offsets are positions in the file.
    pub kernel: Option<KernelCode>,
    /// For a mapped file: the process that mapped it last.
    pub mapped_by: Option<i32>,
    /// For a mapped file: the only part of it that was mapped as code; `None` where there were several.
    pub segment: Option<Segment>,
    /// For memory without a file, in which code was made at run time: the process whose memory it is. Offsets are addresses
    /// then.
    pub process: Option<i32>,
    /// What became of the search for its symbols.
    pub symbols: Symbols,
}

impl Module {
    /// A module of which only the path is known.
    pub fn new(path: String) -> Self {
        Module {
            path,
            build_id: None,
            inode: None,
            kernel: None,
            mapped_by: None,
            segment: None,
            process: None,
            symbols: Symbols::default(),
        }
    }

    /// What perf calls the kernel proper.
    pub const KERNEL: &str = "[kernel.kallsyms]";

    /// What a mapping of this path is called that is memory and not a file, up to what tells it from others: those that perf takes for
    /// such (is_anon_memory and is_no_dso_memory, tools/perf/util/map.h), and memory by descriptor, in which .NET and others put code.
    pub fn memory_name(path: &str) -> Option<&'static str> {
        const WHOLE: [&str; 2] = ["//anon", "[heap]"];
        const STARTS: [&str; 6] = ["[stack", "[anon", "/dev/zero", "/anon_hugepage", "/SYSV", "/memfd:"];
        let whole = WHOLE.into_iter().find(|name| *name == path);
        whole.or_else(|| STARTS.into_iter().find(|start| path.starts_with(start)))
    }

    /// Whether it is the kernel itself, and not one of its modules.
    pub fn is_kernel_proper(&self) -> bool {
        let is_proper = |code: &KernelCode| code.reference.is_some() || code.length == 0;
        self.kernel.as_ref().is_some_and(is_proper)
    }

    /// The last component of the path.
    pub fn basename(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// A part of a file that was mapped as code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its position in the file.
    pub offset: u64,
    /// Bytes, in whole pages.
    pub length: u64,
}

/// Where the kernel or one of its modules lay when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelCode {
    /// The address that offset 0 stands for.
    pub start: u64,
    /// Bytes; 0 where the recording does not tell.
    pub length: u64,
    /// Whether it is one function that the kernel made at run time, such as a BPF program: then the module is called as it.
    pub is_function: bool,
    /// For the kernel proper, the name and address of its reference symbol, `_text` or `_stext`: what KASLR has moved is
    /// measured against it.
    pub reference: Option<(String, u64)>,
}

/// What became of the search for a module's symbols.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Symbols {
    /// No sample hit the module, or names were not asked for.
    #[default]
    NotWanted,
    /// They were found and used.
    Found,
    /// The recording is a text, in which perf script printed no name.
    NotPrinted,
    /// Kernel code, and no kallsyms that belongs to the recording's boot.
    NoKallsyms,
    /// Not a file: `[vdso]`, a relative path.
    NotAFile,
    /// Code made at run time, and no list of its functions in `/tmp/perf-PID.map`.
    NoPerfMap,
    /// The perf map is a link, a device or a FIFO.
    PerfMapNotRegular,
    /// The perf map belongs to neither this user nor root, and anybody may write to `/tmp`.
    PerfMapOfOther,
    /// The perf map was written in another boot than the recording, so by another process.
    PerfMapOfOtherBoot,
    /// The perf map is longer than any of use.
    PerfMapTooLong,
    /// The jitdump that the process mapped is none, no regular file, longer than any of use, of another boot, or belongs to neither
    /// this user nor root.
    JitdumpRefused,
    /// The recording was made on another host, belongs to another user, or is a stream, which belongs to nobody: so the path was
    /// not opened.
    NotLookedFor,
    /// No regular file at the path.
    NoFile,
    /// The file is another build than the one that was recorded.
    BuildIdDiffers,
    /// Nothing tells whether the file is the one that was recorded.
    Unverified,
    /// The file is not ELF, or damaged.
    NotElf,
    /// The file has no symbols.
    Stripped,
    /// The recording was read from a pack, which does not hold the file.
    NotPacked,
}

impl Symbols {
    /// What became of it in one word that stays the same, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Symbols::NotWanted => "not_wanted",
            Symbols::Found => "found",
            Symbols::NotPrinted => "not_printed",
            Symbols::NoKallsyms => "no_kallsyms",
            Symbols::NotAFile => "not_a_file",
            Symbols::NoPerfMap => "no_perf_map",
            Symbols::PerfMapNotRegular => "perf_map_not_regular",
            Symbols::PerfMapOfOther => "perf_map_of_other",
            Symbols::PerfMapOfOtherBoot => "perf_map_of_other_boot",
            Symbols::PerfMapTooLong => "perf_map_too_long",
            Symbols::JitdumpRefused => "jitdump_refused",
            Symbols::NotLookedFor => "not_looked_for",
            Symbols::NoFile => "no_file",
            Symbols::BuildIdDiffers => "build_id_differs",
            Symbols::Unverified => "unverified",
            Symbols::NotElf => "not_elf",
            Symbols::Stripped => "stripped",
            Symbols::NotPacked => "not_packed",
        }
    }

    /// Why names are missing, in a few words; empty if they are not.
    pub fn reason(self) -> &'static str {
        match self {
            Symbols::NotWanted | Symbols::Found => "",
            Symbols::NotPrinted => "perf script printed no names",
            Symbols::NoKallsyms => "no kallsyms of the recorded kernel",
            Symbols::NotAFile => "not a file",
            Symbols::NoPerfMap => {
                "in memory and no file, and its process has no /tmp/perf-PID.map here and no jit-PID.dump"
            }
            Symbols::PerfMapNotRegular => {
                "in memory and no file, and its /tmp/perf-PID.map is no regular file"
            }
            Symbols::PerfMapOfOther => {
                "in memory and no file, and its /tmp/perf-PID.map belongs to neither you nor root"
            }
            Symbols::PerfMapOfOtherBoot => {
                "in memory and no file, and its /tmp/perf-PID.map was written in another boot than the recording"
            }
            Symbols::PerfMapTooLong => {
                "in memory and no file, and its /tmp/perf-PID.map is longer than 1 GiB"
            }
            Symbols::JitdumpRefused => {
                "in memory and no file, and its jit-PID.dump is damaged, too long, of another boot, or belongs to neither you nor \
                 root"
            }
            Symbols::NotLookedFor => "recorded on another host, by another user, or read from a pipe",
            Symbols::NoFile => "no such file here",
            Symbols::BuildIdDiffers => "the file here is another build",
            Symbols::Unverified => "nothing tells whether the file here is the recorded one",
            Symbols::NotElf => "the file here is not ELF, or damaged",
            Symbols::Stripped => "the file here has no symbols",
            Symbols::NotPacked => "not in the pack",
        }
    }

    /// How debug symbols are installed.
    pub const DEBUG_SYMBOLS: &str =
        "install its debug symbols: find-dbgsym-packages PATH (Debian), dnf debuginfo-install PATH (Fedora)";

    /// What would give names, PATH being the module's and PID its process; empty if nothing would, or nothing need.
    pub fn remedy(self) -> &'static str {
        match self {
            Symbols::NotWanted | Symbols::Found | Symbols::NotAFile => "",
            Symbols::NoPerfMap => {
                "have it written: node --perf-basic-prof, python -X perf, jcmd PID Compiler.perfmap, DOTNET_PerfMapEnabled=1"
            }
            Symbols::PerfMapNotRegular | Symbols::PerfMapTooLong | Symbols::JitdumpRefused => "",
            Symbols::PerfMapOfOther => {
                "if its owner is the process's: --container-root, while it runs; else, if you trust it, chown root \
                 /tmp/perf-PID.map"
            }
            Symbols::PerfMapOfOtherBoot => {
                "if the recording is newer than it looks: touch -r /tmp/perf-PID.map RECORDING"
            }
            Symbols::NotPrinted => "give perf script --kallsyms and --symfs, or give the perf.data here",
            Symbols::NoKallsyms => {
                "on the recorded machine, as root: cat /proc/kallsyms > kallsyms, beside the perf.data"
            }
            Symbols::NotLookedFor => {
                "on the recorded machine give --symfs /; elsewhere: perf archive there, and its perf.data.tar.bz2 beside the \
                 recording, or as --buildid-dir"
            }
            Symbols::NoFile | Symbols::BuildIdDiffers => {
                "perf archive on the recorded machine, and its perf.data.tar.bz2 beside the recording; or copy the recorded file \
                 below a folder and give --symfs FOLDER"
            }
            Symbols::Unverified => "give --symfs / if it is",
            Symbols::NotElf => "install the right file",
            Symbols::Stripped => Self::DEBUG_SYMBOLS,
            Symbols::NotPacked => "on the recorded machine pack the recording again: stallgraph pack",
        }
    }
}
