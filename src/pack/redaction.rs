//! Redaction: what stands in a redacted pack in place of a comm or a path.
//!
//! The beginning of the name's SHA-256, in hexadecimal digits: the same name has the same hash in every pack, and whoever knows a name can
//! tell its hash (`printf %s NAME | sha256sum`). What the kernel itself calls its threads and its memory stays, since analyses go by it
//! and it says nothing of the machine's owner.

use sha2::{Digest, Sha256};

use crate::model::Module;

/// Digits of a hash.
const DIGITS: usize = 12;
/// Bytes that a record has room for at least, besides a NUL: its names are filled up to 8. A shorter name's hash is no longer.
const ROOM: usize = 7;

/// Names of kernel threads up to their number. Those of workers go on behind it, in part with words that somebody chose.
const KERNEL_THREADS: [&str; 28] = [
    "cpuhp",
    "idle_inject",
    "irq",
    "kauditd",
    "kblockd",
    "kcompactd",
    "kdamond",
    "kdevtmpfs",
    "khugepaged",
    "khungtaskd",
    "ksmd",
    "ksoftirqd",
    "kswapd",
    "kthreadd",
    "ktimers",
    "kworker",
    "migration",
    "oom_reaper",
    "rcu_bh",
    "rcu_preempt",
    "rcu_sched",
    "rcub",
    "rcuc",
    "rcuog",
    "rcuop",
    "rcuos",
    "swapper",
    "watchdog",
];

/// Names of mappings that are no files, given by the kernel (arch_vma_name, perf_event_mmap_event in kernel/events/core.c) or by perf,
/// and what control groups begin with.
const KERNEL_MAPPINGS: [&str; 9] =
    ["/", "[anon]", "[stack]", "[uprobes]", "[vdso]", "[vsyscall]", "[vvar]", "//enomem", "//toolong"];

/// What stands for a thread's name.
pub fn comm(comm: &str) -> String {
    kernel_thread(comm).map_or_else(|| word(comm), str::to_owned)
}

/// The name of a kernel thread up to its number: of `kworker/u8:1-events`, `kworker/u8:1`.
fn kernel_thread(comm: &str) -> Option<&str> {
    let stem = comm.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(comm.len());
    let (stem, rest) = comm.split_at(stem);
    let is_number = |c: char| c.is_ascii_digit() || "/.:uHR".contains(c);
    let number = rest.find(|c| !is_number(c)).unwrap_or(rest.len());
    KERNEL_THREADS.contains(&stem).then(|| &comm[..stem.len() + number])
}

/// What stands for the path of what was mapped, or of a control group. Kernel code keeps its own: its modules have their names from it.
pub fn path(path: &str, is_kernel: bool) -> String {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let kind = Module::memory_name(path);
    if is_kernel || KERNEL_MAPPINGS.contains(&path) || kind == Some(path) {
        return path.to_owned();
    }
    let slash = if path.starts_with('/') { "/" } else { "" };
    match kind {
        // Its number of digits is that of the shortest: the kind takes its part of the room.
        Some(kind) => format!("{kind}{}", hash(path, "", "")),
        None => hash(path, slash, path),
    }
}

/// What stands for any other text that tells whose machine it was.
pub fn word(text: &str) -> String {
    hash(text, "", text)
}

/// The name of a function that was made at run time, with what stands for the paths in it: V8 and Python write there which file it is
/// from.
pub fn function(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(slash) = rest.find('/') {
        let start = rest[..slash].rfind(is_before_path).map_or(0, |at| at + char_length(rest, at));
        let end = slash + rest[slash..].find(is_behind_path).unwrap_or(rest.len() - slash);
        let (before, path) = (&rest[..start], &rest[start..end]);
        out.push_str(before);
        if is_class(path, &rest[end..]) || before.ends_with("node:") {
            out.push_str(path);
        } else {
            out.push_str(&self::path(path, false));
        }
        rest = &rest[end..];
    }
    out + rest
}

/// A class as the JVM spells it, `Ljava/util/HashMap;`, or one that it made, `Lambda$14/0x0000000800c03000`.
fn is_class(path: &str, behind: &str) -> bool {
    path.starts_with('L') && behind.starts_with(';') || path.contains("/0x")
}

fn is_before_path(c: char) -> bool {
    c.is_whitespace() || ":(,;\"'=*~<>[]".contains(c)
}

fn is_behind_path(c: char) -> bool {
    c.is_whitespace() || ":),;\"'".contains(c)
}

fn char_length(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// `start` and the hash of `name`, with no more digits than a record has room for that holds `original`.
fn hash(name: &str, start: &str, original: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let digits = if original.len() > ROOM { DIGITS } else { ROOM - start.len() };
    let hash = Sha256::digest(name.as_bytes());
    let hexadecimal = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = hexadecimal.take(digits).filter_map(|digit| char::from_digit(digit.into(), 16));
    start.chars().chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_beginning_of_what_sha256sum_prints() {
        assert_eq!(comm("cadvisor"), "041a2bd7d0ac");
        assert_eq!(comm("node"), "545ea53");
        assert_eq!(path("/usr/bin/node", false), path("/usr/bin/node (deleted)", false));
        assert_eq!(path("/init", false).len(), ROOM);
        assert_eq!(path("/usr/bin/node", false).len(), 1 + DIGITS);
        assert_eq!((comm(""), path("", false)), (String::new(), String::new()));
    }

    #[test]
    fn threads_of_the_kernel_keep_their_names_but_not_what_they_work_on() {
        for kept in
            ["ksoftirqd/0", "swapper", "swapper/12", "kworker/1:2H", "kworker/u8:0", "kswapd0", "rcu_sched"]
        {
            assert_eq!(comm(kept), kept);
        }
        assert_eq!(comm("kworker/u8:1-ev"), "kworker/u8:1");
        assert_eq!(comm("irq/33-customer"), "irq/33");
        for other in ["ksoftirqd-secret", "kworkers", "swapper.sh", "irqbalance"] {
            assert!(!comm(other).contains(&other[2..]), "{other}: {}", comm(other));
        }
    }

    #[test]
    fn what_is_no_file_keeps_its_kind() {
        for kept in ["[vdso]", "//anon", "[heap]", "[stack]", "/dev/zero", "/dev/zero (deleted)", "/"] {
            assert_eq!(path(kept, false), kept.trim_end_matches(" (deleted)"));
        }
        assert_eq!(path("[kernel.kallsyms]_text", true), "[kernel.kallsyms]_text");
        for (kind, name) in
            [("/memfd:", "/memfd:secret (deleted)"), ("/SYSV", "/SYSV0000abcd"), ("[anon", "[anon:x]")]
        {
            let path = path(name, false);
            assert_eq!(path.strip_prefix(kind).map(str::len), Some(ROOM), "{path}");
            assert_eq!(Module::memory_name(&path), Some(kind));
        }
        assert_eq!(path("anon_inode:[perf_event]", false).len(), DIGITS);
    }

    #[test]
    fn paths_in_the_names_of_functions() {
        let x = path("/srv/app/x.js", false);
        for (name, redacted) in [
            ("LazyCompile:*run /srv/app/x.js:12:3", format!("LazyCompile:*run {x}:12:3")),
            ("py::main:/srv/app/x.js", format!("py::main:{x}")),
            ("Function:~a /srv/app/x.js:1 (/srv/app/x.js)", format!("Function:~a {x}:1 ({x})")),
            ("a file:///srv/app/x.mjs:1:2", format!("a file:{}:1:2", path("///srv/app/x.mjs", false))),
            ("JS:~r ../lib/y.js:4", format!("JS:~r {}:4", path("../lib/y.js", false))),
        ] {
            assert_eq!(function(name), redacted);
        }
        for kept in [
            "LazyCompile:~load node:internal/modules/cjs/loader:1105:10",
            "Ljava/util/HashMap;::put",
            "java.lang.invoke.LambdaForm$MH/0x0000000800c03000::invoke",
            "void java.util.HashMap::put(Object)",
            "RegExp:a+b",
            "größe",
        ] {
            assert_eq!(function(kept), kept);
        }
    }
}
