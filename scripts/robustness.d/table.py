"""The page docs/robustness.md."""

import os
import re
import subprocess
import textwrap

from tools import ROOT


PREFACE = """# Robustness

What perf, the crate `linux-perf-data` and stallgraph make of every variant of perf.data, and of damaged
and hostile files; and what comes of [attacks](#attacks). `scripts/robustness` writes this page: it
records, damages or builds all files, and ends with exit code 1 if stallgraph breaks a promise
(`scripts/robustness --help`). {versions}.

A cell holds the samples used, of all events together, then what went wrong; times over 1 s and memory
over 256 MB are in brackets. Every run is limited to 20 s and 4 GB. Where a row is of several files, the
samples are those of all of them.
"""
HEADS = {
    "variant": ("Variants", "variant", "built"),
    "damage": ("Damage", "damage", "whole before it"),
    "hostile": ("Hostile input", "file", "whole"),
}
NOTES = {
    "variant": """Recorded with `perf record -a -e cpu-clock -g -F 999` and the options that a row names; those with a
number in the second column are built. stallgraph must use as many samples as perf does, or as were
built, without a complaint. Only where samples have no times or no CPU must it say so, and name the
option to record with.""",
    "damage": """The samples before the damage are counted by a walk over the records in the script, not by any of the
tools.""",
    "hostile": """stallgraph must end with exit code 0 to 3, in 1 s and 256 MB; bombs in 0.1 s and 128 MB. Where samples
are whole, it must use them.""",
}


def wrapped(text):
    """Paragraphs in lines of 100 columns at most."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(textwrap.fill(paragraph, 100, break_on_hyphens=False) for paragraph in paragraphs)


def write_table(path, rows):
    perf_version = subprocess.run(["perf", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    lock = (ROOT / "Cargo.lock").read_text()
    crate = re.search(r'name = "linux-perf-data"\nversion = "([^"]+)"', lock)[1]
    versions = (
        f"perf {perf_version}, linux-perf-data {crate}, Linux {os.uname().release.split('-')[0]} on {os.uname().machine}"
    )
    parts = [wrapped(PREFACE.format(versions=versions))]
    section = {"variant": "variant", "damage": "damage", "shrinking": "damage"}
    for kind, (title, first, second) in HEADS.items():
        parts.append(f"\n## {title}\n\n{wrapped(NOTES[kind])}\n")
        parts.append(f"| {first} | {second} | perf | linux-perf-data | stallgraph |")
        parts.append("| --- | --- | --- | --- | --- |")
        parts += [row.markdown() for row in rows if section.get(row.kind, "hostile") == kind]
    # Attacks are tests of the program, not rows that are measured here.
    attacks = (ROOT / "scripts/robustness.d/attacks.txt").read_text()
    path.write_text("\n".join(parts) + "\n" + attacks)
