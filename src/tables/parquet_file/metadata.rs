//! The metadata of a file: its columns, and where their values lie. The numbers of fields are those
//! of parquet.thrift.

use super::problem::{Problem, Read};
use super::thrift::{Cursor, Fields, Item};

/// What a file says of itself.
#[derive(Debug)]
pub struct Metadata {
    leaves: Vec<Leaf>,
    pub row_groups: Vec<RowGroup>,
}

/// A column: a leaf of the schema.
#[derive(Debug)]
pub struct Leaf {
    path: String,
    /// `None`: a type that no table has.
    pub kind: Option<Kind>,
    pub physical: Physical,
    pub levels: Levels,
}

/// The greatest levels of a column's values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// How many of the groups around it, and itself, may be missing.
    pub definition: u32,
    /// How many of them may be repeated.
    pub repetition: u32,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Flag,
    Number,
    /// A time of day, in any unit.
    Moment,
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    Flag,
    Int32,
    Int64,
    /// A time in 12 bytes, as Spark writes it.
    Int96,
    Bytes,
    /// One that is not read.
    Other,
}

/// Rows that lie together.
#[derive(Debug)]
pub struct RowGroup {
    pub rows: u64,
    chunks: Vec<Option<Chunk>>,
}

/// The values of a column in a row group.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub offset: u64,
    pub length: u64,
    pub codec: Codec,
    /// Values, where a row that has none counts as one.
    pub values: u64,
    /// The factor and the divisor that turn a time into microseconds.
    pub scale: (i64, i64),
}

/// How pages are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    None,
    Zstd,
    /// One that is not read; its number in parquet.thrift.
    Other(i64),
}

/// No table has more columns, and no column a longer name.
const MOST_LEAVES: usize = 500;
const LONGEST_NAME: usize = 256;
/// All values of a row group that are read are in memory at a time.
const MOST_ROWS: u64 = 1 << 21;

impl Metadata {
    /// Reads the footer of a file of so many bytes.
    pub fn read(footer: &[u8], bytes: u64) -> Read<Metadata> {
        let file = Cursor::new(footer).fields()?;
        let mut schema = file.list(2).iter();
        let root = schema.next().and_then(Item::as_fields);
        let root = root.ok_or_else(|| Problem::damaged("it has no schema"))?;
        let mut walk = Walk { schema, leaves: Vec::new(), scales: Vec::new() };
        walk.children(root.number(5).unwrap_or(0), &Branch::default())?;
        let groups = file.list(4).iter().filter_map(Item::as_fields);
        let row_groups: Vec<RowGroup> =
            groups.map(|group| row_group(group, &walk.scales)).collect::<Read<_>>()?;
        // Times differ from row to row: each takes a byte at least.
        let rows = row_groups.iter().map(|group| group.rows).try_fold(0u64, u64::checked_add);
        if rows.is_none_or(|rows| rows > bytes) {
            return Err(Problem::damaged("it has more rows than its size can hold"));
        }
        Ok(Metadata { leaves: walk.leaves, row_groups })
    }

    /// The leaf at this path, and its number.
    pub fn leaf(&self, path: &str) -> Option<(usize, &Leaf)> {
        self.leaves.iter().enumerate().find(|(_, leaf)| leaf.path == path)
    }
}

impl RowGroup {
    /// The values of the leaf with this number.
    pub fn chunk(&self, number: usize) -> Option<&Chunk> {
        self.chunks.get(number)?.as_ref()
    }
}

/// A walk over the schema, which lists a tree depth first.
struct Walk<'s, 'b> {
    schema: std::slice::Iter<'s, Item<'b>>,
    leaves: Vec<Leaf>,
    scales: Vec<(i64, i64)>,
}

/// Where in the tree a walk is.
#[derive(Clone, Default)]
struct Branch {
    path: String,
    levels: Levels,
    depth: usize,
}

impl Walk<'_, '_> {
    fn children(&mut self, count: i64, place: &Branch) -> Read<()> {
        const DEEPEST: usize = 16;
        if place.depth > DEEPEST {
            return Err(Problem::damaged("its schema is nested too deeply"));
        }
        for _ in 0..count {
            let element = self.schema.next().and_then(Item::as_fields);
            let element = element.ok_or_else(|| Problem::damaged("its schema ends too early"))?;
            let name = element.text(4).filter(|name| name.len() <= LONGEST_NAME);
            let name = name.ok_or_else(|| Problem::damaged("a column has no name, or a long one"))?;
            let repetition = element.number(3).unwrap_or(0);
            let place = Branch {
                path: if place.path.is_empty() { name } else { format!("{}.{name}", place.path) },
                levels: Levels {
                    definition: place.levels.definition + u32::from(repetition != 0),
                    repetition: place.levels.repetition + u32::from(repetition == 2),
                },
                depth: place.depth + 1,
            };
            match element.number(5) {
                Some(children) if children > 0 => self.children(children, &place)?,
                _ => self.leaf(element, place)?,
            }
        }
        Ok(())
    }

    fn leaf(&mut self, element: &Fields, place: Branch) -> Read<()> {
        if self.leaves.len() == MOST_LEAVES {
            return Err(Problem::damaged("it has too many columns"));
        }
        let physical = match element.number(1) {
            Some(0) => Physical::Flag,
            Some(1) => Physical::Int32,
            Some(2) => Physical::Int64,
            Some(3) => Physical::Int96,
            Some(6) => Physical::Bytes,
            _ => Physical::Other,
        };
        let scale = scale(element);
        let kind = match (physical, scale) {
            (Physical::Flag, _) => Some(Kind::Flag),
            (Physical::Bytes, _) => Some(Kind::Text),
            (Physical::Int96, _) | (Physical::Int64, Some(_)) => Some(Kind::Moment),
            (Physical::Int32 | Physical::Int64, None) => Some(Kind::Number),
            _ => None,
        };
        self.leaves.push(Leaf { path: place.path, kind, physical, levels: place.levels });
        self.scales.push(scale.unwrap_or((1, 1)));
        Ok(())
    }
}

/// The factor and the divisor that turn times into microseconds; `None` if there are no times.
fn scale(element: &Fields) -> Option<(i64, i64)> {
    const TIMESTAMP: i64 = 8;
    const MILLIS: i64 = 9;
    const MICROS: i64 = 10;
    let unit = element.fields(10).and_then(|logical| logical.fields(TIMESTAMP)?.fields(2));
    match (unit, element.number(6)) {
        (Some(unit), _) if unit.get(1).is_some() => Some((1000, 1)),
        (Some(unit), _) if unit.get(3).is_some() => Some((1, 1000)),
        (Some(_), _) | (None, Some(MICROS)) => Some((1, 1)),
        (None, Some(MILLIS)) => Some((1000, 1)),
        _ => None,
    }
}

fn row_group(group: &Fields, scales: &[(i64, i64)]) -> Read<RowGroup> {
    let rows = group.number(3).and_then(|rows| u64::try_from(rows).ok());
    let rows = rows.ok_or_else(|| Problem::damaged("a row group has no number of rows"))?;
    if rows > MOST_ROWS {
        return Err(Problem::new(format!(
            "has a row group of {rows} rows; write groups of at most {MOST_ROWS}"
        )));
    }
    let chunks = group.list(1).iter().zip(scales).map(|(chunk, scale)| chunk_of(chunk, *scale));
    Ok(RowGroup { rows, chunks: chunks.collect() })
}

fn chunk_of(chunk: &Item, scale: (i64, i64)) -> Option<Chunk> {
    let column = chunk.as_fields()?.fields(3)?;
    let number = |field| column.number(field).and_then(|number| u64::try_from(number).ok());
    let data = number(9)?;
    // A dictionary precedes the data, where there is one.
    let dictionary = number(11).filter(|offset| *offset > 0 && *offset < data);
    let codec = match column.number(4)? {
        0 => Codec::None,
        6 => Codec::Zstd,
        other => Codec::Other(other),
    };
    Some(Chunk { offset: dictionary.unwrap_or(data), length: number(7)?, codec, values: number(5)?, scale })
}
