//! Modules: files and memory that addresses belong to.

use super::symbols::Symbols;

/// A module that addresses belong to: the kernel, a kernel module, an ELF file, an anonymous
/// mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Path or bracketed name as recorded, without a trailing ` (deleted)`: to look up files, not
    /// safe to print.
    pub path: String,
    /// Its build id in the recording.
    pub build_id: Option<Vec<u8>>,
    /// Device (major, minor) and inode of the mapped file, if recorded.
    pub inode: Option<(u32, u32, u64)>,
    /// For kernel code: its addresses. For a mapped file: `None`, and offsets are positions in the
    /// file.
    pub kernel: Option<KernelCode>,
    /// For a mapped file: the process that mapped it last.
    pub mapped_by: Option<i32>,
    /// For a mapped file: the part of it that was mapped as code; `None` where there were several.
    pub segment: Option<Segment>,
    /// For memory without a file, in which code was made at run time: the process that owns the
    /// memory. Then offsets are addresses.
    pub process: Option<i32>,
    /// The result of the search for its symbols.
    pub symbols: Symbols,
}

impl Module {
    /// A module with a path and no other facts yet.
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

    /// For the path of a mapping of memory and not of a file: the part of the path that says so,
    /// without the part that distinguishes it from others. These are the paths that perf takes for
    /// memory (is_anon_memory and is_no_dso_memory, tools/perf/util/map.h), and the paths of memory
    /// by descriptor, in which .NET and others put code.
    pub(crate) fn memory_name(path: &str) -> Option<&'static str> {
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

/// The addresses of the kernel or one of its modules in the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelCode {
    /// The address of offset 0.
    pub start: u64,
    /// Bytes; 0 if not recorded.
    pub length: u64,
    /// Whether it is one function that the kernel made at run time, such as a BPF program. Then
    /// `path` of the module is the name of the function.
    pub is_function: bool,
    /// For the kernel proper, the name and address of its reference symbol, `_text` or `_stext`: it
    /// shows how far KASLR moved the kernel.
    pub reference: Option<(String, u64)>,
}
