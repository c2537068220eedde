"""Rows of damaged recordings: killed, cut short, overwritten, or changed while they are read."""

import os
import random
import shutil
import signal
import struct
import subprocess
import threading
import time

from perfdata import SAMPLE, File, compressed_samples, inside_record, walk, whole_samples
from recorder import CLOCK
from rows import Case, Row


def damage_rows(recorder):
    yield from killed_rows(recorder)
    yield disk_full(recorder)
    yield being_written(recorder)
    whole = File(recorder.record(f"-a {CLOCK}"))
    yield cut_short(recorder, whole)
    yield from overwritten_rows(recorder, whole)
    yield from cut_parts_rows(recorder)
    yield from shrinking(recorder, whole)


def killed_rows(recorder):
    """perf, killed while it records."""
    path = recorder.killed(f"-a {CLOCK}")
    yield Row("damage", "perf killed", [Case(path, whole_samples(path))], "`kill -9` while it records")
    path = recorder.killed(f"-a {CLOCK} -e sched:sched_switch")
    yield Row("damage", "perf killed, tracepoints too", [Case(path, whole_samples(path))])
    path = recorder.killed(f"-a {CLOCK} -z")
    yield Row("damage", "perf killed, compressed", [Case(path, compressed_samples(path))])
    path = recorder.killed(f"-a {CLOCK} --threads")
    yield Row("damage", "perf killed, `--threads` directory", [Case(path, directory_samples(path))])


def cut_short(recorder, whole):
    """A file cut at many offsets."""
    dice = random.Random(1)
    in_header = list(range(8, whole.data, max(1, whole.data // 12)))
    in_records = sorted(dice.randrange(whole.data + 8, whole.data + whole.data_size) for _ in range(40))
    cases = []
    for at in in_header + in_records + [whole.data + whole.data_size, len(whole.bytes) - 1]:
        path = recorder.write(whole.bytes[:at])
        cases.append(Case(path, whole_samples(path) if at > whole.data else 0, refusable=at <= whole.data + 8))
    return Row("damage", "cut short", cases, f"at {len(cases)} bytes, header and last byte too")


def overwritten_rows(recorder, whole):
    """Files with wrong bytes in the middle."""
    records = whole.records()
    samples = [record for record in records if record[2] == SAMPLE]
    middle = samples[len(samples) // 2][0]
    before = sum(at < middle for at, _, kind in records if kind == SAMPLE)
    cases = []
    for size in (0, 1, 7):
        bad = bytearray(whole.bytes)
        struct.pack_into("<H", bad, middle + 6, size)
        cases.append(Case(recorder.write(bad), before))
    bad = bytearray(whole.bytes)
    struct.pack_into("<H", bad, records[-1][0] + 6, 65535)
    cases.append(Case(recorder.write(bad), sum(kind == SAMPLE for _, _, kind in records[:-1])))
    yield Row("damage", "a record of impossible size", cases, "0, 1, 7 mid-file, 65,535 at the end")
    bad = bytearray(whole.bytes)
    bad[middle : middle + 4096] = bytes(4096)
    yield Row(
        "damage", "a page of zeros mid-file", [Case(recorder.write(bad), before)], "as a crashed file system leaves it"
    )


def cut_parts_rows(recorder):
    """Compressed files, streams and directories cut short."""
    path = recorder.record(f"-a {CLOCK} -z -m 16 -F 4999")
    packed = File(path)
    cases = []
    for share in (0.3, 0.6, 0.9):
        cut = recorder.write(packed.bytes[: packed.data + int(packed.data_size * share)])
        cases.append(Case(cut, compressed_samples(cut)))
    yield Row("damage", "compressed, cut short", cases, "at 3 bytes")

    path = recorder.stream(f"-a {CLOCK}")
    stream = path.read_bytes()
    cases = []
    for share in (0.2, 0.5, 0.99):
        cut = recorder.write(stream[: inside_record(stream, 16, share)])
        cases.append(Case(cut, whole_samples(cut, 16), stream=True))
    yield Row("damage", "pipe, cut short", cases, "at 3 bytes")

    cases = []
    for damage in ("cut", "gone"):
        folder = recorder.record(f"-a {CLOCK} --threads")
        if not folder.is_dir():
            break
        part = folder / "data.0"
        if damage == "cut":
            os.truncate(part, inside_record(part.read_bytes(), 0, 0.5))
        else:
            part.unlink()
        cases.append(Case(folder, directory_samples(folder)))
    yield Row("damage", "`--threads` directory", cases, "one file cut short, one gone")


def directory_samples(folder):
    return whole_samples(folder / "data") + sum(whole_samples(part, 0) for part in folder.glob("data.*"))


def disk_full(recorder):
    mount = recorder.path("x").parent / "full"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", mount], check=True)
    try:
        command = recorder.command(f"-a {CLOCK} -F 4999 -m 16", mount / "perf.data", 2)
        subprocess.run(command, capture_output=True, check=False)
        path = recorder.path()
        shutil.copyfile(mount / "perf.data", path)
    finally:
        subprocess.run(["umount", mount], check=False)
    return Row("damage", "disk full", [Case(path, whole_samples(path))], "512 KB of tmpfs")


def being_written(recorder):
    """A file that grows: the samples used lie between those there before and after the run."""
    path = recorder.path()
    command = recorder.command(f"-a {CLOCK} -F 2000 -m 16", path, 60)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(1)

    def count():
        return whole_samples(path)

    def stop():
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    row = Row("damage", "still being written", [Case(path, at_least=count, at_most=count)], "it grows while it is read")
    row.stop = stop
    return row


def shrinking(recorder, whole):
    """A large file, of repeated records, that is cut to a third while a tool reads it."""
    body = bytes(whole.bytes[whole.data : whole.data + whole.data_size])
    repeats = (48 << 20) // len(body)
    head = bytearray(whole.bytes[: whole.data])
    struct.pack_into("<Q", head, 48, len(body) * repeats)
    head[72:104] = bytes(32)
    path = recorder.path()

    def fill():
        with open(path, "r+b" if path.exists() else "wb") as out:
            out.write(head)
            for _ in range(repeats):
                out.write(body)

    fill()
    total = sum(kind == SAMPLE for _, _, kind in walk(body, 0))
    size = path.stat().st_size
    cases = []
    for delay in (0, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128):

        def cut(delay=delay):
            if path.stat().st_size < size:
                fill()
            threading.Timer(delay, os.truncate, (path, size // 3)).start()

        case = Case(path, at_least=total * (repeats // 3 - 1), at_most=total * repeats, meanwhile=cut)
        case.refusable = True
        cases.append(case)
    yield Row("shrinking", "shrinks while it is read", cases, "another process cuts it to a third after 0 to 128 ms")
