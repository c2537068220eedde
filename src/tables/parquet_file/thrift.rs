//! Thrift's compact protocol, in which Parquet writes its metadata: a struct as a tree of values
//! with the numbers of their fields (thrift-compact-protocol.md of Apache Thrift).

use super::problem::{Problem, Read};

/// A value.
#[derive(Debug)]
pub enum Item<'b> {
    Flag(bool),
    Number(i64),
    Bytes(&'b [u8]),
    List(Vec<Item<'b>>),
    Struct(Fields<'b>),
    /// What Parquet's metadata has no use for here: a fraction, a set, a map.
    Other,
}

/// The fields of a struct, each with its number.
#[derive(Debug, Default)]
pub struct Fields<'b>(Vec<(i64, Item<'b>)>);

/// Bytes that are read from their beginning on.
pub struct Cursor<'b> {
    rest: &'b [u8],
    /// How many more values of structs are read: each takes some hundred bytes of memory.
    items: u32,
}

/// No footer, and no headers of the pages of a column, have more values.
const MOST_ITEMS: u32 = 1_000_000;
/// Structs are nested in structs no deeper than this in any metadata.
const DEEPEST: usize = 16;

impl<'b> Fields<'b> {
    pub fn get(&self, number: i64) -> Option<&Item<'b>> {
        self.0.iter().find(|(field, _)| *field == number).map(|(_, item)| item)
    }

    pub fn number(&self, number: i64) -> Option<i64> {
        if let Some(Item::Number(value)) = self.get(number) { Some(*value) } else { None }
    }

    pub fn fields(&self, number: i64) -> Option<&Fields<'b>> {
        if let Some(Item::Struct(fields)) = self.get(number) { Some(fields) } else { None }
    }

    pub fn list(&self, number: i64) -> &[Item<'b>] {
        if let Some(Item::List(list)) = self.get(number) { list } else { &[] }
    }

    pub fn text(&self, number: i64) -> Option<String> {
        if let Some(Item::Bytes(bytes)) = self.get(number) {
            Some(String::from_utf8_lossy(bytes).into_owned())
        } else {
            None
        }
    }
}

impl<'b> Item<'b> {
    pub fn as_fields(&self) -> Option<&Fields<'b>> {
        if let Item::Struct(fields) = self { Some(fields) } else { None }
    }
}

impl<'b> Cursor<'b> {
    pub fn new(bytes: &'b [u8]) -> Cursor<'b> {
        Cursor { rest: bytes, items: MOST_ITEMS }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// A struct.
    pub fn fields(&mut self) -> Read<Fields<'b>> {
        self.struct_at(0)
    }

    fn struct_at(&mut self, depth: usize) -> Read<Fields<'b>> {
        if depth > DEEPEST {
            return Err(Problem::damaged("its metadata is nested too deeply"));
        }
        let mut fields = Vec::new();
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(Fields(fields));
            }
            number = match head >> 4 {
                0 => self.signed()?,
                more => number.saturating_add(i64::from(more)),
            };
            fields.push((number, self.item(head & 15, depth)?));
        }
    }

    /// A value of this type. In a list a flag is a byte of its own; a struct has no list of flags
    /// here that would be read.
    fn item(&mut self, kind: u8, depth: usize) -> Read<Item<'b>> {
        let items = self.items.checked_sub(1);
        self.items = items.ok_or_else(|| Problem::damaged("its metadata has too many values"))?;
        Ok(match kind {
            1 => Item::Flag(true),
            2 => Item::Flag(false),
            3 => Item::Number(i64::from(self.byte()? as i8)),
            4..=6 => Item::Number(self.signed()?),
            7 => {
                self.take(8)?;
                Item::Other
            }
            8 => {
                let length = self.length()?;
                Item::Bytes(self.take(length)?)
            }
            9 | 10 => self.list(depth)?,
            11 => self.map(depth)?,
            12 => Item::Struct(self.struct_at(depth + 1)?),
            _ => return Err(Problem::damaged("its metadata has an unknown type")),
        })
    }

    fn list(&mut self, depth: usize) -> Read<Item<'b>> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.length()?,
            few => usize::from(few),
        };
        // Each element takes a byte at least.
        if length > self.left() || depth >= DEEPEST {
            return Err(Problem::damaged("a list in its metadata is too long"));
        }
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(self.element(head & 15, depth + 1)?);
        }
        Ok(Item::List(items))
    }

    fn map(&mut self, depth: usize) -> Read<Item<'b>> {
        let length = self.length()?;
        if length == 0 {
            return Ok(Item::Other);
        }
        let kinds = self.byte()?;
        if length > self.left() || depth >= DEEPEST {
            return Err(Problem::damaged("a map in its metadata is too long"));
        }
        for _ in 0..length {
            self.element(kinds >> 4, depth + 1)?;
            self.element(kinds & 15, depth + 1)?;
        }
        Ok(Item::Other)
    }

    /// An element of a list or a map.
    fn element(&mut self, kind: u8, depth: usize) -> Read<Item<'b>> {
        match kind {
            1 | 2 => Ok(Item::Flag(self.byte()? == 1)),
            kind => self.item(kind, depth),
        }
    }

    pub fn byte(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn take(&mut self, length: usize) -> Read<&'b [u8]> {
        let Some((part, rest)) = self.rest.split_at_checked(length) else {
            return Err(Problem::damaged("it ends too early"));
        };
        self.rest = rest;
        Ok(part)
    }

    /// A number of up to 64 bits, seven in each byte, the low ones first.
    pub fn unsigned(&mut self) -> Read<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Problem::damaged("a number has too many bytes"))
    }

    /// A number whose sign is its last bit.
    pub fn signed(&mut self) -> Read<i64> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn length(&mut self) -> Read<usize> {
        let length = usize::try_from(self.unsigned()?).ok().filter(|length| *length <= self.left());
        length.ok_or_else(|| Problem::damaged("a length is longer than what is left"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_trees() {
        // {1: 7, 2: "ab", 5: [1, -1], 6: {1: true}}
        let bytes = [0x15, 14, 0x18, 2, b'a', b'b', 0x39, 0x25, 2, 1, 0x1c, 0x11, 0, 0];
        let fields = Cursor::new(&bytes).fields().expect("a struct");
        assert_eq!((fields.number(1), fields.text(2).as_deref()), (Some(7), Some("ab")));
        assert!(matches!(fields.list(5), [Item::Number(1), Item::Number(-1)]));
        assert!(matches!(fields.fields(6).and_then(|inner| inner.get(1)), Some(Item::Flag(true))));
        for end in 0..bytes.len() {
            assert!(Cursor::new(&bytes[..end]).fields().is_err());
        }
    }

    #[test]
    fn nothing_is_nested_without_end() {
        assert!(Cursor::new(&[0x1c; 1000]).fields().is_err());
        assert!(Cursor::new(&[0x19; 1000]).fields().is_err());
        let claims = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(Cursor::new(&claims).fields().is_err());
    }
}
