"""DuckDB, Spark and ClickHouse: each makes the views of docs/fleet over a folder, and answers."""

import datetime
import decimal
import json
import pathlib
import re

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "fleet"


def statements(text):
    """The statements of a script, without comments."""
    lines = [re.sub(r"^\s*--.*", "", line) for line in text.splitlines()]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip(" \n;")]


def script(name, folder):
    """The statements of a set-up script, with another folder for `fleet`, for the tables it has."""
    text = (DOCUMENTS / name).read_text()
    tables = re.findall(r"'fleet/(\w+)", text)
    missing = [table for table in tables if not (folder / table).is_dir()]
    ours = [part for part in statements(text + "\n") if not any(f"'fleet/{table}" in part for table in missing)]
    if {"stacks", "frames"} & set(missing):
        ours = [part for part in ours if "folded_stacks" not in part]
    return [part.replace("'fleet/", f"'{folder}/") for part in ours]


def scripts(engine, folder):
    names = [f"{engine}{part}.sql" for part in ("", "-details", "-samples")]
    return [part for name in names if (DOCUMENTS / name).exists() for part in script(name, folder)]


def plain(value):
    """A value as all engines give it: times in UTC without a zone, whole numbers as int.

    A time without a zone is one of this machine's zone: so Spark gives it.
    """
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, decimal.Decimal) and value == value.to_integral_value():
        return int(value)
    return value


class DuckDb:
    name = "DuckDB"
    moment = "to_timestamp({})"

    def __init__(self, folder):
        import duckdb

        self.version = duckdb.__version__
        self.connection = duckdb.connect()
        self.connection.execute("set threads = 2")
        self.look_at(folder)

    def look_at(self, folder):
        for statement in scripts("duckdb", folder):
            self.connection.execute(statement)

    def run(self, query):
        cursor = self.connection.execute(query)
        names = [column[0] for column in cursor.description]
        return names, [tuple(map(plain, row)) for row in cursor.fetchall()]

    def types(self, table):
        return {row[0]: row[1] for row in self.connection.execute(f"describe {table}").fetchall()}


class ClickHouse:
    name = "ClickHouse"
    moment = "toDateTime({})"

    def __init__(self, folder):
        from chdb import session

        self.session = session.Session()
        self.session.query("set max_threads = 2")
        self.session.query("create database fleet")
        self.session.query("use fleet")
        self.version = self.session.query("select version()", "TSVRaw").data().strip()
        self.look_at(folder)

    def look_at(self, folder):
        for statement in scripts("clickhouse", folder):
            self.session.query(statement)

    def run(self, query):
        text = self.session.query(query.rstrip().rstrip(";"), "JSONCompactStringsEachRowWithNamesAndTypes").data()
        names, types, *rows = [json.loads(line) for line in text.splitlines()]
        return names, [tuple(map(clickhouse_value, types, row)) for row in rows]

    def types(self, table):
        _, rows = self.run(f"describe table {table}")
        return {row[0]: row[1] for row in rows}


def clickhouse_value(kind, text):
    """A value of a text, which ClickHouse gives for each type."""
    while match := re.fullmatch(r"(?:Nullable|LowCardinality)\((.*)\)", kind):
        kind = match[1]
    if text is None or text == "ᴺᵁᴸᴸ":
        return None
    if kind.startswith("DateTime"):
        return datetime.datetime.fromisoformat(text)
    if kind == "Date":
        return datetime.date.fromisoformat(text)
    if kind.startswith(("Int", "UInt")):
        return int(text)
    if kind.startswith("Float"):
        return float(text)
    if kind == "Bool":
        return text == "true"
    return text


class Spark:
    name = "Spark"
    moment = "timestamp_seconds({})"

    def __init__(self, folder):
        import pyspark
        from pyspark.sql import SparkSession

        self.version = pyspark.__version__
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        }
        builder = SparkSession.builder.master("local[2]")
        for key, value in settings.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")
        self.look_at(folder)

    def look_at(self, folder):
        for statement in scripts("spark", folder):
            self.session.sql(statement)

    def run(self, query):
        frame = self.session.sql(query.rstrip().rstrip(";"))
        return frame.columns, [tuple(map(plain, row)) for row in frame.collect()]

    def types(self, table):
        return {field.name: field.dataType.simpleString() for field in self.session.table(table).schema}


def difference(expected, found):
    """Where two answers differ, or None. Fractions may differ by 1e-9 of their value."""
    (names, rows), (other_names, other_rows) = expected, found
    if list(names) != list(other_names):
        return f"columns {names} and {other_names}"
    if len(rows) != len(other_rows):
        return f"{len(rows)} and {len(other_rows)} rows"
    for number, (row, other) in enumerate(zip(rows, other_rows), 1):
        if len(row) != len(other) or not all(map(same, row, other)):
            return f"row {number}: {row} and {other}"
    return None


def same(one, other):
    if isinstance(one, float) and isinstance(other, (int, float)):
        return abs(one - other) <= 1e-9 * max(abs(one), abs(other))
    return one == other and isinstance(other, type(one))
