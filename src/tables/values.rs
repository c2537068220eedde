//! The values of columns of a file, some rows at a time, whatever type an engine gave them.

use std::collections::HashMap;
use std::io;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type, Int96Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;
use parquet::schema::types::ColumnDescriptor;

use crate::model::clean;

/// A row group, whose columns are found by name.
pub(super) struct Group<'g> {
    reader: &'g dyn RowGroupReader,
    /// The position of each leaf: a map has two.
    leaves: HashMap<String, usize>,
}

/// Values of one column, the next rows at each call. `None` is a column that the file has not.
pub(super) struct Values<T>(Option<Box<Next<T>>>);

/// Gives the values of the next rows.
type Next<T> = dyn FnMut(usize) -> Result<Vec<Option<T>>>;

impl<T: Clone> Values<T> {
    /// The values of the next `rows` rows.
    pub fn next(&mut self, rows: usize) -> Result<Vec<Option<T>>> {
        let values = match &mut self.0 {
            Some(next) => next(rows)?,
            None => vec![None; rows],
        };
        if values.len() == rows { Ok(values) } else { Err(damaged("a column has too few values")) }
    }
}

impl<'g> Group<'g> {
    pub fn new(reader: &'g dyn RowGroupReader) -> Group<'g> {
        let columns = reader.metadata().columns().iter().enumerate();
        let leaves = columns.map(|(at, column)| (column.column_path().string(), at)).collect();
        Group { reader, leaves }
    }

    /// A column of texts. They are made safe to print.
    pub fn texts(&self, name: &str) -> Result<Values<String>> {
        let Some((mut column, levels)) = self.flat::<ByteArrayType>(name, Physical::BYTE_ARRAY)? else {
            return Ok(Values(None));
        };
        Ok(Values(Some(Box::new(move |rows| read(&mut column, levels, rows, |bytes| Some(text(bytes)))))))
    }

    /// A column of flags.
    pub fn flags(&self, name: &str) -> Result<Values<bool>> {
        let Some((mut column, levels)) = self.flat::<BoolType>(name, Physical::BOOLEAN)? else {
            return Ok(Values(None));
        };
        Ok(Values(Some(Box::new(move |rows| read(&mut column, levels, rows, |flag| Some(*flag))))))
    }

    /// A column of whole numbers.
    pub fn numbers(&self, name: &str) -> Result<Values<i64>> {
        self.whole(name, 1, 1)
    }

    /// A column of times of day, in us.
    pub fn moments(&self, name: &str) -> Result<Values<i64>> {
        let Some(column) = self.column(name) else { return Ok(Values(None)) };
        if column.physical_type() == Physical::INT96 {
            let Some((mut column, levels)) = self.flat::<Int96Type>(name, Physical::INT96)? else {
                return Ok(Values(None));
            };
            let next = move |rows| read(&mut column, levels, rows, |time| Some(time.to_micros()));
            return Ok(Values(Some(Box::new(next))));
        }
        let converted = column.converted_type();
        match column.logical_type_ref() {
            Some(LogicalType::Timestamp(time)) => match time.unit {
                TimeUnit::MILLIS => self.whole(name, 1000, 1),
                TimeUnit::MICROS => self.whole(name, 1, 1),
                TimeUnit::NANOS => self.whole(name, 1, 1000),
            },
            _ if converted == ConvertedType::TIMESTAMP_MICROS => self.whole(name, 1, 1),
            _ if converted == ConvertedType::TIMESTAMP_MILLIS => self.whole(name, 1000, 1),
            _ => Err(damaged(&format!("its column {name} has no times"))),
        }
    }

    /// A column of maps.
    pub fn maps(&self, name: &str) -> Result<Values<Vec<(String, String)>>> {
        let leaf = |leaf: &str| self.leaf::<ByteArrayType>(&format!("{name}.key_value.{leaf}"));
        let (Some(mut keys), Some(mut values)) = (leaf("key")?, leaf("value")?) else {
            return Ok(Values(None));
        };
        let next = move |rows| {
            let keys = read_lists(&mut keys.0, keys.1, rows)?;
            let values = read_lists(&mut values.0, values.1, rows)?;
            let pair = |(keys, values): (Vec<Option<String>>, Vec<Option<String>>)| {
                let pairs = keys.into_iter().zip(values);
                pairs.filter_map(|(key, value)| key.zip(value)).collect()
            };
            Ok(keys.into_iter().zip(values).map(pair).map(Some).collect())
        };
        Ok(Values(Some(Box::new(next))))
    }

    /// A column of whole numbers of any size, multiplied and divided.
    fn whole(&self, name: &str, factor: i64, divisor: i64) -> Result<Values<i64>> {
        let Some(column) = self.column(name) else { return Ok(Values(None)) };
        let scaled = move |number: i64| Some(number.saturating_mul(factor).div_euclid(divisor));
        match column.physical_type() {
            Physical::INT32 => {
                let Some((mut column, levels)) = self.flat::<Int32Type>(name, Physical::INT32)? else {
                    return Ok(Values(None));
                };
                let next = move |rows| read(&mut column, levels, rows, |number| scaled(i64::from(*number)));
                Ok(Values(Some(Box::new(next))))
            }
            _ => {
                let Some((mut column, levels)) = self.flat::<Int64Type>(name, Physical::INT64)? else {
                    return Ok(Values(None));
                };
                let next = move |rows| read(&mut column, levels, rows, |number| scaled(*number));
                Ok(Values(Some(Box::new(next))))
            }
        }
    }

    fn column(&self, name: &str) -> Option<&ColumnDescriptor> {
        self.leaves.get(name).map(|at| self.reader.metadata().column(*at).column_descr())
    }

    /// A column of this type, with one value a row at most.
    fn flat<T: DataType>(&self, name: &str, physical: Physical) -> Result<Option<Leaf<T>>> {
        let Some(column) = self.column(name) else { return Ok(None) };
        if column.physical_type() != physical || column.max_rep_level() > 0 {
            return Err(damaged(&format!("its column {name} has another type")));
        }
        self.leaf(name)
    }

    fn leaf<T: DataType>(&self, path: &str) -> Result<Option<Leaf<T>>> {
        let Some(&at) = self.leaves.get(path) else { return Ok(None) };
        let column = self.reader.metadata().column(at).column_descr();
        if column.physical_type() != T::get_physical_type() {
            return Err(damaged(&format!("its column {path} has another type")));
        }
        let levels = Levels { definition: column.max_def_level(), repetition: column.max_rep_level() };
        let reader: ColumnReader = self.reader.get_column_reader(at)?;
        Ok(Some((get_typed_column_reader(reader), levels)))
    }
}

/// A leaf of the schema, and the levels of its values.
type Leaf<T> = (ColumnReaderImpl<T>, Levels);

/// The levels that a value has.
#[derive(Clone, Copy)]
struct Levels {
    definition: i16,
    repetition: i16,
}

/// The next values, one for each row.
fn read<T: DataType, V>(
    column: &mut ColumnReaderImpl<T>,
    levels: Levels,
    rows: usize,
    value: impl Fn(&T::T) -> Option<V>,
) -> Result<Vec<Option<V>>> {
    let (mut values, mut definitions) = (Vec::new(), Vec::new());
    let (records, ..) = column.read_records(rows, Some(&mut definitions), None, &mut values)?;
    if levels.definition == 0 {
        definitions = vec![0; records];
    }
    let mut values = values.iter();
    let next = |level| if level == levels.definition { values.next().and_then(&value) } else { None };
    Ok(definitions.into_iter().map(next).collect())
}

/// The next lists, one for each row.
fn read_lists(
    column: &mut ColumnReaderImpl<ByteArrayType>,
    levels: Levels,
    rows: usize,
) -> Result<Vec<Vec<Option<String>>>> {
    if levels.repetition != 1 {
        return Err(damaged("a map is none"));
    }
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    column.read_records(rows, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
    let mut values = values.iter();
    let mut lists: Vec<Vec<Option<String>>> = Vec::new();
    // Below this level there is no entry: the map is missing or empty.
    let is_entry = |level: i16| level >= ENTRY;
    for (definition, repetition) in definitions.into_iter().zip(repetitions) {
        if repetition == 0 {
            lists.push(Vec::new());
        }
        let value = if definition == levels.definition { values.next().map(text) } else { None };
        if let Some(list) = lists.last_mut().filter(|_| is_entry(definition)) {
            list.push(value);
        }
    }
    Ok(lists)
}

/// The definition level of an entry of a map that may be missing.
const ENTRY: i16 = 2;

/// A text that is safe to print.
fn text(bytes: &ByteArray) -> String {
    clean(&String::from_utf8_lossy(bytes.data())).into_owned()
}

/// What is wrong with a file.
pub(super) fn damaged(what: &str) -> ParquetError {
    ParquetError::External(Box::new(io::Error::other(what.to_owned())))
}
