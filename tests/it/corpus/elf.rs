//! ELF files: any bytes, searched for everything that names need, and reduced to that.

use stallgraph::internals::{
    Budget, Elf, FileSymbol, Parts, PltStub, Reduced, SymbolTable, unpack_debug_data,
};
use stallgraph::model::Segment;

/// Sections that are looked up by name.
const SECTIONS: [&str; 4] = [".gnu_debuglink", ".gnu_debugdata", ".debug_info", ".debug_line"];
/// Names are looked up at so many symbols, stubs and other positions.
const LOOKED_UP: usize = 32;
/// A table looks through so many symbols that lie inside others.
const NESTED: usize = 8;

/// Everything in a file that names come from.
#[derive(Debug, PartialEq)]
struct Answers {
    build_id: Option<Vec<u8>>,
    /// The compressed symbols of `.gnu_debugdata`.
    debug_data: Option<Vec<u8>>,
    stubs: Vec<PltStub>,
    /// Address and name of the symbols in `.symtab` and in `.dynsym`.
    symbols: [Option<Vec<(u64, String)>>; 2],
    /// The names at positions in the file, by either table.
    names: [Vec<Option<String>>; 2],
}

/// Reads the symbols of a section: all of them, or those that suffice to name some addresses.
type Symbols<'s, 'a> = dyn Fn(Option<&[u64]>) -> Option<Vec<FileSymbol<'a>>> + 's;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let Some(elf) = Elf::parse(bytes) else { return };
    for name in SECTIONS {
        elf.section(name);
        elf.unpacked_section(name, &budget());
    }
    let positions: Vec<u64> =
        (0..bytes.len() as u64).step_by(bytes.len() / LOOKED_UP + 1).chain([u64::MAX]).collect();
    elf.shift(Segment { offset: 0x1000, length: 0x1000 });
    let answers = ask(&elf, &positions);
    for is_kept in [false, true] {
        let limit = bytes.len() as u64;
        let parts = Parts { debug_information: is_kept, tables: is_kept };
        let Reduced::Smaller(small) = elf.reduced(parts, limit) else { continue };
        assert!(small.len() < bytes.len());
        let tight = elf.reduced(parts, small.len() as u64 / 2);
        assert!(matches!(tight, Reduced::TooLong), "no more than allowed");
        let small = Elf::parse(&small).expect("a reduced file is ELF");
        assert_eq!(ask(&small, &positions), answers);
    }
}

/// More than any file here unpacks to.
fn budget() -> Budget {
    Budget::new(1 << 30)
}

fn ask<'a>(elf: &Elf<'a>, positions: &[u64]) -> Answers {
    let stubs = elf.plt_stubs();
    let positions: Vec<u64> =
        stubs.iter().take(LOOKED_UP).map(|stub| stub.start).chain(positions.iter().copied()).collect();
    let tables: [&Symbols<'_, 'a>; 2] =
        [&|wanted| elf.full_symbols(wanted), &|wanted| elf.dynamic_symbols(wanted)];
    let found = tables.map(|table| table(None));
    let names = found
        .each_ref()
        .map(|found| names_of(&elf.table(found.as_deref().unwrap_or_default(), &stubs), &positions));
    // Reading fewer symbols must not change a name.
    for (all, table) in found.iter().zip(tables) {
        let Some(all) = all else { continue };
        let starts = all.iter().take(LOOKED_UP).map(|symbol| symbol.address);
        let around = starts.flat_map(|start| [start.wrapping_sub(1), start, start.wrapping_add(1)]);
        let mut wanted: Vec<u64> = around.chain(positions.iter().copied()).collect();
        wanted.sort_unstable();
        let few = table(Some(&wanted)).expect("there are symbols");
        let by_address = |symbols: &[FileSymbol]| {
            names_of(&SymbolTable::new(symbols.iter().map(FileSymbol::at_address).collect()), &wanted)
        };
        let (few, whole) = (by_address(&few), by_address(all));
        // A table looks through a limited number of symbols that end before the address. With fewer
        // symbols it gets further.
        let is_same = |few: &Option<String>, whole: &Option<String>| {
            few == whole || all.len() > NESTED && whole.is_none()
        };
        for (few, whole) in few.iter().zip(&whole) {
            assert!(is_same(few, whole), "{few:?} for {whole:?}");
        }
    }
    let as_text = |found: &FileSymbol| (found.address, found.name.to_owned());
    Answers {
        build_id: elf.build_id().map(<[u8]>::to_vec),
        debug_data: unpack_debug_data(elf, &budget()),
        stubs,
        symbols: found.map(|found| Some(found?.iter().map(as_text).collect())),
        names,
    }
}

fn names_of(table: &SymbolTable, places: &[u64]) -> Vec<Option<String>> {
    places.iter().map(|place| Some(table.find(*place)?.1.name.to_owned())).collect()
}
