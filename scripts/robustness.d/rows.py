"""Rows of the table: recordings, what is promised of them, and what the tools made of them."""

import collections
import re

from running import LARGE_MB, SLOW_SECONDS, brief
from tools import TOOLS, perf, stallgraph

BOMB_SECONDS, BOMB_MB = 0.1, 128


class Case:
    """One recording, which all tools read, and what is promised of it."""

    def __init__(
        self,
        path,
        expected=None,
        *,
        at_least=None,
        at_most=None,
        stream=False,
        meanwhile=None,
        refusable=False,
        event=None,
        refused_for=None,
        named=None,
    ):
        self.path, self.stream, self.meanwhile = path, stream, meanwhile
        # Samples to be used: a number, or bounds, which may be functions to call before and after.
        self.expected, self.at_least, self.at_most = expected, at_least, at_most
        self.refusable = refusable  # it holds nothing to use, so exit code 2 is right
        self.refused_for = refused_for  # what `window` and `collapse` must say when they refuse it
        self.named = named  # a file that the recording names, and that nobody should open
        self.event = event  # the only event that perf counts as it was recorded
        self.moves = meanwhile is not None or callable(at_least)
        self.tools = self.seconds = self.megabytes = self.info_code = None

    @property
    def counts_on_perf(self):
        """Whether perf's count is the one to reach."""
        return self.expected is None and self.at_least is None

    def counts_of(self, answer):
        """The counts of all events, without the names, which a stream may lack."""
        if self.event:
            return answer.by_event.get(self.event, 0)
        return sorted(answer.by_event.values())


class Row:
    """A line of the table: `how` says what was done, `cases` are its recordings."""

    def __init__(self, kind, name, cases, how=""):
        self.kind, self.name, self.cases, self.how = kind, name, cases, how
        self.cells, self.failures = [], []
        self.stop = None  # called when the row is done

    def measure(self, tools):
        answers = {tool: [] for tool in TOOLS}
        for case in self.cases:
            case.tools = tools
            if self.kind == "bomb":
                case.seconds, case.megabytes = BOMB_SECONDS, BOMB_MB
            elif self.kind == "hostile":
                case.seconds, case.megabytes = SLOW_SECONDS, LARGE_MB
            for tool in TOOLS:
                low = case.at_least() if callable(case.at_least) else case.at_least
                answer = tool(case)
                high = case.at_most() if callable(case.at_most) else case.at_most
                answer.bounds = (case.expected if low is None else low, case.expected if high is None else high)
                answers[tool].append(answer)
            self.judge(case, answers[perf][-1], answers[stallgraph][-1])
        self.cells = [self.there()] + [self.cell(answers[tool]) for tool in TOOLS]
        if self.failures:
            self.cells[-1] += f". **Missed: {'; '.join(brief(failure) for failure in dict.fromkeys(self.failures))}**"

    def judge(self, case, of_perf, ours):
        fail = self.failures.append
        for failure in ours.failures:
            fail(failure)
        low, high = ours.bounds
        if low is not None and ours.count < low or high is not None and ours.count > high:
            fail(f"used {ours.count} of {low} samples: {ours.note}")
        if self.kind == "variant":
            if case.info_code not in (0, 1):
                fail(f"exit code {case.info_code}: {ours.note}")
            elif case.refused_for and case.refused_for not in ours.note or ours.note and not case.refused_for:
                fail(ours.note or f"does not refuse it for {case.refused_for}")
            if case.counts_on_perf and case.counts_of(of_perf) != case.counts_of(ours):
                fail(f"perf counts {dict(of_perf.by_event)}, stallgraph {ours.by_event}: {ours.note}")
        if self.kind == "damage" and case.info_code != 3 and not (case.refusable and case.info_code == 2):
            fail(f"exit code {case.info_code} of damaged input")

    def there(self):
        bounds = [self.bounds_of(case) for case in self.cases]
        if not bounds or any(low is None for low in bounds):
            return ""
        return f"{sum(bounds):,}"

    @staticmethod
    def bounds_of(case):
        low = case.at_least if case.expected is None else case.expected
        return None if callable(low) else low

    def cell(self, answers):
        if not answers:
            return "–"
        if len(answers) == 1:
            return answers[0].text()
        count = sum(answer.count or 0 for answer in answers)
        notes = collections.Counter(re.sub(r"\d{3,}", "…", answer.note) for answer in answers if answer.note)
        # Show every crash, and of the rest the most frequent.
        died = [note for note in notes if re.search("SIG|panic|hangs", note)]
        shown = died + [note for note, _ in notes.most_common() if note not in died][: 3 if len(notes) <= 3 else 2]
        others = sum(n for note, n in notes.items() if note not in shown)
        notes = {note: notes[note] for note in shown} | ({"other": others} if others else {})
        parts = [f"{n} ×: {note}" for note, n in notes.items()]
        return "; ".join([f"{count:,} of {len(answers)} files", *parts])

    def markdown(self):
        how = f"{self.name}: {self.how}" if self.how else self.name
        return "| " + " | ".join([how, *self.cells]) + " |"
