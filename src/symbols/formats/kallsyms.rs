//! kallsyms: the kernel's own list of its symbols, as text (`ADDRESS TYPE NAME [MODULE]`).

use std::iter::Peekable;
use std::ops::Range;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::table::{Binding, Symbol, SymbolTable};

/// A parsed kallsyms.
#[derive(Default)]
pub struct Kallsyms<'a> {
    kernel: Vec<Entry<'a>>,
    modules: HashMap<&'a str, Vec<Entry<'a>>>,
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    address: u64,
    kind: u8,
    name: &'a str,
}

impl<'a> Kallsyms<'a> {
    /// Parses `text`; malformed lines are skipped.
    pub fn parse(text: &'a [u8]) -> Self {
        // Checked once and not line by line. If the file is not all UTF-8, the lines before the
        // first invalid byte are used.
        let text = match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(),
        };
        let mut kallsyms = Kallsyms::default();
        let parts: Vec<Kallsyms> =
            split_lines(text, rayon::current_num_threads()).into_par_iter().map(parse_part).collect();
        for part in parts {
            kallsyms.kernel.extend(part.kernel);
            for (module, entries) in part.modules {
                kallsyms.modules.entry(module).or_default().extend(entries);
            }
        }
        // The kernel writes its own symbols sorted; sorting them again is one pass.
        kallsyms.kernel.sort_by_key(|entry| entry.address);
        kallsyms.modules.values_mut().for_each(|entries| entries.sort_by_key(|entry| entry.address));
        kallsyms
    }

    /// Whether there are no symbols of the kernel proper.
    pub fn is_empty(&self) -> bool {
        self.kernel.is_empty()
    }

    /// Whether all addresses are 0, as they read for users without the right to see them
    /// (kernel.kptr_restrict).
    pub fn is_hidden(&self) -> bool {
        self.kernel.last().is_some_and(|last| last.address == 0)
    }

    /// The address of the kernel's symbol `name`.
    pub fn address_of(&self, name: &str) -> Option<u64> {
        self.kernel.iter().find(|entry| entry.name == name).map(|entry| entry.address)
    }

    /// Whether a module has a function in the `length` bytes from `start`.
    pub fn has_code_at(&self, module: &str, start: u64, length: u64) -> bool {
        let is_code = |entry: &&Entry| matches!(entry.kind.to_ascii_uppercase(), b'T' | b'W');
        self.usable(Some(module)).filter(is_code).any(|entry| entry.address.wrapping_sub(start) < length)
    }

    /// A table of those symbols of the kernel proper, or of one module, that cover the `wanted`
    /// addresses, which are in ascending order.
    pub fn table(&self, module: Option<&str>, wanted: &[u64]) -> SymbolTable<'a> {
        let mut wanted = wanted.iter().copied().peekable();
        let mut symbols: Vec<Symbol> = Vec::new();
        let mut current: Option<Symbol> = None;
        for entry in self.usable(module) {
            let symbol = Symbol {
                start: entry.address,
                end: entry.address,
                binding: Binding::Global,
                is_typed: true,
                name: entry.name,
            };
            match &mut current {
                // If several symbols have one address, perf gives only the last one a length, and
                // prefers a symbol with a length.
                Some(last) if last.start == symbol.start => {
                    if !is_old_alias(symbol.name) {
                        *last = symbol;
                    }
                }
                _ => {
                    let last = current.replace(symbol);
                    if let Some(last) = last.filter(|last| is_wanted(&mut wanted, last.start..entry.address))
                    {
                        symbols.push(Symbol { end: entry.address, ..last });
                    }
                }
            }
        }
        symbols.extend(current);
        SymbolTable::new(symbols)
    }

    /// The entries that perf uses, functions and data (symbol_type__filter,
    /// tools/perf/util/symbol.c). Without the data, a gap between a function and the data after it
    /// would count as the function.
    fn usable(&self, module: Option<&str>) -> impl Iterator<Item = &Entry<'a>> {
        let entries = match module {
            None => self.kernel.as_slice(),
            Some(module) => self.modules.get(module).map_or(&[][..], Vec::as_slice),
        };
        entries.iter().filter(|entry| {
            matches!(entry.kind.to_ascii_uppercase(), b'T' | b'W' | b'D' | b'B')
                && !entry.name.starts_with('$')
                && !entry.name.starts_with(".L")
        })
    }
}

/// Whether one of the addresses is in `range`. Consumes those before it.
fn is_wanted(wanted: &mut Peekable<impl Iterator<Item = u64>>, range: Range<u64>) -> bool {
    while wanted.next_if(|address| *address < range.start).is_some() {}
    wanted.peek().is_some_and(|address| *address < range.end)
}

/// Splits `text` between lines into at most `count` parts of about the same size.
fn split_lines(text: &str, count: usize) -> Vec<&str> {
    let mut rest = text;
    let mut parts = Vec::new();
    for left in (1..=count).rev() {
        let end = rest.as_bytes().iter().skip(rest.len() / left).position(|byte| *byte == b'\n');
        let (part, next) = rest.split_at(end.map_or(rest.len(), |end| rest.len() / left + end + 1));
        parts.push(part);
        rest = next;
    }
    parts
}

fn parse_part(text: &str) -> Kallsyms<'_> {
    let mut kallsyms = Kallsyms::default();
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    for end in ends {
        match parse_line(&text[start..end]) {
            Some((entry, None)) => kallsyms.kernel.push(entry),
            Some((entry, Some(module))) => kallsyms.modules.entry(module).or_default().push(entry),
            None => {}
        }
        start = end + 1;
    }
    kallsyms
}

/// Before 4.17 a system call had two names, `sys_read` and `SyS_read`. Only the first is in use.
fn is_old_alias(name: &str) -> bool {
    name.starts_with("SyS_") || name.starts_with("compat_SyS_")
}

/// Parses `ADDRESS TYPE NAME`, for a module's symbol followed by a tab and `[MODULE]`. Returns the
/// entry and the module. A kallsyms has some 150,000 lines and most runs need a few hundred of
/// them, so this does no unnecessary work.
fn parse_line(line: &str) -> Option<(Entry<'_>, Option<&str>)> {
    let (address, digits) = parse_hex(line.as_bytes())?;
    let [b' ', kind, b' ', ..] = &line.as_bytes()[digits..] else {
        return None;
    };
    let rest = line.get(digits + 3..)?.trim_ascii_end();
    let (name, module) = match memchr::memchr2(b' ', b'\t', rest.as_bytes()) {
        None => (rest, None),
        Some(end) => {
            let (name, module) = rest.split_at(end);
            let module = module.strip_prefix("\t[")?.strip_suffix(']')?;
            (name, Some(module))
        }
    };
    (!name.is_empty()).then_some((Entry { address, kind: *kind, name }, module))
}

/// The hexadecimal number of at most 16 digits that `bytes` start with, and how many digits it has.
fn parse_hex(bytes: &[u8]) -> Option<(u64, usize)> {
    // The form that 64-bit kernels write.
    if let Some((digits, [b' ', ..])) = bytes.split_first_chunk::<16>() {
        let (high, low) = digits.split_at(8);
        return Some((eight_digits(high)? << 32 | eight_digits(low)?, 16));
    }
    let digits = bytes.iter().take(17).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let text = std::str::from_utf8(&bytes[..digits]).ok()?;
    u64::from_str_radix(text, 16).ok().filter(|_| digits <= 16).map(|number| (number, digits))
}

/// The value of eight hexadecimal digits. All eight are checked and converted at once, as bytes of
/// one word, because this is the hot loop.
fn eight_digits(digits: &[u8]) -> Option<u64> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let text = u64::from_be_bytes(digits.try_into().ok()?);
    // Sets bit 7 of each byte that is at least `least`, provided that no byte is above 127.
    let at_least = |bytes: u64, least: u8| bytes + EACH * u64::from(128 - least);
    let between = |bytes, first: u8, last: u8| at_least(bytes, first) & !at_least(bytes, last + 1);
    let is_ascii = text & EACH << 7 == 0;
    let lowercase = text | (EACH * 0x20);
    if !is_ascii || (between(text, b'0', b'9') | between(lowercase, b'a', b'f')) & EACH << 7 != EACH << 7 {
        return None;
    }
    // A letter has bit 6 set, and its low four bits are its value less 9.
    let values = (text & (EACH * 0xf)) + ((text >> 6) & EACH) * 9;
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((fours | fours >> 16) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000100 T SyS_read
ffffffff81000100 T sys_read
ffffffff81000200 t vfs_read
ffffffff81000280 r a_constant
ffffffff81000300 D some_data
ffffffff81000400 T _etext
ffffffffc0000000 t nf_hook\t[nf_conntrack]
not a line
";

    #[test]
    fn names_by_address() {
        let kallsyms = Kallsyms::parse(TEXT);
        let expected = [
            (0xffffffff81000180, Some("sys_read")),
            (0xffffffff81000290, Some("vfs_read")),
            (0xffffffff81000310, Some("some_data")),
            (0xffffffffc0000000, None),
        ];
        let all = kallsyms.table(None, &expected.map(|(address, _)| address));
        for (address, name) in expected {
            for table in [&all, &kallsyms.table(None, &[address])] {
                assert_eq!(table.find(address).map(|(_, symbol)| symbol.name), name, "{address:#x}");
            }
        }
        let module = kallsyms.table(Some("nf_conntrack"), &[0xffffffffc0000010]);
        assert_eq!(module.find(0xffffffffc0000010).unwrap().1.name, "nf_hook");
        assert_eq!(kallsyms.address_of("_etext"), Some(0xffffffff81000400));
        assert!(!kallsyms.is_hidden());
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let text = std::str::from_utf8(TEXT).unwrap();
        for count in 1..20 {
            let parts = split_lines(text, count);
            assert_eq!((parts.concat().as_str(), parts.len()), (text, count));
            assert!(parts.iter().all(|part| part.is_empty() || part.ends_with('\n')), "{parts:?}");
        }
        assert_eq!(split_lines("no end", 3).concat(), "no end");
    }

    #[test]
    fn malformed_lines_are_skipped() {
        for line in [
            "",
            " ",
            "zz T a",
            "12",
            "12 T",
            "12 T ",
            "12 TT a",
            "12345678901234567 T a",
            "1 T a [b",
            "1 T a b",
            "1 T a\t[b",
            "00000000000000g1 T a",
            "0000000000000/01 T a",
            "000000000000:001 T a",
            "00000000000`0001 T a",
            "0000000@00000001 T a",
            "000000000000é01 T a",
        ] {
            assert!(parse_line(line).is_none(), "{line:?}");
        }
        let (entry, module) = parse_line("Ff t größe\t[m]\r").unwrap();
        assert_eq!((entry.address, entry.name, module), (255, "größe", Some("m")));
        let (entry, _) = parse_line("0123456789abcDEF T a").unwrap();
        assert_eq!(entry.address, 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn hidden_addresses_are_recognized() {
        assert!(Kallsyms::parse(b"0000000000000000 T _text\n0000000000000000 T a\n").is_hidden());
        assert!(Kallsyms::parse(b"").is_empty());
        assert!(!Kallsyms::parse(b"").is_hidden());
    }
}
