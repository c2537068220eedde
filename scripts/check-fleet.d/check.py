"""What scripts/check-fleet runs, once the engines are there."""

import argparse
import filecmp
import pathlib
import shutil
import subprocess
import time

import answers
import dashboards
import engines
import files
import old_files
import recordings

PAGE = engines.DOCUMENTS.parent / "fleet-tables.md"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("duckdb", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--few", action="store_true")
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--time", type=pathlib.Path)
    options = parser.parse_args()
    if options.nodes or options.time:
        size(options)
        return
    begin = time.monotonic()
    stallgraph = options.programs / "stallgraph"
    made = recordings.fleet(options.folder / "recordings", 4 if options.few else len(recordings.NODES))
    fleet = options.folder / "fleet"
    export(stallgraph, made, fleet)
    print(f"{len(made)} recordings of {len({node for node, _, _ in made})} nodes exported")
    columns = files.documented(PAGE.read_text())
    paths = files.all_files(fleet)
    rows = sum(files.check(fleet, path, columns) for path in paths)
    print(f"{len(paths)} files with {rows} rows are as docs/fleet-tables.md says")
    again(stallgraph, made, fleet, options.folder / "again")
    used = start(fleet)
    answers.check_types(used, columns)
    found = answers.ask_all(used)
    for folder in (fleet, options.folder / "recordings"):
        answers.check_fleet(stallgraph, folder, found)
    answers.check_damage(stallgraph, fleet, options.folder / "damaged")
    answers.check_commands(PAGE, options.folder, options.duckdb)
    dashboards.check(used)
    compact = options.folder / "compact"
    subprocess.run([engines.DOCUMENTS / "compact", fleet, compact], env=answers.environment(options.duckdb), check=True)
    look_at(used, compact)
    print(f"{len(paths)} files are {len(files.all_files(compact))} in docs/fleet/compact")
    answers.ask_all(used, found)
    answers.check_fleet(stallgraph, compact, found)
    look_at(used, fleet)
    old_files.check(used, look_at, fleet, options.folder / "mixed", lambda path: answers.fleet(stallgraph, path))
    print(f"{time.monotonic() - begin:.0f} s")


def export(stallgraph, made, folder):
    for node, zone, path in made:
        command = [stallgraph, "export", path, "--format", "parquet", "-o", folder, "--samples"]
        command += ["--node", node, "--label", f"zone={zone}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def again(stallgraph, made, folder, other):
    """The same recordings are the same bytes."""
    some = made[:8]
    export(stallgraph, some, other)
    paths = files.all_files(other)
    for path in paths:
        same = folder / path.relative_to(other)
        assert filecmp.cmp(path, same, shallow=False), f"{same} is not the same again"
    print(f"{len(paths)} files are the same when they are exported again")


def start(folder):
    kinds = [engines.DuckDb, engines.ClickHouse] + ([engines.Spark] if shutil.which("java") else [])
    used = []
    for kind in kinds:
        begin = time.monotonic()
        used.append(kind(folder))
        print(f"{used[-1].name} {used[-1].version} began in {time.monotonic() - begin:.1f} s")
    return used


def look_at(used, folder):
    for engine in used:
        engine.look_at(folder)


def size(options):
    """How long the engines take, and how large the tables are."""
    folder = options.time or options.folder / "fleet"
    if options.nodes:
        program = options.programs / "examples" / "simulated_fleet"
        numbers = ["--nodes", str(options.nodes), "--days", "1", "--stalls-per-day", "300", "--seed", "1"]
        begin = time.monotonic()
        subprocess.run([program, folder, *numbers], check=True)
        print(f"written in {time.monotonic() - begin:.1f} s")
    answers.time_all(start(folder), folder, options.programs / "stallgraph", options.duckdb, options.folder)


main()
