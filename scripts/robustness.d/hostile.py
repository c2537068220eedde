"""Rows of hostile recordings: counts, sizes and offsets that are not true, and noise."""

import os
import random
import shutil
import struct

from perfdata import SAMPLE, File, walk
from recorder import CLOCK
from rows import Case, Row

# Bits of the features (tools/perf/util/header.h) with a count or a length in their first u32.
COUNTED = {
    3: "HOSTNAME",
    4: "OSRELEASE",
    5: "VERSION",
    6: "ARCH",
    8: "CPUDESC",
    11: "CMDLINE",
    12: "EVENT_DESC",
    13: "CPU_TOPOLOGY",
    14: "NUMA_TOPOLOGY",
    16: "PMU_MAPPINGS",
    19: "CACHE",
    25: "BPF_PROG_INFO",
}


class Patcher:
    """Writes a recording with some of its numbers changed."""

    def __init__(self, recorder, whole):
        self.recorder, self.whole = recorder, whole
        self.samples = sum(kind == SAMPLE for _, _, kind in whole.records())

    def __call__(self, *patches):
        data = bytearray(self.whole.bytes)
        for at, form, value in patches:
            struct.pack_into(form, data, at, value)
        return self.recorder.write(data)


def hostile_rows(recorder):
    patched = Patcher(recorder, File(recorder.record(f"-a {CLOCK} -F 99 -B")))
    yield from feature_rows(patched)
    yield from header_rows(patched)
    yield from stream_rows(recorder)
    yield from directory_rows(recorder)
    yield from noise_rows(recorder, patched.whole)


def feature_rows(patched):
    """Counts, sizes and offsets of the header's features."""
    whole, samples = patched.whole, patched.samples
    for bit, name in COUNTED.items():
        if bit in whole.features:
            at = whole.feature(bit)
            cases = [Case(patched((at, "<I", value)), samples) for value in (2**32 - 1, 2**31, 2**24)]
            yield Row("hostile", f"{name}: its first count 2^32 − 1, 2^31 and 2^24", cases)
    at = whole.feature(12)
    after = at + 8 + struct.unpack_from("<I", whole.bytes, at + 4)[0]
    patches = {"size of an attribute": at + 4, "number of ids": after, "length of the name": after + 4}
    cases = [Case(patched((place, "<I", 2**32 - 1)), samples) for place in patches.values()]
    yield Row("hostile", f"EVENT_DESC: {', '.join(patches)} 2^32 − 1", cases)
    for size, value in (("2^40", 2**40), ("2^62", 2**62), ("2^63", 2**63), ("2^64 − 1", 2**64 - 1)):
        sizes = [(entry + 8, "<Q", value) for entry in whole.features.values()]
        offsets = [(entry, "<Q", value) for entry in whole.features.values()]
        cases = [Case(patched(*sizes), samples), Case(patched(*offsets), samples)]
        yield Row("hostile", f"all features' sizes {size}, then their offsets", cases)
    yield Row("hostile", "all 256 feature bits set", [Case(patched(*((72 + at, "<B", 255) for at in range(32))), samples)])


def header_rows(patched):
    """Sizes and offsets in the header."""
    whole, samples = patched.whole, patched.samples
    cases = [Case(patched((16, "<Q", value))) for value in (0, 1, 15, 16, 63, 2**40, 2**63)]
    yield Row("hostile", "the header's attr_size 0, 1, 15, 16, 63, 2^40, 2^63", cases)
    cases = [Case(patched((whole.attrs + 4, "<I", value))) for value in (0, 1, 63, 2**16, 2**32 - 1)]
    yield Row("hostile", "an attribute's own size 0, 1, 63, 2^16, 2^32 − 1", cases)
    places = {"attributes": 24, "ids": whole.attrs + whole.attr_size - 16}
    for name, at in places.items():
        cases = [Case(patched((at + plus, "<Q", value))) for plus in (0, 8) for value in (2**40, 2**62, 2**63, 2**64 - 1)]
        yield Row("hostile", f"offset and size of the {name} 2^40, 2^62, 2^63, 2^64 − 1", cases)
    cases = [Case(patched((40, "<Q", value))) for value in (0, 2**40, 2**63, 2**64 - 1)]
    yield Row("hostile", "offset of the records 0, 2^40, 2^63, 2^64 − 1", cases)
    cases = [Case(patched((48, "<Q", value)), at_least=samples) for value in (2**40, 2**63, 2**64 - 1)]
    yield Row("hostile", "size of the records 2^40, 2^63, 2^64 − 1", cases)
    cases = [Case(patched((8, "<Q", value))) for value in (0, 103, 105, 2**40, 2**64 - 1)]
    yield Row("hostile", "size of the header 0, 103, 105, 2^40, 2^64 − 1", cases)


def stream_rows(recorder):
    """Sizes in the records that stand for a header in a stream."""
    path = recorder.stream(f"-a {CLOCK} -F 99")
    stream = bytearray(path.read_bytes())
    records = list(walk(stream, 16))
    last = next(at for at, _, kind in reversed(records) if kind == SAMPLE)
    before = sum(kind == SAMPLE and at < last for at, _, kind in records)
    cases = []
    for value in (2**31 - 1, 2**32 - 1):
        # HEADER_TRACING_DATA: a size, and so many bytes behind the record.
        tracing = struct.pack("<IHHII", 66, 0, 16, value, 0)
        cases.append(Case(recorder.write(stream[:last] + tracing + stream[last:]), at_least=before, stream=True))
    yield Row("hostile", "pipe: TRACING_DATA of 2^31 − 1 and 2^32 − 1 bytes near the end", cases)
    attribute = next(at for at, _, kind in records if kind == 64)
    cases = []
    for value in (0, 63, 2**32 - 1):
        bad = bytearray(stream)
        struct.pack_into("<I", bad, attribute + 12, value)
        cases.append(Case(recorder.write(bad), stream=True))
    yield Row("hostile", "pipe: an attribute's own size 0, 63, 2^32 − 1", cases)


def directory_rows(recorder):
    """Directories whose files are no regular files."""
    folder = recorder.path("perf.data")
    folder.mkdir()
    os.mkfifo(folder / "data")
    yield Row("hostile", "a directory whose `data` is a FIFO", [Case(folder)])
    folder = recorder.path("perf.data")
    shutil.copytree(recorder.record(f"-a {CLOCK} --threads"), folder)
    (folder / "data.0").unlink()
    os.mkfifo(folder / "data.0")
    yield Row("hostile", "a directory whose `data.0` is a FIFO", [Case(folder)])
    folder = recorder.path("perf.data")
    shutil.copytree(recorder.record(f"-a {CLOCK} --threads"), folder)
    (folder / "data.0").unlink()
    (folder / "data.0").symlink_to("/dev/zero")
    yield Row("hostile", "a directory whose `data.0` leads to `/dev/zero`", [Case(folder)])


def noise_rows(recorder, whole):
    """Random bits and bytes."""
    dice = random.Random(2)
    cases = []
    for _ in range(60):
        data = bytearray(whole.bytes)
        for _ in range(8):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        cases.append(Case(recorder.write(data)))
    yield Row("hostile", "8 bits flipped at random, 60 times", cases)
    cases = [Case(recorder.write(b"PERFILE2" + dice.randbytes(4000))) for _ in range(10)]
    yield Row("hostile", "noise after the magic, 10 times", cases)
