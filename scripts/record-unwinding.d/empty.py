"""Sets a program's instructions and data to 0: symbols and tables for unwinding alone pack well.

  empty.py PROGRAM
"""

import pathlib
import sys

from elf import sections

KEPT = (".eh_frame", ".symtab", ".strtab", ".shstrtab", ".note", ".plt", ".rela.plt")

path = pathlib.Path(sys.argv[1])
content = bytearray(path.read_bytes())
for name, at, size in list(sections(content)):
    if not name.startswith(KEPT):
        content[at:at + size] = bytes(size)
path.write_bytes(content)
