//! Columns: the name of each, what it means, and how its value is taken from a row.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

/// A column of a table whose rows are `R`. Every value may be missing: files of other versions have
/// other columns, and a recording does not hold everything.
pub(super) struct Column<R> {
    pub name: &'static str,
    /// What it means. It is written into each file.
    pub doc: &'static str,
    pub get: Get<R>,
}

/// How a value is taken from a row. Numbers are signed, since Spark has no others.
pub(super) enum Get<R> {
    Text(fn(&R) -> Option<&str>),
    Flag(fn(&R) -> Option<bool>),
    /// 32 bits.
    Short(fn(&R) -> Option<i32>),
    /// 64 bits.
    Long(fn(&R) -> Option<i64>),
    Fraction(fn(&R) -> Option<f64>),
    /// Microseconds since 1970 (UTC): Spark reads no nanoseconds.
    Time(fn(&R) -> Option<i64>),
    /// Names with their values.
    Map(fn(&R) -> &[(String, String)]),
}

/// The definition levels of a map's keys and values.
pub(super) mod map_levels {
    /// There is a map, without entries.
    pub const EMPTY: i16 = 1;
    /// There is a key.
    pub const KEY: i16 = 2;
    /// There is a value.
    pub const VALUE: i16 = 3;
}

impl<R> Column<R> {
    pub fn text(name: &'static str, doc: &'static str, get: fn(&R) -> Option<&str>) -> Self {
        Column { name, doc, get: Get::Text(get) }
    }

    pub fn flag(name: &'static str, doc: &'static str, get: fn(&R) -> Option<bool>) -> Self {
        Column { name, doc, get: Get::Flag(get) }
    }

    pub fn short(name: &'static str, doc: &'static str, get: fn(&R) -> Option<i32>) -> Self {
        Column { name, doc, get: Get::Short(get) }
    }

    pub fn long(name: &'static str, doc: &'static str, get: fn(&R) -> Option<i64>) -> Self {
        Column { name, doc, get: Get::Long(get) }
    }

    pub fn fraction(name: &'static str, doc: &'static str, get: fn(&R) -> Option<f64>) -> Self {
        Column { name, doc, get: Get::Fraction(get) }
    }

    pub fn time(name: &'static str, doc: &'static str, get: fn(&R) -> Option<i64>) -> Self {
        Column { name, doc, get: Get::Time(get) }
    }

    pub fn map(name: &'static str, doc: &'static str, get: fn(&R) -> &[(String, String)]) -> Self {
        Column { name, doc, get: Get::Map(get) }
    }

    /// Its type in a file.
    pub fn type_in_file(&self) -> Result<TypePtr, ParquetError> {
        let plain = |physical, logical| {
            Type::primitive_type_builder(self.name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical)
                .build()
        };
        let made = match self.get {
            Get::Text(_) => plain(Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Get::Flag(_) => plain(Physical::BOOLEAN, None),
            Get::Short(_) => plain(Physical::INT32, None),
            Get::Long(_) => plain(Physical::INT64, None),
            Get::Fraction(_) => plain(Physical::DOUBLE, None),
            Get::Time(_) => plain(Physical::INT64, Some(moment())),
            Get::Map(_) => return self.map_in_file(),
        };
        made.map(Arc::new)
    }

    /// A map has three levels: LogicalTypes.md of the format's specification, "Maps".
    fn map_in_file(&self) -> Result<TypePtr, ParquetError> {
        let text = |name, repetition| {
            Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                .with_repetition(repetition)
                .with_logical_type(Some(LogicalType::String))
                .build()
                .map(Arc::new)
        };
        let entries = Type::group_type_builder("key_value")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![text("key", Repetition::REQUIRED)?, text("value", Repetition::OPTIONAL)?])
            .build()?;
        Type::group_type_builder(self.name)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::Map))
            .with_fields(vec![Arc::new(entries)])
            .build()
            .map(Arc::new)
    }
}

/// A time of day.
pub(super) fn moment() -> LogicalType {
    LogicalType::timestamp(true, TimeUnit::MICROS)
}
