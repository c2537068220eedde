"""Stalls that are made, and `stallgraph watch` beside them."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# Of each way: what its task is called, three sizes, the least pause in ms, and what is right to
# name: the holder, the system call, and a function on the path.
WAYS = {
    "seek": ("netstat_exp", (100_000, 150_000, 350_000), 600, ("netstat_exp", "lseek", "proc_reg_llseek")),
    "bind": ("dns_proxy", (900_000, 1_100_000, 1_400_000), 600, ("dns_proxy", "bind", "inet_csk_get_port")),
    "worker": ("charon", (90_000, 150_000, 300_000), 300, ("kworker", None, "xfrm_hash_rebuild")),
    "timers": ("flanneld", (1_000_000, 1_500_000, 2_500_000), 300, ("timer", None, "vxlan_cleanup")),
    "interrupts": ("event_loop", (350_000, 600_000, 1_500_000), 600, ("event_loop", "write", "eventfd_write")),
}


def sh(command):
    subprocess.run(["sh", "-ec", command], check=True, stdin=subprocess.DEVNULL)


def network(cpu):
    """Two namespaces, joined by a pair of devices, whose packets CPU receives."""
    no_network()
    sh(f"""
        ip netns add stall-client; ip netns add stall-node
        ip link add v0 netns stall-client type veth peer name v1 netns stall-node
        ip -n stall-client addr add 192.0.2.1/24 dev v0; ip -n stall-client link set v0 up
        ip -n stall-node addr add 192.0.2.2/24 dev v1; ip -n stall-node link set v1 up
        ip -n stall-node link set lo up
        ip netns exec stall-node sh -c 'echo {1 << cpu:x} > /sys/class/net/v1/queues/rx-0/rps_cpus'
    """)


def no_network():
    for name in ["stall-client", "stall-node"]:
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def policies(size):
    """So many policies that the kernel keeps by hash."""
    lines = (f"xfrm policy add src 10.{at >> 14 & 127}.{at >> 7 & 127}.0/27 dst 10.{at & 127}.0.0/27 "
             f"dir fwd action allow priority {at % 7}\n" for at in range(size))
    subprocess.run(["ip", "-n", "stall-node", "-force", "-batch", "-"], input="".join(lines), text=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def addresses(size):
    """So many addresses that a device keeps."""
    sh("ip -n stall-node link add vx0 type vxlan id 5 dstport 4789 local 192.0.2.2 ageing 9000; "
       "ip -n stall-node link set vx0 up")
    lines = (f"fdb append 02:00:{at >> 24:02x}:{at >> 16 & 255:02x}:{at >> 8 & 255:02x}:{at & 255:02x} "
             f"dev vx0 dst 10.0.0.{at & 7} self dynamic\n" for at in range(size))
    subprocess.run(["bridge", "-n", "stall-node", "-force", "-batch", "-"], input="".join(lines), text=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# What is made beforehand.
PREPARED = {"worker": policies, "timers": addresses}

SENDER = """
import socket, sys, time
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); to.connect(("192.0.2.2", 9))
pause = 1 / float(sys.argv[1])
while True:
    try: to.send(b"packet")
    except OSError: pass
    time.sleep(pause)
"""


def sender(rate):
    command = ["ip", "netns", "exec", "stall-client", "taskset", "-c", "0", sys.executable, "-c", SENDER]
    return subprocess.Popen(command + [str(rate)])


def busy(cpu):
    """An innocent that is always busy on the CPU."""
    return subprocess.Popen(["taskset", "-c", str(cpu), sys.executable, "-c", "while True: pass"])


PAGE = "stallgraph_watch.prom"


class Cause:
    """What holds CPU again and again (cause.c)."""

    def __init__(self, folder, way, cpu, size, count, pod=None):
        comm, _, pause_ms, self.expected = WAYS.get(way, (way, None, 0, None))
        if way in PREPARED:
            PREPARED[way](size)
        program = folder / "cause"
        if not program.exists():
            sh(f"gcc -O1 -o '{program}' '{HERE}/cause.c'")
        command = ["ip", "netns", "exec", "stall-node", program, way, comm, str(cpu), str(count),
                   str(pause_ms), str(size)]
        enter = (lambda: (pod / "cgroup.procs").write_text(str(os.getpid()))) if pod else None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=enter)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"{way} cannot be prepared")

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def call(self):
        """Waits for a call: when it began, in seconds, and how many ms it took."""
        begin, took_ms = map(float, self.process.stdout.readline().split())
        return begin, took_ms

    def end(self):
        self.process.kill()
        self.process.wait()


class Watch:
    """The program, watching; what it tells, and when."""

    def __init__(self, program, options, folder, keep=None):
        command = [program, "watch", "--format", "json", "--keep", keep or folder / "keep", "--textfile", folder]
        (folder / PAGE).unlink(missing_ok=True)
        self.process = subprocess.Popen(command + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.stalls, self.packs, self.complaints = [], [], []
        self.folder = folder
        self.threads = [threading.Thread(target=read) for read in (self.read, self.hear)]
        for thread in self.threads:
            thread.start()
        while not (folder / PAGE).exists() and self.process.poll() is None:
            time.sleep(0.05)
        time.sleep(1)

    def read(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if "kept" in told:
                self.packs.append(told["kept"])
            else:
                told["told_s"] = time.monotonic()
                self.stalls.append(told)

    def hear(self):
        for line in self.process.stderr:
            self.complaints.append(line)
            print(line, end="", file=sys.stderr, flush=True)

    def counter(self, name):
        """What the page says."""
        page = (self.folder / PAGE).read_text()
        return float(re.search(rf"^stallgraph_watch_{name} (.*)", page, re.M)[1])

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        for thread in self.threads:
            thread.join()
        if self.process.wait() != 0 and how == signal.SIGTERM:
            sys.exit("watch failed")

    def resident(self):
        """MiB of memory that are not shared."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


def stop(process):
    process.kill()
    process.wait()
