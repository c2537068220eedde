//! Unwinding: a program of any bytes, and registers and a piece of stack of any bytes.

use stallgraph::internals::{Budget, CallFrames, Code, Elf, Machine, Piece, Registers, Unwinder};
use stallgraph::model::{ModuleId, Symbols};

/// Registers before the piece of stack, by perf's numbers.
const REGISTERS: usize = 33;

/// A process in which the program alone is mapped, at the addresses of its positions.
struct Process {
    length: u64,
}

impl Code for Process {
    fn key(&self) -> u64 {
        7
    }

    fn at(&self, address: u64) -> Option<(ModuleId, u64)> {
        (address < self.length).then(|| (ModuleId::from_index(0), address))
    }
}

/// Panics if something does not hold for these bytes: two bytes with the length of the program, the
/// program, registers, and the piece of stack.
pub fn check(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let Some((program, rest)) = rest.split_at_checked(u16::from_le_bytes(*length).into()) else { return };
    let Some((registers, stack)) = rest.split_at_checked(8 * REGISTERS) else { return };
    let (registers, _) = registers.as_chunks::<8>();
    let value = |number: u32| registers.get(number as usize).map(|bytes| u64::from_le_bytes(*bytes));
    // Small, so that what takes much memory is found.
    let budget = Budget::new(16 << 20);
    for machine in [Machine::X86_64, Machine::Aarch64] {
        let read = |_| {
            let elf = Elf::parse(program).ok_or(Symbols::NotElf)?;
            CallFrames::read(&elf, Some(&elf), machine, &budget).ok_or(Symbols::Stripped)
        };
        let unwinder = Unwinder::new(machine, 1, &read, &budget);
        let mut worker = unwinder.worker();
        let process = Process { length: program.len() as u64 };
        let mut unwind = || {
            let mut addresses = Vec::new();
            let registers = Registers::recorded(machine, value).expect("all are there");
            let end =
                worker.unwind(registers, Piece { bytes: stack, is_whole: false }, &process, &mut addresses);
            (end, addresses)
        };
        let (end, addresses) = unwind();
        assert!(addresses.len() <= stack.len() / 8 + 32, "{} frames", addresses.len());
        // What is found lately is found again.
        assert_eq!(unwind(), (end, addresses));
    }
}
