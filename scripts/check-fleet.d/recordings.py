"""A fleet of recordings: those of testdata under the names of many nodes, made on many days."""

import datetime
import pathlib
import shutil
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "robustness.d"))
from perfdata import File  # noqa: E402

# HEADER_CLOCK_DATA of tools/perf/util/header.h: version, clock, time of day and clock's time in ns.
CLOCK_DATA = 29
UTC = datetime.timezone.utc

# Names that would be numbers, dates, words, folders or statements if anything took them for one.
NODES = [
    "ip-10-0-3-17.ec2.internal", "node-a", "node-b", "node-c", "007", "1e5", "2026-03-07", "t1", "null",
    "unknown", "../../etc", "x'; drop table stalls; --", "größe 1", "a=b/c",
]
# The day of each recording, and how long after midnight. The first runs past midnight.
DAYS = [
    ("other-call", "2026-03-07", -3), ("system", "2026-03-07", 3600), ("mixed", "2026-03-08", 7200),
    ("known/bridge-fdb", "2026-03-08", 40_000), ("worker", "2026-03-09", 60_000), ("post", None, 0),
]
# Nodes that did not stall until they got another kernel, with their recordings.
UPGRADED = ["node-up-1", "node-up-2"]
BEFORE, AFTER = "causes/compact-c", "mixed"
# What several nodes did at the same second.
SHARED = "slow-call"


def unpacked(name):
    """The bytes of a recording of testdata."""
    path = ROOT / "testdata" / name / "perf.data"
    if path.exists():
        return path.read_bytes()
    packed = path.with_name("perf.data.zst")
    return subprocess.run(["zstd", "-dcq", packed], stdout=subprocess.PIPE, check=True).stdout


def made_at(data, moment, path):
    """Writes a recording as if it had been made at another time of day: only that is changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if moment is None:
        return
    file = File(path)
    version, _, _, _ = struct.unpack_from("<IIQQ", file.bytes, file.feature(CLOCK_DATA))
    assert version == 1, version
    ns = int(moment.timestamp()) * 1_000_000_000
    struct.pack_into("<Q", file.bytes, file.feature(CLOCK_DATA) + 8, ns)
    path.write_bytes(file.bytes)


def folder_of(node):
    """A node's name as far as a folder can have it."""
    return node.replace("/", "-")


def moment(day, seconds):
    if day is None:
        return None
    return datetime.datetime.fromisoformat(day).replace(tzinfo=UTC) + datetime.timedelta(seconds=seconds)


def fleet(folder, nodes):
    """Writes the recordings of the first `nodes` nodes. Returns (node, zone, path) of each."""
    kinds = {name for name, _, _ in DAYS} | {BEFORE, AFTER, SHARED}
    bytes_of = {name: unpacked(name) for name in kinds}
    made = []

    def add(number, name, when):
        node, zone = (NODES + UPGRADED)[number], f"z{number % 3}"
        # `fleet` takes the node from such a folder.
        path = folder / f"node={folder_of(node)}" / f"zone={zone}" / f"{len(made)}-{name.replace('/', '-')}" / "perf.data"
        made_at(bytes_of[name], when, path)
        for names in (ROOT / "testdata" / name).glob("kallsyms"):
            shutil.copy(names, path.parent)
        made.append((node, zone, path))

    for number in range(min(nodes, len(NODES))):
        for index, (name, day, seconds) in enumerate(DAYS):
            # Not each node has each recording, so that culprits differ in how many nodes they hit.
            if (number + index) % 3 != 0:
                add(number, name, moment(day, seconds + 60 * number if day and seconds >= 0 else seconds))
        if number < 4:
            add(number, SHARED, moment("2026-03-09", 70_000))
    for number in range(len(NODES), len(NODES + UPGRADED)):
        add(number, BEFORE, moment("2026-03-01", 100 * number))
        add(number, AFTER, moment("2026-03-10", 100 * number))
    return made
