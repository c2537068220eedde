"""Runs a shell command; prints label, seconds, CPU seconds and the largest process's peak RSS in MB.

stallgraph's exit codes 1 (no stall) and 3 (the input was incomplete) are results too.
"""

import os
import subprocess
import sys
import time

label, command = sys.argv[1:]
with open(os.devnull) as nothing, open(os.environ["OUTPUT"] + ".stderr", "w+") as errors:
    begin = time.monotonic()
    child = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], stdin=nothing, stderr=errors)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begin
    if os.waitstatus_to_exitcode(status) not in ((0, 1, 3) if "$STALLGRAPH" in command else (0,)):
        errors.seek(0)
        sys.exit(errors.read())
print(label, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, sep="\t")
