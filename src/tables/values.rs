//! The values of columns of a row group. A column that is missing from the file has no values.

use hashbrown::DefaultHashBuilder;
use indexmap::IndexMap;

use crate::error::Result;
use crate::model::clean;

use super::parquet_file::{Column, Kind, ParquetFile, RowGroup, Value};

/// The columns of a row group, found by name.
pub(super) struct Group<'g> {
    pub file: &'g ParquetFile<'g>,
    pub group: &'g RowGroup,
    /// Its rows.
    pub rows: usize,
}

/// Texts of a column, each of which is kept once. They are safe to print.
pub(super) struct Texts {
    texts: IndexMap<Box<[u8]>, String, DefaultHashBuilder>,
    /// By row, the place of its text.
    rows: Vec<Option<u32>>,
}

/// More of a text is not read: names are shorter.
const LONGEST: usize = 4096;
/// The most bytes that the labels of a row group have together.
const MOST_LABELS: usize = 64 << 20;

impl Texts {
    pub fn get(&self, row: usize) -> Option<&str> {
        let place = self.rows.get(row).copied().flatten()?;
        self.texts.get_index(place as usize).map(|(_, text)| text.as_str())
    }

    pub fn owned(&self, row: usize) -> Option<String> {
        self.get(row).map(str::to_owned)
    }

    fn push(&mut self, text: Option<&[u8]>) {
        let text = text.map(|bytes| &bytes[..bytes.len().min(LONGEST)]);
        let place = text.map(|bytes| match self.texts.get_index_of(bytes) {
            Some(place) => place as u32,
            None => {
                let text = clean(&String::from_utf8_lossy(bytes)).into_owned();
                self.texts.insert_full(bytes.into(), text).0 as u32
            }
        });
        self.rows.push(place);
    }
}

impl Group<'_> {
    pub fn texts(&self, name: &str) -> Result<Texts> {
        let mut texts = Texts { texts: IndexMap::default(), rows: Vec::new() };
        if let Some(column) = self.flat(name, Kind::Text)? {
            self.each(&column, &mut |value| texts.push(bytes_of(value)))?;
        }
        Ok(texts)
    }

    pub fn flags(&self, name: &str) -> Result<Vec<Option<bool>>> {
        let mut flags = Vec::new();
        if let Some(column) = self.flat(name, Kind::Flag)? {
            self.each(&column, &mut |value| {
                flags.push(if let Some(Value::Flag(flag)) = value { Some(flag) } else { None });
            })?;
        }
        flags.resize(self.rows, None);
        Ok(flags)
    }

    pub fn numbers(&self, name: &str) -> Result<Vec<Option<i64>>> {
        self.scaled(name, Kind::Number)
    }

    /// Times of day, in microseconds since 1970.
    pub fn moments(&self, name: &str) -> Result<Vec<Option<i64>>> {
        self.scaled(name, Kind::Moment)
    }

    /// Names with their values.
    pub fn maps(&self, name: &str) -> Result<Vec<Vec<(String, String)>>> {
        let key = format!("{name}.key_value.key");
        // A key is always there, so its level is that of an entry.
        let Some(entry) = self.file.column(self.group, &key, Kind::Text)?.map(|key| key.whole()) else {
            return Ok(vec![Vec::new(); self.rows]);
        };
        let keys = self.lists(&key, entry)?;
        let values = self.lists(&format!("{name}.key_value.value"), entry)?;
        let pairs = |(keys, values): (Vec<Option<String>>, Vec<Option<String>>)| {
            keys.into_iter().zip(values).filter_map(|(key, value)| key.zip(value)).collect()
        };
        let mut maps: Vec<Vec<(String, String)>> = keys.into_iter().zip(values).map(pairs).collect();
        maps.resize(self.rows, Vec::new());
        Ok(maps)
    }

    fn scaled(&self, name: &str, kind: Kind) -> Result<Vec<Option<i64>>> {
        let mut numbers = Vec::new();
        if let Some(column) = self.flat(name, kind)? {
            let (factor, divisor) = column.scale();
            self.each(&column, &mut |value| {
                let number = if let Some(Value::Number(number)) = value { Some(number) } else { None };
                numbers.push(number.map(|number| number.saturating_mul(factor).div_euclid(divisor)));
            })?;
        }
        numbers.resize(self.rows, None);
        Ok(numbers)
    }

    /// A column with at most one value a row.
    fn flat(&self, name: &str, kind: Kind) -> Result<Option<Column>> {
        let column = self.file.column(self.group, name, kind)?;
        match column {
            Some(column) if column.is_repeated() => {
                Err(self.file.problem(&format!("its column {name} has a type that is not read")))
            }
            column => Ok(column),
        }
    }

    /// Calls `each` with the value of each row.
    fn each(&self, column: &Column, each: &mut dyn FnMut(Option<Value>)) -> Result<()> {
        let mut rows = 0;
        self.file.read(column, &mut |_, value| {
            rows += 1;
            if rows <= self.rows {
                each(value);
            }
        })?;
        if rows == self.rows {
            Ok(())
        } else {
            Err(self.file.problem("is damaged: columns differ in length"))
        }
    }

    /// The texts of a repeated column, of each row. Below the level `entry` there is none.
    fn lists(&self, path: &str, entry: u32) -> Result<Vec<Vec<Option<String>>>> {
        let mut lists: Vec<Vec<Option<String>>> = Vec::new();
        let Some(column) = self.file.column(self.group, path, Kind::Text)? else { return Ok(lists) };
        let mut left = MOST_LABELS;
        self.file.read(&column, &mut |level, value| {
            if level.is_first && lists.len() <= self.rows {
                lists.push(Vec::new());
            }
            let Some(list) = lists.last_mut().filter(|_| level.definition >= entry) else { return };
            let text = bytes_of(value).map(|bytes| &bytes[..bytes.len().min(LONGEST)]);
            left = left.saturating_sub(text.map_or(0, <[u8]>::len) + size_of::<Option<String>>());
            if left > 0 {
                list.push(text.map(|bytes| clean(&String::from_utf8_lossy(bytes)).into_owned()));
            }
        })?;
        if left == 0 {
            return Err(self.file.problem("has more labels than fit into memory"));
        }
        if lists.len() == self.rows {
            Ok(lists)
        } else {
            Err(self.file.problem("is damaged: columns differ in length"))
        }
    }
}

fn bytes_of(value: Option<Value<'_>>) -> Option<&[u8]> {
    if let Some(Value::Bytes(bytes)) = value { Some(bytes) } else { None }
}
