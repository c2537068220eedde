//! Tables for unwinding that somebody made to do harm: they take no long, and end the stack.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::builder::{Builder, Mmap};
use crate::support::{MadeUp, run};

use super::{CUT, dumped, with_dumps};

/// Where the program is mapped.
const START: u64 = 0x10_0000;
/// Bytes of a function.
const FUNCTION: u64 = 0x100;

/// Entries of `.eh_frame`: what all functions have in common, and a table for each function.
struct Tables {
    bytes: Vec<u8>,
    /// The first address of each function, and the position of its table.
    functions: Vec<(u64, u64)>,
}

impl Tables {
    /// Without functions: the frame is 8 bytes long, and has the return address.
    fn new() -> Tables {
        // Version 1, "zR", alignments of 1 and -8, return address in 16, absolute pointers.
        let common = [0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0, 0x0c, 7, 8, 0x90, 1, 0, 0];
        let mut tables = Tables { bytes: Vec::new(), functions: Vec::new() };
        tables.add(&common);
        tables
    }

    /// Adds an entry, with instructions that do nothing up to a multiple of 4 bytes.
    fn add(&mut self, entry: &[u8]) {
        let length = entry.len().next_multiple_of(4);
        self.bytes.extend((length as u32).to_le_bytes());
        self.bytes.extend(entry);
        self.bytes.resize(self.bytes.len() + length - entry.len(), 0);
    }

    /// Adds a function's table with these instructions.
    fn function(&mut self, instructions: &[u8]) {
        let start = 0x8000 + FUNCTION * self.functions.len() as u64;
        let position = self.bytes.len() as u64;
        self.functions.push((start, position));
        let mut entry = (position as u32 + 4).to_le_bytes().to_vec();
        entry.extend([start, FUNCTION].iter().flat_map(|word| word.to_le_bytes()));
        entry.push(0);
        entry.extend(instructions);
        self.add(&entry);
    }

    /// A program with these tables, with `.eh_frame_hdr` if `has_header`.
    fn program(&self, has_header: bool) -> Vec<u8> {
        const TABLES_AT: u64 = 0x200;
        let header_at = TABLES_AT + self.bytes.len() as u64;
        let mut header = vec![1, 0x1b, 3, 0x3b, 0, 0, 0, 0];
        header.extend((self.functions.len() as u32).to_le_bytes());
        for (start, position) in &self.functions {
            for address in [*start, TABLES_AT + position] {
                header.extend((address as i32).wrapping_sub(header_at as i32).to_le_bytes());
            }
        }
        let names = b"\0.eh_frame\0.eh_frame_hdr\0.shstrtab\0";
        let names_at = header_at + header.len() as u64;
        let sections_at = names_at + names.len() as u64;
        let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let halves = |file: &mut Vec<u8>, list: &[u16]| {
            file.extend(list.iter().flat_map(|half| half.to_le_bytes()));
        };
        let words = |file: &mut Vec<u8>, list: &[u64]| {
            file.extend(list.iter().flat_map(|word| word.to_le_bytes()));
        };
        // A shared object of x86-64; its segments at 64, its sections at the end.
        halves(&mut file, &[3, 62, 1, 0]);
        words(&mut file, &[0, 64, sections_at]);
        halves(&mut file, &[0, 0, 64, 56, 1, 64, 4, 3]);
        // One segment that is loaded and holds all code.
        words(&mut file, &[1 | 5 << 32, 0, 0, 0, 0x10_0000, 0x10_0000, 0x1000]);
        file.resize(TABLES_AT as usize, 0);
        file.extend(&self.bytes);
        file.extend(&header);
        file.extend(names);
        let header_name = if has_header { 11 } else { 25 };
        let sections = [
            (0, 0, 0),
            (1, TABLES_AT, self.bytes.len() as u64),
            (header_name, header_at, header.len() as u64),
            (25, names_at, names.len() as u64),
        ];
        for (name, at, size) in sections {
            let kind = u64::from(size > 0);
            words(&mut file, &[name | kind << 32, 2, at, at, size, 0, 1, 0]);
        }
        file
    }
}

/// The different stacks of samples at each of `places`, all of one program.
fn stacks(program: &[u8], places: &[u64], stack: &[u64]) -> Vec<String> {
    let mut builder = Builder::new();
    builder.event(with_dumps()).comm((7, 7), "worker").arch("x86_64");
    builder.mmap2(Mmap::new(7, "/bin/a", START, 0x10_0000));
    for (number, place) in (1..).zip(places) {
        builder.at(0, number * 1_000).sample(dumped(START + place, 0, stack));
    }
    let made_up = MadeUp::write(&builder.build(), "");
    fs::create_dir_all(made_up.add("no-files/bin/a", program).parent().expect("a folder")).expect("a folder");
    let began = Instant::now();
    let run = run(made_up.command("collapse").args(["-F", "stack", "--threads", "2"]));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(run.code, Some(0), "{run:?}");
    let mut stacks: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
    stacks.sort_unstable();
    stacks.dedup();
    stacks
}

#[test]
fn tables_are_read() {
    let mut tables = Tables::new();
    tables.function(&[]);
    // No caller.
    tables.function(&[0x07, 16]);
    for has_header in [true, false] {
        let found = stacks(&tables.program(has_header), &[0x8010], &[START + 0x8110]);
        assert_eq!(found, ["worker;[a];[a]"]);
    }
}

#[test]
fn an_expression_without_an_end_is_left() {
    let mut tables = Tables::new();
    // The frame's address: skip three bytes back.
    tables.function(&[0x0f, 3, 0x2f, 0xfd, 0xff]);
    let found = stacks(&tables.program(true), &[0x8010], &[START + 0x8110]);
    assert_eq!(found, [format!("worker;{CUT};[a]")]);
}

#[test]
fn a_stack_without_an_end_is_left() {
    let mut tables = Tables::new();
    // The return address is a number, whatever the stack holds.
    let place = (START + 0x8010).to_le_bytes();
    tables.function(&[&[0x16, 16, 9, 0x0e][..], &place].concat());
    let [found] = &stacks(&tables.program(true), &[0x8010], &[0; 64])[..] else { panic!("one stack") };
    let frames = found.matches("[a]").count();
    assert!(
        found.starts_with(&format!("worker;{CUT};[a]")) && (64..100).contains(&frames),
        "{frames} frames"
    );
}

/// Each table would be read whole for each function. Only the first begins where an entry begins.
#[test]
fn tables_that_overlap_are_not_read_again_and_again() {
    let mut tables = Tables::new();
    for _ in 0..1_000 {
        tables.function(&[0; 40]);
    }
    // All functions get one long table, each from another place in it: entries in entries.
    let long = tables.bytes.len() as u64;
    let mut entry = Vec::new();
    for number in 0..1_000u32 {
        let at = long as u32 + 36 * number;
        entry.extend((60_000u32 - 36 * number).to_le_bytes());
        entry.extend((at + 4).to_le_bytes());
        entry.extend(
            [0x8000 + FUNCTION * u64::from(number), FUNCTION].iter().flat_map(|word| word.to_le_bytes()),
        );
        entry.extend([0; 12]);
        tables.functions[number as usize].1 = long + 36 * u64::from(number);
    }
    entry.resize(61_000, 0);
    tables.bytes.extend(entry);
    let places: Vec<u64> = (0..1_000).map(|number| 0x8010 + FUNCTION * number).collect();
    let program = tables.program(true);
    let found = stacks(&program, &places, &[START + 0x8110]);
    assert_eq!(found, [format!("worker;{CUT};[a]")]);
}
