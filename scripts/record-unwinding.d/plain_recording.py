"""Takes the signatures out of a recording of an arm64 program that signs its return addresses.

  plain_recording.py RECORDING COPY

perf 6.1 with libunwind 1.6.2 takes a signed return address as it is, finds no code there, and ends
the stack. Of the copy it prints the stacks that the recording has.
"""

import pathlib
import struct
import sys

MMAP, SAMPLE, MMAP2 = 1, 9, 10
OF_KERNEL = 0xFFFF_FFFF
# Addresses of user space have 48 bits. The bits of a signature are above them, but for bit 55,
# which says whether the address is the kernel's.
ADDRESS_BITS = 48
KERNEL_BIT = 1 << 55


def records(content):
    """Offset, type and end of each record of a perf.data."""
    at, size = struct.unpack_from("<2Q", content, 40)
    end = at + size
    while at < end:
        kind, _, length = struct.unpack_from("<IHH", content, at)
        yield at, kind, at + length
        at += length


def mapped_code(content):
    """The first address of each mapping of code in user space, and the one after it."""
    for at, kind, _ in records(content):
        if kind in (MMAP, MMAP2):
            pid, _, start, length = struct.unpack_from("<2I2Q", content, at + 8)
            if pid != OF_KERNEL:
                yield start, start + length


def main():
    content = bytearray(pathlib.Path(sys.argv[1]).read_bytes())
    mappings = set(mapped_code(content))
    count = 0
    for start, kind, end in records(content):
        if kind != SAMPLE:
            continue
        # Registers and the piece of the stack are words, and so is all before them.
        for at in range(start + 8, end, 8):
            word, = struct.unpack_from("<Q", content, at)
            address = word & (1 << ADDRESS_BITS) - 1
            is_signed = word != address and not word & KERNEL_BIT
            # A function that never returns may call at the end of its mapping.
            if is_signed and any(first <= address <= after for first, after in mappings):
                struct.pack_into("<Q", content, at, address)
                count += 1
    if not count:
        sys.exit("plain_recording.py: no word is a signed address")
    pathlib.Path(sys.argv[2]).write_bytes(content)


main()
