//! Names of events: what perf calls an event that was recorded without its name, and which of the
//! kernel's events a name stands for (tools/perf/util/evsel.c, `evsel__name`; perf 6.1).

use linux_perf_event_reader::constants::{
    PERF_TYPE_BREAKPOINT, PERF_TYPE_HARDWARE, PERF_TYPE_HW_CACHE, PERF_TYPE_RAW, PERF_TYPE_SOFTWARE,
};

/// The names of hardware events by number: the one that perf prints first, then those that it reads
/// too (`event_symbols_hw`, tools/perf/util/parse-events.c).
const HARDWARE: [&[&str]; 10] = [
    &["cycles", "cpu-cycles"],
    &["instructions"],
    &["cache-references"],
    &["cache-misses"],
    &["branches", "branch-instructions"],
    &["branch-misses"],
    &["bus-cycles"],
    &["stalled-cycles-frontend", "idle-cycles-frontend"],
    &["stalled-cycles-backend", "idle-cycles-backend"],
    &["ref-cycles"],
];
/// Those of software events (`event_symbols_sw`).
const SOFTWARE: [&[&str]; 12] = [
    &["cpu-clock"],
    &["task-clock"],
    &["page-faults", "faults"],
    &["context-switches", "cs"],
    &["cpu-migrations", "migrations"],
    &["minor-faults"],
    &["major-faults"],
    &["alignment-faults"],
    &["emulation-faults"],
    &["dummy"],
    &["bpf-output"],
    &["cgroup-switches"],
];
/// The caches of a HW_CACHE event, by the lowest byte of its config.
const CACHES: [&str; 7] = ["L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch", "node"];
/// What is done to a cache, by the second byte: one, and several.
const CACHE_ACCESSES: [(&str, &str); 3] =
    [("load", "loads"), ("store", "stores"), ("prefetch", "prefetches")];

/// The name of an event without modifiers such as `:u`; `None` if perf has none for it.
/// `breakpoint` has address and type (HW_BREAKPOINT_R 1, W 2, X 4).
pub fn name(kind: u32, config: u64, breakpoint: (u64, u32)) -> Option<String> {
    let listed = |names: &[&[&str]]| Some((*names.get(usize::try_from(config).ok()?)?.first()?).to_owned());
    match kind {
        PERF_TYPE_HARDWARE => listed(&HARDWARE),
        PERF_TYPE_SOFTWARE => listed(&SOFTWARE),
        PERF_TYPE_HW_CACHE => cache_name(config),
        PERF_TYPE_RAW => Some(format!("r{config:x}")),
        PERF_TYPE_BREAKPOINT => {
            let (address, accesses) = breakpoint;
            let letters = [(1, 'r'), (2, 'w'), (4, 'x')].into_iter();
            let letters: String =
                letters.filter(|(bit, _)| accesses & bit != 0).map(|(_, letter)| letter).collect();
            Some(format!("mem:{address:#x}:{letters}"))
        }
        _ => None,
    }
}

/// `L1-dcache-loads`, or `L1-dcache-load-misses` if the third byte is 1.
fn cache_name(config: u64) -> Option<String> {
    let [cache, access, result, 0, 0, 0, 0, 0] = config.to_le_bytes() else { return None };
    let cache = CACHES.get(usize::from(cache))?;
    let (one, several) = CACHE_ACCESSES.get(usize::from(access))?;
    match result {
        0 => Some(format!("{cache}-{several}")),
        1 => Some(format!("{cache}-{one}-misses")),
        _ => None,
    }
}

/// Type and config of the event that perf means by a word; `None` if it is no such word.
pub fn generic(word: &str) -> Option<(u32, u64)> {
    let number = |names: &[&[&str]]| names.iter().position(|names| names.contains(&word));
    if let Some(number) = number(&HARDWARE) {
        return Some((PERF_TYPE_HARDWARE, number as u64));
    }
    if let Some(number) = number(&SOFTWARE) {
        return Some((PERF_TYPE_SOFTWARE, number as u64));
    }
    let mut caches = (0..CACHES.len() as u64).flat_map(|cache| {
        (0..CACHE_ACCESSES.len() as u64)
            .flat_map(move |access| [cache | access << 8, cache | access << 8 | 1 << 16])
    });
    let config = caches.find(|config| cache_name(*config).is_some_and(|name| name == word))?;
    Some((PERF_TYPE_HW_CACHE, config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_perf() {
        for (kind, config, expected) in [
            (PERF_TYPE_HARDWARE, 2, Some("cache-references")),
            (PERF_TYPE_HARDWARE, 9, Some("ref-cycles")),
            (PERF_TYPE_HARDWARE, 99, None),
            (PERF_TYPE_SOFTWARE, 2, Some("page-faults")),
            (PERF_TYPE_HW_CACHE, 0, Some("L1-dcache-loads")),
            (PERF_TYPE_HW_CACHE, 0x1_0000, Some("L1-dcache-load-misses")),
            (PERF_TYPE_HW_CACHE, 0x1_0102, Some("LLC-store-misses")),
            (PERF_TYPE_HW_CACHE, 5, Some("branch-loads")),
            (PERF_TYPE_HW_CACHE, u64::MAX, None),
            (PERF_TYPE_RAW, 0x1a8, Some("r1a8")),
            (PERF_TYPE_BREAKPOINT, 0, Some("mem:0x1000:rw")),
            (77, 0, None),
        ] {
            let name = name(kind, config, (0x1000, 3));
            assert_eq!(name.as_deref(), expected);
            let has_word = matches!(kind, PERF_TYPE_HARDWARE | PERF_TYPE_SOFTWARE | PERF_TYPE_HW_CACHE);
            if let Some(name) = name.filter(|_| has_word) {
                assert_eq!(generic(&name), Some((kind, config)));
            }
        }
        assert_eq!(generic("cpu-cycles"), generic("cycles"));
        assert_eq!(generic("sched"), None);
    }
}
