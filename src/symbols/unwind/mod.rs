//! Unwinding: user stacks from the registers and the piece of stack that were recorded with a
//! sample (`perf record --call-graph dwarf`), by the call frame information of the programs.
//!
//! A stack is unwound frame by frame. Where no table covers the code, as in code that was generated
//! at run time, the frame pointer is followed.

mod call_frames;
mod files;
mod registers;
mod rule;
mod signal_frame;
mod step;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use addr2line::gimli::UnwindContext;
use hashbrown::HashMap;
use rustc_hash::FxHashMap;

use crate::model::{ModuleId, StackEnd, Symbols, fold};

use call_frames::{Rules, TableAt};
use signal_frame::interrupted;
use step::{Stack, Step};

pub use call_frames::CallFrames;
pub use files::TableFiles;
pub use registers::{Machine, Registers};

/// Rules that were used lately are found by the place in code, without its module.
const RECENT: usize = 1 << 14;
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
    /// Whether tables that overlap were not read whole.
    is_overworked: AtomicBool,
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

/// One thread's part of the work: the rules that it has used.
pub struct Worker<'u> {
    unwinder: &'u Unwinder<'u>,
    recent: Vec<Recent>,
    /// All rules, each function's with its module.
    rules: Vec<(ModuleId, Rules)>,
    /// The number of a function's rules, by where its table is. Positions come from the file: a
    /// hasher with a seed, so that nobody can choose them to collide.
    numbers: HashMap<(ModuleId, TableAt), Option<usize>>,
    /// Bytes of tables that may still be read.
    work: FxHashMap<ModuleId, usize>,
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
    /// reads.
    pub fn new(machine: Machine, modules: usize, read: &'l TableReader<'l>) -> Self {
        let modules = (0..modules).map(|_| OnceLock::new()).collect();
        Unwinder { machine, modules, read, is_overworked: AtomicBool::new(false) }
    }

    /// One thread's part of the work.
    pub fn worker(&self) -> Worker<'_> {
        let never = Recent { space: u64::MAX, address: u64::MAX, found: Found::NoCode };
        Worker {
            unwinder: self,
            recent: vec![never; RECENT],
            rules: Vec::new(),
            numbers: HashMap::default(),
            work: FxHashMap::default(),
            context: UnwindContext::new(),
        }
    }

    /// Bytes of memory that were taken for tables.
    pub fn bytes(&self) -> u64 {
        let tables = self.modules.iter().filter_map(|module| module.get()?.as_ref().ok());
        tables.map(CallFrames::bytes).sum()
    }

    /// Whether tables that overlap were not read whole. Which ones were may depend on the order in
    /// which threads asked for them.
    pub fn is_overworked(&self) -> bool {
        self.is_overworked.load(Ordering::Relaxed)
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
    /// call, as perf has it. `stack` is the piece that was recorded, from the stack pointer on.
    pub fn unwind(
        &mut self,
        (mut registers, mut counter): (Registers, u64),
        stack: &[u8],
        code: &impl Code,
        addresses: &mut Vec<u64>,
    ) -> (StackEnd, Option<ModuleId>) {
        let machine = self.unwinder.machine;
        let start = registers.get(machine.stack_pointer()).filter(|_| is_in_user_space(counter));
        let Some(start) = start else { return (StackEnd::OtherRegisters, None) };
        addresses.push(counter);
        let mut step = Step { machine, stack: Stack { start, bytes: stack }, is_interrupted: true };
        // A frame takes a word of the stack, but for those of signals, which may be on another one.
        let most_frames = stack.len() / 8 + MAX_SIGNALS;
        for _ in 0..most_frames {
            let place = counter.wrapping_sub(u64::from(!step.is_interrupted));
            machine.set_counter(&mut registers, counter);
            let caller = match self.find(code, place) {
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
        let signal =
            if step.is_interrupted { None } else { interrupted(step.machine, registers, &step.stack) };
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
        let table = tables.find(address)?;
        let Worker { rules, numbers, work, context, .. } = self;
        let number = *numbers.entry((module, table)).or_insert_with(|| {
            let work = work.entry(module).or_insert_with(|| tables.most_work());
            match tables.rules(table, context, work) {
                Some(read) => {
                    rules.push((module, read));
                    Some(rules.len() - 1)
                }
                None => {
                    unwinder.is_overworked.store(true, Ordering::Relaxed);
                    None
                }
            }
        });
        let number = number?;
        let row = rules[number].1.find(address)?;
        Some(Found::Rule(u32::try_from(number).ok()?, u32::try_from(row).ok()?))
    }
}

/// Whether an address may be one of user space: those of the kernel have the highest bit.
fn is_in_user_space(address: u64) -> bool {
    address >> 63 == 0
}
