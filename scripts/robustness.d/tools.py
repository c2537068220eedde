"""The three tools: what each makes of a recording."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from running import UNSAFE, Run, brief, die

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Tools:
    """The programs, built if the environment does not name them."""

    def __init__(self):
        examples = os.environ.get("EXAMPLES")
        self.stallgraph = os.environ.get("STALLGRAPH")
        if not self.stallgraph or not examples:
            build = ["cargo", "build", "--release", "--locked", "--bins", "--examples", "--message-format", "json"]
            built = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
            paths = [json.loads(line).get("executable") for line in built.splitlines()]
            release = next(pathlib.Path(path) for path in paths if path and path.endswith("/stallgraph")).parent
            self.stallgraph = self.stallgraph or str(release / "stallgraph")
            examples = examples or str(release / "examples")
        self.counter = os.path.join(examples, "count_with_linux_perf_data")
        for tool in (self.stallgraph, self.counter):
            if not os.access(tool, os.X_OK):
                die(f"{tool} cannot be run")
        # cargo needs the HOME that it has now.
        self.cargo_environment = dict(os.environ)

    def write_odd_recordings(self, folder):
        """Has a test write its recordings; returns name, path, class and samples of each."""
        test = ["cargo", "test", "--locked", "--quiet", "--test", "it", "odd_recordings::write"]
        environment = self.cargo_environment | {"STALLGRAPH_ODD_RECORDINGS": str(folder)}
        subprocess.run(
            [*test, "--", "--ignored", "--exact"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True
        )
        lines = (folder / "list.tsv").read_text().splitlines()
        return [line.split("\t") for line in lines]


class Answer:
    """What a tool made of a recording: samples used, by event; a note; promises it broke."""

    def __init__(self, count, note="", by_event=None, failures=()):
        self.count, self.note, self.by_event, self.failures = count, note, by_event or {}, list(failures)

    def text(self):
        separator = " " if self.note.startswith("(") else ": "
        return separator.join(part for part in (f"{self.count:,}" if self.count is not None else "", self.note) if part)


def perf(case):
    by_event = collections.Counter()
    arguments = ["-i", "-" if case.stream else case.path]
    options = ["script", "--no-inline", "-G", "-F", "event"]
    script = Run(["perf", *options, *arguments], case.stream and case.path, case.meanwhile)
    if script.hung and case.counts_on_perf and not case.seconds:
        # perf hung on two clean recordings, and in none of 1,000 later runs: try again.
        script = Run(["perf", *options, *arguments], case.stream and case.path, case.meanwhile)
    for line in script.output.splitlines():
        # An event whose name has a line feed takes two lines.
        if line.rstrip().endswith(":"):
            by_event[line.strip().rstrip(":")] += 1
    count = sum(by_event.values())
    crash = script.crash()
    if crash:
        return Answer(count or None, crash + script.cost())
    notes = [(brief(script.complaint) if script.code or not count else "") + script.cost()]
    report = Run(["perf", "report", "--stats", *arguments], case.stream and case.path, case.meanwhile)
    total = re.search(r"SAMPLE events: +(\d+)", report.output)
    if report.crash():
        notes.append(f"`report`: {report.crash()}{report.cost()}")
    elif int(total[1] if total else 0) != count and not case.moves:
        notes.append(f"`report` {total[1] if total else 'nothing, exit code ' + str(report.code)}")
    if case.named:
        notes.append(opening(case, ["perf", "script", "--no-inline", *arguments]))
    return Answer(count, "; ".join(note.strip() for note in notes if note), by_event)


def opening(case, command):
    """Says whether a command opens the file that the recording names, and how it crashed."""
    with tempfile.NamedTemporaryFile() as log:
        trace = ["strace", "-f", "-qq", "-s", "4096", "-e", "trace=open,openat", "-o", log.name]
        run = Run((trace if shutil.which("strace") else []) + command)
        paths = re.findall(r'open\w*\([^"]*"([^"]+)"', log.read().decode(errors="replace"))
    wanted = os.path.realpath(case.path.parent / case.named)
    is_opened = any(os.path.realpath(path) == wanted for path in paths)
    return "; ".join(part for part in ("opens it" if is_opened else "", run.crash() or "") if part)


def linux_perf_data(case):
    run = Run([case.tools.counter, "-" if case.stream else case.path], case.stream and case.path, case.meanwhile)
    count = int(run.output) if run.output.strip().isdigit() else None
    return Answer(count, ((run.crash() or brief(run.complaint)) + run.cost()).strip())


def stallgraph(case):
    failures, notes, counts = [], [], {}
    by_event, code = collections.Counter(), None
    refusals = collections.defaultdict(list)
    for command in (["info", "--format", "json"], ["window"], ["collapse"], ["info"]):
        name = " ".join(command)
        file = "-" if case.stream else case.path
        run = Run([case.tools.stallgraph, *command, file], case.stream and case.path, case.meanwhile)
        if run.crash() or run.code not in (0, 1, 2, 3) or "panicked" in run.complaint:
            failures.append(f"{name}: {run.crash() or run.code}")
        if UNSAFE.search(run.output) or UNSAFE.search(run.complaint):
            failures.append(f"{name} prints what acts on a terminal")
        if case.seconds and run.seconds > case.seconds:
            failures.append(f"{name} took {run.seconds:.2f} s")
        if case.megabytes and run.megabytes > case.megabytes:
            failures.append(f"{name} took {run.megabytes:.0f} MB")
        if run.cost():
            notes.append(f"`{command[0]}`{run.cost()}")
        if run.code == 2:
            last = run.complaint.strip().splitlines()[-1:] or [""]
            refusals[brief(last[0].removeprefix("stallgraph: ").removeprefix("error: "))].append(command[0])
        if name == "info --format json":
            code = run.code
            if run.code in (0, 1, 3):
                info = json.loads(run.output)
                for event in info["events"]:
                    by_event[event["name"]] += event["records"]
                by_event = +by_event
                records = info["records"]
                counts["info"] = records["samples"]
                parts = [records["samples"], records["other_events"], records["side_band"]]
                parts += [*records["skipped"].values(), *records["rejected"].values()]
                if records["read"] != sum(parts):
                    failures.append(f"{records['read']} records read are not the {sum(parts)} accounted for")
        if name == "collapse" and run.code in (0, 1, 3):
            counts["collapse"] = len(run.output.splitlines())
    is_refused = case.refused_for and "collapse" not in counts
    if not case.moves and not is_refused and counts.get("info", 0) != counts.get("collapse", 0):
        failures.append(f"collapse prints {counts.get('collapse', 0)} of {counts.get('info', 0)} samples")
    for refusal, commands in refusals.items():
        commands = list(dict.fromkeys(commands))
        notes.append(refusal if "info" in commands else f"{' and '.join(commands)}: {refusal}")
    if case.named and "opens it" in opening(case, [case.tools.stallgraph, "collapse", case.path]):
        failures.append(f"opens {case.named}")
    notes = list(dict.fromkeys(notes))
    case.info_code = code
    return Answer(sum(by_event.values()), "; ".join(notes), by_event, failures)


TOOLS = (perf, linux_perf_data, stallgraph)
