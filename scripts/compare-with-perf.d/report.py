"""Prints the table of times, the medians of starts, and a line for each limit."""

import collections
import os
import statistics
import sys

def rows(path):
    table = collections.OrderedDict()
    for line in open(path):
        label, *values = line.rstrip("\n").split("\t")
        table.setdefault(label, []).append([float(value) for value in values])
    return table

def setting(name):
    return float(os.environ[name])

times, memory, starts = map(rows, sys.argv[1:])
median = {label: statistics.median(run[0] for run in runs) for label, runs in times.items()}

pipelines = [name for name in ("perf collapsed", "perf, mawk") if name in median]
pipeline = min(pipelines, key=median.get, default=None)

def ratio(of, to):
    return median[of] / median[to] if of in median and to in median else None

def pairs(of, *to):
    """The ratios of a command's times to the sums of others' times in the same round."""
    if any(name not in times for name in (of, *to)):
        return []
    rounds = zip(times[of], *(times[name] for name in to))
    return [run[0] / sum(other[0] for other in others) for run, *others in rounds]

def shown(value, digits=3):
    return "-" if value is None else "%.1f" % value if value >= 10 else "%.*g" % (digits, value)

def line(*cells):
    print("| %-19s | %4s | %8s | %7s | %6s | %6s | %9s | %9s | %12s |" % cells)

line("command", "runs", "median s", "least s", "CPU s", "RSS MB", "x window", "perf text", "fastest pipe")
print(("| :%s " + "| %s: " * 8 + "|") % ("-" * 18, *["-" * width for width in (3, 7, 6, 5, 5, 8, 8, 11)]))
for label, runs in times.items():
    line(label, len(runs), "%.3f" % median[label], "%.3f" % min(run[0] for run in runs),
         "%.2f" % statistics.median(run[1] for run in runs), "%.0f" % max(run[2] for run in runs),
         shown(ratio(label, "window")), shown(ratio("perf text", label)), shown(ratio(pipeline, label)))
print("\nThe last columns: how many times as long as `window` it takes, how many times as fast as `perf text` and as the")
print("fastest pipeline it is%s.  `collapse` prints %.0f MB; to a file it takes %s times as long as `plain write`." % (
    ", `%s`" % pipeline if pipeline else "",
    setting("OUTPUT_BYTES") / 1e6, shown(ratio("collapse, to disk", "plain write"))))
if starts:
    milliseconds = {label: [1000 * run[0] for run in runs] for label, runs in starts.items()}
    print("\n| from start to answer | runs | median ms | least ms |\n| :------------------- | ---: | --------: | -------: |")
    for label, runs in milliseconds.items():
        print("| %-20s | %4d | %9.1f | %8.1f |" % (label, len(runs), statistics.median(runs), min(runs)))
    sizes = [os.environ[name] for name in ("SMALL_BYTES", "OWN_BYTES")]
    print("\nThe recordings have %s MB." % " and ".join("%.1f" % (float(size) / 1e6) for size in sizes if size))
print()
left_out = os.environ["LEFT_OUT"].splitlines()
for text in left_out:
    print("left out    " + text)
if left_out:
    print()

failed = False
def judge(kept, text):
    global failed
    failed |= kept is False
    print({True: "PASS", False: "FAIL", None: "SKIP"}[kept], text)

def judge_speed(label, limit):
    anchors = ["%s as `%s`" % (shown(ratio(name, label)), name) for name in ["perf text", *pipelines]]
    text = "%-17s times as fast: %s; the limit is %g as %s" % (
        label, ", ".join(anchors), limit, "`%s`" % pipeline if pipeline else "the fastest pipeline")
    if pipeline:
        judge(ratio(pipeline, label) >= limit, text)
    else:
        judge(None, text + ", not measured")

def judge_near(label, anchors, limit):
    ratios = pairs(label, *anchors)
    text = "%-17s times as long as `%s`, in one round: %.2f, at least %.2f; " % (
        label, "` and `".join(anchors), statistics.median(ratios), min(ratios))
    judge(statistics.median(ratios) <= limit if limit else None,
          text + ("the limit is %g" % limit if limit else "no limit"))

near_decode, window, near_write, collapse, threads = map(float, os.environ["LIMITS"].split())
judge_near("window", ["plain decode"], near_decode)
judge_speed("window", window)
judge_near("collapse, to disk", ["plain write", "plain decode"], near_write)
judge_speed("collapse, to disk", collapse)

if os.environ["NO_THREADS"]:
    judge(None, "%-17s one and two were not compared: %s" % ("threads", os.environ["NO_THREADS"]))
else:
    gains = pairs("window, 1 thread", "window, 2 threads")
    judge(statistics.median(gains) >= threads,
          "%-17s times as fast with two threads as with one, in one round: %.2f, at most %.2f; the limit is %g" % (
              "window", statistics.median(gains), max(gains), threads))
    differ = os.environ["DIFFER"]
    judge(not differ, "%-17s %s with one thread and with two" % (
        "output", "of %s differs" % differ if differ else "of window and collapse is the same, byte for byte,"))

for label, missing in (("own kallsyms", "NO_SMALL"), ("full-size kallsyms", "NO_FULL"), ("cached kallsyms", "NO_OWN"),
                       ("/proc/kallsyms", "NO_OWN")):
    name = "%-17s with %s" % ("from start", label)
    if label not in starts:
        judge(None, "%s: not measured: %s" % (name, os.environ[missing]))
        continue
    took = statistics.median(milliseconds[label])
    if label == "/proc/kallsyms":
        cat = statistics.median(milliseconds["cat /proc/kallsyms"])
        judge(None, "%s, ms to the answer: %.1f; no limit, since `cat` of it alone takes %.1f" % (name, took, cat))
    else:
        judge(took <= setting("LIMIT_START_MS"), "%s, ms to the answer: %.1f; the limit is %g" % (
            name, took, setting("LIMIT_START_MS")))

limit = setting("LIMIT_MEMORY_MB") + setting("LIMIT_SAMPLE_BYTES") * setting("SAMPLES") / 1048576
for label, runs in memory.items():
    anon, high = (max(run[column] for run in runs) for column in (0, 1))
    judge(anon <= limit, "%-17s MB of its own: %.0f, with mapped files %.0f; the limit is %g MB + %g bytes a sample, %.0f"
          % (label, anon, high, setting("LIMIT_MEMORY_MB"), setting("LIMIT_SAMPLE_BYTES"), limit))
sys.exit(failed)
