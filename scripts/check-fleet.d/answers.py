"""What the engines answer: the same in all, and the same as `stallgraph fleet`."""

import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import engines
import files
from recordings import folder_of

# The types of columns, as each engine calls them.
TYPES = {
    "DuckDB": {"text": "VARCHAR", "i32": "INTEGER", "i64": "BIGINT", "f64": "DOUBLE", "bool": "BOOLEAN",
               "time": "TIMESTAMP WITH TIME ZONE", "map": "MAP(VARCHAR, VARCHAR)"},
    "Spark": {"text": "string", "i32": "int", "i64": "bigint", "f64": "double", "bool": "boolean",
              "time": "timestamp", "map": "map<string,string>"},
    "ClickHouse": {"text": "Nullable(String)", "i32": "Nullable(Int32)", "i64": "Nullable(Int64)",
                   "f64": "Nullable(Float64)", "bool": "Nullable(Bool)",
                   "time": "Nullable(DateTime64(6, 'UTC'))", "map": "Map(String, Nullable(String))"},
}
PARTITIONS = {"DuckDB": ("DATE", "VARCHAR"), "Spark": ("date", "string"), "ClickHouse": ("Date", "String")}
# When the queries are asked: 2026-03-10, 06:00. Most recordings are older than a day then.
NOW = int(datetime.datetime(2026, 3, 10, 6, tzinfo=datetime.timezone.utc).timestamp())
# The reference of the ranking: all stalls that are sure enough.
RANKING = """
select culprit, count(distinct node) as nodes, count(*) as stalls, sum(duration_ns) as stalled_ns,
  max(duration_ns) as longest_ns, min(time) as first_time, max(time) as last_time
from stalls where confidence <> 'low' group by culprit
order by nodes desc, stalled_ns desc, culprit"""
BY_NODE = """
select r.host as host, count(*) as recordings, sum(r.duration_ns) as observed_ns from recordings r
group by r.host order by host"""
STALLS_BY_NODE = """
select r.host as host, count(*) as stalls, sum(s.duration_ns) as stalled_ns,
  max(s.duration_ns) as longest_ns, min(s.time) as first_time, max(s.time) as last_time
from stalls s join recordings r on s.node = r.node and s.recording = r.recording
where s.confidence <> 'low' group by r.host order by host"""
# What each table holds, so that no engine leaves out a file or a value.
WHOLE = """
select '{table}' as part, count(*) as part_rows, count(distinct node) as nodes,
  count(distinct date) as dates, count(time) as timed, min(time) as first_time, max(time) as last_time
from {table}"""
LABELS = """
select node, labels['zone'] as zone, labels['none'] as none_such, count(*) as recordings,
  min(date) as first_date, max(date) as last_date
from recordings group by node, labels['zone'], labels['none'] order by node, zone"""


def queries():
    """The queries of docs/fleet, by name."""
    setups = re.compile(r"(duckdb|spark|clickhouse)(-\w+)?\.sql")
    return {path.name: path.read_text() for path in sorted(engines.DOCUMENTS.glob("*.sql"))
            if not setups.fullmatch(path.name)}


def environment(duckdb):
    return {**os.environ, "DUCKDB": str(duckdb), "PATH": f"{duckdb.parent}:{os.environ['PATH']}"}


def check_types(used, columns):
    for engine in used:
        for table, kinds in columns.items():
            expected = {name: TYPES[engine.name][kind] for name, kind in kinds.items()}
            expected["date"], expected["node"] = PARTITIONS[engine.name]
            found = engine.types(table)
            assert found == expected, f"{engine.name}: {table}: {found} and not {expected}"
        print(f"{engine.name} has the types of {len(columns)} tables")


def ask_all(used, before=None, now=NOW, tables=files.TABLES):
    """Asks all engines everything. `before` is what they answered earlier. Returns the answers."""
    texts = {**queries(), "ranking": RANKING, "nodes": BY_NODE, "stalls of nodes": STALLS_BY_NODE, "labels": LABELS}
    for table in tables:
        texts[f"table {table}"] = WHOLE.format(table=table)
    if "samples" not in tables:
        texts.pop("culprit-samples.sql")
    is_whole = tables == files.TABLES
    found = {}
    for name, text in texts.items():
        times = []
        for engine in used:
            begin = time.monotonic()
            try:
                answer = engine.run(text.replace("now()", engine.moment.format(now)))
            except Exception as error:
                raise AssertionError(f"{engine.name}: {name}: {error}") from error
            times.append(f"{engine.name} {time.monotonic() - begin:.2f} s")
            expected = (before or found).get(name)
            if expected is None:
                assert answer[1] or not is_whole, f"{name}: no rows"
                found[name] = answer
            else:
                problem = engines.difference(expected, answer)
                assert problem is None, f"{engine.name}: {name}: {problem}"
        print(f"{name}: {len(answer[1])} rows, {', '.join(times)}")
    return found


def since_1970_ns(moment):
    if moment is None:
        return None
    return (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) * 1000


def fleet(stallgraph, *paths):
    """What `stallgraph fleet` says of folders."""
    command = [stallgraph, "fleet", "--format", "json", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f"{command}: {done.stderr}"
    return json.loads(done.stdout)


def check_fleet(stallgraph, folder, found):
    """`fleet` says the same of recordings, or of their tables, as SQL does."""
    said = fleet(stallgraph, folder)
    problem = compare(said, found, folder.name == "recordings")
    assert problem is None, f"fleet {folder.name}: {problem}"
    print(f"fleet says the same of {folder.name}: {len(said['culprits'])} culprits, {len(said['nodes'])} nodes")


def compare(said, found, is_of_recordings):
    names = ["nodes", "stalls", "stalled_ns", "longest_ns", "first_since_1970_ns", "last_since_1970_ns"]
    culprits = [(one["culprit"], *(one[name] for name in names)) for one in said["culprits"]]
    expected = [(*row[:5], since_1970_ns(row[5]), since_1970_ns(row[6])) for row in found["ranking"][1]]
    if culprits != expected:
        return f"culprits {culprits} and not {expected}"
    name_of = folder_of if is_of_recordings else str
    stalls = {row[0]: row[1:] for row in found["stalls of nodes"][1]}
    nodes = sorted((one["node"], one["recordings"], one["stalls"], one["stalled_ns"]) for one in said["nodes"])
    expected = sorted((name_of(row[0]), row[1], *stalls.get(row[0], (0, 0))[:2]) for row in found["nodes"][1])
    return None if nodes == expected else f"nodes {nodes} and not {expected}"


def check_damage(stallgraph, fleet_folder, folder):
    """A damaged file is named, and the others are read."""
    shutil.copytree(fleet_folder, folder)
    before = fleet(stallgraph, folder)
    victim = max((folder / "stalls").rglob("*.parquet"), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    for name, data in [("cut", whole[: len(whole) // 2]), ("empty", b""), ("changed", whole[:-40] + bytes(40))]:
        victim.write_bytes(data)
        after = fleet(stallgraph, folder)
        skipped = [one["file"] for one in after["skipped"]]
        assert len(skipped) == 1 and skipped[0].endswith(victim.name), f"{name}: {skipped}"
        assert after["totals"]["stalls"] < before["totals"]["stalls"], name
    print("fleet names a damaged file and leaves it out")


def check_commands(page, folder, duckdb):
    """The commands in the page run, beside a folder `fleet`."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
    ours = [block for block in blocks if re.match(r"(duckdb|python3) ", block)]
    assert len(ours) >= 2, f"{len(ours)} commands in {page.name}"
    (folder / "docs").symlink_to(page.parent)
    for block in ours:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, env=environment(duckdb),
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stdout.strip(), f"{block}: {done.stdout}{done.stderr}"
    print(f"{len(ours)} commands of {page.name} work")


def time_all(used, folder, stallgraph, duckdb, scratch):
    """Prints how long the ranking takes, and how large the tables are; compares all answers."""
    newest = used[0].run("select max(time) as newest from stalls")[1][0][0]
    seconds = int(newest.replace(tzinfo=datetime.timezone.utc).timestamp())
    text = queries()["top-culprits.sql"]
    query = scratch / "top-culprits.sql"
    query.write_text(text.replace("now()", used[0].moment.format(seconds)))
    begin = time.monotonic()
    setup = scratch / "duckdb.sql"
    setup.write_text((engines.DOCUMENTS / "duckdb.sql").read_text().replace("'fleet/", f"'{folder}/"))
    command = [duckdb, "-init", setup, "-f", query]
    subprocess.run(command, env=environment(duckdb), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    print(f"top-culprits.sql by the program duckdb: {time.monotonic() - begin:.2f} s, all in all")
    for engine in used:
        took = []
        for _ in range(3):
            begin = time.monotonic()
            engine.run(text.replace("now()", engine.moment.format(seconds)))
            took.append(time.monotonic() - begin)
        print(f"top-culprits.sql by {engine.name}: first {took[0]:.2f} s, then {min(took[1:]):.2f} s")
    stalls = used[0].run("select count(*) as stalls from stalls")[1][0][0]
    for table in sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir()):
        sizes = [path.stat().st_size for path in table.rglob("*.parquet")]
        print(f"{table.name}: {len(sizes)} files, {sum(sizes)} bytes, {sum(sizes) / stalls:.1f} bytes per stall")
    begin = time.monotonic()
    fleet(stallgraph, folder)
    print(f"stallgraph fleet: {time.monotonic() - begin:.2f} s")
    tables = [table for table in files.TABLES if (folder / table).is_dir()]
    check_fleet(stallgraph, folder, ask_all(used, now=seconds, tables=tables))
