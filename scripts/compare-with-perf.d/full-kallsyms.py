"""Prints the kallsyms of a small recording and, after it, this kernel's, moved to higher addresses.

The recording's own names come first, so that its answer stays the same: with the list of another
kernel alone there would be no path to rank, and less to do.
"""

import sys

own = open(sys.argv[1]).read().splitlines()
other = [line.split(None, 1) for line in open("/proc/kallsyms")]
kernel = [int(address, 16) for address, rest in other if "[" not in rest and int(address, 16) >> 63]
move = max(int(line.split()[0], 16) for line in own if "[" not in line) + 0x1000 - min(kernel)
print(*own, sep="\n")
for address, rest in other:
    if int(address, 16) >> 63 and int(address, 16) + move < 1 << 64:
        print("%016x %s" % (int(address, 16) + move, rest), end="")
