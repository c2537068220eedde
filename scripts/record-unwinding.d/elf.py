"""The format of ELF files, as far as the scripts must know it."""

import struct

NOBITS = 8


def sections(content):
    """Name, offset and size of each section that takes bytes of a file of 64 bits."""
    table, = struct.unpack_from("<Q", content, 40)
    entry_size, count, of_names = struct.unpack_from("<3H", content, 58)
    places = range(table, table + entry_size * count, entry_size)
    entries = [struct.unpack_from("<IIQQQQ", content, place) for place in places]
    names_at = entries[of_names][4]
    for name, kind, _, _, at, size in entries:
        start = names_at + name
        if kind != NOBITS:
            yield content[start:content.index(0, start)].decode(), at, size
