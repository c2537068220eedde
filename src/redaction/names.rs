//! Redaction of comms, paths, symbols, events and other texts.

use crate::model::Module;

use super::hash::{hash, hash_of_same_length, hash_within, room_of};

/// Kernel threads with a number after the name: of a CPU, a node, a worker, an interrupt.
const NUMBERED_THREADS: [&str; 19] = [
    "backlog_napi",
    "cpuhp",
    "idle_inject",
    "irq",
    "kcompactd",
    "kdamond",
    "ksoftirqd",
    "kswapd",
    "ktimers",
    "ktimersoftd",
    "kworker",
    "migration",
    "rcub",
    "rcuc",
    "rcuog",
    "rcuop",
    "rcuos",
    "swapper",
    "watchdog",
];
/// Kernel threads whose names begin like this, and end in what people name: a device, a queue of
/// work.
const NAMED_THREADS: [&str; 2] = ["kworker/R-", "napi/"];
/// Kernel threads that exist once.
const SINGLE_THREADS: [&str; 12] = [
    "kauditd",
    "kblockd",
    "kdevtmpfs",
    "khugepaged",
    "khungtaskd",
    "ksmd",
    "kthreadd",
    "oom_reaper",
    "rcu_bh",
    "rcu_preempt",
    "rcu_sched",
    "swapper",
];

/// Names of mappings that are not files, given by the kernel (`arch_vma_name`,
/// `perf_event_mmap_event` in kernel/events/core.c) or by perf; and the root of all control groups.
const KERNEL_MAPPINGS: [&str; 9] =
    ["/", "[anon]", "[stack]", "[uprobes]", "[vdso]", "[vsyscall]", "[vvar]", "//enomem", "//toolong"];

/// The longest comm: TASK_COMM_LEN of include/linux/sched.h, without the NUL.
const COMM_ROOM: usize = 15;
/// Fewer digits of a hash than this do not tell names apart.
const FEWEST_DIGITS: usize = 3;

/// The replacement for a thread's name. Names that differ have replacements that differ, and
/// threads that serve softirqs can still be told.
pub fn comm(comm: &str) -> String {
    kernel_thread(comm).unwrap_or_else(|| text(comm))
}

/// The name of a kernel thread. Its kind and its number stay. What follows says what the thread
/// works on, and people name some of these things: a hash stands for it.
fn kernel_thread(comm: &str) -> Option<String> {
    if SINGLE_THREADS.contains(&comm) {
        return Some(comm.to_owned());
    }
    if let Some(kind) = NAMED_THREADS.into_iter().find(|kind| comm.starts_with(kind)) {
        return Some(with_hash(kind, comm));
    }
    let starts = |name: &&str| {
        let rest = comm.strip_prefix(*name).map(|rest| rest.trim_start_matches(['/', '.', 'u']));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let name = NUMBERED_THREADS.into_iter().find(starts)?;
    let number = comm[name.len()..].trim_start_matches(['/', '.', 'u']);
    let rest = number.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == 'H');
    if rest.is_empty() {
        return Some(comm.to_owned());
    }
    let numbered = &comm[..comm.len() - rest.trim_start_matches('-').len()];
    let has_room = room(comm).saturating_sub(numbered.len()) >= FEWEST_DIGITS;
    Some(with_hash(if has_room { numbered } else { &comm[..=name.len()] }, comm))
}

/// The beginning of `comm`, and a hash of the rest.
fn with_hash(kept: &str, comm: &str) -> String {
    format!("{kept}{}", hash_within(&comm[kept.len()..], room(comm).saturating_sub(kept.len())))
}

/// How long the replacement of a comm may be.
fn room(comm: &str) -> usize {
    room_of(comm).min(COMM_ROOM)
}

/// The replacement for the path of a mapping or of a control group. Kernel modules keep theirs, and
/// so does the kernel.
pub fn path(path: &str, is_kernel: bool) -> String {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let kind = Module::memory_name(path);
    let is_kernel_code = is_kernel && path.starts_with('[') && !path.contains('/')
        || ["/lib/modules/", "/usr/lib/modules/"].iter().any(|folder| path.starts_with(folder));
    if is_kernel_code || KERNEL_MAPPINGS.contains(&path) || kind == Some(path) {
        return path.to_owned();
    }
    let slash = if path.starts_with('/') { "/" } else { "" };
    hash(path, kind.unwrap_or(slash))
}

/// The replacement for any other text that may identify the owner of the machine.
pub fn text(text: &str) -> String {
    hash(text, "")
}

/// The replacement for the name of a kernel symbol: the name itself, or a hash if it cannot be a
/// symbol.
pub fn symbol(name: &str) -> String {
    let is_symbol = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.$-".contains(&byte));
    if is_symbol { name.to_owned() } else { text(name) }
}

/// The replacement for the group of an event. It has the same length. perf names the group of a
/// probe after the program that the probe is in.
pub fn event_group(group: &str) -> String {
    let prefix = ["probe_", "sdt_"].into_iter().find(|kind| group.starts_with(kind));
    prefix.map_or_else(
        || group.to_owned(),
        |kind| format!("{kind}{}", hash_of_same_length(&group[kind.len()..])),
    )
}

/// The replacement for the name of an event of a group. It has the same length. The kernel names a
/// probe after its program if nobody names it.
pub fn event_in(group: &str, name: &str) -> String {
    if group == "uprobes" { hash_of_same_length(name) } else { name.to_owned() }
}

/// The replacement for an event: `GROUP:NAME`, or a name alone.
pub fn event(event: &str) -> String {
    match event.split_once(':') {
        Some((group, name)) => format!("{}:{}", event_group(group), event_in(group, name)),
        None if event.contains('/') && !event.ends_with('/') => text(event),
        None => event.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::hash::DIGITS;

    #[test]
    fn hashes_are_the_beginning_of_what_sha256sum_prints() {
        assert_eq!(comm("cadvisor"), "041a2bd7d0ac");
        assert_eq!(comm("node"), "545ea53");
        assert_eq!(path("/usr/bin/node", false), path("/usr/bin/node (deleted)", false));
        assert_eq!(path("/init", false).len(), 7);
        assert_eq!(path("/usr/bin/node", false).len(), 13);
        assert_eq!((comm(""), path("", false)), (String::new(), String::new()));
    }

    #[test]
    fn threads_of_the_kernel_keep_their_names_but_not_what_they_work_on() {
        for kept in [
            "ksoftirqd/0",
            "swapper",
            "swapper/12",
            "kworker/1:2H",
            "kworker/u8:0",
            "kswapd0",
            "rcu_sched",
            "kdamond.0",
            "backlog_napi/3",
            "ktimersoftd/1",
        ] {
            assert_eq!(comm(kept), kept);
        }
        for (thread, kept) in [
            // printf %s customer | sha256sum
            ("irq/33-customer", "irq/33-b6c45863"),
            ("irq/3-a", "irq/c76"),
            ("kworker/u8:1-ev", "kworker/1d50fb0"),
            ("kworker/R-secret", "kworker/R-2bb80"),
            ("napi/eth0-8193", "napi/f3ea10b76c"),
        ] {
            assert_eq!((comm(thread).as_str(), comm(thread).len() <= 15), (kept, true), "{thread}");
        }
        for other in
            ["ksoftirqd-secret", "kworker/secret", "kworkers", "swapper.sh", "irqbalance", "watchdog"]
        {
            assert_eq!(comm(other), text(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_file_keeps_its_kind() {
        for kept in ["[vdso]", "//anon", "[heap]", "[stack]", "/dev/zero", "/dev/zero (deleted)", "/"] {
            assert_eq!(path(kept, false), kept.trim_end_matches(" (deleted)"));
        }
        for kept in ["[kernel.kallsyms]_text", "[nf_conntrack]", "/lib/modules/6.1.0/kernel/net/nf_nat.ko.xz"]
        {
            assert_eq!(path(kept, true), kept);
        }
        for other in ["/srv/secret.ko", "/srv/[secret]", "[/srv/secret]"] {
            assert!(!path(other, true).contains("secret"));
        }
        for (kind, name) in [
            ("/memfd:", "/memfd:secret (deleted)"),
            ("/SYSV", "/SYSV0000abcd"),
            ("[anon", "[anon:x]"),
            ("[anon", "[anonx"),
        ] {
            let hashed = path(name, false);
            let room = (name.trim_end_matches(" (deleted)").len() + 1).next_multiple_of(8) - 1;
            assert!(hashed.len() <= room && hashed.len() > kind.len(), "{hashed}");
            assert_eq!(Module::memory_name(&hashed), Some(kind));
        }
        assert_eq!(path("anon_inode:[perf_event]", false).len(), DIGITS);
    }

    #[test]
    fn events_are_not_called_after_programs() {
        for kept in ["cpu-clock", "sched:sched_switch", "probe:tcp_v4_rcv", "cpu/event=0x3c/", "cycles:ppp"] {
            assert_eq!(event(kept), kept);
        }
        for other in ["probe_libsecret:work", "sdt_secret:work", "uprobes:p_secret_0x10", "/srv/secret"] {
            assert!(!event(other).contains("secret"), "{}", event(other));
        }
        let group = "probe_libsecret";
        assert_eq!(event_group(group).len(), group.len());
    }
}
