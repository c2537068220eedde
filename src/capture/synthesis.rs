//! What was there before the recording began, read from /proc and /sys, as records: tasks, their
//! mappings, control groups, the kernel's own code.

use std::fs;
use std::io::BufRead;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::records::{KERNEL, Map, Records};

/// The bits of PROT_ and MAP_ in a line of /proc/PID/maps.
const PROTECTION: [(u8, u32); 3] = [(b'r', 1), (b'w', 2), (b'x', 4)];
const MAP_SHARED: u32 = 1;
const MAP_PRIVATE: u32 = 2;
/// No process has more mappings of code (the default of vm.max_map_count is 65,530).
const MOST_MAPS: usize = 1 << 18;

/// The processes with these ids, or all, with their threads and mappings.
pub fn processes(pids: &[i32], records: &mut Records) {
    let listed: Vec<i32> = match pids {
        [] => numbers_in(Path::new("/proc")),
        pids => pids.to_vec(),
    };
    for pid in listed {
        process(pid, records);
    }
}

/// A process, unless it is gone meanwhile.
fn process(pid: i32, records: &mut Records) {
    for tid in numbers_in(Path::new(&format!("/proc/{pid}/task"))) {
        let Ok(status) = fs::read(format!("/proc/{pid}/task/{tid}/status")) else { continue };
        let field = |name: &[u8]| status_field(&status, name);
        let Some(comm) = field(b"Name:") else { continue };
        // The main thread is assumed to have made all others, as perf does.
        let parent = if tid == pid { field(b"PPid:").and_then(number).unwrap_or(0) } else { pid };
        records.fork(pid, tid, parent);
        records.comm(pid, tid, comm);
    }
    maps(pid, records);
}

/// The mappings of code of a process. Kernel threads have none.
pub fn maps(pid: i32, records: &mut Records) {
    let Ok(maps) = fs::read(format!("/proc/{pid}/maps")) else { return };
    for line in maps.lines().map_while(Result::ok).take(MOST_MAPS) {
        let _ = map(pid, line.as_bytes(), records);
    }
}

/// A line such as `7f3c2a400000-7f3c2a428000 r-xp 00026000 fe:00 131 /usr/lib/libc.so.6`.
fn map(pid: i32, line: &[u8], records: &mut Records) -> Option<()> {
    let mut rest = line;
    let mut word = || {
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.strip_prefix(b" ").unwrap_or(after);
        std::str::from_utf8(word).ok()
    };
    let (start, end) = word()?.split_once('-')?;
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    let rights = word()?.as_bytes();
    let offset = u64::from_str_radix(word()?, 16).ok()?;
    let (major, minor) = word()?.split_once(':')?;
    let device = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    let inode = word()?.parse().ok()?;
    if rights.get(2) != Some(&b'x') {
        return None;
    }
    let path = rest.trim_ascii_start();
    let protection =
        PROTECTION.iter().filter(|(letter, _)| rights.contains(letter)).map(|(_, bit)| bit).sum();
    records.map(&Map {
        pid,
        start,
        length: end.checked_sub(start)?,
        offset,
        device,
        inode,
        protection,
        flags: if rights.get(3) == Some(&b's') { MAP_SHARED } else { MAP_PRIVATE },
        // perf's name for code that is in no file.
        path: if path.is_empty() { b"//anon" } else { path },
    });
    Some(())
}

/// The control groups of the hierarchy that samples name, each with its id: the inode of its folder
/// (kernfs).
pub fn cgroups(records: &mut Records) {
    /// No machine has more.
    const MOST: usize = 1 << 17;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let Some(root) = cgroup_root(&mounts) else { return };
    let mut folders = vec![root.clone()];
    for _ in 0..MOST {
        let Some(folder) = folders.pop() else { break };
        let Ok(metadata) = fs::symlink_metadata(&folder) else { continue };
        let below = folder.strip_prefix(&root).unwrap_or(&folder);
        records.cgroup(metadata.ino(), Path::new("/").join(below).as_os_str().as_bytes());
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(inner.map(|entry| entry.path()));
    }
}

/// Where the hierarchy with the controller perf_event is mounted; else the unified one, which has
/// it (`perf_event_cgrp_id` in kernel/events/core.c).
fn cgroup_root(mounts: &str) -> Option<PathBuf> {
    // `31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate`
    let mount = |is_such: &dyn Fn(&str, &str) -> bool| {
        mounts.lines().find_map(|line| {
            let (mount, system) = line.split_once(" - ")?;
            let mut system = system.split(' ');
            let (kind, options) = (system.next()?, system.nth(1)?);
            is_such(kind, options).then(|| PathBuf::from(mount.split(' ').nth(4).unwrap_or_default()))
        })
    };
    let is_perf = |kind: &str, options: &str| {
        kind == "cgroup" && options.split(',').any(|option| option == "perf_event")
    };
    mount(&is_perf).or_else(|| mount(&|kind, _| kind == "cgroup2"))
}

/// The kernel's code: its own, that of its modules, and BPF programs. The addresses of /proc are 0
/// for those who may not see them (kernel.kptr_restrict); then there is no record.
pub fn kernel(records: &mut Records) {
    let symbols = fs::read("/proc/kallsyms").unwrap_or_default();
    let (mut text, mut end) = (None, None);
    let mut programs: Vec<(u64, &[u8])> = Vec::new();
    for line in symbols.split(|byte| *byte == b'\n') {
        let mut words = line.split(|byte| byte.is_ascii_whitespace());
        let (Some(address), Some(_), Some(name)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let address = std::str::from_utf8(address).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let Some(address) = address.filter(|address| *address > 0) else { continue };
        match (name, words.next()) {
            (b"_text", _) => text = Some(address),
            (b"_etext", _) => end = Some(address),
            (_, Some(b"[bpf]")) => programs.push((address, name)),
            _ => {}
        }
    }
    if let (Some(text), Some(end)) = (text, end)
        && let Some(length) = end.checked_sub(text).filter(|length| *length > 0)
    {
        kernel_map(text, length, text, b"[kernel.kallsyms]_text", records);
    }
    modules(records);
    programs.sort_unstable();
    let next = programs.iter().skip(1).map(|(address, _)| *address).chain([u64::MAX]);
    for (&(start, name), next) in programs.iter().zip(next) {
        // The length is not there: at most to the next one, and to the end of a page or two.
        let length = next.saturating_sub(start).min(1 << 12);
        records.kernel_symbol(start, length as u32, name);
    }
}

/// The kernel's modules: `name size users dependencies state address`.
fn modules(records: &mut Records) {
    let modules = fs::read_to_string("/proc/modules").unwrap_or_default();
    for line in modules.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, size, _, _, _, address, ..] = words[..] else { continue };
        let address = address.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        if let (Some(start), Ok(length)) = (address.filter(|start| *start > 0), size.parse()) {
            kernel_map(start, length, 0, format!("[{name}]").as_bytes(), records);
        }
    }
}

fn kernel_map(start: u64, length: u64, offset: u64, path: &[u8], records: &mut Records) {
    records.map(&Map {
        pid: KERNEL,
        start,
        length,
        offset,
        device: (0, 0),
        inode: 0,
        protection: 0,
        flags: 0,
        path,
    });
}

/// The names of files in a folder that are numbers, in their order.
fn numbers_in(folder: &Path) -> Vec<i32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<i32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The value of a field of /proc/PID/status.
fn status_field<'s>(status: &'s [u8], name: &[u8]) -> Option<&'s [u8]> {
    let mut lines = status.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii)
}

fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
