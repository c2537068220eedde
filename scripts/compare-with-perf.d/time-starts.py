"""Runs a program many times, without a shell; prints label and seconds of each run."""

import subprocess
import sys
import time

runs, label, *command = sys.argv[1:]
for _ in range(int(runs)):
    begin = time.monotonic()
    status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    print(label, time.monotonic() - begin, sep="\t")
    if status not in (0, 1, 3):
        sys.exit("exit code %d" % status)
