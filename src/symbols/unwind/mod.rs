//! Unwinding: user stacks from the registers and the piece of stack that were recorded with a
//! sample (`perf record --call-graph dwarf`), by the call frame information of the programs.
//!
//! A stack is unwound frame by frame. Where no table covers the code, as in code that was generated
//! at run time, the frame pointer is followed.

mod augmentation;
mod call_frames;
mod files;
mod registers;
mod rule;
mod signal_frame;
mod step;

use std::cell::Cell;
use std::sync::OnceLock;

use addr2line::gimli::UnwindContext;
use hashbrown::HashMap;

use crate::model::{ModuleId, StackEnd, Symbols, fold};
use crate::pack::Budget;

use call_frames::{Rules, TableAt};
use signal_frame::{has_returned_to, interrupted};
use step::{MAX_EXPRESSIONS, Stack, Step};

pub use call_frames::CallFrames;
pub use files::TableFiles;
pub use registers::{Machine, Registers};

/// Rules that were used lately are found by the place in code, without its module. So many take 128
/// KB for each thread, and fit into its cache.
const RECENT: usize = 1 << 12;
/// Frames of signal handlers in one stack.
const MAX_SIGNALS: usize = 16;
/// An odd number without a pattern: digits of π.
const MULTIPLIER: u64 = 0xc0ac_29b7_c97c_50dd;

/// Unwinds the stacks of a recording.
pub struct Unwinder<'l> {
    machine: Machine,
    /// For each module its tables, once they are needed.
    modules: Vec<OnceLock<Result<CallFrames, Symbols>>>,
    read: &'l TableReader<'l>,
    /// The memory for rules.
    budget: &'l Budget,
}

/// Reads the tables of a module, or says why it has none.
pub type TableReader<'l> = dyn Fn(ModuleId) -> Result<CallFrames, Symbols> + Sync + 'l;

/// The code of a process at some moment.
pub trait Code {
    /// A number that no other process or moment with other code has.
    fn key(&self) -> u64;

    /// The module of an address, and the offset in it.
    fn at(&self, address: u64) -> Option<(ModuleId, u64)>;
}

/// A piece of a stack, from the stack pointer on.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whether it reaches to the end of the stack.
    pub is_whole: bool,
}

/// One thread's part of the work: the rules that it has used.
pub struct Worker<'u> {
    unwinder: &'u Unwinder<'u>,
    recent: Vec<Recent>,
    /// All rules, each function's with its module.
    rules: Vec<(ModuleId, Rules)>,
    /// The number of a function's rules, by where its table is. Positions come from the file: a
    /// hasher with a seed, so that nobody can choose them to collide.
    numbers: HashMap<(ModuleId, TableAt), Option<usize>>,
    /// Bytes that were taken from the budget for rules.
    taken: u64,
    context: UnwindContext<usize>,
}

/// What was found at a place lately.
#[derive(Clone, Copy)]
struct Recent {
    space: u64,
    address: u64,
    found: Found,
}

/// What says how the frame at a place is left.
#[derive(Clone, Copy)]
enum Found {
    /// A rule: the number of its function's rules, and its number among them.
    Rule(u32, u32),
    /// A stub without a rule.
    Stub,
    /// Nothing.
    NoRule,
    /// No code is there.
    NoCode,
}

impl<'l> Unwinder<'l> {
    /// An unwinder for stacks of `machine` in a recording with so many modules, whose tables `read`
    /// reads. What is kept of their rules is taken from `budget`.
    pub fn new(machine: Machine, modules: usize, read: &'l TableReader<'l>, budget: &'l Budget) -> Self {
        let modules = (0..modules).map(|_| OnceLock::new()).collect();
        Unwinder { machine, modules, read, budget }
    }

    /// One thread's part of the work.
    pub fn worker(&self) -> Worker<'_> {
        let never = Recent { space: u64::MAX, address: u64::MAX, found: Found::NoCode };
        Worker {
            unwinder: self,
            recent: vec![never; RECENT],
            rules: Vec::new(),
            numbers: HashMap::default(),
            taken: 0,
            context: UnwindContext::new(),
        }
    }

    /// The modules whose tables were wanted and have none, and why.
    pub fn lacking(&self) -> impl Iterator<Item = (ModuleId, Symbols)> {
        let lacking = |module: &OnceLock<Result<CallFrames, Symbols>>| module.get()?.as_ref().err().copied();
        let numbered = self.modules.iter().enumerate();
        numbered.filter_map(move |(at, module)| Some((ModuleId::from_index(at), lacking(module)?)))
    }

    fn call_frames(&self, module: ModuleId) -> Option<&CallFrames> {
        let place = self.modules.get(module.index())?;
        place.get_or_init(|| (self.read)(module)).as_ref().ok()
    }
}

impl Worker<'_> {
    /// The architecture of the stacks.
    pub fn machine(&self) -> Machine {
        self.unwinder.machine
    }

    /// Appends the addresses of a user stack's frames, innermost first. Returns how it ends, and in
    /// which module if it ends in code. The address of a caller is that of the last byte of its
    /// call, as perf has it.
    pub fn unwind(
        &mut self,
        (mut registers, mut counter): (Registers, u64),
        stack: Piece,
        code: &impl Code,
        addresses: &mut Vec<u64>,
    ) -> (StackEnd, Option<ModuleId>) {
        let machine = self.unwinder.machine;
        let start = registers.get(machine.stack_pointer()).filter(|_| is_in_user_space(counter));
        let Some(start) = start else { return (StackEnd::OtherRegisters, None) };
        addresses.push(counter);
        let Piece { bytes, is_whole } = stack;
        let stack = Stack { start, bytes, is_whole };
        let expressions = Cell::new(MAX_EXPRESSIONS);
        let mut step = Step { machine, stack, is_interrupted: true, is_by_pointer: false, expressions };
        // A frame takes a word of the stack, but for those of signals, which may be on another one.
        let most_frames = bytes.len() / 8 + MAX_SIGNALS;
        for _ in 0..most_frames {
            let place = counter.wrapping_sub(u64::from(!step.is_interrupted));
            machine.set_counter(&mut registers, counter);
            let found = self.find(code, place);
            let caller = match found {
                Found::NoCode => return (StackEnd::NoCode, None),
                Found::Stub => step.by_stub(&mut registers).map(|caller| (caller, false)),
                Found::NoRule => self.without_rule(&step, code, place, &mut registers),
                Found::Rule(rules, row) => self.by_rule(&step, rules, row, &mut registers),
            };
            match caller {
                // In a chain it could be taken for a marker.
                Ok((caller, _)) if !is_in_user_space(caller) => return (StackEnd::NoCode, None),
                Ok((caller, is_signal)) => {
                    if let Some(last) = addresses.last_mut().filter(|_| is_signal) {
                        // No call was made from where a handler returns to.
                        *last = counter;
                    }
                    (counter, step.is_interrupted) = (caller, is_signal);
                    step.is_by_pointer = matches!(found, Found::NoRule) && !is_signal;
                }
                Err(end @ (StackEnd::NoTable | StackEnd::BadTable)) => {
                    return (end, code.at(place).map(|(module, _)| module));
                }
                Err(end) => return (end, None),
            }
            addresses.push(counter.wrapping_sub(u64::from(!step.is_interrupted)));
        }
        (StackEnd::BadTable, None)
    }

    /// The program counter of the caller of a frame at `place` without a rule, and whether it was
    /// interrupted by a signal.
    fn without_rule(
        &mut self,
        step: &Step,
        code: &impl Code,
        place: u64,
        registers: &mut Registers,
    ) -> Result<(u64, bool), StackEnd> {
        let mut is_code = |address| !matches!(self.find(code, address), Found::NoCode);
        // The stack pointer alone says too little: a handler begins with the one of the function
        // that it returns to, and a frame of an earlier signal may lie where it points to.
        let is_return = !step.is_interrupted || has_returned_to(place, step.return_register(registers));
        let signal = if is_return { interrupted(step.machine, registers, &step.stack) } else { None };
        if let Some((caller_registers, caller)) = signal.filter(|(_, caller)| is_code(*caller)) {
            *registers = caller_registers;
            return Ok((caller, true));
        }
        // A function of another module that was just called, and has not called: its return address
        // is in its register yet.
        let module_of = |address| code.at(address).map(|(module, _)| module);
        let returns_to =
            step.return_register(registers).map(|address| (address, module_of(address.wrapping_sub(1))));
        if let Some((caller, Some(module))) = returns_to
            && Some(module) != module_of(place)
        {
            return Ok((caller, false));
        }
        step.by_frame_pointer(registers).map(|caller| (caller, false))
    }

    /// The program counter of the caller, by a rule, and whether it was interrupted by a signal.
    fn by_rule(
        &self,
        step: &Step,
        rules: u32,
        row: u32,
        registers: &mut Registers,
    ) -> Result<(u64, bool), StackEnd> {
        let (module, rules) = &self.rules[rules as usize];
        let tables = self.unwinder.call_frames(*module).ok_or(StackEnd::NoTable)?;
        let rule = rules.get(row as usize).ok_or(StackEnd::NoTable)?;
        let caller = step.by_rule(rule, tables.section(rules), registers)?;
        Ok((caller, rule.is_signal))
    }

    fn find(&mut self, code: &impl Code, address: u64) -> Found {
        let space = code.key();
        let at = fold(address ^ space.rotate_left(32), MULTIPLIER) as usize % RECENT;
        let recent = self.recent[at];
        if recent.address == address && recent.space == space {
            return recent.found;
        }
        let found = match code.at(address) {
            None => Found::NoCode,
            Some((module, offset)) => self
                .rule_at(module, offset)
                .unwrap_or_else(|| if self.is_stub(module, offset) { Found::Stub } else { Found::NoRule }),
        };
        self.recent[at] = Recent { space, address, found };
        found
    }

    fn is_stub(&self, module: ModuleId, offset: u64) -> bool {
        let tables = self.unwinder.call_frames(module);
        tables.is_some_and(|tables| tables.address_of(offset).is_some_and(|address| tables.is_stub(address)))
    }

    /// The rule at an offset of a module.
    fn rule_at(&mut self, module: ModuleId, offset: u64) -> Option<Found> {
        let unwinder = self.unwinder;
        let tables = unwinder.call_frames(module)?;
        let address = tables.address_of(offset)?;
        tables.find(address).find_map(|table| {
            let Worker { rules, numbers, taken, context, .. } = self;
            let number = *numbers.entry((module, table)).or_insert_with(|| {
                let read = tables.rules(table, context);
                let bytes = read.bytes();
                unwinder.budget.take(bytes).then(|| {
                    *taken += bytes;
                    rules.push((module, read));
                    rules.len() - 1
                })
            });
            let number = number?;
            let row = rules[number].1.find(address)?;
            Some(Found::Rule(u32::try_from(number).ok()?, u32::try_from(row).ok()?))
        })
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.unwinder.budget.give_back(self.taken);
    }
}

impl Drop for Unwinder<'_> {
    fn drop(&mut self) {
        let tables = self.modules.iter().filter_map(|module| module.get()?.as_ref().ok());
        self.budget.give_back(tables.map(CallFrames::bytes).sum());
    }
}

/// Whether an address may be one of user space: those of the kernel have the highest bit.
fn is_in_user_space(address: u64) -> bool {
    address >> 63 == 0
}
