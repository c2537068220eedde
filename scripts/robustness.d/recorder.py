"""Makes recordings with the installed perf."""

import os
import signal
import subprocess
import sys
import time

from running import brief

# System-wide, unless a recording is of one command.
CLOCK = "-e cpu-clock -g"
# A load that is half in the kernel and half in user space, and forks now and then.
LOAD = """
import os, time
end = time.monotonic() + %s
while time.monotonic() < end:
    for _ in range(50): open('/proc/stat').read()
    sum(range(20000))
    if os.fork() == 0: os._exit(0)
    os.wait()
"""


class Recorder:
    """Makes recordings in a folder."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def path(self, name="perf.data"):
        self.count += 1
        folder = self.folder / f"{self.count:03}"
        folder.mkdir()
        return folder / name

    def record(self, options, seconds=0.4, path=None):
        """Returns the recording's path; raises CannotRecord with perf's reason."""
        path = path or self.path()
        done = subprocess.run(self.command(options, path, seconds), capture_output=True, text=True, check=False)
        if done.returncode or not path.exists():
            raise CannotRecord(brief(done.stderr))
        return path

    @staticmethod
    def command(options, path, seconds):
        load = [sys.executable, "-c", LOAD % seconds]
        rate = [] if " -c " in options else ["-F", "999"]
        return ["perf", "record", "-N", *rate, *options.split(), "-o", str(path), "--", *load]

    def stream(self, options):
        path = self.path()
        with open(path, "wb") as out:
            done = subprocess.run(self.command(options, "-", 0.4), stdout=out, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise CannotRecord(brief(done.stderr.decode(errors="replace")))
        return path

    def killed(self, options, path=None):
        """Kills perf after 1.2 s, with small buffers so that it wrote often."""
        path = path or self.path()
        options += " -F 4999 -m 16"
        with subprocess.Popen(self.command(options, path, 60), stderr=subprocess.DEVNULL, start_new_session=True) as process:
            time.sleep(1.2)
            os.killpg(process.pid, signal.SIGKILL)
        return path

    def write(self, data):
        path = self.path()
        path.write_bytes(data)
        return path


class CannotRecord(Exception):
    """perf cannot make this recording here."""
