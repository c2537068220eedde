//! kallsyms: the kernel's own list of its symbols, as text (`ADDRESS TYPE NAME [MODULE]`).

use hashbrown::HashMap;
use rayon::prelude::*;

use super::table::{Binding, Symbol, SymbolTable};

/// A kallsyms. It has some 150,000 lines, and most runs need a few hundred of them: so only the
/// addresses are read, and the rest of a line when it is needed.
#[derive(Default)]
pub struct Kallsyms<'a> {
    text: &'a str,
    kernel: Lines,
    modules: HashMap<&'a str, Lines>,
}

/// The lines of the kernel proper, or of one module, by address.
#[derive(Default)]
struct Lines {
    /// Where in the text each begins.
    starts: Vec<u32>,
    /// The first and the last address, in the order of the text.
    ends: Option<(u64, u64)>,
    /// Whether the text has them in another order than by address.
    is_unsorted: bool,
    /// The lowest and the highest address of a module's functions.
    code: Option<(u64, u64)>,
}

/// What a part of the text holds.
#[derive(Default)]
struct TextPart<'a> {
    kernel: Lines,
    /// Runs of lines of one module.
    modules: Vec<(&'a str, Lines)>,
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
        let text = &text[..text.len().min(u32::MAX as usize)];
        // Checked once and not line by line. If the file is not all UTF-8, the lines before the
        // first invalid byte are used.
        let text = match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(),
        };
        let mut kallsyms = Kallsyms { text, ..Kallsyms::default() };
        let parts: Vec<TextPart> =
            split_lines(text, rayon::current_num_threads()).into_par_iter().map(read_part).collect();
        for part in parts {
            kallsyms.kernel.append(part.kernel);
            for (module, lines) in part.modules {
                kallsyms.modules.entry(module).or_default().append(lines);
            }
        }
        kallsyms.kernel.sort(text);
        kallsyms.modules.values_mut().for_each(|lines| lines.sort(text));
        kallsyms
    }

    /// Whether there are no symbols of the kernel proper.
    pub fn is_empty(&self) -> bool {
        self.kernel.starts.is_empty()
    }

    /// Whether all addresses are 0, as they read for users without the right to see them
    /// (kernel.kptr_restrict).
    pub fn is_hidden(&self) -> bool {
        self.kernel.starts.last().is_some_and(|last| address_at(self.text, *last) == 0)
    }

    /// The address of the kernel's symbol `name`: of several, the first in the text.
    pub fn address_of(&self, name: &str) -> Option<u64> {
        // A search for the bytes is several times as fast as a look at each line.
        let text = self.text.as_bytes();
        memchr::memmem::find_iter(text, name).find_map(|at| {
            let before = &text[at.saturating_sub(LONGEST_HEAD + 1)..at];
            let start = match memchr::memrchr(b'\n', before) {
                Some(newline) => at - before.len() + newline + 1,
                None => at.checked_sub(before.len()).filter(|start| *start == 0)?,
            };
            let head = read_head(&text[start..]).filter(|head| start + head.length == at)?;
            // The name may go on, or a module follow it.
            let rest = text[at + name.len()..].iter();
            let after = rest.copied().find(|byte| *byte == b'\n' || !byte.is_ascii_whitespace());
            after.is_none_or(|byte| byte == b'\n').then_some(head.address)
        })
    }

    /// The lowest and the highest address of a module's functions; `None` if it has none here.
    pub fn code_of(&self, module: &str) -> Option<(u64, u64)> {
        self.modules.get(module)?.code
    }

    /// A table of those symbols of the kernel proper, or of one module, that cover the `wanted`
    /// addresses, which are in ascending order.
    pub fn table(&self, module: Option<&str>, wanted: &[u64]) -> SymbolTable<'a> {
        let lines = match module {
            None => self.kernel.starts.as_slice(),
            Some(module) => self.modules.get(module).map_or(&[][..], |lines| &lines.starts),
        };
        let mut symbols = Vec::new();
        // The first line above the addresses so far, and the next symbol's address.
        let (mut above, mut next) = (0, Some(0));
        for &address in wanted {
            if next.is_none_or(|next| address < next) {
                continue;
            }
            above += self.count_up_to(&lines[above..], address);
            next = lines[above..].iter().find_map(|start| self.usable(*start)).map(|entry| entry.address);
            symbols.extend(self.last_symbol(&lines[..above], next));
        }
        SymbolTable::new(symbols)
    }

    /// How many of `lines` have no higher address than `address`. It looks at few of them if it is
    /// few.
    fn count_up_to(&self, lines: &[u32], address: u64) -> usize {
        let is_up_to = |start: &u32| address_at(self.text, *start) <= address;
        let mut step = 1;
        while lines.get(step).is_some_and(is_up_to) {
            step *= 2;
        }
        let (from, to) = (step / 2, lines.len().min(step));
        from + lines[from..to].partition_point(is_up_to)
    }

    /// The last symbol of `lines`, which reaches to the address `next`.
    fn last_symbol(&self, lines: &[u32], next: Option<u64>) -> Option<Symbol<'a>> {
        let start = lines.iter().rev().find_map(|start| self.usable(*start))?.address;
        // If several symbols have one address, perf gives only the last one a length, and prefers a
        // symbol with a length.
        let aliases = lines.iter().rev().take_while(|line| address_at(self.text, **line) >= start);
        let names = aliases.filter_map(|line| self.usable(*line)).map(|entry| entry.name);
        let name = names.clone().find(|name| !is_old_alias(name)).or(names.last())?;
        Some(Symbol { start, end: next.unwrap_or(start), binding: Binding::Global, is_typed: true, name })
    }

    fn entry(&self, start: u32) -> Option<Entry<'a>> {
        let line = self.text.get(start as usize..)?;
        let end = memchr::memchr(b'\n', line.as_bytes()).unwrap_or(line.len());
        read_line(&line[..end]).map(|(entry, _)| entry)
    }

    /// The entry of a line if perf uses it.
    fn usable(&self, start: u32) -> Option<Entry<'a>> {
        self.entry(start).filter(Entry::is_usable)
    }
}

impl Entry<'_> {
    /// Whether perf uses it: functions and data (symbol_type__filter, tools/perf/util/symbol.c).
    /// Without the data, a gap between a function and the data after it would count as the
    /// function.
    fn is_usable(&self) -> bool {
        matches!(self.kind.to_ascii_uppercase(), b'T' | b'W' | b'D' | b'B')
            && !self.name.starts_with('$')
            && !self.name.starts_with(".L")
    }

    fn is_code(&self) -> bool {
        self.is_usable() && matches!(self.kind.to_ascii_uppercase(), b'T' | b'W')
    }
}

impl Lines {
    fn push(&mut self, start: usize, address: u64) {
        self.starts.push(start as u32);
        self.add_ends((address, address));
    }

    fn append(&mut self, other: Lines) {
        let Some(ends) = other.ends else { return };
        match self.starts.is_empty() {
            true => self.starts = other.starts,
            false => self.starts.extend(other.starts),
        }
        self.is_unsorted |= other.is_unsorted;
        self.add_ends(ends);
        self.add_code(other.code);
    }

    /// Adds the first and the last address of lines that come after all others.
    fn add_ends(&mut self, (first, last): (u64, u64)) {
        let own = self.ends.unwrap_or((first, first));
        self.is_unsorted |= first < own.1;
        self.ends = Some((own.0, last));
    }

    fn add_code(&mut self, code: Option<(u64, u64)>) {
        self.code = match (self.code, code) {
            (Some(own), Some(other)) => Some((own.0.min(other.0), own.1.max(other.1))),
            (own, other) => own.or(other),
        };
    }

    /// Sorts them by address, unless the text has them so, as the kernel writes its own.
    fn sort(&mut self, text: &str) {
        if std::mem::take(&mut self.is_unsorted) {
            self.starts.sort_by_cached_key(|start| address_at(text, *start));
        }
    }
}

/// Splits `text` between lines into at most `count` parts of about the same size, each with its
/// position.
fn split_lines(text: &str, count: usize) -> Vec<(usize, &str)> {
    let (mut rest, mut position) = (text, 0);
    let mut parts = Vec::new();
    for left in (1..=count).rev() {
        let end = rest.as_bytes().iter().skip(rest.len() / left).position(|byte| *byte == b'\n');
        let (part, next) = rest.split_at(end.map_or(rest.len(), |end| rest.len() / left + end + 1));
        parts.push((position, part));
        position += part.len();
        rest = next;
    }
    parts
}

/// Reads the addresses of a part of the text, and all of the lines of modules.
fn read_part((position, text): (usize, &str)) -> TextPart<'_> {
    const USUAL_LENGTH: usize = 40;
    let mut part = TextPart::default();
    part.kernel.starts.reserve(text.len() / USUAL_LENGTH);
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    for end in ends {
        let line = &text.as_bytes()[start..end];
        let module = match line.trim_ascii_end().last() {
            Some(b']') => {
                read_line(&text[start..end]).and_then(|(entry, module)| module.map(|module| (entry, module)))
            }
            _ => None,
        };
        if let Some((entry, module)) = module {
            if part.modules.last().is_none_or(|(last, _)| *last != module) {
                part.modules.push((module, Lines::default()));
            }
            if let Some((_, lines)) = part.modules.last_mut() {
                lines.push(position + start, entry.address);
                lines.add_code(entry.is_code().then_some((entry.address, entry.address)));
            }
        } else if let Some(head) = read_head(line) {
            part.kernel.push(position + start, head.address);
        }
        start = end + 1;
    }
    part
}

/// The address of the line that begins at `start`.
fn address_at(text: &str, start: u32) -> u64 {
    let line = text.as_bytes().get(start as usize..).unwrap_or_default();
    read_hex(line).map_or(0, |(address, _)| address)
}

/// Before 4.17 a system call had two names, `sys_read` and `SyS_read`. Only the first is in use.
fn is_old_alias(name: &str) -> bool {
    name.starts_with("SyS_") || name.starts_with("compat_SyS_")
}

/// Bytes that may be before the name in a line.
const LONGEST_HEAD: usize = 19;

/// What is before the name in a line.
struct Head {
    address: u64,
    kind: u8,
    /// Bytes of it.
    length: usize,
}

/// Reads `ADDRESS TYPE ` at the start of a line.
fn read_head(line: &[u8]) -> Option<Head> {
    let (address, digits) = read_hex(line)?;
    match line.get(digits..digits + 3)? {
        [b' ', kind, b' '] => Some(Head { address, kind: *kind, length: digits + 3 }),
        _ => None,
    }
}

/// Reads `ADDRESS TYPE NAME`, for a module's symbol followed by a tab and `[MODULE]`. Returns the
/// entry and the module.
fn read_line(line: &str) -> Option<(Entry<'_>, Option<&str>)> {
    let Head { address, kind, length } = read_head(line.as_bytes())?;
    let rest = line.get(length..)?.trim_ascii_end();
    let (name, module) = match memchr::memchr2(b' ', b'\t', rest.as_bytes()) {
        None => (rest, None),
        Some(end) => {
            let (name, module) = rest.split_at(end);
            let module = module.strip_prefix("\t[")?.strip_suffix(']')?;
            (name, Some(module))
        }
    };
    (!name.is_empty()).then_some((Entry { address, kind, name }, module))
}

/// The hexadecimal number of at most 16 digits that `bytes` start with, and how many digits it has.
fn read_hex(bytes: &[u8]) -> Option<(u64, usize)> {
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
        assert_eq!(kallsyms.address_of("_stext"), Some(0xffffffff81000000));
        for name in ["text", "_etex", "nf_hook", "a line", "T _etext", ""] {
            assert_eq!(kallsyms.address_of(name), None, "{name}");
        }
        assert_eq!(Kallsyms::parse(b"1 T _text_of\r\nf T _text\r\n2 T a").address_of("_text"), Some(15));
        assert_eq!(Kallsyms::parse(b"1 T _text\r\n2 T a").address_of("a"), Some(2));
        assert!(!kallsyms.is_hidden());
    }

    /// What is found is compared with a search in all lines.
    #[test]
    fn each_address_has_the_last_symbol_before_it() {
        let line = |place: u64| {
            let (address, kind) = (0x1000 + place * 7 % 1000 / 3, b"tTrDW"[(place % 5) as usize]);
            let name = if place.is_multiple_of(4) { "SyS_" } else { "f" };
            format!("{address:016x} {} {name}{place}\n", char::from(kind))
        };
        let unsorted: Vec<String> = (0..500).map(line).collect();
        let mut sorted = unsorted.clone();
        sorted.sort_by_key(|line| line[..16].to_owned());
        for (lines, is_sorted) in [(unsorted, false), (sorted.clone(), true)] {
            let text = lines.concat();
            let kallsyms = Kallsyms::parse(text.as_bytes());
            assert_eq!(read_part((0, &text)).kernel.is_unsorted, !is_sorted);
            for step in [1, 5, 100] {
                let wanted: Vec<u64> = (0xff0..0x1200).step_by(step).collect();
                let table = kallsyms.table(None, &wanted);
                for address in wanted {
                    let mut found: Option<Entry> = None;
                    for (entry, _) in sorted.iter().filter_map(|line| read_line(line)) {
                        let is_taken = found
                            .is_none_or(|found| found.address < entry.address || !is_old_alias(entry.name));
                        if entry.is_usable() && entry.address <= address && is_taken {
                            found = Some(entry);
                        }
                    }
                    let name = table.find(address).map(|(_, symbol)| symbol.name);
                    assert_eq!(name, found.map(|found| found.name), "{address:#x}");
                }
            }
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let text = std::str::from_utf8(TEXT).unwrap();
        for count in 1..20 {
            let parts = split_lines(text, count);
            assert_eq!(parts.len(), count);
            let mut end = 0;
            for (position, part) in parts {
                assert!(part.is_empty() || part.ends_with('\n'), "{part}");
                assert_eq!((position, part), (end, &text[end..end + part.len()]));
                end += part.len();
            }
            assert_eq!(end, text.len());
        }
        assert_eq!(split_lines("no end", 1), [(0, "no end")]);
    }

    #[test]
    fn lines_in_order_are_not_sorted() {
        let lines = |addresses: &[u64]| {
            let mut lines = Lines::default();
            addresses.iter().for_each(|address| lines.push(0, *address));
            lines
        };
        for (first, second, is_unsorted) in [
            (&[1, 2][..], &[2, 3][..], false),
            (&[], &[2, 3], false),
            (&[1, 3], &[2, 3], true),
            (&[2, 1], &[2, 3], true),
            (&[1, 2], &[3, 2], true),
        ] {
            let mut joined = Lines::default();
            joined.append(lines(first));
            joined.append(lines(second));
            assert_eq!(joined.is_unsorted, is_unsorted, "{first:?} {second:?}");
        }
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
            assert!(read_line(line).is_none(), "{line:?}");
        }
        let (entry, module) = read_line("Ff t größe\t[m]\r").unwrap();
        assert_eq!((entry.address, entry.name, module), (255, "größe", Some("m")));
        let (entry, _) = read_line("0123456789abcDEF T a").unwrap();
        assert_eq!(entry.address, 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn hidden_addresses_are_recognized() {
        assert!(Kallsyms::parse(b"0000000000000000 T _text\n0000000000000000 T a\n").is_hidden());
        assert!(Kallsyms::parse(b"").is_empty());
        assert!(!Kallsyms::parse(b"").is_hidden());
    }
}
