//! The values of a page, in the encodings that writers of tables use.

use super::hybrid::{Bits, Hybrid};
use super::metadata::Physical;
use super::problem::{Problem, Read};
use super::thrift::Cursor;

/// A value of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'v> {
    Flag(bool),
    Number(i64),
    Bytes(&'v [u8]),
}

/// Values that follow one another.
pub enum Decoder<'b> {
    Plain {
        cursor: Cursor<'b>,
        physical: Physical,
    },
    Flags(Bits<'b>),
    /// Flags in runs.
    Runs(Hybrid<'b>),
    /// Places in a dictionary.
    Places(Hybrid<'b>),
    Differences(Differences<'b>),
    /// Lengths of texts, then all texts.
    Lengths {
        lengths: Differences<'b>,
        texts: Cursor<'b>,
    },
}

/// What a decoder gives: a value, or the place of one in the dictionary.
pub enum Decoded<'b> {
    Value(Value<'b>),
    Place(u32),
}

impl<'b> Decoder<'b> {
    /// The values of a page, at most so many, in the encoding with this number.
    pub fn new(encoding: i64, physical: Physical, bytes: &'b [u8], most: u64) -> Read<Decoder<'b>> {
        match (encoding, physical) {
            (0, Physical::Flag) => Ok(Decoder::Flags(Bits::new(bytes))),
            (0, physical) => Ok(Decoder::Plain { cursor: Cursor::new(bytes), physical }),
            (2 | 8, _) => {
                let mut cursor = Cursor::new(bytes);
                let width = cursor.byte()?;
                Ok(Decoder::Places(Hybrid::new(cursor.take(cursor.left())?, u32::from(width))?))
            }
            (3, Physical::Flag) => {
                let mut cursor = Cursor::new(bytes);
                let length = length_of(&mut cursor)?;
                Ok(Decoder::Runs(Hybrid::new(cursor.take(length)?, 1)?))
            }
            (5, Physical::Int32 | Physical::Int64) => {
                Ok(Decoder::Differences(Differences::new(bytes, most)?))
            }
            (6, Physical::Bytes) => {
                // The texts begin where the lengths end, which is known once all were read.
                let lengths = Differences::new(bytes, most)?;
                let texts = Differences::new(bytes, most)?.skip()?;
                Ok(Decoder::Lengths { lengths, texts })
            }
            (encoding, _) => {
                Err(Problem::new(format!("has values in an encoding that is not read ({encoding})")))
            }
        }
    }

    pub fn next(&mut self) -> Read<Decoded<'b>> {
        Ok(Decoded::Value(match self {
            Decoder::Plain { cursor, physical } => plain(cursor, *physical)?,
            Decoder::Flags(bits) => Value::Flag(bits.next(1)? == 1),
            Decoder::Runs(runs) => Value::Flag(runs.next()? == 1),
            Decoder::Places(places) => return places.next().map(Decoded::Place),
            Decoder::Differences(differences) => Value::Number(differences.next()?),
            Decoder::Lengths { lengths, texts } => {
                let length = usize::try_from(lengths.next()?).unwrap_or(usize::MAX);
                Value::Bytes(texts.take(length)?)
            }
        }))
    }
}

/// A value in the plain encoding, but for flags.
pub fn plain<'b>(cursor: &mut Cursor<'b>, physical: Physical) -> Read<Value<'b>> {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    Ok(match physical {
        Physical::Int32 => Value::Number(i64::from(number(cursor.take(4)?) as i32)),
        Physical::Int64 => Value::Number(number(cursor.take(8)?) as i64),
        Physical::Int96 => {
            // Nanoseconds of the day, and the Julian day.
            const DAY_US: i64 = 86_400_000_000;
            const FIRST_DAY: i64 = 2_440_588;
            let us = (number(cursor.take(8)?) / 1000) as i64;
            let day = number(cursor.take(4)?) as i64 - FIRST_DAY;
            Value::Number(day.saturating_mul(DAY_US).saturating_add(us))
        }
        Physical::Bytes => {
            let length = length_of(cursor)?;
            Value::Bytes(cursor.take(length)?)
        }
        Physical::Flag | Physical::Other => return Err(Problem::damaged("a column has no plain values")),
    })
}

/// A length in four bytes.
pub fn length_of(cursor: &mut Cursor) -> Read<usize> {
    let bytes = cursor.take(4)?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
}

/// Numbers as differences from one to the next (DELTA_BINARY_PACKED in Encodings.md).
pub struct Differences<'b> {
    cursor: Cursor<'b>,
    /// How many numbers are left, and the last one.
    left: u64,
    last: i64,
    is_begun: bool,
    block: u64,
    miniblocks: u64,
    least: i64,
    widths: &'b [u8],
    bits: Bits<'b>,
    /// How many differences are left in the miniblock, and its width.
    in_miniblock: u64,
    width: u32,
}

impl<'b> Differences<'b> {
    fn new(bytes: &'b [u8], most: u64) -> Read<Differences<'b>> {
        let mut cursor = Cursor::new(bytes);
        let (block, miniblocks, left) = (cursor.unsigned()?, cursor.unsigned()?, cursor.unsigned()?);
        let last = cursor.signed()?;
        let is_whole =
            miniblocks > 0 && block.is_multiple_of(miniblocks) && (block / miniblocks).is_multiple_of(8);
        if left > most {
            return Err(Problem::damaged("a page has more values than it says"));
        }
        // What writers use is 128 and 4.
        if !is_whole || block > 1 << 20 || block / miniblocks == 0 {
            return Err(Problem::damaged("the blocks of a page have an odd size"));
        }
        Ok(Differences {
            cursor,
            left,
            last,
            is_begun: false,
            block,
            miniblocks,
            least: 0,
            widths: &[],
            bits: Bits::new(&[]),
            in_miniblock: 0,
            width: 0,
        })
    }

    fn next(&mut self) -> Read<i64> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Problem::damaged("a page has too few values"))?;
        if !self.is_begun {
            self.is_begun = true;
            return Ok(self.last);
        }
        if self.in_miniblock == 0 {
            self.next_miniblock()?;
        }
        self.in_miniblock -= 1;
        let more = self.bits.next(self.width)? as i64;
        self.last = self.last.wrapping_add(self.least).wrapping_add(more);
        Ok(self.last)
    }

    fn next_miniblock(&mut self) -> Read<()> {
        if self.widths.is_empty() {
            self.least = self.cursor.signed()?;
            self.widths = self.cursor.take(usize::try_from(self.miniblocks).unwrap_or(usize::MAX))?;
        }
        let Some((width, others)) = self.widths.split_first() else {
            return Err(Problem::damaged("a block of a page is empty"));
        };
        self.widths = others;
        self.width = u32::from(*width);
        self.in_miniblock = self.block / self.miniblocks;
        let bytes = self.in_miniblock / 8 * u64::from(*width);
        if self.width > 64 {
            return Err(Problem::damaged("a number has too many bits"));
        }
        // The last miniblock may be cut short.
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.cursor.left());
        self.bits = Bits::new(self.cursor.take(bytes)?);
        Ok(())
    }

    /// What follows all numbers.
    fn skip(mut self) -> Read<Cursor<'b>> {
        while self.left > 0 {
            self.next()?;
        }
        Ok(self.cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_add_up() {
        // 7, 5, 3, 1, 2, 3, 4, 5 (the example of Encodings.md): a block of 128 in 4 miniblocks.
        let mut bytes = vec![0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111];
        bytes.extend([0; 6]);
        let mut numbers = Differences::new(&bytes, 8).expect("numbers");
        let read: Vec<i64> = (0..8).map(|_| numbers.next().expect("a number")).collect();
        assert_eq!(read, [7, 5, 3, 1, 2, 3, 4, 5]);
        assert!(numbers.next().is_err());
    }
}
