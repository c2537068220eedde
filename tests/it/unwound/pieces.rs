//! Pieces of the stack that are damaged or cut short, and many of them.

use crate::support::builder::Kernel;
use crate::support::{MadeUp, run};

use super::{CUT, builder, dumped};

/// The stack of a recording's only sample, and what `info` says of unwinding.
fn stack_and_info(recording: &[u8], kernel: &Kernel) -> (String, String) {
    let made_up = MadeUp::write(recording, &kernel.kallsyms());
    let stack = run(made_up.command("collapse").args(["-F", "stack"]));
    let info = run(&mut made_up.command("info"));
    assert_eq!((stack.code, info.code), (Some(0), Some(0)), "{stack:?} {info:?}");
    let lines: Vec<&str> = info.stdout.lines().filter(|line| line.contains("user stack")).collect();
    let reasons: Vec<&str> = info.stdout.lines().filter(|line| line.contains(" end ")).collect();
    (stack.stdout.trim_end().to_owned(), [lines, reasons].concat().join("\n"))
}

/// Puts words in the place of the same number of other words, which are there once.
fn replace(recording: &[u8], words: &[u64], others: &[u64]) -> Vec<u8> {
    let bytes = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let (from, to) = (bytes(words), bytes(others));
    let at = recording.windows(from.len()).position(|window| window == from).expect("the words");
    [&recording[..at], &to, &recording[at + from.len()..]].concat()
}

#[test]
fn a_piece_that_is_not_all_there_marks_the_stack() {
    const PIECE: [u64; 5] = [0, 0x7018, 0x2200, 0, 0x1300];
    const SIZE: u64 = 8 * PIECE.len() as u64;
    let (mut builder, mut kernel) = (builder(), Kernel::new());
    let in_kernel = kernel.stack("do_syscall_64;vfs_read");
    builder.kernel_map(&kernel).arch("x86_64");
    builder.at(0, 1_000).sample(dumped(0x1100, 0x7008, &PIECE).kernel(&in_kernel));
    let whole = builder.build();
    let (stack, info) = stack_and_info(&whole, &kernel);
    assert_eq!(stack, "worker;[a];[b];[a];do_syscall_64;vfs_read");
    assert!(info.contains("1 of 1 user stack to their root"), "{info}");
    // The size that the piece was to have, which is before it, and how much was copied, behind it.
    let sized = |size| replace(&whole, &[SIZE, PIECE[0], PIECE[1]], &[size, PIECE[0], PIECE[1]]);
    let copied = |size| replace(&whole, &[PIECE[3], PIECE[4], SIZE], &[PIECE[3], PIECE[4], size]);
    let damaged = [sized(SIZE + 8), sized(1 << 40), sized(u64::MAX), copied(SIZE + 8), copied(u64::MAX)];
    for recording in damaged {
        let (stack, info) = stack_and_info(&recording, &kernel);
        assert_eq!(stack, format!("worker;{CUT};do_syscall_64;vfs_read"));
        assert!(info.contains("0 of 1 user stack") && info.contains("the record is damaged"), "{info}");
    }
    // A shorter piece is no damage, and nothing behind what was copied is read.
    let (stack, info) = stack_and_info(&copied(SIZE - 16), &kernel);
    assert_eq!(stack, format!("worker;{CUT};[b];[a];do_syscall_64;vfs_read"));
    assert!(info.contains("came from another stack"), "{info}");
}

/// A sample of code of the program has its instruction alone.
#[test]
fn a_damaged_piece_leaves_the_instruction() {
    let (mut builder, kernel) = (builder(), Kernel::new());
    builder.arch("x86_64").at(0, 1_000).sample(dumped(0x1100, 0x7000, &[0, 0x2200]).ip(0x1100));
    let recording = replace(&builder.build(), &[16, 0, 0x2200], &[1 << 20, 0, 0x2200]);
    let (stack, _) = stack_and_info(&recording, &kernel);
    assert_eq!(stack, format!("worker;{CUT};[a]"));
}
