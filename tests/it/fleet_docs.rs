//! What docs/fleet and docs/fleet-tables.md say of tables and metrics is what the program writes.
//! scripts/check-fleet runs the queries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use parquet::basic::{LogicalType, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::Type;
use regex::Regex;
use serde_json::Value;

use crate::support::sources::{files, read, root};
use crate::support::{Recording, stdout_of};

/// The columns of a table, in order, each with its type and what it is.
type Columns = Vec<[String; 3]>;

fn document(name: &str) -> String {
    read(&root().join("docs").join(name))
}

/// A column's type, as the page names it.
fn kind(column: &Type) -> &'static str {
    if column.is_group() {
        return "map";
    }
    match (column.get_physical_type(), column.get_basic_info().logical_type_ref()) {
        (Physical::BYTE_ARRAY, Some(LogicalType::String)) => "text",
        (Physical::INT64, Some(LogicalType::Timestamp { .. })) => "time",
        (Physical::BOOLEAN, None) => "bool",
        (Physical::INT32, None) => "i32",
        (Physical::INT64, None) => "i64",
        (Physical::DOUBLE, None) => "f64",
        (physical, logical) => panic!("{}: {physical} {logical:?}", column.name()),
    }
}

/// The columns of a file, and the words for them in its metadata.
fn columns(path: &Path) -> Columns {
    let reader = SerializedFileReader::new(File::open(path).expect("the file")).expect("Parquet");
    let about = reader.metadata().file_metadata();
    let words = about.key_value_metadata().expect("metadata").iter();
    let words = words.filter(|pair| pair.key == "stallgraph.columns").find_map(|pair| pair.value.as_ref());
    let words: BTreeMap<String, String> = serde_json::from_str(words.expect("words")).expect("JSON");
    let fields = about.schema().get_fields().iter();
    fields
        .map(|field| [field.name().to_owned(), kind(field).to_owned(), words[field.name()].clone()])
        .collect()
}

/// All tables, from a recording that has rows in each.
fn tables() -> BTreeMap<String, Columns> {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = Recording::open("evidence");
    let mut export = evidence.command("export");
    export.args(["--format", "parquet", "--samples", "--node", "a", "-o"]).arg(folder.path());
    stdout_of(&mut export);
    let name = |path: &Path| {
        let table = path.strip_prefix(folder.path()).expect("it is in the folder").iter().next();
        table.expect("a table").to_string_lossy().into_owned()
    };
    files(folder.path()).iter().map(|path| (name(path), columns(path))).collect()
}

/// The tables that the page describes.
fn documented() -> BTreeMap<String, Columns> {
    let table = Regex::new("^### `([a-z]+)`$").expect("a pattern");
    let row = Regex::new(r"^\| `(\w+)` \| (\w+) \| (.*) \|$").expect("a pattern");
    let mut tables: BTreeMap<String, Columns> = BTreeMap::new();
    let mut current = None;
    for line in document("fleet-tables.md").lines() {
        if let Some(found) = table.captures(line) {
            current = Some(found[1].to_owned());
        } else if let (Some(name), Some(found)) = (&current, row.captures(line)) {
            let column = [1, 2, 3].map(|part| found[part].to_owned());
            tables.entry(name.clone()).or_default().push(column);
        }
    }
    tables
}

#[test]
fn the_page_describes_each_column() {
    assert_eq!(documented(), tables());
}

/// The names and types of columns that a set-up script gives to an engine.
fn named_in(script: &str, table: &str, begin: &str, end: &str) -> Vec<(String, String)> {
    let begin = begin.replace("TABLE", table);
    let (_, rest) = script.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (list, _) = rest.split_once(end).expect("an end");
    // Commas in a type have no column's name after them.
    let column = Regex::new(r"(?:^|,)\s*([a-z_]+) ((?:[^,(<]|[(<][^)>]*[)>])+)").expect("a pattern");
    let pairs = column.captures_iter(list);
    pairs.map(|found| (found[1].to_owned(), found[2].trim().to_owned())).collect()
}

#[test]
fn the_scripts_name_each_column() {
    let spark = ["spark.sql", "spark-details.sql", "spark-samples.sql"];
    let spark: String = spark.map(|name| document(&format!("fleet/{name}"))).concat();
    let clickhouse = document("fleet/clickhouse.sql");
    let spark_types = [
        ("text", "string"),
        ("i32", "int"),
        ("i64", "bigint"),
        ("f64", "double"),
        ("bool", "boolean"),
        ("time", "timestamp"),
        ("map", "map<string, string>"),
    ];
    let clickhouse_types = [
        ("text", "Nullable(String)"),
        ("i32", "Nullable(Int32)"),
        ("i64", "Nullable(Int64)"),
        ("f64", "Nullable(Float64)"),
        ("bool", "Nullable(Bool)"),
        ("time", "Nullable(DateTime64(6, ''UTC''))"),
        ("map", "Map(String, Nullable(String))"),
    ];
    for (table, columns) in documented() {
        let expected = |types: [(&str, &str); 7], partitions: [(&str, &str); 2]| {
            let types = BTreeMap::from(types);
            let own = columns.iter().map(|[name, kind, _]| (name.clone(), types[kind.as_str()].to_owned()));
            let partitions = partitions.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
            own.chain(partitions).collect::<Vec<_>>()
        };
        let found = named_in(&spark, &table, "temporary view TABLE (", "\n) using parquet");
        assert_eq!(found, expected(spark_types, [("date", "date"), ("node", "string")]), "{table}");
        let texts = [("date", "Nullable(String)"), ("node", "Nullable(String)")];
        let found = named_in(&clickhouse, &table, "'fleet/TABLE/**/*.parquet', 'Parquet', '", "');");
        assert_eq!(found, expected(clickhouse_types, texts), "{table}");
        let duckdb = ["duckdb.sql", "duckdb-details.sql", "duckdb-samples.sql"];
        let duckdb: String = duckdb.map(|name| document(&format!("fleet/{name}"))).concat();
        assert!(duckdb.contains(&format!("'fleet/{table}/**/*.parquet'")), "{table}");
    }
}

pub fn dashboard(name: &str) -> Value {
    serde_json::from_str(&document(&format!("fleet/{name}"))).expect("JSON")
}

/// The queries of a dashboard, each with the title of its panel.
pub fn queries<'d>(dashboard: &'d Value, field: &str) -> Vec<(&'d str, &'d str)> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    let mut queries = Vec::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().expect("targets") {
            assert_eq!(target["datasource"], panel["datasource"], "{title}");
            queries.push((title, target[field].as_str().expect("a query")));
        }
    }
    queries
}

#[test]
fn the_dashboard_asks_clickhouse_for_views() {
    let dashboard = dashboard("grafana-clickhouse.json");
    let setup = document("fleet/clickhouse.sql");
    let source = Regex::new(r"\bfrom (\w+)").expect("a pattern");
    let queries = queries(&dashboard, "rawSql");
    assert!(queries.len() > 8, "{queries:?}");
    for (title, query) in queries {
        assert!(query.contains("$__timeFilter("), "{title}: all times");
        for view in source.captures_iter(query) {
            assert!(setup.contains(&format!("create or replace view {} as", &view[1])), "{title}: {query}");
        }
    }
}
