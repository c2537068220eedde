//! The registers of a frame, by the numbers that DWARF gives them.

use object::elf::{EM_AARCH64, EM_X86_64};

use crate::symbols::formats::elf::Elf;

/// An architecture whose stacks are unwound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86 with 64 bits.
    X86_64,
    /// ARM with 64 bits.
    Aarch64,
}

/// How many registers rules are about; those of floating point are none of them.
const COUNT: usize = 32;

/// Whether the value of a register is kept: others are of floating point.
pub fn is_kept(number: u16) -> bool {
    usize::from(number) < COUNT
}

/// For each register of x86-64 its number in perf (`enum perf_event_x86_regs`,
/// arch/x86/include/uapi/asm/perf_regs.h), by its number in DWARF: there `rdx` is the second, and
/// `rsi` comes before `rbp`.
const X86_64_IN_PERF: [u32; 16] = [0, 3, 2, 1, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

impl Machine {
    /// The machine with this name, as `uname -m` prints it.
    pub fn named(name: &str) -> Option<Machine> {
        match name {
            "x86_64" => Some(Machine::X86_64),
            "aarch64" | "arm64" => Some(Machine::Aarch64),
            _ => None,
        }
    }

    /// The machine of which perf records these registers of user space: a bit for each number of
    /// perf.
    pub fn with_registers(mask: u64) -> Option<Machine> {
        // Without segment registers, of which perf leaves out those that it cannot read
        // (`PERF_REGS_MASK`, tools/perf/arch/x86/include/perf_regs.h).
        const SEGMENTS: u64 = 0xf000;
        const X86_64: u64 = 0xff0fff;
        const AARCH64: u64 = (1 << 33) - 1;
        // The length of vectors (`PERF_REG_ARM64_VG`), which perf adds where the CPU has SVE.
        const VECTORS: u64 = 1 << 46;
        match mask {
            _ if mask & !VECTORS == AARCH64 => Some(Machine::Aarch64),
            _ if mask & !SEGMENTS == X86_64 => Some(Machine::X86_64),
            _ => None,
        }
    }

    /// Whether a program is of this machine.
    pub fn is_of(self, elf: &Elf) -> bool {
        let machine = match self {
            Machine::X86_64 => EM_X86_64,
            Machine::Aarch64 => EM_AARCH64,
        };
        elf.machine() == machine
    }

    /// The number of the stack pointer in DWARF.
    pub fn stack_pointer(self) -> u16 {
        match self {
            Machine::X86_64 => 7,
            Machine::Aarch64 => 31,
        }
    }

    /// The number of the frame pointer in DWARF.
    pub fn frame_pointer(self) -> u16 {
        match self {
            Machine::X86_64 => 6,
            Machine::Aarch64 => 29,
        }
    }

    /// Makes the program counter one of the registers, where expressions ask for it: those of the
    /// stubs of a procedure linkage table of x86 do.
    pub fn set_counter(self, registers: &mut Registers, counter: u64) {
        const RETURN_ADDRESS: u16 = 16;
        if self == Machine::X86_64 {
            registers.set(RETURN_ADDRESS, Some(counter));
        }
    }

    /// The number of the program counter in perf.
    fn program_counter_in_perf(self) -> u32 {
        match self {
            Machine::X86_64 => 8,
            Machine::Aarch64 => 32,
        }
    }

    /// The numbers in perf of the registers that have numbers in DWARF, by these.
    fn in_perf(self) -> impl Iterator<Item = u32> {
        let number = move |dwarf: usize| match self {
            Machine::X86_64 => X86_64_IN_PERF.get(dwarf).copied(),
            // `enum perf_event_arm_regs`, arch/arm64/include/uapi/asm/perf_regs.h
            Machine::Aarch64 => Some(dwarf as u32),
        };
        (0..COUNT).map_while(number)
    }

    /// A code address without the bits that sign a return address on ARM. Addresses of user space
    /// have 48 bits there, unless a program asks for more.
    pub fn unsigned(self, address: u64) -> u64 {
        const ADDRESS: u64 = (1 << 48) - 1;
        match self {
            Machine::X86_64 => address,
            Machine::Aarch64 => address & ADDRESS,
        }
    }
}

/// The values of registers, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    values: [u64; COUNT],
    /// A bit for each that is known.
    mask: u32,
}

impl Registers {
    /// The registers of `machine` that were recorded, and the program counter; `None` if that was
    /// not. `recorded` gives the value of the register with a number of perf.
    pub fn recorded(machine: Machine, recorded: impl Fn(u32) -> Option<u64>) -> Option<(Registers, u64)> {
        let mut registers = Registers { values: [0; COUNT], mask: 0 };
        for (number, in_perf) in (0..).zip(machine.in_perf()) {
            registers.set(number, recorded(in_perf));
        }
        Some((registers, recorded(machine.program_counter_in_perf())?))
    }

    /// The value of a register, if it is known.
    pub fn get(&self, number: u16) -> Option<u64> {
        let is_known = self.mask.checked_shr(number.into()).is_some_and(|bits| bits & 1 != 0);
        self.values.get(usize::from(number)).copied().filter(|_| is_known)
    }

    /// Forgets all registers but these.
    pub fn forget_others(&mut self, kept: [u16; 2]) {
        self.mask &= kept.into_iter().map(|number| 1 << number).fold(0, |all, one| all | one);
    }

    /// Sets a register; `None` if its value is unknown from now on.
    pub fn set(&mut self, number: u16, value: Option<u64>) {
        let Some(place) = self.values.get_mut(usize::from(number)) else { return };
        *place = value.unwrap_or(0);
        self.mask = self.mask & !(1 << number) | u32::from(value.is_some()) << number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_that_perf_records_show_the_machine() {
        let x86_64 = Some(Machine::X86_64);
        // Without and with ds, es, fs and gs.
        assert_eq!([0xff_0fff, 0xff_ffff, 0xff_3fff].map(Machine::with_registers), [x86_64; 3]);
        let aarch64 = Some(Machine::Aarch64);
        // Without and with the length of vectors.
        assert_eq!([0x1_ffff_ffff, 0x4001_ffff_ffff].map(Machine::with_registers), [aarch64; 2]);
        // None, x86 and ARM of 32 bits, some of x86-64 (--user-regs), arm64 without the program
        // counter.
        for mask in [0, 0x0fff, 0xffff, 0x1c0, 0xffff_ffff, u64::MAX] {
            assert_eq!(Machine::with_registers(mask), None, "{mask:x}");
        }
    }
}
