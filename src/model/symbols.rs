//! Symbols: the result of the search for a module's symbols, and how to get them.

/// The result of the search for a module's symbols.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Symbols {
    /// No sample hit the module, or names were not asked for.
    #[default]
    NotWanted,
    /// Symbols were found and used.
    Found,
    /// The recording is text of perf script, which printed no name.
    NotPrinted,
    /// Kernel code without a kallsyms of the recording's boot.
    NoKallsyms,
    /// Not a file: `[vdso]`, a relative path.
    NotAFile,
    /// Code made at run time without a list of its functions in `/tmp/perf-PID.map`.
    NoPerfMap,
    /// The perf map is a link, a device or a FIFO.
    PerfMapNotRegular,
    /// The perf map belongs to neither this user nor root, or has several names. It is not trusted,
    /// since anybody may write to `/tmp`.
    PerfMapOfOther,
    /// The perf map was written in another boot than the recording, so another process wrote it.
    PerfMapOfOtherBoot,
    /// The perf map is too long: no real one has that many bytes.
    PerfMapTooLong,
    /// The jitdump that the process mapped is no jitdump, no regular file, too long, of another
    /// boot, or belongs to neither this user nor root.
    JitdumpRefused,
    /// The path was not opened: the recording was made on another host, belongs to another user, or
    /// is a stream, which belongs to nobody.
    NotLookedFor,
    /// No regular file at the path.
    NoFile,
    /// The path leads to a file system that holds no programs.
    OtherFileSystem,
    /// The file is another build than the one that was recorded.
    BuildIdDiffers,
    /// Nothing shows whether the file is the recorded one.
    Unverified,
    /// The file is not ELF, or damaged.
    NotElf,
    /// Another process wrote or cut the file while it was read, so what was read may be wrong.
    CutWhileRead,
    /// The file has no symbols.
    Stripped,
    /// The recording was read from a pack, which does not hold the file.
    NotPacked,
    /// Reading or unpacking the file takes more memory than is left of what is allowed.
    OverBudget,
}

impl Symbols {
    /// A stable word for scripts.
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
            Symbols::OtherFileSystem => "other_file_system",
            Symbols::BuildIdDiffers => "build_id_differs",
            Symbols::Unverified => "unverified",
            Symbols::NotElf => "not_elf",
            Symbols::CutWhileRead => "cut_while_read",
            Symbols::Stripped => "stripped",
            Symbols::NotPacked => "not_packed",
            Symbols::OverBudget => "over_budget",
        }
    }

    /// Why names are missing, in a few words; empty if none are.
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
                "in memory and no file, and its /tmp/perf-PID.map belongs to neither you nor root, or has several names (hard links)"
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
            Symbols::OtherFileSystem => {
                "on a file system that is not looked into: FUSE, autofs, proc or the like"
            }
            Symbols::BuildIdDiffers => "the file here is another build",
            Symbols::Unverified => "nothing tells whether the file here is the recorded one",
            Symbols::NotElf => "the file here is not ELF, or damaged",
            Symbols::CutWhileRead => "the file here was written or cut while it was read",
            Symbols::Stripped => "the file here has no symbols",
            Symbols::NotPacked => "not in the pack",
            Symbols::OverBudget => "the memory that is allowed is used up",
        }
    }

    /// How to get the debug symbols of a file.
    pub const DEBUG_SYMBOLS: &str = "of your own build: perf buildid-cache --add FILE with the file before strip (build id BUILD_ID); of a package: \
         find-dbgsym-packages PATH (Debian), dnf debuginfo-install PATH (Fedora)";

    /// How to get names; empty if nothing helps, or no names are missing. PATH stands for the
    /// module's path, BUILD_ID for its build id and PID for its process.
    pub fn remedy(self) -> &'static str {
        match self {
            Symbols::NotWanted
            | Symbols::Found
            | Symbols::NotAFile
            | Symbols::PerfMapNotRegular
            | Symbols::PerfMapTooLong
            | Symbols::JitdumpRefused => "",
            Symbols::NoPerfMap => {
                "have it written: node --perf-basic-prof, python -X perf, jcmd PID Compiler.perfmap, DOTNET_PerfMapEnabled=1"
            }
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
            Symbols::OtherFileSystem => "put the file into the build-id cache: perf buildid-cache --add PATH",
            Symbols::NoFile | Symbols::BuildIdDiffers => {
                "perf archive on the recorded machine, and its perf.data.tar.bz2 beside the recording; or with the recorded \
                 file (build id BUILD_ID): perf buildid-cache --add FILE; or copy it to FOLDER/PATH and give --symfs FOLDER"
            }
            Symbols::Unverified => "give --symfs / if it is",
            Symbols::NotElf => "install the right file",
            Symbols::CutWhileRead => "run this again when nothing writes the file",
            Symbols::Stripped => Self::DEBUG_SYMBOLS,
            Symbols::NotPacked => "on the recorded machine pack the recording again: stallgraph pack",
            Symbols::OverBudget => "allow more with --max-memory, such as --max-memory 16G",
        }
    }
}
