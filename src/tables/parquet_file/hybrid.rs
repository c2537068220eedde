//! Small numbers in runs, or each in a few bits: levels, and places in a dictionary (RLE, "Run
//! Length Encoding / Bit-Packing Hybrid" in Encodings.md).

use super::problem::{Problem, Read};
use super::thrift::Cursor;

/// Numbers of at most 32 bits. There are as many as are asked for: who asks knows how many.
pub struct Hybrid<'b> {
    cursor: Cursor<'b>,
    width: u32,
    run: Run<'b>,
}

enum Run<'b> {
    Equal { value: u32, left: u64 },
    Packed { bits: Bits<'b>, left: u64 },
}

/// Numbers of a few bits each, the low bits first.
pub struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Hybrid<'b> {
    pub fn new(bytes: &'b [u8], width: u32) -> Read<Hybrid<'b>> {
        if width > 32 {
            return Err(Problem::damaged("a number has too many bits"));
        }
        Ok(Hybrid { cursor: Cursor::new(bytes), width, run: Run::Equal { value: 0, left: 0 } })
    }

    pub fn next(&mut self) -> Read<u32> {
        loop {
            match &mut self.run {
                Run::Equal { value, left } if *left > 0 => {
                    *left -= 1;
                    return Ok(*value);
                }
                Run::Packed { bits, left } if *left > 0 => {
                    *left -= 1;
                    return Ok(bits.next(self.width)? as u32);
                }
                _ => self.run = self.next_run()?,
            }
        }
    }

    fn next_run(&mut self) -> Read<Run<'b>> {
        let head = self.cursor.unsigned()?;
        let count = head >> 1;
        if head & 1 == 0 {
            let mut value = 0;
            for (byte, shift) in
                self.cursor.take(self.width.div_ceil(8) as usize)?.iter().zip((0..).step_by(8))
            {
                value |= u32::from(*byte) << shift;
            }
            return Ok(Run::Equal { value, left: count });
        }
        // Groups of eight numbers. The last ones may be cut short.
        let bytes = count.checked_mul(u64::from(self.width)).and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = bytes.unwrap_or(usize::MAX).min(self.cursor.left());
        let bits = Bits::new(self.cursor.take(bytes)?);
        Ok(Run::Packed { bits, left: count.saturating_mul(8) })
    }
}

impl<'b> Bits<'b> {
    pub fn new(bytes: &'b [u8]) -> Bits<'b> {
        Bits { bytes, at: 0 }
    }

    /// The next number of `width` bits, at most 64.
    pub fn next(&mut self, width: u32) -> Read<u64> {
        let mut number = 0u64;
        let mut done = 0;
        while done < width {
            let byte =
                self.bytes.get(self.at / 8).ok_or_else(|| Problem::damaged("a page ends too early"))?;
            let from = (self.at % 8) as u32;
            let take = (8 - from).min(width - done);
            let bits = (u64::from(*byte) >> from) & ((1 << take) - 1);
            number |= bits << done;
            done += take;
            self.at += take as usize;
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_numbers() {
        // Three times 5, then 0 to 7 in three bits each (the example of Encodings.md).
        let bytes = [6, 5, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut numbers = Hybrid::new(&bytes, 3).expect("numbers");
        let read: Vec<u32> = (0..11).map(|_| numbers.next().expect("a number")).collect();
        assert_eq!(read, [5, 5, 5, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(numbers.next().is_err());
        assert!(Hybrid::new(&bytes, 33).is_err());
    }
}
