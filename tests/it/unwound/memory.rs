//! Unwinding with less memory than it needs.

use crate::support::builder::{Builder, Mmap};
use crate::support::{MadeUp, run, stallgraph};

use super::program::{FIRST, FUNCTION, START, Tables, shared_object, symbols};
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
    let stacks = run(stallgraph().arg("collapse").arg(&pack).args(["-F", "stack"]));
    assert!(stacks.stdout.starts_with("worker;outer;inner\n"), "{stacks:?}");
}

/// Which programs have no tables then depends on the order of the file alone.
#[test]
fn memory_that_is_used_up_gives_the_same_stacks_on_any_number_of_threads() {
    const PROGRAMS: u64 = 8;
    const STACKS: u64 = 256;
    let mut tables = Tables::new();
    tables.function(&[]);
    // No caller.
    tables.function(&[0x07, 16]);
    (0..3_000).for_each(|_| tables.function(&[]));
    let program = tables.program(true);
    let mut builder = Builder::new();
    builder.event(with_dumps()).comm((7, 7), "worker").arch("x86_64");
    let start = |number: u64| START * (number + 1);
    for number in 0..PROGRAMS {
        builder.mmap2(Mmap::new(7, &format!("/bin/p{number}"), start(number), 0x10_0000));
    }
    for number in 0..PROGRAMS * STACKS {
        let start = start(number / STACKS);
        builder.at(0, 1_000 + number).sample(dumped(start + 0x8010, 0, &[start + 0x8110]));
    }
    let made_up = MadeUp::write(&builder.build(), "");
    for number in 0..PROGRAMS {
        made_up.add(&format!("no-files/bin/p{number}"), &program);
    }
    let limit = (5 * program.len()).to_string();
    let with_threads = |subcommand: &str, threads: &str| {
        let mut command = made_up.command(subcommand);
        let run = run(command.args(["--max-memory", &limit, "--threads", threads]));
        assert_eq!(run.code, Some(0), "{run:?}");
        run
    };
    let collapsed = with_threads("collapse", "1");
    let (whole, cut): (Vec<&str>, Vec<&str>) =
        collapsed.stdout.lines().partition(|line| !line.contains("[not unwound]"));
    assert!(whole[0].starts_with("worker;[p0];[p0]") && cut.len() > 2, "{collapsed:?}");
    assert!(collapsed.stderr.contains("the most frequent end is that of the memory"), "{collapsed:?}");
    let info = with_threads("info", "1");
    let words: Vec<&str> = info.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains("/bin/p7, the memory that is allowed is used up"), "{info:?}");
    for threads in ["2", "8"] {
        let again = with_threads("collapse", threads);
        assert_eq!((&again.stdout, &again.stderr), (&collapsed.stdout, &collapsed.stderr));
        assert_eq!(with_threads("info", threads).stdout, info.stdout);
    }
}

/// From the second time on that a file of a pack is used, it takes memory. A second attempt is no
/// second time.
#[test]
fn memory_that_is_used_up_leaves_the_files_of_a_pack() {
    const LEFT: usize = 64 << 10;
    let mut tables = Tables::new();
    tables.function(&[]);
    let inner = tables.program(true);
    (0..3_000).for_each(|_| tables.function(&[]));
    let large = tables.program(true);
    let mut tables = Tables::new();
    // No caller.
    tables.function(&[0x07, 16]);
    let (table, mut names) = symbols(&["outer"]);
    names.resize(8 * LEFT, b'n');
    let outer = shared_object(&[(".eh_frame", &tables.bytes), (".symtab", &table), (".strtab", &names)]);
    let mut builder = Builder::new();
    builder.event(with_dumps()).comm((7, 7), "worker").arch("x86_64");
    for (number, name) in (1..).zip(["inner", "outer", "large"]) {
        builder.mmap2(Mmap::new(7, &format!("/bin/{name}"), number * START, 0x10_0000));
    }
    builder.at(0, 1_000).sample(dumped(START + 0x8010, 0, &[2 * START + 0x8010]));
    builder.at(0, 2_000).sample(dumped(3 * START + 0x8010, 0, &[]));
    let recording = builder.build();
    let made_up = MadeUp::write(&recording, "");
    let files = [("inner", &inner), ("outer", &outer), ("large", &large)];
    for (name, bytes) in files {
        made_up.add(&format!("no-files/bin/{name}"), bytes);
    }
    let pack = made_up.add("one.pack", &[]);
    let packed = run(made_up.command("pack").arg("-o").arg(&pack));
    assert_eq!(packed.code, Some(0), "{packed:?}");
    let limit = LEFT + recording.len() + files.map(|(_, bytes)| bytes.len()).iter().sum::<usize>();
    let mut command = stallgraph();
    command.arg("collapse").arg(&pack).args(["-F", "stack", "--max-memory", &limit.to_string()]);
    let stacks = run(&mut command);
    assert!(stacks.stderr.contains("the most frequent end is that of the memory"), "{stacks:?}");
    assert!(stacks.stdout.starts_with("worker;outer;[inner]\n"), "{stacks:?}");
}
