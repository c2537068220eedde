"""Runs a command; prints its highest RssAnon and its highest RSS in MB."""

import os
import re
import subprocess
import sys
import time

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
pattern = re.compile(rb"^(?:RssAnon|VmHWM):\s+(\d+)", re.M)
own = os.path.realpath(sys.argv[1])
anon = high = 0
while child.poll() is None:
    try:
        with open("/proc/%d/status" % child.pid, "rb") as status:
            if os.readlink("/proc/%d/exe" % child.pid) == own:
                now = dict(zip(("high", "anon"), map(int, pattern.findall(status.read()))))
                anon, high = max(anon, now.get("anon", 0)), max(high, now.get("high", 0))
    except OSError:
        pass
    time.sleep(0.001)
if child.returncode not in (0, 1, 3):
    sys.exit("failed: %s" % sys.argv[1:])
print(anon / 1024, high / 1024, sep="\t")
