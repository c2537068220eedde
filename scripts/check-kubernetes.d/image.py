"""Builds the image's last stage around a program that is there, and runs it as the manifests say.

No kubelet takes part: what it would make of a pod's container is made here, for crun. That is the
capabilities, the mounts, the read-only root, the process ids of the node, and the seccomp profile.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

import seccomp

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
DOCUMENTS = SOURCE / "docs/kubernetes"
# What container runtimes hide of /proc and /sys by default (containerd's pkg/oci/spec.go).
MASKED = "acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats".split()
READ_ONLY = "bus fs irq sys sysrq-trigger".split()


def buildah(store, *words):
    command = ["buildah", "--storage-driver", "vfs", "--root", f"{store}/root", "--runroot", f"{store}/run", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def build(program, folder):
    """The root folder of the image."""
    context = folder / "image"
    (context / "licenses").mkdir(parents=True)
    subprocess.run(["strip", "-o", context / "stallgraph", program], check=True)
    for name in ("LICENSE-APACHE", "LICENSE-MIT", "NOTICE"):
        shutil.copy(SOURCE / name, context / "licenses")
    # The first stage is the compiler's, and its image cannot be had everywhere. The second one is
    # taken as it stands.
    stages = (SOURCE / "Dockerfile").read_text()
    last = stages[stages.index("FROM scratch"):].replace("COPY --from=build /image /", "COPY . /")
    (folder / "Dockerfile").write_text(last)
    image = buildah(folder / "store", "build", "--quiet", "--file", str(folder / "Dockerfile"), str(context))
    container = buildah(folder / "store", "from", image.split()[-1])
    configured = json.loads(buildah(folder / "store", "inspect", container))["OCIv1"]["config"]
    assert configured["Entrypoint"] == ["/stallgraph"], configured
    root = pathlib.Path(buildah(folder / "store", "mount", container))
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert files == ["licenses/LICENSE-APACHE", "licenses/LICENSE-MIT", "licenses/NOTICE", "stallgraph"], files
    size = (root / "stallgraph").stat().st_size
    print(f"image: {', '.join(files)}; the program has {size / 1e6:.1f} MB")
    return root


class Runtime:
    """Runs containers of the image."""

    def __init__(self, root, folder):
        self.root, self.folder, self.count = root, folder, 0
        # The folders of the node that containers may write to.
        for name in ("packs", "textfile", "work"):
            (folder / name).mkdir()

    def mounts(self, container):
        """Those of a container of a pod, without the node's folders that are written to."""
        made = []
        for mount in container["volumeMounts"]:
            path, is_read_only = mount["mountPath"], mount.get("readOnly", False)
            source = path if path.startswith("/sys/") else str(self.folder / mount["name"])
            options = ["rbind", "ro" if is_read_only else "rw"]
            made.append({"destination": path, "type": "bind", "source": source, "options": options})
        return made

    def spec(self, container, words, without=(), profile=None, more=()):
        security = container["securityContext"]
        added = [f"CAP_{name}" for name in security["capabilities"]["add"] if name not in without]
        assert security["capabilities"]["drop"] == ["ALL"]
        linux = {
            # Of all namespaces but that of process ids, which is the node's: hostPID.
            "namespaces": [{"type": kind} for kind in ("mount", "ipc", "uts", "network")],
            "maskedPaths": [f"/proc/{name}" for name in MASKED] + ["/sys/firmware"],
            "readonlyPaths": [f"/proc/{name}" for name in READ_ONLY],
        }
        if profile:
            linux["seccomp"] = profile
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ]
        return {
            "ociVersion": "1.0.2",
            "hostname": "pod",
            "root": {"path": str(self.root), "readonly": security["readOnlyRootFilesystem"]},
            "process": {
                "args": words,
                "cwd": container.get("workingDir", "/"),
                "env": ["PATH=/usr/bin"],
                "user": {"uid": security["runAsUser"], "gid": 0},
                "noNewPrivileges": not security["allowPrivilegeEscalation"],
                "capabilities": {kind: added for kind in ("bounding", "effective", "permitted")},
            },
            "mounts": mounts + self.mounts(container) + list(more),
            "linux": linux,
        }

    def start(self, *arguments, **options):
        self.count += 1
        bundle = self.folder / f"bundle-{self.count}"
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(self.spec(*arguments, **options)))
        command = ["crun", "--root", str(self.folder / "crun"), "--cgroup-manager", "disabled"]
        command += ["run", "--bundle", str(bundle), f"stallgraph-check-{os.getpid()}-{self.count}"]
        # crun takes no machine with both versions of control groups: this mount of the second is
        # hidden from it alone.
        hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", hide, "sh", *command]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments, **options):
        """The exit code and all that it printed."""
        running = self.start(*arguments, **options)
        out, said = running.communicate(timeout=120)
        return running.returncode, out, said


def container_of(manifest):
    (daemon_set,) = [document for document in yaml.safe_load_all(manifest) if document["kind"] == "DaemonSet"]
    (container,) = daemon_set["spec"]["template"]["spec"]["containers"]
    return container


def check_window(runtime, container):
    """Without any permission, it reads a recording."""
    recordings = {"destination": "/recordings", "type": "bind", "source": str(SOURCE / "testdata/post")}
    recordings["options"] = ["rbind", "ro"]
    words = ["/stallgraph", "window", "/recordings/perf.data"]
    everything = container["securityContext"]["capabilities"]["add"]
    code, out, said = runtime.run(container, words, without=everything, more=[recordings])
    culprit = re.search(r"^culprit .*", out, re.M)
    assert code == 0 and culprit and "node_exporter" in culprit[0], (code, out, said)
    print(f"window, without capabilities: {culprit[0]}")


def check_watch(runtime, container):
    """The DaemonSet's command writes its page, and ends well."""
    running = runtime.start(container, container["command"])
    page = runtime.folder / "textfile/stallgraph_watch.prom"
    begin = time.monotonic()
    while not page.exists() and running.poll() is None and time.monotonic() - begin < 60:
        time.sleep(0.1)
    time.sleep(2)
    # crun hands the signal on.
    running.send_signal(signal.SIGTERM)
    out, said = running.communicate(timeout=60)
    assert running.returncode == 0 and page.exists(), (running.returncode, out, said)
    assert "not recorded" not in said, said
    assert "\nstallgraph_watch_stalls_total " in page.read_text(), page.read_text()
    lines = len(page.read_text().splitlines())
    print(f"watch, as the DaemonSet: exit code 0, all events recorded; {lines} lines of metrics")


def check_record(runtime, init, read, profile=None):
    """The plugin's two containers record the node, and read the recording."""
    for file in (runtime.folder / "work").iterdir():
        file.unlink()
    words = init["command"][:]
    words[words.index("--for") + 1] = "3s"
    # An idle machine would make no system calls.
    busy = subprocess.Popen(["timeout", "30", "dd", "if=/dev/zero", "of=/dev/null", "bs=1", "status=none"])
    try:
        code, _, said = runtime.run(init, words, profile=profile)
    finally:
        busy.terminate()
        busy.wait()
    assert code == 0 and "not recorded" not in said, (code, said)
    code, out, said = runtime.run(read, ["/stallgraph", "info", "--format", "json"], profile=profile)
    assert code in (0, 1), (code, out, said)
    code, pack, said = runtime.run(read, ["/stallgraph", "stalls", "--container-root"], profile=profile)
    assert code in (0, 1) and "stall" in pack, (code, pack, said)
    # The kernel's functions have names.
    code, stacks, said = runtime.run(read, ["/stallgraph", "collapse"], profile=profile)
    assert code in (0, 1) and re.search(r"^dd;.*;\w*syscall\w*;", stacks, re.M), (code, stacks[-2000:], said)
    size = (runtime.folder / "work/perf.data").stat().st_size
    print(f"record and stalls, as kubectl stallgraph: {size} bytes; {pack.splitlines()[0]}")


def check_permissions(runtime, init):
    """Each capability is needed: without it, less is recorded, and that is said."""
    words = init["command"][:]
    words[words.index("--for") + 1] = "1s"
    for name in init["securityContext"]["capabilities"]["add"]:
        code, _, said = runtime.run(init, words, without=[name])
        lines = [line for line in said.splitlines() if "recorded /recording/perf.data for" not in line]
        assert code == 2 or any(f"CAP_{name}" in line for line in lines), f"without {name}: {code} {said}"
        print(f"without {name}: exit code {code}; {' | '.join(lines)}")


def check_seccomp(runtime, init, read):
    """A profile as runtimes have by default does, once it lets PERFMON open events."""
    added = [f"CAP_{name}" for name in init["securityContext"]["capabilities"]["add"]]
    profile = seccomp.default(added)
    if profile is None:
        print("SKIPPED: RuntimeDefault, for want of /usr/share/containers/seccomp.json")
        return
    words = init["command"][:]
    words[words.index("--for") + 1] = "1s"
    code, _, said = runtime.run(init, words, profile=profile)
    assert code == 2 and "seccomp filters this process" in said, (code, said)
    print(f"with a profile that knows no PERFMON: {said.strip()}")
    check_record(runtime, init, read, seccomp.with_perfmon(profile))


def refusal(program):
    """Why this machine does not let even root record; None if it does."""
    if not os.path.isdir("/sys/kernel/tracing/events"):
        return "want of tracefs: mount -t tracefs nodev /sys/kernel/tracing"
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "record", "--for", "100ms", "-o", f"{folder}/perf.data"]
        recorded = subprocess.run(command, capture_output=True, text=True)
        return recorded.stderr.strip() if recorded.returncode else None


def main(program):
    why = refusal(program)
    if why:
        print(f"SKIPPED: the image is not run, for {why}")
        return
    made = subprocess.run(["kubectl", "kustomize", DOCUMENTS / "base"], check=True, capture_output=True, text=True)
    container = container_of(made.stdout)
    environment = dict(os.environ, STALLGRAPH_IMAGE="stallgraph:check")
    command = [DOCUMENTS / "kubectl-stallgraph", "node", "--dry-run"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    pod = yaml.safe_load(printed)["spec"]
    (init,), (read,) = pod["initContainers"], pod["containers"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            runtime = Runtime(build(program, folder), folder)
            check_window(runtime, container)
            check_watch(runtime, container)
            check_record(runtime, init, read)
            check_permissions(runtime, init)
            check_seccomp(runtime, init, read)
        finally:
            buildah(folder / "store", "umount", "--all")
            buildah(folder / "store", "rm", "--all")


main(pathlib.Path(sys.argv[1]))
