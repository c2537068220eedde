//! Writes rows as Parquet: one file, its rows in the order of time.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use crate::error::{self, Error};

use super::column::{Column, Get, map_levels};
use super::schema::{self, Table};

/// Rows of a row group. Engines skip whole groups by their statistics, and read groups in parallel:
/// so it is neither all rows nor a few.
pub(super) const GROUP: usize = 1 << 17;

/// The program, as files name it.
const PROGRAM: &str = concat!("stallgraph ", env!("CARGO_PKG_VERSION"));

/// Writes rows into one file.
pub(super) struct Writer<'w, R> {
    columns: Vec<Column<R>>,
    file: SerializedFileWriter<&'w mut (dyn Write + Send)>,
}

impl<'w, R> Writer<'w, R> {
    /// Begins a file of `table`.
    pub fn new(
        table: Table,
        columns: Vec<Column<R>>,
        out: &'w mut (dyn Write + Send),
    ) -> error::Result<Self> {
        let begin = || {
            let fields = columns.iter().map(Column::type_in_file).collect::<Result<_, ParquetError>>()?;
            let schema = Type::group_type_builder("stallgraph").with_fields(fields).build()?;
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties(table, &columns)))
        };
        let file = begin().map_err(failed)?;
        Ok(Writer { columns, file })
    }

    /// Adds rows, which come after those before.
    pub fn write(&mut self, rows: &[R]) -> error::Result<()> {
        rows.chunks(GROUP).try_for_each(|group| self.write_group(group)).map_err(failed)
    }

    fn write_group(&mut self, rows: &[R]) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        let mut leaf = |write: &dyn Fn(&mut SerializedColumnWriter) -> Result<(), ParquetError>| {
            let missing = || ParquetError::General("the schema has too few columns".to_owned());
            let mut out = group.next_column()?.ok_or_else(missing)?;
            write(&mut out)?;
            out.close()
        };
        for column in &self.columns {
            match column.get {
                Get::Text(get) => leaf(&|out| {
                    write_column::<ByteArrayType, R>(rows, |row| get(row).map(ByteArray::from), out)
                })?,
                Get::Flag(get) => leaf(&|out| write_column::<BoolType, R>(rows, get, out))?,
                Get::Short(get) => leaf(&|out| write_column::<Int32Type, R>(rows, get, out))?,
                Get::Long(get) | Get::Time(get) => {
                    leaf(&|out| write_column::<Int64Type, R>(rows, get, out))?;
                }
                Get::Fraction(get) => leaf(&|out| write_column::<DoubleType, R>(rows, get, out))?,
                Get::Map(get) => {
                    leaf(&|out| write_map(rows, get, MapPart::Keys, out))?;
                    leaf(&|out| write_map(rows, get, MapPart::Values, out))?;
                }
            }
        }
        group.close().map(|_| ())
    }

    /// Ends the file.
    pub fn finish(self) -> error::Result<()> {
        self.file.close().map(|_| ()).map_err(failed)
    }
}

/// How columns are written, and what a file says of itself.
fn properties<R>(table: Table, columns: &[Column<R>]) -> WriterProperties {
    let docs: serde_json::Map<String, serde_json::Value> =
        columns.iter().map(|column| (column.name.to_owned(), column.doc.into())).collect();
    let about = [
        ("schema_version", schema::VERSION.to_owned()),
        ("stallgraph.table", table.name().to_owned()),
        ("stallgraph.columns", serde_json::Value::Object(docs).to_string()),
    ];
    let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    let properties = WriterProperties::builder()
        .set_created_by(PROGRAM.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // Row groups are small enough: an index of their pages would be larger than what it saves.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(about))
        .set_sorting_columns(sorting(columns));
    columns.iter().fold(properties, set_encoding).build()
}

/// Rows are in the order of time.
fn sorting<R>(columns: &[Column<R>]) -> Option<Vec<SortingColumn>> {
    let time = columns.iter().position(|column| matches!(column.get, Get::Time(_)))?;
    let column_idx = i32::try_from(time).ok()?;
    Some(vec![SortingColumn { column_idx, descending: false, nulls_first: false }])
}

/// Texts and small numbers repeat, so they have a dictionary. Times grow, and lengths are alike.
fn set_encoding<R>(properties: WriterPropertiesBuilder, column: &Column<R>) -> WriterPropertiesBuilder {
    let path = || ColumnPath::from(column.name);
    match column.get {
        Get::Long(_) | Get::Time(_) => properties
            .set_column_dictionary_enabled(path(), false)
            .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED),
        Get::Fraction(_) => properties.set_column_dictionary_enabled(path(), false),
        Get::Text(_) | Get::Flag(_) | Get::Short(_) | Get::Map(_) => properties,
    }
}

fn write_column<T: DataType, R>(
    rows: &[R],
    get: impl Fn(&R) -> Option<T::T>,
    out: &mut SerializedColumnWriter,
) -> Result<(), ParquetError> {
    let mut values = Vec::new();
    let mut levels = Vec::new();
    for row in rows {
        let value = get(row);
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    out.typed::<T>().write_batch(&values, Some(&levels), None).map(|_| ())
}

/// One of the two columns of a map.
#[derive(Clone, Copy)]
enum MapPart {
    Keys,
    Values,
}

fn write_map<R>(
    rows: &[R],
    get: fn(&R) -> &[(String, String)],
    part: MapPart,
    out: &mut SerializedColumnWriter,
) -> Result<(), ParquetError> {
    let (mut values, mut levels, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let entries = get(row);
        if entries.is_empty() {
            levels.push(map_levels::EMPTY);
            repetitions.push(0);
        }
        for (index, (key, value)) in entries.iter().enumerate() {
            let (text, level) = match part {
                MapPart::Keys => (key, map_levels::KEY),
                MapPart::Values => (value, map_levels::VALUE),
            };
            values.push(ByteArray::from(text.as_str()));
            levels.push(level);
            repetitions.push(i16::from(index > 0));
        }
    }
    out.typed::<ByteArrayType>().write_batch(&values, Some(&levels), Some(&repetitions)).map(|_| ())
}

/// Only writing fails: the columns fit their types.
fn failed(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => Error::Output(*cause),
            Err(cause) => Error::Output(io::Error::other(cause)),
        },
        other => Error::Output(io::Error::other(other)),
    }
}
