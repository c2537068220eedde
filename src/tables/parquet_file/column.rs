//! A column of a row group: its values, one after the other, each with its levels.

use super::decoders::{Decoded, Decoder, plain};
use super::hybrid::Hybrid;
use super::metadata::{Chunk, Leaf, Levels, Physical};
use super::page::{self, DataPage, Page};
use super::problem::{Problem, Read};
use super::thrift::Cursor;
use super::unpacker::Unpacker;

pub use super::decoders::Value;

/// A column of a row group.
pub struct Column {
    bytes: Vec<u8>,
    chunk: Chunk,
    physical: Physical,
    levels: Levels,
}

/// Where a value belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Whether it begins a row.
    pub is_first: bool,
    /// How much of what it is in is there.
    pub definition: u32,
}

/// The most values of a row in a column that has several: a node has some labels.
const MOST_ENTRIES: u64 = 100;

impl Column {
    /// A column of a row group of so many rows.
    pub(super) fn new(bytes: Vec<u8>, chunk: &Chunk, leaf: &Leaf, rows: u64) -> Read<Column> {
        // A map of texts is the deepest that a table has.
        if leaf.levels.definition > 15 || leaf.levels.repetition > 1 {
            return Err(Problem::damaged("a column is nested too deeply"));
        }
        let fits = match leaf.levels.repetition {
            0 => chunk.values == rows,
            _ => chunk.values <= rows.saturating_mul(MOST_ENTRIES),
        };
        if !fits {
            return Err(Problem::damaged("a column has another number of values than of rows"));
        }
        Ok(Column { bytes, chunk: chunk.clone(), physical: leaf.physical, levels: leaf.levels })
    }

    /// The definition level of a value that is there.
    pub fn whole(&self) -> u32 {
        self.levels.definition
    }

    /// The factor and the divisor that turn a time into microseconds.
    pub fn scale(&self) -> (i64, i64) {
        self.chunk.scale
    }

    /// Whether a row may have several values.
    pub fn is_repeated(&self) -> bool {
        self.levels.repetition > 0
    }

    /// Calls `each` with all values, in order; `None` is one that is missing.
    pub(super) fn each(&self, unpacker: &Unpacker, each: &mut dyn FnMut(Level, Option<Value>)) -> Read<()> {
        let mut cursor = Cursor::new(&self.bytes);
        let mut dictionary: Option<Dictionary> = None;
        let mut left = self.chunk.values;
        while left > 0 && cursor.left() > 0 {
            match page::next(&mut cursor, &self.chunk, self.levels, unpacker)? {
                Some(Page::Dictionary { bytes, values, encoding }) => {
                    if values > self.chunk.values {
                        return Err(Problem::damaged("a dictionary has more values than its column"));
                    }
                    dictionary = Some(Dictionary::new(bytes, values, encoding, self.physical)?);
                }
                Some(Page::Data(page)) => {
                    left = left
                        .checked_sub(page.values)
                        .ok_or_else(|| Problem::damaged("a column has too many values"))?;
                    self.each_of(&page, dictionary.as_ref(), each)?;
                }
                None => {}
            }
        }
        if left == 0 { Ok(()) } else { Err(Problem::damaged("a column has too few values")) }
    }

    fn each_of(
        &self,
        page: &DataPage,
        dictionary: Option<&Dictionary>,
        each: &mut dyn FnMut(Level, Option<Value>),
    ) -> Read<()> {
        let part = |(begin, end): (usize, usize)| page.bytes.get(begin..end).unwrap_or_default();
        let width = |most: u32| u32::BITS - most.leading_zeros();
        let mut definitions = Hybrid::new(part(page.definitions), width(self.levels.definition))?;
        let mut repetitions = Hybrid::new(part(page.repetitions), width(self.levels.repetition))?;
        let bytes = page.bytes.get(page.begin..).unwrap_or_default();
        let mut values: Option<Decoder> = None;
        for _ in 0..page.values {
            let definition = if self.levels.definition > 0 { definitions.next()? } else { 0 };
            let is_first = self.levels.repetition == 0 || repetitions.next()? == 0;
            let level = Level { is_first, definition };
            if definition == self.levels.definition {
                let values = match &mut values {
                    Some(values) => values,
                    // A page without values may have no bytes for them.
                    None => values.insert(Decoder::new(page.encoding, self.physical, bytes, page.values)?),
                };
                match values.next()? {
                    Decoded::Value(value) => each(level, Some(value)),
                    Decoded::Place(place) => {
                        let value = dictionary.and_then(|dictionary| dictionary.get(place));
                        let value =
                            value.ok_or_else(|| Problem::damaged("a value is not in its dictionary"))?;
                        each(level, Some(value))
                    }
                }
            } else {
                each(level, None)
            }
        }
        Ok(())
    }
}

/// The values that pages name by their places.
struct Dictionary {
    bytes: Vec<u8>,
    values: Vec<Entry>,
}

/// A value of a dictionary: a number, or where a text lies.
enum Entry {
    Number(i64),
    Bytes(usize, usize),
}

impl Dictionary {
    fn new(bytes: Vec<u8>, count: u64, encoding: i64, physical: Physical) -> Read<Dictionary> {
        // Plain, by either of its names.
        if !matches!(encoding, 0 | 2) {
            return Err(Problem::new("has a dictionary in an encoding that is not read"));
        }
        let mut cursor = Cursor::new(&bytes);
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(match plain(&mut cursor, physical)? {
                Value::Number(number) => Entry::Number(number),
                Value::Bytes(text) => {
                    let end = bytes.len() - cursor.left();
                    Entry::Bytes(end - text.len(), end)
                }
                Value::Flag(_) => return Err(Problem::damaged("a dictionary has flags")),
            });
        }
        Ok(Dictionary { bytes, values })
    }

    fn get(&self, place: u32) -> Option<Value<'_>> {
        match self.values.get(place as usize)? {
            Entry::Number(number) => Some(Value::Number(*number)),
            Entry::Bytes(begin, end) => self.bytes.get(*begin..*end).map(Value::Bytes),
        }
    }
}
