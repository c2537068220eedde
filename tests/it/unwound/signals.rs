//! Signals of arm64 where no table says how the frame is left that the kernel made for one.

use crate::support::builder::{Builder, Event, Mmap, Sample, sample_type};
use crate::support::{MadeUp, run};

use super::CUT;

/// Registers of arm64 that a sample has: x0 to x30, SP and PC, by their numbers in perf.
const REGISTERS: u64 = (1 << 33) - 1;
/// `__kernel_rt_sigreturn`, to which handlers return: two instructions.
const RETURN: u64 = 0x2100;
/// Where a function of `/bin/a` was interrupted.
const INTERRUPTED: u64 = 0x1200;
/// Where the kernel's frame is on the stack, and where the interrupted function's is.
const FRAME: u64 = 0x7000;
const OUTER: u64 = 0x7400;

/// What the kernel writes before it runs a handler (`struct rt_sigframe` in
/// arch/arm64/kernel/signal.c), and above it two pairs of frame pointer and return address.
fn stack() -> Vec<u64> {
    let mut words = vec![0; 0x420 / 8];
    let mut put = |at: u64, value: u64| words[(at / 8) as usize] = value;
    let registers = 312;
    put(registers + 8 * 29, OUTER);
    put(registers + 8 * 30, 0x1234);
    put(registers + 8 * 31, OUTER);
    put(568, INTERRUPTED);
    // struct fpsimd_context
    put(592, 0x210 << 32 | 0x4650_8001);
    put(OUTER - FRAME, OUTER + 16);
    put(OUTER - FRAME + 8, 0x3300);
    words
}

/// The stack of a sample at `counter`, whose last call or return was to `link`.
fn collapsed(counter: u64, link: u64, stack: &[u64]) -> String {
    let event = Event::cpu_clock().also(sample_type::REGS_USER | sample_type::STACK_USER);
    let mut builder = Builder::new();
    builder.event(event.user_registers(REGISTERS)).comm((7, 7), "worker").arch("aarch64");
    for (name, start) in [("/bin/a", 0x1000), ("[vdso]", 0x2000), ("/bin/b", 0x3000)] {
        builder.mmap2(Mmap::new(7, name, start, 0x1000));
    }
    let mut registers = [0; 33];
    registers[30..].copy_from_slice(&[link, FRAME, counter]);
    let bytes: Vec<u8> = stack.iter().flat_map(|word| word.to_le_bytes()).collect();
    builder.at(0, 1_000).sample(Sample::new((7, 7)).user_registers(2, &registers).user_stack(&bytes));
    let made_up = MadeUp::write(&builder.build(), "");
    let run = run(made_up.command("collapse").args(["-F", "stack"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout.trim_end().to_owned()
}

#[test]
fn a_handler_has_returned() {
    // Before each instruction, and in the kernel, behind the second one.
    for counter in [RETURN, RETURN + 4, RETURN + 8] {
        assert_eq!(collapsed(counter, RETURN, &stack()), "worker;[b];[a];[[vdso]]");
    }
}

/// A handler begins with the stack pointer at the same frame: its caller is still to come.
#[test]
fn a_handler_begins() {
    assert_eq!(collapsed(0x3100, RETURN, &stack()), "worker;[b];[a];[[vdso]];[b]");
}

/// What looks like a frame of the kernel may be left of an earlier signal.
#[test]
fn no_handler_has_returned() {
    let cut = format!("worker;{CUT};[[vdso]]");
    for counter in [RETURN - 4, RETURN + 12, 0x2800] {
        assert_eq!(collapsed(counter, RETURN, &stack()), cut);
    }
    for at in [128, 136, 576, 592] {
        let mut stack = stack();
        stack[at / 8] ^= 1;
        assert_eq!(collapsed(RETURN, RETURN, &stack), cut);
    }
}
