//! jitdump: the functions that a process made at run time, each with when it was made and where it was moved, as the process wrote
//! them to a file `jit-PID.dump` that it mapped so that recordings name it.
//!
//! The format is that of tools/perf/Documentation/jitdump-specification.txt and tools/perf/util/jitdump.h, version 1. Whoever
//! writes it may still be writing: what is cut off at the end does not count.

use std::collections::BTreeMap;

use super::table::{Binding, Symbol, SymbolTable};

/// `JiTD` as the writing machine reads its first four bytes.
const MAGIC: u32 = 0x4a69_5444;
/// Bytes of the header.
const HEADER: usize = 40;
/// Where in the header the flags are. The only one that is known says that times are the CPU's, and not CLOCK_MONOTONIC.
const FLAGS: usize = 32;
/// Bytes that each record begins with: type, size, time.
const PREFIX: usize = 16;
/// Types of records: code was made, code was moved. The others tell of lines, unwinding and the end.
const LOAD: u32 = 0;
const MOVE: u32 = 1;
/// Functions that are kept; a file with more is refused, for it would cost some hundred MB, and what is left out may be what counts.
const MOST_FUNCTIONS: usize = 1 << 22;
/// How often in all an address may be found in a function: a file in which thousands of functions cover thousands of addresses
/// that they cannot be for is made to cost time.
const MOST_FINDS: usize = 1 << 26;
/// Bytes of a name; longer ones count as none.
const LONGEST_NAME: usize = 1 << 14;

/// A jitdump file.
pub struct Jitdump<'t> {
    /// By the time they were made, then by their order in the file.
    functions: Vec<Function<'t>>,
    is_monotonic: bool,
}

/// Code at a place from a moment on.
struct Function<'t> {
    time_ns: u64,
    start: u64,
    size: u64,
    /// Empty where code went from.
    name: &'t str,
}

/// An address to name.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The address.
    pub address: u64,
    /// When it was sampled first and last, in ns of CLOCK_MONOTONIC; `None` if that is not known by this clock.
    pub seen_ns: Option<(u64, u64)>,
}

impl<'t> Jitdump<'t> {
    /// Reads the records of `bytes`; `None` if it is no jitdump, or one of more functions than can be borne.
    pub fn parse(bytes: &'t [u8]) -> Option<Self> {
        let first = bytes.first_chunk::<4>()?;
        let is_big = match (u32::from_le_bytes(*first), u32::from_be_bytes(*first)) {
            (MAGIC, _) => false,
            (_, MAGIC) => true,
            _ => return None,
        };
        let reader = Reader { bytes, is_big };
        let header = usize::try_from(reader.u32(8)?).ok().filter(|size| *size >= HEADER)?;
        let is_monotonic = reader.u64(FLAGS)? == 0;
        let records = || reader.records(header);
        let mut moved_names: BTreeMap<u64, &str> = BTreeMap::new();
        let has_moves = records().any(|record| record.u32(0) == Some(MOVE));
        let mut functions = Vec::new();
        for record in records() {
            if functions.len() > MOST_FUNCTIONS {
                return None;
            }
            match record.u32(0) {
                Some(LOAD) => {
                    let Some((function, number)) = record.load() else { continue };
                    if has_moves {
                        moved_names.insert(number, function.name);
                    }
                    functions.push(function);
                }
                Some(MOVE) => {
                    let Some((from, to, number)) = record.moved() else { continue };
                    let name = moved_names.get(&number).copied().unwrap_or_default();
                    functions.push(from);
                    functions.push(Function { name, ..to });
                }
                _ => {}
            }
        }
        functions.sort_by_key(|function| function.time_ns);
        Some(Jitdump { functions, is_monotonic })
    }

    /// A table of the symbols that cover the `wanted` addresses, each of one address only.
    ///
    /// The function that counts is the one that was there when the address was sampled. If there were two of different names in
    /// that time, the address has no name. If times cannot be compared, the last function counts.
    pub fn table(&self, wanted: &[Wanted]) -> SymbolTable<'t> {
        let seen = |wanted: &Wanted| match wanted.seen_ns {
            Some(seen_ns) if self.is_monotonic => seen_ns,
            _ => (u64::MAX, u64::MAX),
        };
        let mut open: BTreeMap<u64, Open> = wanted
            .iter()
            .map(|wanted| (wanted.address, Open { seen_ns: seen(wanted), name: None }))
            .collect();
        let mut names: Vec<(u64, &'t str)> = Vec::new();
        let (mut left, mut decided) = (MOST_FINDS, Vec::new());
        for function in self.functions.iter().rev() {
            let end = function.start.saturating_add(function.size);
            for (&address, open) in open.range_mut(function.start..end) {
                left = left.saturating_sub(1);
                match open.name {
                    _ if function.time_ns > open.seen_ns.1 => continue,
                    Some(later) if later != function.name => decided.push((address, "")),
                    _ if function.time_ns <= open.seen_ns.0 => decided.push((address, function.name)),
                    _ => open.name = Some(function.name),
                }
            }
            for (address, name) in decided.drain(..) {
                open.remove(&address);
                names.push((address, name));
            }
            if open.is_empty() || left <= wanted.len() {
                break;
            }
        }
        // What was sampled before its function was noted had no other that is known; unless not all were looked at.
        if left > wanted.len() {
            names.extend(open.into_iter().filter_map(|(address, open)| Some((address, open.name?))));
        }
        names.retain(|(_, name)| !name.is_empty());
        SymbolTable::new(names.into_iter().map(symbol).collect())
    }
}

/// An address that has no name yet.
struct Open<'t> {
    /// When it was sampled first and last.
    seen_ns: (u64, u64),
    /// The function that was made there after it was sampled first, and before it was sampled last.
    name: Option<&'t str>,
}

fn symbol((address, name): (u64, &str)) -> Symbol<'_> {
    let end = address.saturating_add(1);
    Symbol { start: address, end, binding: Binding::Global, is_typed: true, name }
}

/// Numbers in some bytes, which may not be there.
#[derive(Clone, Copy)]
struct Reader<'t> {
    bytes: &'t [u8],
    is_big: bool,
}

impl<'t> Reader<'t> {
    fn u32(&self, at: usize) -> Option<u32> {
        let field = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.is_big { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) })
    }

    fn u64(&self, at: usize) -> Option<u64> {
        let field = self.bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        Some(if self.is_big { u64::from_be_bytes(field) } else { u64::from_le_bytes(field) })
    }

    /// The whole records from byte `at` on.
    fn records(self, mut at: usize) -> impl Iterator<Item = Reader<'t>> {
        std::iter::from_fn(move || {
            let size = usize::try_from(self.u32(at.checked_add(4)?)?).ok()?;
            let bytes = self.bytes.get(at..at.checked_add(size)?).filter(|_| size >= PREFIX)?;
            at += size;
            Some(Reader { bytes, ..self })
        })
    }

    /// Code was made: pid, tid, address as mapped, address, size, number, name and NUL, code. With its number.
    fn load(&self) -> Option<(Function<'t>, u64)> {
        let rest = self.bytes.get(PREFIX + 40..)?;
        let name = rest.get(..LONGEST_NAME).unwrap_or(rest);
        let name = memchr::memchr(0, name).and_then(|end| name.get(..end)).unwrap_or_default();
        let function = Function {
            time_ns: self.u64(8)?,
            start: self.u64(PREFIX + 16)?,
            size: self.u64(PREFIX + 24)?,
            name: std::str::from_utf8(name).unwrap_or_default(),
        };
        Some((function, self.u64(PREFIX + 32)?))
    }

    /// Code was moved: pid, tid, address as mapped, old address, new address, size, number. What is where it was, and where it is
    /// now, both without a name, and its number.
    fn moved(&self) -> Option<(Function<'t>, Function<'t>, u64)> {
        let (time_ns, size) = (self.u64(8)?, self.u64(PREFIX + 32)?);
        let at = |start| Function { time_ns, start, size, name: "" };
        Some((at(self.u64(PREFIX + 16)?), at(self.u64(PREFIX + 24)?), self.u64(PREFIX + 40)?))
    }
}

/// Whether a file that was mapped is called as jitdumps are: `jit-PID.dump`, by the process's id in its own container
/// (jit_detect, tools/perf/util/jitdump.c).
pub fn is_called_so(basename: &str) -> bool {
    let pid = basename.strip_prefix("jit-").and_then(|rest| rest.strip_suffix(".dump"));
    pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A jitdump of records: type, time and the numbers after it, and the name.
    fn dump(is_big: bool, flags: u64, records: &[(u32, u64, &[u64], &str)]) -> Vec<u8> {
        let half = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
        let word = |value: u64| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut bytes: Vec<u8> = [MAGIC, 1, 40, 62, 0, 7].into_iter().flat_map(half).collect();
        bytes.extend([word(0), word(flags)].concat());
        for (kind, time_ns, numbers, name) in records {
            let mut body: Vec<u8> = [half(7), half(7)].concat();
            body.extend(numbers.iter().flat_map(|number| word(*number)));
            if *kind == LOAD {
                body.extend(name.bytes().chain([0, 0xcc, 0xcc]));
            }
            bytes.extend([half(*kind), half((PREFIX + body.len()) as u32)].concat());
            bytes.extend(word(*time_ns));
            bytes.extend(body);
        }
        bytes
    }

    fn name(bytes: &[u8], address: u64, seen_ns: Option<(u64, u64)>) -> Option<String> {
        let dump = Jitdump::parse(bytes).expect("a jitdump");
        let table = dump.table(&[Wanted { address, seen_ns }]);
        table.find(address).map(|(_, symbol)| symbol.name.to_owned())
    }

    const TWICE: &[(u32, u64, &[u64], &str)] = &[
        (LOAD, 100, &[0, 0x1000, 0x20, 1], "first"),
        (9, 150, &[], ""),
        (LOAD, 200, &[0, 0x1010, 0x20, 2], "second"),
        (3, 300, &[], ""),
    ];

    #[test]
    fn the_function_that_was_there_at_the_time_counts() {
        for is_big in [false, true] {
            let bytes = dump(is_big, 0, TWICE);
            let at = |address, first, last| name(&bytes, address, Some((first, last)));
            assert_eq!(at(0x1010, 120, 180).as_deref(), Some("first"));
            assert_eq!(at(0x1010, 220, 280).as_deref(), Some("second"));
            assert_eq!(at(0x1010, 120, 280), None);
            assert_eq!(at(0x1000, 120, 280).as_deref(), Some("first"));
            assert_eq!(at(0x1000, 90, 280).as_deref(), Some("first"));
            assert_eq!((at(0x1000, 80, 90), at(0xfff, 120, 280), at(0x1030, 220, 280)), (None, None, None));
            assert_eq!(name(&bytes, 0x1010, None).as_deref(), Some("second"));
        }
        // Times of another clock.
        assert_eq!(name(&dump(false, 1, TWICE), 0x1010, Some((120, 180))).as_deref(), Some("second"));
    }

    #[test]
    fn what_is_moved_keeps_its_name() {
        let moved = (MOVE, 200, &[0, 0x1000, 0x1010, 0x20, 1][..], "");
        let bytes = dump(false, 0, &[TWICE[0], moved]);
        let at = |address, first, last| name(&bytes, address, Some((first, last)));
        assert_eq!(at(0x1008, 120, 180).as_deref(), Some("first"));
        assert_eq!(at(0x1008, 220, 280), None);
        assert_eq!(at(0x1028, 220, 280).as_deref(), Some("first"));
        assert_eq!(at(0x1018, 120, 280).as_deref(), None);
        assert_eq!(at(0x1028, 120, 180), None);
    }

    #[test]
    fn what_is_cut_or_wrong_does_not_count() {
        let bytes = dump(false, 0, TWICE);
        for end in 0..bytes.len() {
            if let Some(dump) = Jitdump::parse(&bytes[..end]) {
                assert!(dump.functions.len() <= 2);
            }
        }
        assert!(Jitdump::parse(&bytes[..HEADER]).is_some_and(|dump| dump.functions.is_empty()));
        assert!(Jitdump::parse(b"70000000 40 main\n").is_none());
        // Sizes of a header and of a record that are too small or too large.
        for (at, size) in [(8, 39u32), (8, u32::MAX), (HEADER + 4, 15), (HEADER + 4, u32::MAX)] {
            let mut wrong = bytes.clone();
            wrong[at..at + 4].copy_from_slice(&size.to_le_bytes());
            assert!(Jitdump::parse(&wrong).is_none_or(|dump| dump.functions.is_empty()), "{at} {size}");
        }
        let endless = dump(false, 0, &[(LOAD, 0, &[0, u64::MAX - 1, u64::MAX, 1], "end")]);
        assert_eq!(name(&endless, u64::MAX - 1, None).as_deref(), Some("end"));
    }

    #[test]
    fn a_file_that_is_made_to_cost_time_does_not() {
        let all = (LOAD, 100, &[0, 0, u64::MAX, 1][..], "all");
        let bytes = dump(false, 0, &vec![all; 30_000]);
        let wanted: Vec<Wanted> =
            (0..30_000).map(|address| Wanted { address, seen_ns: Some((1, 2)) }).collect();
        let begin = std::time::Instant::now();
        assert!(Jitdump::parse(&bytes).expect("a jitdump").table(&wanted).is_empty());
        assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    }

    #[test]
    fn names_of_files() {
        assert!(is_called_so("jit-4711.dump"));
        for other in ["jit-.dump", "jit-4711.dump.bak", "jit-a.dump", "4711.dump", "jit-1/2.dump"] {
            assert!(!is_called_so(other), "{other}");
        }
    }
}
