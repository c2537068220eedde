"""Runs a command within limits of time and memory."""

import os
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time

SECONDS, BYTES = 20, 4 << 30
# What a cell of the table mentions, and what hostile input may cost.
SLOW_SECONDS, LARGE_MB = 1, 256

# What acts on a terminal: control characters except line feed and tab, and bidi marks.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def die(what):
    print(f"robustness: {what}", file=sys.stderr)
    sys.exit(2)


class Run:
    """How a command ended: code (negative for a signal, None if it hung), cost, output."""

    def __init__(self, command, stream=None, meanwhile=None):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            cat = stream and subprocess.Popen(["cat", stream], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            start = time.monotonic()
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=cat.stdout if cat else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=limit,
                start_new_session=True,
            )
            if cat:
                cat.stdout.close()
            if meanwhile:
                meanwhile()
            descriptor = os.pidfd_open(process.pid)
            self.hung = not select.select([descriptor], [], [], SECONDS)[0]
            os.close(descriptor)
            if self.hung:
                os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.monotonic() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            self.code = None if self.hung else process.returncode
            self.megabytes = usage.ru_maxrss / 1024
            if cat:
                cat.wait()
            out.seek(0)
            err.seek(0)
            self.output = out.read(64 << 20).decode(errors="replace")
            self.complaint = err.read(1 << 20).decode(errors="replace")

    def crash(self):
        """How it crashed, if it did."""
        if self.hung:
            return f"hangs ({SECONDS} s)"
        panic = re.search(r"panicked at [^\n]*\n([^\n]*)", self.complaint)
        memory = re.search(r"memory allocation of \d+ bytes failed|capacity overflow", self.complaint)
        if self.code is not None and self.code < 0:
            name = signal.Signals(-self.code).name
            return f"{name}, {memory[0]}" if memory else name
        if panic:
            return f"panic: {panic[1]}"
        return None

    def cost(self):
        """Time and memory, where they are large."""
        parts = []
        if self.seconds > SLOW_SECONDS and not self.hung:
            parts.append(f"{self.seconds:.1f} s")
        if self.megabytes > LARGE_MB:
            parts.append(f"{self.megabytes:.0f} MB")
        return f" ({', '.join(parts)})" if parts else ""


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def brief(text):
    """The line of a complaint that says most, shortened, and safe in a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [
        line
        for line in lines
        if not re.match(r"(Warning:|Processed \d+ events|Check IO|WARNING: |Error:$|Extra thread map)", line)
    ]
    line = UNSAFE.sub("?", lines[0]) if lines else ""
    line = re.sub(r"/\S*/", "", line).replace("|", "\\|").replace("<", "‹").replace(">", "›")
    return line[:100] + ("…" if len(line) > 100 else "")
