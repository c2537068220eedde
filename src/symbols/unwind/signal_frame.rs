//! Frames that the kernel makes to run a signal's handler, where no table says how they are left:
//! the `[vdso]` of arm64 has none, nor has musl. They are known by what the kernel writes into
//! them, and hold all registers of the interrupted frame.

use super::registers::{Machine, Registers};
use super::step::Stack;

/// Where things are in a frame, in bytes from the stack pointer of the function that the handler
/// returns to.
struct Layout {
    /// Words that the kernel sets to 0.
    zeros: &'static [u64],
    /// Words that tell this frame from other bytes: where, the bits that count, and their value.
    marks: &'static [(u64, u64, u64)],
    /// The program counter.
    counter: u64,
    /// Where the registers are.
    registers: u64,
    /// The place of each register among them, by its number in DWARF.
    order: &'static [u16],
}

/// `struct rt_sigframe` (arch/x86/include/asm/sigframe.h) without the return address, which the
/// handler has popped: a `ucontext` with the registers at 40, and among these `cs`.
const X86_64: Layout = Layout {
    // uc_link
    zeros: &[8],
    // cs and ss of user space
    marks: &[(184, 0xffff_0000_0000_ffff, 0x002b_0000_0000_0033)],
    counter: 168,
    registers: 40,
    order: &[13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7],
};

/// `struct rt_sigframe` (arch/arm64/kernel/signal.c): 128 bytes of `siginfo`, and a `ucontext` with
/// a `sigcontext` at 176.
const AARCH64: Layout = Layout {
    // uc_flags, uc_link
    zeros: &[128, 136],
    // The mode in pstate is EL0t; fpsimd_context with its magic number comes first after it.
    marks: &[(576, 0x1f, 0), (592, 0xffff_ffff, 0x4650_8001)],
    counter: 568,
    registers: 312,
    order: &[
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
        28, 29, 30, 31,
    ],
};

/// The registers of the frame that a signal interrupted, and its program counter, if the frame with
/// these registers is one that the kernel made for the signal.
pub fn interrupted(machine: Machine, registers: &Registers, stack: &Stack) -> Option<(Registers, u64)> {
    let layout = match machine {
        Machine::X86_64 => X86_64,
        Machine::Aarch64 => AARCH64,
    };
    let start = registers.get(machine.stack_pointer())?;
    let word = |at: u64| stack.u64_at(start.checked_add(at)?).ok();
    let is_zero = |at: &u64| word(*at) == Some(0);
    let is_marked = |(at, mask, value): &(u64, u64, u64)| word(*at).is_some_and(|word| word & mask == *value);
    if !layout.zeros.iter().all(is_zero) || !layout.marks.iter().all(is_marked) {
        return None;
    }
    let mut interrupted = *registers;
    for (number, place) in (0..).zip(layout.order) {
        interrupted.set(number, word(layout.registers + 8 * u64::from(*place)));
    }
    Some((interrupted, word(layout.counter).filter(|counter| *counter != 0)?))
}

/// Whether a handler may just have returned to `place`. The register of a call on ARM still has the
/// address that it returned to: the first of two instructions that leave the kernel's frame. While
/// the kernel does that, the program counter is behind both.
pub fn has_returned_to(place: u64, return_register: Option<u64>) -> bool {
    const TWO_INSTRUCTIONS: u64 = 8;
    return_register.is_some_and(|start| place.wrapping_sub(start) <= TWO_INSTRUCTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The registers in `struct sigcontext_64` (arch/x86/include/uapi/asm/sigcontext.h).
    const IN_FRAME: [&str; 17] = [
        "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax",
        "rcx", "rsp", "rip",
    ];
    /// The same by their numbers in DWARF (System V ABI, AMD64 supplement, figure 3.36).
    const IN_DWARF: [&str; 16] = [
        "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15",
    ];
    const START: u64 = 0x7000;
    /// Words of the frame.
    const LINK: usize = 1;
    const REGISTERS: usize = 5;
    const COUNTER: usize = REGISTERS + 16;
    const SEGMENTS: usize = REGISTERS + 18;

    /// A frame in which the n-th register is 100 + n.
    fn frame() -> [u64; SEGMENTS + 1] {
        let mut words = [7; SEGMENTS + 1];
        words[LINK] = 0;
        for (number, word) in words[REGISTERS..].iter_mut().take(IN_FRAME.len()).enumerate() {
            *word = 100 + number as u64;
        }
        // gs and fs may be anything.
        words[SEGMENTS] = 0x002b_1234_5678_0033;
        words
    }

    fn read(words: &[u64]) -> Option<(Registers, u64)> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let stack = Stack { start: START, bytes: &bytes, is_whole: false };
        let stack_pointer = |number| (number == 7 || number == 8).then_some(START);
        let (registers, _) = Registers::recorded(Machine::X86_64, stack_pointer)?;
        interrupted(Machine::X86_64, &registers, &stack)
    }

    #[test]
    fn a_frame_of_x86_64_gives_all_registers() {
        let (registers, counter) = read(&frame()).expect("a signal's frame");
        let value = |name: &str| 100 + IN_FRAME.iter().position(|other| *other == name).unwrap() as u64;
        assert_eq!(counter, value("rip"));
        for (number, name) in (0..).zip(IN_DWARF) {
            assert_eq!(registers.get(number), Some(value(name)), "{name}");
        }
    }

    #[test]
    fn other_words_are_no_frame() {
        let with = |at: usize, word: u64| {
            let mut words = frame();
            words[at] = word;
            words
        };
        assert!(read(&with(LINK, 1)).is_none());
        assert!(read(&with(COUNTER, 0)).is_none());
        // Of 32 bits, and of the kernel.
        for segments in [0x002b_0000_0000_0023, 0x0018_0000_0000_0010, 0] {
            assert!(read(&with(SEGMENTS, segments)).is_none(), "{segments:x}");
        }
        for length in 0..=SEGMENTS {
            assert!(read(&frame()[..length]).is_none(), "{length} words");
        }
    }
}
