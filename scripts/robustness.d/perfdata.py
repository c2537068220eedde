"""The format of perf.data, as far as the script must know it."""

import pathlib
import shutil
import struct
import subprocess

SAMPLE, COMPRESSED, AUXTRACE = 9, 81, 71


class File:
    """A perf.data with a whole header: where its parts are.

    See tools/perf/Documentation/perf.data-file-format.txt.
    """

    def __init__(self, path):
        self.bytes = bytearray(pathlib.Path(path).read_bytes())
        self.attr_size, self.attrs, _, self.data, self.data_size = struct.unpack_from("<5Q", self.bytes, 16)
        bits = int.from_bytes(self.bytes[72:104], "little")
        self.features = {}
        entry = self.data + self.data_size
        for bit in range(256):
            if bits >> bit & 1 and self.data_size:
                self.features[bit] = entry
                entry += 16

    def feature(self, bit):
        """The offset of a feature's content."""
        return struct.unpack_from("<Q", self.bytes, self.features[bit])[0]

    def records(self):
        end = self.data + self.data_size if self.data_size else len(self.bytes)
        return list(walk(self.bytes, self.data, end))


def walk(data, at, end=None):
    """Offset, size and type of each whole record, up to the first that cannot be one."""
    end = len(data) if end is None else min(end, len(data))
    while at + 8 <= end:
        kind, _, size = struct.unpack_from("<IHH", data, at)
        if size < 8 or at + size > end:
            return
        yield at, size, kind
        at += size
        if kind == AUXTRACE:
            at += struct.unpack_from("<Q", data, at - size + 8)[0]


def inside_record(data, start, share):
    """An offset inside the record after this share of them: a cut between two could not be seen."""
    starts = [at for at, _, _ in walk(data, start)]
    return starts[int(len(starts) * share)] + 4


def whole_samples(path, start=None):
    """Counts whole samples in a file without compressed records, which may be growing."""
    try:
        data = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        return 0
    if start is None:
        if len(data) < 104:
            return 0
        start = struct.unpack_from("<Q", data, 40)[0]
    return sum(kind == SAMPLE for _, _, kind in walk(data, start))


def compressed_samples(path):
    """Counts whole samples in the whole compressed records of a file; None without zstd."""
    if not shutil.which("zstd"):
        return None
    data = pathlib.Path(path).read_bytes()
    start = struct.unpack_from("<Q", data, 40)[0]
    parts = [data[at + 8 : at + size] for at, size, kind in walk(data, start) if kind == COMPRESSED]
    unpacked = subprocess.run(["zstd", "-dc"], input=b"".join(parts), capture_output=True, check=False).stdout
    return sum(kind == SAMPLE for _, _, kind in walk(unpacked, 0))
