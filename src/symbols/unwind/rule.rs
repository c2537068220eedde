//! Rules: how to find the caller's registers at one place in code.

use addr2line::gimli::{CfaRule, Register, RegisterRule, UnwindExpression, UnwindTableRow};

use super::registers;

/// How the frame at some addresses is left.
#[derive(Debug)]
pub struct Rule {
    /// The canonical frame address: the value of the stack pointer before the call.
    pub frame_address: Frame,
    /// Where the return address is.
    pub return_address: Origin,
    /// The register that has the return address when the function is entered; of x86, a number that
    /// no register has.
    pub return_register: u16,
    /// Where the caller's values of other registers are. Those that are not here are the same.
    pub saved: Box<[(u16, Origin)]>,
    /// Whether the kernel made this frame to run a signal's handler. Its caller was interrupted,
    /// and did not call.
    pub is_signal: bool,
}

/// How to compute a frame's address.
#[derive(Clone, Copy, Debug)]
pub enum Frame {
    /// A register plus a number.
    Register(u16, i64),
    /// The result of an expression.
    Expression(UnwindExpression<usize>),
}

/// Where the caller's value of a register is.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// It is gone. Of the return address: there is no caller.
    Nowhere,
    /// It is in the register itself.
    Same,
    /// In memory, at so many bytes from the frame's address.
    At(i64),
    /// It is the frame's address plus this.
    Sum(i64),
    /// In another register.
    Register(u16),
    /// In memory, at the address that an expression gives.
    AtExpression(UnwindExpression<usize>),
    /// The result of an expression.
    Expression(UnwindExpression<usize>),
}

impl Rule {
    /// The rule of a row of call frame information. `return_register` is the number under which the
    /// row has the return address.
    pub fn of_row(row: &UnwindTableRow<usize>, return_register: Register, is_signal: bool) -> Rule {
        let frame_address = match *row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => Frame::Register(register.0, offset),
            CfaRule::Expression(expression) => Frame::Expression(expression),
        };
        let is_other = |register: Register| register != return_register && registers::is_kept(register.0);
        let others = row.registers().filter(|(register, _)| is_other(*register));
        Rule {
            frame_address,
            // Compilers for ARM leave the rule out while the return address is in its register.
            return_address: row.register(return_register).map_or(Origin::Same, |rule| Origin::of(&rule)),
            return_register: return_register.0,
            saved: others.map(|(register, rule)| (register.0, Origin::of(rule))).collect(),
            is_signal,
        }
    }
}

impl Origin {
    fn of(rule: &RegisterRule<usize>) -> Origin {
        match *rule {
            RegisterRule::SameValue => Origin::Same,
            RegisterRule::Offset(offset) => Origin::At(offset),
            RegisterRule::ValOffset(offset) => Origin::Sum(offset),
            RegisterRule::Register(register) => Origin::Register(register.0),
            RegisterRule::Expression(expression) => Origin::AtExpression(expression),
            RegisterRule::ValExpression(expression) => Origin::Expression(expression),
            // Others have no meaning in files of Linux.
            _ => Origin::Nowhere,
        }
    }
}
