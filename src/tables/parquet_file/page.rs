//! The pages of a column: each with its header, unpacked.

use super::decoders::length_of;
use super::metadata::{Chunk, Codec, Levels};
use super::problem::{Problem, Read};
use super::thrift::{Cursor, Fields, Item};
use super::unpacker::Unpacker;

/// A page.
pub enum Page {
    /// The values that places in the pages after it mean; their number, and their encoding.
    Dictionary {
        bytes: Vec<u8>,
        values: u64,
        encoding: i64,
    },
    Data(DataPage),
}

/// A page of values.
pub struct DataPage {
    pub bytes: Vec<u8>,
    /// Where the levels lie in it, and where the values begin.
    pub repetitions: (usize, usize),
    pub definitions: (usize, usize),
    pub begin: usize,
    /// Values, where a row that has none counts as one.
    pub values: u64,
    pub encoding: i64,
}

/// Pages are made to be read at once, and have some megabytes.
const LARGEST: usize = 256 << 20;

/// The next page; `None` if it is one of another kind, which is skipped.
pub fn next(cursor: &mut Cursor, chunk: &Chunk, most: Levels, unpacker: &Unpacker) -> Read<Option<Page>> {
    let header = cursor.fields()?;
    let size = |field| {
        let size = header.number(field).and_then(|size| usize::try_from(size).ok());
        size.filter(|size| *size <= LARGEST).ok_or_else(|| Problem::damaged("a page has no size"))
    };
    let (unpacked, packed) = (size(2)?, size(3)?);
    let bytes = cursor.take(packed)?;
    match header.number(1) {
        Some(0) => {
            let about = header.fields(5).ok_or_else(|| Problem::damaged("a page has no header"))?;
            first_version(unpacker.unpack(bytes, unpacked, chunk.codec)?, about, most)
                .map(Page::Data)
                .map(Some)
        }
        Some(2) => {
            let about = header.fields(7).ok_or_else(|| Problem::damaged("a page has no header"))?;
            let bytes = unpacker.unpack(bytes, unpacked, chunk.codec)?;
            let encoding = about.number(2).unwrap_or(0);
            Ok(Some(Page::Dictionary { bytes, values: count(about)?, encoding }))
        }
        Some(3) => {
            let about = header.fields(8).ok_or_else(|| Problem::damaged("a page has no header"))?;
            second_version(bytes, about, |values, begin| {
                let rest =
                    unpacked.checked_sub(begin).ok_or_else(|| Problem::damaged("a page has no size"))?;
                let is_packed = !matches!(about.get(7), Some(Item::Flag(false)));
                unpacker.unpack(values, rest, if is_packed { chunk.codec } else { Codec::None })
            })
            .map(Page::Data)
            .map(Some)
        }
        _ => Ok(None),
    }
}

fn count(about: &Fields) -> Read<u64> {
    let count = about.number(1).and_then(|count| u64::try_from(count).ok());
    count.ok_or_else(|| Problem::damaged("a page has no number of values"))
}

/// A page whose levels are packed with its values, each after its length.
fn first_version(bytes: Vec<u8>, about: &Fields, most: Levels) -> Read<DataPage> {
    let mut cursor = Cursor::new(&bytes);
    let mut levels = |is_there: bool| {
        if !is_there {
            return Ok((0, 0));
        }
        let length = length_of(&mut cursor)?;
        let begin = bytes.len() - cursor.left();
        cursor.take(length)?;
        Ok((begin, begin + length))
    };
    let repetitions = levels(most.repetition > 0)?;
    let definitions = levels(most.definition > 0)?;
    let begin = bytes.len() - cursor.left();
    let encoding = about.number(2).unwrap_or(0);
    Ok(DataPage { repetitions, definitions, begin, values: count(about)?, encoding, bytes })
}

/// A page whose levels come first and are not packed. `unpack` makes its values of what follows
/// them.
fn second_version(
    bytes: &[u8],
    about: &Fields,
    unpack: impl FnOnce(&[u8], usize) -> Read<Vec<u8>>,
) -> Read<DataPage> {
    let length = |field| {
        let length = about.number(field).and_then(|length| usize::try_from(length).ok());
        length
            .filter(|length| *length <= bytes.len())
            .ok_or_else(|| Problem::damaged("levels have no length"))
    };
    let (definitions, repetitions) = (length(5)?, length(6)?);
    let begin = definitions + repetitions;
    let values = bytes.get(begin..).ok_or_else(|| Problem::damaged("levels are longer than their page"))?;
    let values = unpack(values, begin)?;
    Ok(DataPage {
        repetitions: (0, repetitions),
        definitions: (repetitions, begin),
        begin,
        values: count(about)?,
        encoding: about.number(4).unwrap_or(0),
        bytes: [&bytes[..begin], &values].concat(),
    })
}
