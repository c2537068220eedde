"""Files of other versions of the schema, beside those of this one.

usage: old_files.py STALLGRAPH    makes testdata/fleet again
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import pyarrow
import pyarrow.parquet

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLDER = ROOT / "testdata" / "fleet"
# What the older version did not have yet.
MISSING = {"recordings": ["kept", "overloads", "labels"], "stalls": ["known", "certainty", "cgroup", "packets"]}
COUNT = "select count(*) as stalls, count(distinct node) as nodes, sum(duration_ns) as stalled_ns from stalls"
OLD = "select node, min(known) as known, min(certainty) as certainty, count(*) as stalls from stalls " \
      "where node in ('older', 'newer') group by node order by node"


def make(stallgraph):
    """A recording's tables as an older version would have written them: without some columns."""
    with tempfile.TemporaryDirectory() as folder:
        command = [stallgraph, "export", ROOT / "testdata/system/perf.data", "--format", "parquet", "-o", folder]
        subprocess.run(command + ["--node", "older"], check=True)
        for path in sorted(pathlib.Path(folder).rglob("*.parquet")):
            table = path.relative_to(folder).parts[0]
            if table in MISSING:
                to = OLDER / path.relative_to(folder)
                to.parent.mkdir(parents=True, exist_ok=True)
                rewrite(path, to, lambda rows, table=table: rows.drop_columns(MISSING[table]))


def rewrite(path, to, change):
    """Writes a file with other columns, and with the same words about itself."""
    file = pyarrow.parquet.ParquetFile(path)
    words = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    words.pop("stallgraph.columns", None)
    rows = change(file.read())
    with pyarrow.parquet.ParquetWriter(to, rows.schema, compression="zstd", store_schema=False) as out:
        out.write_table(rows)
        out.add_key_value_metadata(words)


def newer(path, to):
    """A file of a version to come: with a column that nobody knows, and one before all others."""
    def change(rows):
        unknown = pyarrow.array([[1, 2]] * rows.num_rows, pyarrow.list_(pyarrow.int64()))
        rows = rows.append_column("later", unknown)
        return rows.add_column(0, "first", pyarrow.array(["x"] * rows.num_rows))

    to.parent.mkdir(parents=True, exist_ok=True)
    rewrite(path, to, change)


def check(used, look_at, fleet, folder, said):
    """All engines, and `said`, which asks `fleet` of a folder, read such files beside the others."""
    before = used[0].run(COUNT)[1][0]
    shutil.copytree(fleet, folder)
    shutil.copytree(OLDER, folder, dirs_exist_ok=True)
    for path in sorted(OLDER.rglob("*.parquet")):
        newer(path, folder / str(path.relative_to(OLDER)).replace("node=older", "node=newer"))
    added = pyarrow.parquet.read_table(next((OLDER / "stalls").rglob("*.parquet")), partitioning=None)
    ns = sum(added["duration_ns"].to_pylist())
    look_at(used, folder)
    expected = [(before[0] + 2 * added.num_rows, before[1] + 2, before[2] + 2 * ns)]
    for engine in used:
        found = engine.run(COUNT)[1]
        assert found == expected, f"{engine.name}: {found} and not {expected}"
        found = engine.run(OLD)[1]
        nothing = (None, None, added.num_rows)
        assert found == [("newer", *nothing), ("older", *nothing)], f"{engine.name}: {found}"
        print(f"{engine.name} reads files of an older and a newer version beside the others")
    answer = said(folder)
    if answer is not None:
        assert answer["totals"]["stalls"] + answer["totals"]["unsure"] == expected[0][0], answer["totals"]
        assert not answer["skipped"], answer["skipped"]
        print("fleet reads them, too")


if __name__ == "__main__":
    make(sys.argv[1])
