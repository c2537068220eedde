"""The files of a folder of tables, by what pyarrow reads in them."""

import datetime
import json
import re

import pyarrow
import pyarrow.parquet

KINDS = {
    "text": "string",
    "i32": "int32",
    "i64": "int64",
    "f64": "double",
    "bool": "bool",
    "time": "timestamp[us, tz=UTC]",
    "map": "map<string, string>",
}
TABLES = ["recordings", "stalls", "culprits", "evidence", "victims", "windows", "samples", "stacks", "frames"]
PATH = re.compile(r"(\w+)/date=(\d{4}-\d{2}-\d{2})/node=([A-Za-z][A-Za-z0-9._-]*)/([\w.-]+)\.parquet")


def all_files(folder):
    return sorted(folder.rglob("*.parquet"))


def documented(page):
    """The columns of each table in docs/fleet-tables.md: name to type, in order."""
    tables, columns = {}, None
    for line in page.splitlines():
        if match := re.fullmatch(r"#+ `(\w+)`", line):
            columns = tables.setdefault(match[1], {})
        elif columns is not None and (match := re.match(r"\| `(\w+)` \| (\w+) \|", line)):
            columns[match[1]] = match[2]
    return {table: columns for table, columns in tables.items() if columns}


def check(folder, path, columns):
    """Checks one file against the documented columns. Returns how many rows it has."""
    match = PATH.fullmatch(str(path.relative_to(folder)))
    assert match, f"{path}: not the path of a table"
    table, date, _, recording = match.groups()
    file = pyarrow.parquet.ParquetFile(path)
    schema, meta = file.schema_arrow, file.metadata
    fields = {field.name: str(field.type).replace(" ('labels')", "") for field in schema}
    expected = {name: KINDS[kind] for name, kind in columns[table].items()}
    assert fields == expected, f"{path}: {fields} and not {expected}"
    assert list(fields) == list(expected), f"{path}: order of columns"
    assert all(field.nullable for field in schema), f"{path}: a column that must have a value"
    assert not {"date", "node"} & set(fields), f"{path}: date and node are folders"
    about = {key.decode(): value.decode() for key, value in (meta.metadata or {}).items()}
    assert about["schema_version"] == "1" and about["stallgraph.table"] == table, f"{path}: {about}"
    if "stallgraph.columns" in about:
        assert set(json.loads(about["stallgraph.columns"])) == set(fields), f"{path}: words for columns"
    assert meta.created_by.startswith("stallgraph "), meta.created_by
    rows = file.read()
    assert rows.num_rows > 0, f"{path}: no rows"
    assert set(rows["recording"].to_pylist()) == {recording}, f"{path}: another recording"
    times = rows["time"].to_pylist()
    check_times(path, date, times)
    for group in range(meta.num_row_groups):
        check_statistics(path, meta.row_group(group), file.read_row_group(group))
    return rows.num_rows


def check_times(path, date, times):
    """Rows are in the order of time, and lie on their day. Those without a time lie in 1970."""
    if None in times:
        assert set(times) == {None} and date == "1970-01-01", f"{path}: rows without a time"
    else:
        assert times == sorted(times), f"{path}: not in the order of time"
        days = {str(time.astimezone(datetime.timezone.utc).date()) for time in times}
        assert days == {date}, f"{path}: {days}"


def check_statistics(path, group, rows):
    """Smallest and largest value and the number of NULLs are those of the rows."""
    for index in range(group.num_columns):
        column = group.column(index)
        assert column.compression == "ZSTD", f"{path}: {column.compression}"
        name = column.path_in_schema
        if "." in name:
            continue  # a part of a map
        values = rows[name].to_pylist()
        present = [value for value in values if value is not None]
        found = column.statistics
        assert found is not None and found.null_count == len(values) - len(present), f"{path}: {name}: NULLs"
        if present and isinstance(present[0], float):
            continue  # their bounds are in IEEE's total order, which pyarrow passes over
        assert found.has_min_max == bool(present), f"{path}: {name}: bounds"
        if present and isinstance(present[0], str):
            # Long texts may be cut, to a bound that is still one.
            assert found.min.encode() <= min(map(str.encode, present)), f"{path}: {name}: {found.min}"
            assert found.max.encode() >= max(map(str.encode, present)), f"{path}: {name}: {found.max}"
        elif present:
            assert (found.min, found.max) == (min(present), max(present)), f"{path}: {name}: {found}"
