"""Rows of all variants of perf.data: those that perf records, and those that a test builds."""

import os
import pathlib
import re
import signal
import subprocess
import time

from perfdata import whole_samples
from recorder import CLOCK, CannotRecord
from rows import Case, Row

# Options of perf record; each makes one recording, in a file.
OPTIONS = [
    ("file", f"-a {CLOCK}"),
    ("compressed", f"-a {CLOCK} -z"),
    ("`--threads` directory", f"-a {CLOCK} --threads"),
    ("`--threads=core` directory", f"-a {CLOCK} --threads=core"),
    ("`--threads` directory, compressed", f"-a {CLOCK} --threads -z"),
    ("`--kcore` directory", f"-a {CLOCK} --kcore"),
    ("`--overwrite`", f"-a {CLOCK} --overwrite"),
    ("`--tail-synthesize`", f"-a {CLOCK} --tail-synthesize"),
    ("`--aio`", f"-a {CLOCK} --aio"),
    ("`--no-buffering`", f"-a {CLOCK} --no-buffering"),
    ("`--timestamp-boundary --buildid-all`", f"-a {CLOCK} --timestamp-boundary --buildid-all"),
    ("two events", "-a -g -e cpu-clock,task-clock"),
    ("two events, one with `-g`", "-a -e cpu-clock/call-graph=fp/ -e page-faults/call-graph=no/"),
    ("two events of one process", "-g -e cpu-clock,task-clock"),
    ("`--sample-identifier`", f"-a {CLOCK} --sample-identifier"),
    ("two events, `--sample-identifier`", "-a -g -e cpu-clock,task-clock --sample-identifier"),
    ("leader sampling `:S`", "-a -g -e {cpu-clock,page-faults,context-switches}:S"),
    ("tracepoints too", f"-a {CLOCK} -e sched:sched_switch -e irq:softirq_entry"),
    ("tracepoints too, raw", f"-a {CLOCK} -e sched:sched_switch -R"),
    ("tracepoints too, compressed", f"-a {CLOCK} -e sched:sched_switch -z"),
    ("`--buildid-mmap`", f"-a {CLOCK} --buildid-mmap"),
    ("`--all-cgroups`", f"-a {CLOCK} --all-cgroups"),
    ("`--switch-events`", f"-a {CLOCK} --switch-events"),
    ("`--namespaces`", f"-a {CLOCK} --namespaces"),
    ("`-k mono`", f"-a {CLOCK} -k mono"),
    ("`-k monotonic_raw`", f"-a {CLOCK} -k monotonic_raw"),
    ("`-k boottime`", f"-a {CLOCK} -k boottime"),
    ("one command, no CPU in the samples", CLOCK),
    ("one command, `--per-thread`", f"{CLOCK} --per-thread"),
    ("one command, `-i`", f"{CLOCK} -i"),
    ("one command, `--sample-cpu`", f"{CLOCK} --sample-cpu"),
    ("one command, `-s` (READ records)", f"{CLOCK} -s"),
    ("one command, `-T`", f"{CLOCK} -T"),
    ("`--call-graph dwarf`", "-a -e cpu-clock --call-graph dwarf,512"),
    ("`--call-graph lbr`", "-a -e cpu-clock --call-graph lbr"),
    ("`-b`", "-a -e cpu-clock -g -b"),
    ("`--phys-data`", f"-a {CLOCK} --phys-data"),
    ("`-d`", f"-a {CLOCK} -d"),
    ("`--data-page-size --code-page-size`", f"-a {CLOCK} --data-page-size --code-page-size"),
    ("`--intr-regs`", f"-a {CLOCK} --intr-regs"),
    ("`--user-regs`", f"-a {CLOCK} --user-regs"),
    ("`-W`", f"-a {CLOCK} -W"),
    ("`--transaction`", f"-a {CLOCK} --transaction"),
    ("all of these, and cgroups", f"-a {CLOCK} -W -d --phys-data --intr-regs --user-regs --transaction -R --all-cgroups"),
    ("fixed period `-c`", f"-a {CLOCK} -c 1000000"),
    ("`--synth no`", f"-a {CLOCK} --synth no"),
    ("`--no-samples`", f"-a {CLOCK} -n"),
]
NO_CPU = {"refused_for": "window: perf.data: the samples of cpu-clock do not say on which CPU"}
SPECIAL = {
    # perf splits a sample of the group into one of each member.
    "leader sampling `:S`": {"event": "cpu-clock"},
    # Without times samples have no order, and without CPUs nothing ran before ksoftirqd.
    "one command, `--per-thread`": {"refused_for": "record with -T"},
    "one command, no CPU in the samples": NO_CPU,
    "one command, `-i`": NO_CPU,
    "one command, `-s` (READ records)": NO_CPU,
    "one command, `-T`": NO_CPU,
    "`--no-samples`": {"refused_for": "holds no samples"},
}


def option_rows(recorder, is_wanted):
    for name, options in OPTIONS:
        if not is_wanted(name):
            continue
        rest = options.removeprefix("-a ").replace(CLOCK, "").strip()
        how = f"`{rest}`" if rest and rest not in name else ""
        try:
            yield Row("variant", name, [Case(recorder.record(options), **SPECIAL.get(name, {}))], how)
        except CannotRecord as why:
            row = Row("variant", name, [], how)
            row.cells = ["", f"cannot record this here: {why}", "–", "–"]
            yield row


def other_variant_rows(recorder):
    streams = [
        ("pipe", CLOCK),
        ("pipe, compressed", CLOCK + " -z"),
        ("pipe, tracepoints too", f"{CLOCK} -e sched:sched_switch"),
    ]
    for name, options in streams:
        path = recorder.stream(f"-a {options}")
        yield Row("variant", name, [Case(path, stream=True)], f"`{options.replace(CLOCK, '')} -o - \\|`".replace("` ", "`"))
        if name == "pipe":
            yield Row("variant", "pipe, its stream in a file", [Case(path)])
    whole = recorder.record(f"-a {CLOCK}")
    yield Row("variant", "file, through a pipe", [Case(whole, whole_samples(whole), stream=True)], "`cat perf.data \\|`")

    base = recorder.path()
    options = "--switch-output=1s"
    subprocess.run(recorder.command(f"-a {CLOCK} {options}", base, 2.4), capture_output=True, check=True)
    yield Row("variant", "`--switch-output` parts", [Case(part) for part in sorted(base.parent.iterdir())], f"`{options}`")

    base = recorder.path()
    options = "--overwrite --switch-output=signal"
    with subprocess.Popen(recorder.command(f"-a {CLOCK} {options}", base, 2), stderr=subprocess.DEVNULL) as process:
        for _ in range(2):
            time.sleep(0.7)
            process.send_signal(signal.SIGUSR2)
    parts = sorted(base.parent.iterdir())
    yield Row("variant", "`--overwrite` snapshots", [Case(part) for part in parts], f"`{options}`, SIGUSR2")


def built_rows(tools, recorder):
    """Rows of the recordings that a test builds: those of one name are one row."""
    folder = recorder.path("x").parent
    os.mkfifo(folder / "fifo")
    rows = {}
    for name, path, kind, samples in tools.write_odd_recordings(folder):
        kind = "variant" if kind == "clean" else kind
        at_least = int(samples[:-1]) if samples.endswith("+") else None
        expected = int(samples) if samples.isdigit() else None
        row = rows.setdefault(name, Row(kind, name, []))
        module = re.match(r"`(.*)` as a module|a FIFO as", name)
        named = module and (module[1] or folder / "fifo")
        row.cases.append(Case(pathlib.Path(path), expected, at_least=at_least, named=named))
    return list(rows.values())
