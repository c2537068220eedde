"""Lets Prometheus read the pages of watch and check, and asks it what the dashboard asks."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What has no value here, since nothing is written or lost, or needs a series that node_exporter
# adds to those of text files: with its file's time.
STALL = """# TYPE stallgraph_watch_stall_seconds histogram
stallgraph_watch_stall_seconds_bucket{{comm="snmpd",syscall="read",le="0.1"}} {count}
stallgraph_watch_stall_seconds_bucket{{comm="snmpd",syscall="read",le="+Inf"}} {count}
stallgraph_watch_stall_seconds_sum{{comm="snmpd",syscall="read"}} {seconds}
stallgraph_watch_stall_seconds_count{{comm="snmpd",syscall="read"}} {count}
"""


class Pages(http.server.BaseHTTPRequestHandler):
    """What node_exporter makes of a folder of text files."""

    folder = None
    # Stalls that are made up, since nothing can be relied on to stall here. They begin late, as the
    # first stall of a culprit does.
    count = 0

    def do_GET(self):
        text = ""
        for file in sorted(self.folder.glob("*.prom")):
            page = file.read_text()
            text += f'node_textfile_mtime_seconds{{file="{file}"}} {file.stat().st_mtime}\n'
            for name, value in (("stalls", self.count), ("stalled_seconds", 0.06 * self.count)):
                pattern = rf"(?m)^(stallgraph_watch_{name}_total) (.*)$"
                page = re.sub(pattern, lambda found: f"{found[1]} {float(found[2]) + value}", page)
            text += page
        if self.count:
            text += STALL.format(count=self.count, seconds=0.06 * self.count)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def pages(folder):
    Pages.folder = folder
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextlib.contextmanager
def process(words, **options):
    running = subprocess.Popen(words, **options)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def ask(port, path, **values):
    address = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(values)}"
    with urllib.request.urlopen(address, timeout=20) as answer:
        return json.load(answer)["data"]


def queries():
    """The queries of the dashboard, each with its panel's title."""
    dashboard = json.loads((ROOT / "docs/fleet/grafana-prometheus.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$instance", ".*")
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            # A function of Grafana's data source around a query.
            yield "a variable", re.fullmatch(r"query_result\((.*)\)", variable["query"]["query"])[1]


def until(condition, seconds):
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, condition
        time.sleep(0.2)


def main(program, folder):
    texts = folder / "texts"
    texts.mkdir()
    recording = ROOT / "testdata/post/perf.data"
    checked = subprocess.run([program, "check", "--textfile", texts, recording], capture_output=True, text=True)
    assert checked.returncode == 1, checked
    rules = ROOT / "docs/prometheus/stallgraph.rules.yaml"
    port = free_port()
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(
            process([program, "watch", "--textfile", texts], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
        page = texts / "stallgraph_watch.prom"
        until(lambda: page.exists() or watch.poll() is not None, 60)
        if watch.poll() is not None:
            print(f"SKIPPED: watch cannot record here: {watch.stderr.read().decode()}")
            return
        exporter = stack.enter_context(pages(texts))
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            json.dumps({
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(rules)],
                "scrape_configs": [{"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}]}],
            })
        )
        words = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
        words += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        environment = dict(os.environ, GOMAXPROCS="1")
        log = stack.enter_context(open(folder / "log", "w+"))
        stack.enter_context(process(words, stderr=log, env=environment))

        def is_read():
            try:
                return ask(port, "query", query="stallgraph_watch_stalls_total")["result"]
            except OSError:
                return False

        until(is_read, 60)
        time.sleep(3)
        Pages.count = 3
        time.sleep(4)
        Pages.count = 9
        time.sleep(4)
        silent = []
        for title, query in queries():
            result = ask(port, "query", query=query)["result"]
            if result:
                first = result[0]
                names = " ".join(f"{key}={value}" for key, value in first["metric"].items() if key != "instance")
                print(f"{title}: {names} {first['value'][1]}".replace("  ", " "))
            else:
                silent.append(title)
        # The query of a culprit sees it from its first stall on.
        assert silent == [], silent
        read = {target["health"] for target in ask(port, "targets")["activeTargets"]}
        assert read == {"up"}, read
        evaluated = [rule for group in ask(port, "rules")["groups"] for rule in group["rules"]]
        states = {rule["name"]: (rule["health"], rule["state"]) for rule in evaluated}
        assert {health for health, _ in states.values()} == {"ok"}, states
        fired = sorted(name for name, (_, state) in states.items() if state != "inactive")
        print(f"{len(states)} alerts are evaluated; not silent: {', '.join(fired)}")
        assert "StallgraphCulprit" in fired and "StallgraphCheckFindsStalls" in fired, fired
        assert "StallgraphWatchIsSilent" not in fired and "StallgraphWatchesNowhere" not in fired, fired


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
