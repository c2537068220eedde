//! A symbol table, sorted by start. If one address has several names, it returns the name that perf
//! shows.

use super::demangle::demangle;

/// How a symbol was declared. It helps to decide which of several names for one address is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// Visible in its own object only.
    Local,
    /// Visible everywhere.
    Global,
    /// Overridden by any other definition.
    Weak,
}

/// One symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// First byte.
    pub start: u64,
    /// First byte after it. If the file does not say, it is equal to `start`, and the symbol
    /// reaches to the next one.
    pub end: u64,
    /// How it was declared.
    pub binding: Binding,
    /// Whether its type says that it is code or data, and not a mere label.
    pub is_typed: bool,
    /// Its name as in the file, mangled.
    pub name: &'a str,
}

/// Symbols that can be looked up by address.
#[derive(Debug, Default)]
pub struct SymbolTable<'a> {
    symbols: Vec<Symbol<'a>>,
}

/// Bytes of a page. perf extends a last symbol without a size to the end of the page after its own
/// (symbols__fixup_end, tools/perf/util/symbol.c).
const PAGE: u64 = 4096;

impl<'a> SymbolTable<'a> {
    /// A table of `symbols`.
    pub fn new(mut symbols: Vec<Symbol<'a>>) -> Self {
        symbols.sort_by_key(|symbol| symbol.start);
        SymbolTable { symbols }
    }

    /// Whether there are no symbols.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Adds the symbols of another table.
    pub fn join(&mut self, other: SymbolTable<'a>) {
        self.symbols.extend(other.symbols);
        self.symbols.sort_by_key(|symbol| symbol.start);
    }

    /// The symbol that covers `address`, and its number in the table. If several cover it, it is
    /// the one that starts last. If several start at one address, it is the one that perf would
    /// show, so that the output of both tools can be compared.
    pub fn find(&self, address: u64) -> Option<(usize, Symbol<'a>)> {
        // Symbols inside others are rare and not deep: local labels in assembly.
        const MAX_NESTED: usize = 8;
        // A linker merges identical functions, so some tens of names can have one address.
        const MAX_ALIASES: usize = 64;
        let mut after = self.symbols.partition_point(|symbol| symbol.start <= address);
        let mut next_start = self.symbols.get(after).map(|symbol| symbol.start);
        for _ in 0..MAX_NESTED {
            let start = self.symbols[..after].last()?.start;
            let first = self.symbols[..after].partition_point(|symbol| symbol.start < start);
            let aliases = (first..after).take(MAX_ALIASES);
            let best = aliases.reduce(|best, new| {
                if is_better(&self.symbols[new], &self.symbols[best]) { new } else { best }
            })?;
            let mut symbol = self.symbols[best];
            if symbol.end == symbol.start {
                symbol.end = next_start.unwrap_or((start / PAGE + 2).saturating_mul(PAGE));
            }
            if address < symbol.end {
                return Some((best, symbol));
            }
            (after, next_start) = (first, Some(start));
        }
        None
    }
}

/// Whether perf prefers `new` to `old` of one address (choose_best_symbol,
/// tools/perf/util/symbol.c): with a size, with a type, not weak, global, fewer leading
/// underscores, longer. If both are equal, `old` stays.
fn is_better(new: &Symbol, old: &Symbol) -> bool {
    let by_kind = |symbol: &Symbol| {
        (
            symbol.end > symbol.start,
            symbol.is_typed,
            symbol.binding != Binding::Weak,
            symbol.binding == Binding::Global,
        )
    };
    let by_name = |symbol: &Symbol| {
        let name = demangle(symbol.name);
        (std::cmp::Reverse(name.bytes().take_while(|&byte| byte == b'_').count()), name.len())
    };
    by_kind(new).cmp(&by_kind(old)).then_with(|| by_name(new).cmp(&by_name(old))).is_gt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(start: u64, size: u64, name: &str) -> Symbol<'_> {
        Symbol { start, end: start + size, binding: Binding::Global, is_typed: true, name }
    }

    #[test]
    fn a_symbol_ends_where_it_says_or_at_the_next() {
        let table = SymbolTable::new(vec![
            symbol(300, 0, "last"),
            symbol(100, 50, "sized"),
            symbol(200, 0, "open"),
            symbol(110, 5, "label"),
        ]);
        let name = |address| table.find(address).map(|(_, symbol)| symbol.name);
        assert_eq!(name(99), None);
        assert_eq!(name(112), Some("label"));
        assert_eq!(name(120), Some("sized"));
        assert_eq!(name(160), None);
        assert_eq!(name(299), Some("open"));
        assert_eq!(name(8191), Some("last"));
        assert_eq!(name(8192), None);
    }

    #[test]
    fn one_name_for_an_address() {
        let weak = Symbol { binding: Binding::Weak, ..symbol(1, 1, "weak_but_long") };
        let table = SymbolTable::new(vec![weak, symbol(1, 1, "__close"), symbol(1, 1, "close")]);
        assert_eq!(table.find(1).unwrap().1.name, "close");
        // The demangled names are compared: "a::bcd" is longer than "a::b".
        let table = SymbolTable::new(vec![symbol(1, 1, "_ZN1a1bERKiS1_S1_"), symbol(1, 1, "_ZN1a3bcdEv")]);
        assert_eq!(table.find(1).unwrap().1.name, "_ZN1a3bcdEv");
    }
}
