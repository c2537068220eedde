//! A symbol table: sorted by start, one name for each address.

/// How a symbol was declared, as far as it decides which of several names for one address is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// Visible in its own object only.
    Local,
    /// Visible everywhere.
    Global,
    /// Gives way to another definition.
    Weak,
}

/// One symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// First byte.
    pub start: u64,
    /// First byte after it; equal to `start` where the table does not tell, until [`SymbolTable::new`] sets it.
    pub end: u64,
    /// Its binding.
    pub binding: Binding,
    /// Whether its type says that it is code or data, and not a mere label.
    pub is_typed: bool,
    /// Its name, as it stands in the table.
    pub name: &'a str,
}

/// Symbols that can be looked up by address.
#[derive(Debug, Default)]
pub struct SymbolTable<'a> {
    symbols: Vec<Symbol<'a>>,
}

/// What perf adds to a last symbol without a size: to the end of its page and one more (symbols__fixup_end,
/// tools/perf/util/symbol.c).
const PAGE: u64 = 4096;

impl<'a> SymbolTable<'a> {
    /// A table of `symbols`. Where several have one address, the one that perf would show is kept, so that both tools'
    /// output can be compared.
    pub fn new(mut symbols: Vec<Symbol<'a>>) -> Self {
        symbols.sort_by_key(|symbol| symbol.start);
        symbols.dedup_by(|next, kept| {
            let is_same_place = next.start == kept.start;
            if is_same_place && is_better(next, kept) {
                *kept = *next;
            }
            is_same_place
        });
        for at in 0..symbols.len() {
            if symbols[at].end == symbols[at].start {
                symbols[at].end = match symbols.get(at + 1) {
                    Some(next) => next.start,
                    None => (symbols[at].start / PAGE + 2).saturating_mul(PAGE),
                };
            }
        }
        SymbolTable { symbols }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The first address of all.
    pub fn first(&self) -> Option<u64> {
        self.symbols.first().map(|symbol| symbol.start)
    }

    /// The number and the symbol that covers `address`: the one that starts last, if several do.
    pub fn find(&self, address: u64) -> Option<(usize, &Symbol<'a>)> {
        // Symbols inside others are rare and shallow: local labels in assembly.
        const NESTED: usize = 8;
        let after = self.symbols.partition_point(|symbol| symbol.start <= address);
        (0..after)
            .rev()
            .take(NESTED)
            .map(|at| (at, &self.symbols[at]))
            .find(|(_, symbol)| address < symbol.end)
    }
}

/// The order in which perf prefers names of one address (choose_best_symbol, tools/perf/util/symbol.c): a size, a type, not
/// weak, global, fewer leading underscores, longer; the first of equals stays.
fn is_better(new: &Symbol, old: &Symbol) -> bool {
    let rank = |symbol: &Symbol| {
        let underscores = symbol.name.bytes().take_while(|&byte| byte == b'_').count();
        (
            symbol.end > symbol.start,
            symbol.is_typed,
            symbol.binding != Binding::Weak,
            symbol.binding == Binding::Global,
            std::cmp::Reverse(underscores),
            symbol.name.len(),
        )
    };
    rank(new) > rank(old)
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
    }
}
