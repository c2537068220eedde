//! Tables for unwinding that somebody made to do harm: they take no long, and end the stack.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::builder::{Builder, Mmap};
use crate::support::{MadeUp, run};

use super::program::{FUNCTION, START, Tables};
use super::{CUT, dumped, with_dumps};

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
