//! A step from a frame to its caller: computes the caller's registers, by the frame's rule or by
//! its frame pointer.

use std::cell::Cell;

use addr2line::gimli::{
    EndianSlice, Evaluation, EvaluationResult, LittleEndian, Location, Piece, UnwindExpression, Value,
};

use crate::model::StackEnd;

use super::call_frames::Section;
use super::registers::{Machine, Registers};
use super::rule::{Frame, Origin, Rule};

/// Operations of an expression. Those of real files have about a dozen.
const MAX_OPERATIONS: u32 = 100;

/// The piece of the stack that was recorded.
#[derive(Clone, Copy)]
pub struct Stack<'a> {
    /// The address of its first byte: the stack pointer when the sample was taken.
    pub start: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whether it reaches to the end of the stack: nothing of this stack is above it.
    pub is_whole: bool,
}

impl Stack<'_> {
    /// The u64 at an address.
    #[inline]
    pub fn u64_at(&self, address: u64) -> Result<u64, StackEnd> {
        let is_above = address >= self.start && !self.is_whole;
        let outside = || if is_above { StackEnd::PieceEnds } else { StackEnd::OtherStack };
        let at = address.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let bytes = at.and_then(|at| self.bytes.get(at..)).and_then(|rest| rest.first_chunk());
        bytes.map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(outside)
    }
}

/// A frame whose caller is wanted.
pub struct Step<'s> {
    /// The architecture.
    pub machine: Machine,
    /// The recorded piece of the stack.
    pub stack: Stack<'s>,
    /// Whether no call was made from this frame: it was interrupted, by the sample or by a signal.
    pub is_interrupted: bool,
    /// Whether its registers were found by the frame pointer of the frame that it called.
    pub is_by_pointer: bool,
    /// How many expressions may still be evaluated for this stack.
    pub expressions: Cell<u32>,
}

/// Expressions that are evaluated for one stack. A signal's frame has some twenty.
pub const MAX_EXPRESSIONS: u32 = 1 << 12;

impl Step<'_> {
    /// The caller's program counter; its registers replace those of the frame. `section` is the
    /// one that the rule is from.
    ///
    /// # Errors
    ///
    /// If there is no caller, or it cannot be found.
    pub fn by_rule(&self, rule: &Rule, section: Section, registers: &mut Registers) -> Result<u64, StackEnd> {
        let frame = *registers;
        let evaluate = |expression, initial| self.evaluate(section, expression, initial, &frame);
        let address = match rule.frame_address {
            Frame::Register(register, plus) => {
                frame.get(register).ok_or(StackEnd::BadTable)?.wrapping_add_signed(plus)
            }
            Frame::Expression(expression) => evaluate(expression, None)?,
        };
        let origin = |register, origin| match origin {
            Origin::Nowhere => Ok(None),
            Origin::Same => Ok(frame.get(register)),
            Origin::At(plus) => self.stack.u64_at(address.wrapping_add_signed(plus)).map(Some),
            Origin::Sum(plus) => Ok(Some(address.wrapping_add_signed(plus))),
            Origin::Register(other) => Ok(frame.get(other)),
            Origin::AtExpression(expression) => {
                self.stack.u64_at(evaluate(expression, Some(address))?).map(Some)
            }
            Origin::Expression(expression) => evaluate(expression, Some(address)).map(Some),
        };
        let caller = match rule.return_address {
            Origin::Nowhere => return Err(StackEnd::Root),
            // A function that has called another no longer has its return address in the register.
            Origin::Same if !self.is_interrupted => return Err(StackEnd::BadTable),
            other => origin(rule.return_register, other)?.ok_or(StackEnd::BadTable)?,
        };
        for &(register, from) in &rule.saved {
            // While a function returns, registers that it has restored lie below the stack pointer,
            // and have their values again. Any other value may not be needed.
            match origin(register, from) {
                Err(StackEnd::OtherStack) if self.is_interrupted => {}
                value => registers.set(register, value.unwrap_or(None)),
            }
        }
        let stack_pointer = self.machine.stack_pointer();
        let is_further = match frame.get(stack_pointer) {
            Some(last) if self.is_interrupted => address >= last,
            Some(last) => address > last,
            None => true,
        };
        if !is_further && !rule.is_signal {
            return Err(StackEnd::BadTable);
        }
        if !rule.saved.iter().any(|(register, _)| *register == stack_pointer) {
            registers.set(stack_pointer, Some(address));
        }
        self.checked(caller)
    }

    /// The caller's program counter, where no rule says how the frame is left but its function may
    /// keep a frame pointer; the caller's registers replace those of the frame.
    ///
    /// # Errors
    ///
    /// If there is no caller, or it cannot be found.
    pub fn by_frame_pointer(&self, registers: &mut Registers) -> Result<u64, StackEnd> {
        let (frame_pointer, stack_pointer) = (self.machine.frame_pointer(), self.machine.stack_pointer());
        let at = registers.get(frame_pointer).ok_or(StackEnd::NoTable)?;
        // Where nothing was followed yet, it may hold anything, and leads on only by chance.
        let or_no_table = |end| if self.is_interrupted { StackEnd::NoTable } else { end };
        if at == 0 {
            // The outermost frame's is 0, but so may be that of a program that does not use it.
            return Err(if self.is_by_pointer { StackEnd::Root } else { StackEnd::NoTable });
        }
        let is_further = registers.get(stack_pointer).is_none_or(|last| at >= last);
        let next = at.checked_add(16).filter(|_| is_further).ok_or(StackEnd::NoTable)?;
        let word = |address| self.stack.u64_at(address).map_err(or_no_table);
        let (outer, caller) = (word(at)?, word(at + 8)?);
        registers.set(frame_pointer, Some(outer));
        registers.set(stack_pointer, Some(next));
        registers.forget_others([frame_pointer, stack_pointer]);
        self.checked(caller).map_err(or_no_table)
    }

    /// The caller's program counter of a stub, which leaves the stack as it is.
    ///
    /// # Errors
    ///
    /// If there is no caller, or it cannot be found.
    pub fn by_stub(&self, registers: &mut Registers) -> Result<u64, StackEnd> {
        match self.machine {
            Machine::Aarch64 => self.checked(self.return_register(registers).ok_or(StackEnd::NoTable)?),
            Machine::X86_64 => {
                let stack_pointer = self.machine.stack_pointer();
                let at = registers.get(stack_pointer).ok_or(StackEnd::NoTable)?;
                let caller = self.stack.u64_at(at)?;
                registers.set(stack_pointer, at.checked_add(8));
                self.checked(caller)
            }
        }
    }

    /// What the register holds in which a call of ARM leaves its return address, if no call was
    /// made from this frame.
    pub fn return_register(&self, registers: &Registers) -> Option<u64> {
        const LINK: u16 = 30;
        let is_in_register = self.is_interrupted && self.machine == Machine::Aarch64;
        registers.get(LINK).filter(|_| is_in_register).map(|address| self.machine.unsigned(address))
    }

    fn checked(&self, caller: u64) -> Result<u64, StackEnd> {
        match self.machine.unsigned(caller) {
            0 => Err(StackEnd::Root),
            caller => Ok(caller),
        }
    }

    /// The result of an expression, which starts with `initial` on its stack.
    fn evaluate(
        &self,
        section: Section,
        expression: UnwindExpression<usize>,
        initial: Option<u64>,
        registers: &Registers,
    ) -> Result<u64, StackEnd> {
        self.expressions.set(self.expressions.get().checked_sub(1).ok_or(StackEnd::BadTable)?);
        let bytes = section.part(expression.offset, expression.length).ok_or(StackEnd::BadTable)?;
        let mut evaluation = Evaluation::new(EndianSlice::new(bytes, LittleEndian), section.encoding());
        evaluation.set_max_iterations(MAX_OPERATIONS);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
        }
        let mut state = evaluation.evaluate();
        loop {
            state = match state.map_err(|_| StackEnd::BadTable)? {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = registers.get(register.0).ok_or(StackEnd::BadTable)?;
                    evaluation.resume_with_register(Value::Generic(value))
                }
                EvaluationResult::RequiresMemory { address, size: 8, .. } => {
                    evaluation.resume_with_memory(Value::Generic(self.stack.u64_at(address)?))
                }
                _ => return Err(StackEnd::BadTable),
            };
        }
        match evaluation.as_result() {
            [Piece { location: Location::Address { address }, .. }] => Ok(*address),
            _ => Err(StackEnd::BadTable),
        }
    }
}
