//! perf maps: the list of functions that a process generated at run time, which it writes to
//! `/tmp/perf-PID.map` as text (`START SIZE NAME`, both numbers hexadecimal).

use std::collections::BTreeSet;

use super::table::{Binding, Symbol, SymbolTable};

/// A perf map, not yet read.
pub struct PerfMap<'t> {
    text: &'t [u8],
}

impl<'t> PerfMap<'t> {
    /// The perf map with this text.
    pub fn new(text: &'t [u8]) -> Self {
        PerfMap { text }
    }

    /// A table with one symbol for each of the `wanted` addresses that a function covers. Each
    /// symbol covers this one address only.
    ///
    /// A process that puts new code in place of old code adds a line, so the last line that covers
    /// an address counts. The text is read from its end until all addresses have their name. Each
    /// address gets a name once, so a line costs no more than its length, however many addresses it
    /// covers.
    pub fn table(&self, wanted: &[u64]) -> SymbolTable<'t> {
        let mut wanted: BTreeSet<u64> = wanted.iter().copied().collect();
        let mut symbols = Vec::new();
        let mut rest = self.text;
        while !rest.is_empty() && !wanted.is_empty() {
            let start = memchr::memrchr(b'\n', rest).map_or(0, |end| end + 1);
            let line = &rest[start..];
            rest = &rest[..start.saturating_sub(1)];
            let Some((first, size, name)) = parse_line(line) else { continue };
            while let Some(&address) = wanted.range(first..first.saturating_add(size)).next() {
                wanted.remove(&address);
                symbols.push(Symbol {
                    start: address,
                    end: address.saturating_add(1),
                    binding: Binding::Global,
                    is_typed: true,
                    name,
                });
            }
        }
        SymbolTable::new(symbols)
    }
}

/// First address, bytes and name. perf reads the numbers with strtoull, so they may start with `0x`
/// (dso__load_perf_map, tools/perf/util/symbol.c).
fn parse_line(line: &[u8]) -> Option<(u64, u64, &str)> {
    // Names are cut shorter than this anyway.
    const MAX_LINE: usize = 1 << 16;
    let line = std::str::from_utf8(line.get(..line.len().min(MAX_LINE))?).ok()?;
    let (start, rest) = line.trim_ascii_start().split_once(' ')?;
    let (size, name) = rest.trim_ascii_start().split_once(' ')?;
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok();
    let name = name.trim_ascii();
    (!name.is_empty()).then_some((number(start)?, number(size)?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'t>(text: &'t str, addresses: &[u64]) -> Vec<Option<&'t str>> {
        let table = PerfMap::new(text.as_bytes()).table(addresses);
        addresses.iter().map(|&address| table.find(address).map(|(_, symbol)| symbol.name)).collect()
    }

    #[test]
    fn the_last_line_that_covers_an_address_counts() {
        let text = "1000 100 old\n2000 10 LazyCompile:*a b /x.js:1:2\n0x1000 0x20 new\n1010 8 inner";
        let results = names(text, &[0xfff, 0x1000, 0x1010, 0x1018, 0x1020, 0x10ff, 0x1100, 0x2001]);
        let a = "LazyCompile:*a b /x.js:1:2";
        assert_eq!(
            results,
            [None, Some("new"), Some("inner"), Some("new"), Some("old"), Some("old"), None, Some(a)]
        );
    }

    #[test]
    fn malformed_lines_are_skipped() {
        let text =
            "\n \n1000\n1000 10\n1000 10 \nzz 10 a\n1000 zz a\n-1 10 a\n1000 0 empty\n1000 10 good\r\n";
        assert_eq!(names(text, &[0x1000, u64::MAX]), [Some("good"), None]);
        assert_eq!(names("fffffffffffffff0 ffffffff end\n", &[u64::MAX]), [None]);
        assert_eq!(names("", &[0]), [None]);
    }
}
