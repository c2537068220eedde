//! A scanner of printed fields: takes what is expected from the start of a line, piece by piece.

use memchr::memmem;

use super::numbers::{hexadecimal, number};

/// The most bytes of a comm: 15 (TASK_COMM_LEN), and 45 where another program has replaced each
/// byte that is no UTF-8 by U+FFFD.
const LONGEST_COMM: usize = 45;

/// What is left of a line.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Scanner { rest }
    }

    /// Takes exactly these bytes.
    pub fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Takes all bytes that fit.
    fn while_fits(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !fits(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes a word: all up to a space. It is not empty.
    pub fn word(&mut self) -> Option<&'a [u8]> {
        Some(self.while_fits(|byte| byte != b' ')).filter(|word| !word.is_empty())
    }

    /// Takes a name of C.
    pub fn identifier(&mut self) -> Option<&'a [u8]> {
        let name = self.while_fits(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        Some(name).filter(|name| !name.is_empty())
    }

    /// Takes a decimal number, which may be negative.
    pub fn decimal(&mut self) -> Option<i64> {
        let is_negative = self.literal(b"-").is_some();
        let magnitude = i128::from(number(self.while_fits(|byte| byte.is_ascii_digit()))?);
        i64::try_from(if is_negative { -magnitude } else { magnitude }).ok()
    }

    /// Takes a decimal number of 32 bits.
    pub fn small<N: TryFrom<i64>>(&mut self) -> Option<N> {
        N::try_from(self.decimal()?).ok()
    }

    /// Takes a hexadecimal number, as perf prints it: in lower case.
    pub fn hexadecimal(&mut self) -> Option<u64> {
        hexadecimal(self.while_fits(|byte| byte.is_ascii_hexdigit()))
    }

    /// Takes all up to `mark`, and the mark.
    pub fn until(&mut self, mark: &[u8]) -> Option<&'a [u8]> {
        let at = memmem::find(self.rest, mark)?;
        let (taken, rest) = self.rest.split_at(at);
        self.rest = &rest[mark.len()..];
        Some(taken)
    }

    /// Takes a comm and what follows it. A comm may hold anything, also text like that which
    /// follows; so it ends where `mark` is, and where `follow` can read all that comes after the
    /// mark.
    pub fn comm<T>(
        &mut self,
        mark: &[u8],
        follow: impl Fn(&mut Scanner<'a>) -> Option<T>,
    ) -> Option<(&'a [u8], T)> {
        let head = &self.rest[..self.rest.len().min(LONGEST_COMM + mark.len())];
        memmem::find_iter(head, mark).find_map(|at| {
            let mut after = Scanner::new(&self.rest[at + mark.len()..]);
            let followed = follow(&mut after)?;
            let comm = &self.rest[..at];
            self.rest = after.rest;
            Some((comm, followed))
        })
    }

    /// Takes text that is no word of fixed form: up to what perf prints after the fields.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let is_end = |at: &usize| {
            let after = &self.rest[at + 1..];
            let word = after.split(|byte| *byte == b' ').next().unwrap_or_default();
            // perf aligns an address to 16 characters.
            after.starts_with(b" ")
                || after.starts_with(b"/")
                || word.len() == 16 && hexadecimal(word).is_some()
        };
        let end = memchr::memchr_iter(b' ', self.rest).find(is_end).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(taken).filter(|text| !text.is_empty())
    }

    /// Checks that the fields end here. After them perf prints, if it was asked to, addresses, a
    /// frame, and a control group.
    pub fn end(&self) -> Option<()> {
        if self.rest.is_empty() {
            return Some(());
        }
        let after = self.rest.strip_prefix(b" ")?.trim_ascii_start();
        let word = after.split(|byte| *byte == b' ').next().unwrap_or_default();
        (hexadecimal(word).is_some() || word.starts_with(b"/") || word == b"unknown").then_some(())
    }
}
