//! Unwinding with less memory than it needs.

use crate::support::builder::{Builder, Mmap};
use crate::support::{MadeUp, run};

use super::program::{FIRST, FUNCTION, START, shared_object, symbols};
use super::{dumped, with_dumps};

/// Tables of two functions as in `.debug_frame`: the second has no caller.
fn debug_frame() -> Vec<u8> {
    const IS_COMMON: u32 = u32::MAX;
    // Version 1, no augmentation, alignments of 1 and -8, return address in 16; then as hostile.rs.
    let mut section = Vec::new();
    let common = [1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0];
    section.extend([16, IS_COMMON].iter().flat_map(|word| word.to_le_bytes()));
    section.extend(common);
    for (start, instructions) in [(FIRST, [0, 0, 0, 0]), (FIRST + FUNCTION, [0x07, 16, 0, 0])] {
        section.extend([24u32, 0].iter().flat_map(|word| word.to_le_bytes()));
        section.extend([start, FUNCTION].iter().flat_map(|word| word.to_le_bytes()));
        section.extend(instructions);
    }
    section
}

/// The file is wanted for its tables alone, and the budget is exceeded by another file: names are
/// looked up twice, and the second time nothing is unwound.
#[test]
fn a_pack_keeps_separate_tables_though_names_are_looked_up_again() {
    let (table, names) = symbols(&["inner", "outer"]);
    let debug = shared_object(&[(".debug_frame", &debug_frame())]);
    let link = [b"a.debug\0".as_slice(), &crc32fast::hash(&debug).to_le_bytes()].concat();
    let program = shared_object(&[(".symtab", &table), (".strtab", &names), (".gnu_debuglink", &link)]);
    let large = shared_object(&[(".symtab", &table), (".strtab", &vec![b'n'; 1 << 20])]);
    let mut builder = Builder::new();
    builder.event(with_dumps()).comm((7, 7), "worker").arch("x86_64");
    builder.mmap2(Mmap::new(7, "/bin/a", START, 0x10_0000));
    builder.mmap2(Mmap::new(7, "/bin/large", 2 * START, 0x10_0000));
    builder.at(0, 1_000).sample(dumped(START + 0x8010, 0, &[START + 0x8110]));
    builder.at(0, 2_000).sample(dumped(2 * START + 0x8010, 0, &[]));
    let made_up = MadeUp::write(&builder.build(), "");
    for (name, bytes) in [("a", &program), ("a.debug", &debug), ("large", &large)] {
        made_up.add(&format!("no-files/bin/{name}"), bytes);
    }
    let pack = made_up.add("one.pack", &[]);
    let packed = run(made_up.command("pack").args(["--max-memory", "300K", "-o"]).arg(&pack));
    assert!(packed.code == Some(0) && packed.stderr.contains("memory that is allowed"), "{packed:?}");
    let stacks = run(crate::support::stallgraph().arg("collapse").arg(&pack).args(["-F", "stack"]));
    assert!(stacks.stdout.starts_with("worker;outer;inner\n"), "{stacks:?}");
}
