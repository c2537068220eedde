//! Pieces of the stack that are damaged or cut short, and many of them.

use crate::support::builder::Kernel;
use crate::support::{MadeUp, assert_same_lines, run};

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

/// A thread unwinds 256 pieces, and then takes the next ones.
#[test]
fn many_pieces_are_the_same_on_any_number_of_threads() {
    const PIECES: u64 = 1_500;
    const FRAMES: u64 = 11;
    let (mut builder, kernel) = (builder(), Kernel::new());
    builder.arch("x86_64");
    let mut expected = Vec::new();
    for number in 0..PIECES {
        // The bits of the number say in which of two programs the callers are.
        let callers: Vec<(u64, &str)> = (0..FRAMES)
            .map(|bit| if number >> bit & 1 == 0 { (0x1200, "[a]") } else { (0x2200, "[b]") })
            .collect();
        let is_cut = number % 7 == 0;
        let outermost = if is_cut { 0x9000 } else { 0 };
        let mut piece = Vec::new();
        for (at, (caller, _)) in (1..).zip(&callers) {
            piece.extend([if at == FRAMES { outermost } else { 0x7000 + 16 * at }, *caller]);
        }
        let sample = dumped(0x1100, 0x7000, &piece).ip(0x1100);
        let names: Vec<&str> = callers.iter().rev().map(|(_, name)| *name).collect();
        let cut = if is_cut { format!("{CUT};") } else { String::new() };
        // Some have no addresses: they are of 32 bits.
        let (sample, names) = match number % 11 {
            0 => (sample.user_registers(1, &[0, 0x7000, 0x1100]), format!("{CUT};[a]")),
            _ => (sample, format!("{cut}{};[a]", names.join(";"))),
        };
        builder.at(0, 1_000 + number).sample(sample);
        expected.push(format!("worker;{names}"));
    }
    let made_up = MadeUp::write(&builder.build(), &kernel.kallsyms());
    for threads in ["1", "2", "8"] {
        let run = run(made_up.command("collapse").args(["-F", "stack", "--threads", threads]));
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_same_lines(threads, &run.stdout, &expected);
    }
}
