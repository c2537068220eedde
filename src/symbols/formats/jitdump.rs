//! jitdump: the functions that a process generated at run time, each with the time at which it was
//! generated or moved. The process writes them to a file `jit-PID.dump`, and maps that file so that
//! recordings name it.
//!
//! The format is version 1 of tools/perf/Documentation/jitdump-specification.txt and
//! tools/perf/util/jitdump.h. The process may still be writing, so a record that is cut off at the
//! end is ignored.

use std::collections::BTreeMap;

use super::table::{Binding, Symbol, SymbolTable};

/// `JiTD`, as a number in the byte order of the machine that wrote it.
const MAGIC: u32 = 0x4a69_5444;
/// Bytes of the header.
const HEADER: usize = 40;
/// Where in the header the flags are. The only defined flag says that times come from the CPU's own
/// counter and not from CLOCK_MONOTONIC.
const FLAGS: usize = 32;
/// Bytes that each record starts with: type, size, time.
const PREFIX: usize = 16;
/// Types of records: code was generated, code was moved. The others are about lines, unwinding and
/// the end of the file.
const LOAD: u32 = 0;
const MOVE: u32 = 1;
/// The most functions in a file. A file with more is refused: it would cost some hundred MB, and
/// leaving out functions could give wrong names.
const MAX_FUNCTIONS: usize = 1 << 22;
/// The most pairs of an address and a function that covers it that are looked at. Only a file that
/// is made to cost time has more: thousands of functions that cover thousands of addresses.
const MAX_MATCHES: usize = 1 << 26;
/// Bytes of a name; a function with a longer one counts as unnamed.
const MAX_NAME: usize = 1 << 14;

/// A jitdump file.
pub struct Jitdump<'t> {
    /// Sorted by time, then by their order in the file.
    functions: Vec<Function<'t>>,
    is_monotonic: bool,
}

/// A function at a range of addresses, from one time on.
struct Function<'t> {
    time_ns: u64,
    start: u64,
    size: u64,
    /// Empty where code was moved away.
    name: &'t str,
}

/// An address to name.
#[derive(Clone, Copy, Debug)]
pub struct WantedAddress {
    /// The address.
    pub address: u64,
    /// When it was sampled first and last, in ns of CLOCK_MONOTONIC; `None` if the recording uses
    /// another clock.
    pub seen_ns: Option<(u64, u64)>,
}

impl<'t> Jitdump<'t> {
    /// Reads the records of `bytes`; `None` if it is no jitdump, or has too many functions.
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
        // Names by the number of the function. Only moves refer to them.
        let mut names: BTreeMap<u64, &str> = BTreeMap::new();
        let has_moves = records().any(|record| record.u32(0) == Some(MOVE));
        let mut functions = Vec::new();
        for record in records() {
            if functions.len() > MAX_FUNCTIONS {
                return None;
            }
            match record.u32(0) {
                Some(LOAD) => {
                    let Some((function, number)) = record.load() else { continue };
                    if has_moves {
                        names.insert(number, function.name);
                    }
                    functions.push(function);
                }
                Some(MOVE) => {
                    let Some((from, to, number)) = record.moved() else { continue };
                    let name = names.get(&number).copied().unwrap_or_default();
                    functions.push(from);
                    functions.push(Function { name, ..to });
                }
                _ => {}
            }
        }
        functions.sort_by_key(|function| function.time_ns);
        Some(Jitdump { functions, is_monotonic })
    }

    /// A table with one symbol for each of the `wanted` addresses that a function covers. Each
    /// symbol covers this one address only.
    ///
    /// The function that counts is the one that was there when the address was sampled. If
    /// functions of two names were there in that time, the address gets no name. If the times are
    /// of different clocks, the last function counts.
    pub fn table(&self, wanted: &[WantedAddress]) -> SymbolTable<'t> {
        let seen = |wanted: &WantedAddress| match wanted.seen_ns {
            Some(seen_ns) if self.is_monotonic => seen_ns,
            _ => (u64::MAX, u64::MAX),
        };
        let mut pending: BTreeMap<u64, Pending> = wanted
            .iter()
            .map(|wanted| (wanted.address, Pending { seen_ns: seen(wanted), name: None }))
            .collect();
        let mut names: Vec<(u64, &'t str)> = Vec::new();
        let (mut matches_left, mut decided) = (MAX_MATCHES, Vec::new());
        for function in self.functions.iter().rev() {
            let end = function.start.saturating_add(function.size);
            for (&address, pending) in pending.range_mut(function.start..end) {
                matches_left = matches_left.saturating_sub(1);
                match pending.name {
                    _ if function.time_ns > pending.seen_ns.1 => continue,
                    Some(later) if later != function.name => decided.push((address, "")),
                    _ if function.time_ns <= pending.seen_ns.0 => decided.push((address, function.name)),
                    _ => pending.name = Some(function.name),
                }
            }
            for (address, name) in decided.drain(..) {
                pending.remove(&address);
                names.push((address, name));
            }
            if pending.is_empty() || matches_left <= wanted.len() {
                break;
            }
        }
        // An address that was first sampled before its function was recorded gets that function's
        // name, because no other function is known there. This does not hold if the search stopped
        // early.
        if matches_left > wanted.len() {
            let named = pending.into_iter().filter_map(|(address, pending)| Some((address, pending.name?)));
            names.extend(named);
        }
        names.retain(|(_, name)| !name.is_empty());
        SymbolTable::new(names.into_iter().map(symbol).collect())
    }
}

/// An address whose name is not decided yet.
struct Pending<'t> {
    /// When it was sampled first and last.
    seen_ns: (u64, u64),
    /// The function that was generated there after the first sample and before the last.
    name: Option<&'t str>,
}

fn symbol((address, name): (u64, &str)) -> Symbol<'_> {
    let end = address.saturating_add(1);
    Symbol { start: address, end, binding: Binding::Global, is_typed: true, name }
}

/// Reads numbers from bytes; there may be too few of them.
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

    /// The complete records from byte `at` on.
    fn records(self, mut at: usize) -> impl Iterator<Item = Reader<'t>> {
        std::iter::from_fn(move || {
            let size = usize::try_from(self.u32(at.checked_add(4)?)?).ok()?;
            let bytes = self.bytes.get(at..at.checked_add(size)?).filter(|_| size >= PREFIX)?;
            at += size;
            Some(Reader { bytes, ..self })
        })
    }

    /// A record of generated code (pid, tid, address as mapped, address, size, number, name and
    /// NUL, code): the function and its number.
    fn load(&self) -> Option<(Function<'t>, u64)> {
        let rest = self.bytes.get(PREFIX + 40..)?;
        let name = rest.get(..MAX_NAME).unwrap_or(rest);
        let name = memchr::memchr(0, name).and_then(|end| name.get(..end)).unwrap_or_default();
        let function = Function {
            time_ns: self.u64(8)?,
            start: self.u64(PREFIX + 16)?,
            size: self.u64(PREFIX + 24)?,
            name: std::str::from_utf8(name).unwrap_or_default(),
        };
        Some((function, self.u64(PREFIX + 32)?))
    }

    /// A record of moved code (pid, tid, address as mapped, old address, new address, size,
    /// number): the old place and the new place, both unnamed, and the number of the function.
    fn moved(&self) -> Option<(Function<'t>, Function<'t>, u64)> {
        let (time_ns, size) = (self.u64(8)?, self.u64(PREFIX + 32)?);
        let at = |start| Function { time_ns, start, size, name: "" };
        Some((at(self.u64(PREFIX + 16)?), at(self.u64(PREFIX + 24)?), self.u64(PREFIX + 40)?))
    }
}

/// Whether a mapped file has the name of a jitdump: `jit-PID.dump`, with the process's id in its
/// own container (jit_detect, tools/perf/util/jitdump.c).
pub fn is_jitdump_name(basename: &str) -> bool {
    let pid = basename.strip_prefix("jit-").and_then(|rest| rest.strip_suffix(".dump"));
    pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A jitdump of records: type, time, the numbers after it, and the name.
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
        let table = dump.table(&[WantedAddress { address, seen_ns }]);
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
        // Times are of another clock.
        assert_eq!(name(&dump(false, 1, TWICE), 0x1010, Some((120, 180))).as_deref(), Some("second"));
    }

    #[test]
    fn moved_code_keeps_its_name() {
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
    fn cut_and_malformed_records_are_ignored() {
        let bytes = dump(false, 0, TWICE);
        for end in 0..bytes.len() {
            if let Some(dump) = Jitdump::parse(&bytes[..end]) {
                assert!(dump.functions.len() <= 2);
            }
        }
        assert!(Jitdump::parse(&bytes[..HEADER]).is_some_and(|dump| dump.functions.is_empty()));
        assert!(Jitdump::parse(b"70000000 40 main\n").is_none());
        // The size of the header or of a record is too small or too large.
        for (at, size) in [(8, 39u32), (8, u32::MAX), (HEADER + 4, 15), (HEADER + 4, u32::MAX)] {
            let mut wrong = bytes.clone();
            wrong[at..at + 4].copy_from_slice(&size.to_le_bytes());
            assert!(Jitdump::parse(&wrong).is_none_or(|dump| dump.functions.is_empty()), "{at} {size}");
        }
        let endless = dump(false, 0, &[(LOAD, 0, &[0, u64::MAX - 1, u64::MAX, 1], "end")]);
        assert_eq!(name(&endless, u64::MAX - 1, None).as_deref(), Some("end"));
    }

    #[test]
    fn a_hostile_file_costs_bounded_time() {
        let all = (LOAD, 100, &[0, 0, u64::MAX, 1][..], "all");
        let bytes = dump(false, 0, &vec![all; 30_000]);
        let wanted: Vec<WantedAddress> =
            (0..30_000).map(|address| WantedAddress { address, seen_ns: Some((1, 2)) }).collect();
        let start = std::time::Instant::now();
        assert!(Jitdump::parse(&bytes).expect("a jitdump").table(&wanted).is_empty());
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }

    #[test]
    fn names_of_files() {
        assert!(is_jitdump_name("jit-4711.dump"));
        for other in ["jit-.dump", "jit-4711.dump.bak", "jit-a.dump", "4711.dump", "jit-1/2.dump"] {
            assert!(!is_jitdump_name(other), "{other}");
        }
    }
}
