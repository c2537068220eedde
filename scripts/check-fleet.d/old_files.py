"""Files of other versions of the schema (testdata/fleet/versions), beside those of this one."""

import pathlib
import shutil

import pyarrow.parquet

VERSIONS = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "fleet" / "versions"
COUNT = "select count(*) as stalls, count(distinct node) as nodes, sum(duration_ns) as stalled_ns from stalls"
# What the older version did not have yet.
LACKING = """
select node, min(certainty) as certainty, min(known) as known, max(packets) as packets, count(*) as stalls
from stalls where node in ('older', 'later') group by node order by node"""


def check(used, look_at, fleet, folder, said):
    """All engines, and `said`, which asks `fleet` of a folder, read such files beside the others."""
    before = used[0].run(COUNT)[1][0]
    shutil.copytree(fleet, folder)
    rows, ns = {}, 0
    for path in sorted(VERSIONS.glob("*.parquet")):
        table, version = path.stem.split("-")
        found = pyarrow.parquet.ParquetFile(path).read()
        date = found["time"][0].as_py().date()
        to = folder / table / f"date={date}" / f"node={version}" / "r1.parquet"
        to.parent.mkdir(parents=True)
        shutil.copy(path, to)
        if table == "stalls":
            rows[version] = found.num_rows
            ns += sum(found["duration_ns"].to_pylist())
    look_at(used, folder)
    expected = (before[0] + sum(rows.values()), before[1] + len(rows), before[2] + ns)
    for engine in used:
        assert engine.run(COUNT)[1] == [expected], f"{engine.name}: {engine.run(COUNT)} and not {expected}"
        answer = engine.run(LACKING)[1]
        nothing = [(version, None, None, None, rows[version]) for version in sorted(rows)]
        assert answer == nothing, f"{engine.name}: {answer} and not {nothing}"
        print(f"{engine.name} reads files of an older and a later version beside the others")
    answer = said(folder)
    assert not answer["skipped"], answer["skipped"]
    # Both files are of one recording.
    stalls = answer["totals"]["stalls"] + answer["totals"]["unsure"]
    assert stalls == before[0] + rows["older"] and len(answer["twins"]) == 1, (answer["totals"], answer["twins"])
    print("fleet reads them, too")
