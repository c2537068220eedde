"""Renders docs/kubernetes in each way, and checks what comes out."""

import copy
import os
import pathlib
import subprocess
import tempfile

import helm_python
import kubernetes_validate
import yaml

import discovery

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENTS = HERE.parent.parent / "docs/kubernetes"
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]


def kustomize(folder):
    """What kubectl makes of a folder."""
    command = ["kubectl", "kustomize", str(DOCUMENTS / folder)]
    return objects(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def objects(text):
    return [document for document in yaml.safe_load_all(text) if document]


def chart(values, name="stallgraph"):
    """What Helm makes of the chart."""
    with helm_python.Chart.load(DOCUMENTS / "helm") as loaded:
        loaded.validate_schema(values)
        made = loaded.render(values, name=name, namespace="stallgraph")
    return [document for path, text in made.items() if path.endswith(".yaml") for document in objects(text)]


def one(kind, made):
    (found,) = [document for document in made if document["kind"] == kind]
    return found


def validate(made, what):
    """Each object is one of Kubernetes, and has no field that it does not know."""
    for document in made:
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
    print(f"{what}: {', '.join(document['kind'] for document in made)} are valid in {VERSIONS[0]} to {VERSIONS[-1]}")


def pod_of(made):
    return one("DaemonSet", made)["spec"]["template"]["spec"]


def without(pod, *keys):
    """The container of a pod, and the pod without it."""
    pod = copy.deepcopy(pod)
    (container,) = pod.pop("containers")
    for key in keys:
        container.pop(key, None)
        pod.pop(key, None)
    return container, pod


def check_chart(base):
    """The chart's defaults are the base, and each value is where it should be."""
    findings = helm_python.lint(DOCUMENTS / "helm", strict=True)
    # 1 is INFO: there is no icon.
    assert all(message["severity"] <= 1 for message in findings["messages"]) and not findings["errors"], findings
    defaults = chart({})
    validate(defaults, "helm")
    container, pod = without(pod_of(defaults), "image", "imagePullPolicy")
    expected, expected_pod = without(pod_of(base), "image")
    # The chart writes the defaults of two options.
    words = expected["command"]
    assert container.pop("command") == words[:2] + ["--min", "50ms", "--evidence", "softirq"] + words[2:]
    del expected["command"]
    assert (container, pod) == (expected, expected_pod), f"{container} {expected}"
    values = {
        "image": {"repository": "r/s", "tag": "t"},
        "imagePullSecrets": [{"name": "secret"}],
        "watch": {"min": "20ms", "evidence": "samples", "maxDisk": "2G", "extraArgs": ["--memory", "64M; $(x) \"y\""]},
        "packs": "/data/packs",
        "textfile": "",
        "seccompProfile": {"type": "Localhost", "localhostProfile": "stallgraph.json"},
        "samplingCapability": "SYS_ADMIN",
        "seLinuxOptions": {"type": "spc_t"},
        "networkPolicy": {"enabled": False},
        "nodeSelector": {"pool": "edge"},
        "tolerations": [{"operator": "Exists"}],
        "updateStrategy": {"type": "OnDelete"},
        "podLabels": {"team": "net"},
        "podAnnotations": {"note": "a: b"},
        "resources": {"limits": {"memory": "1Gi"}},
    }
    made = chart(values, "edge")
    validate(made, "helm with all values")
    (daemon_set,) = made
    pod = daemon_set["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "r/s:t" and pod["imagePullSecrets"] == values["imagePullSecrets"]
    assert container["command"][2:] == [
        "--min", "20ms", "--evidence", "samples", "--keep", "/data/packs", "--max-disk", "2G",
        "--memory", "64M; $(x) \"y\"",
    ], container["command"]
    security = container["securityContext"]
    assert security["capabilities"]["add"][0] == "SYS_ADMIN" and security["seLinuxOptions"] == {"type": "spc_t"}
    assert security["seccompProfile"] == values["seccompProfile"]
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"packs": "/data/packs", "tracing": "/sys/kernel/tracing", "cgroup": "/sys/fs/cgroup"}, mounts
    assert daemon_set["spec"]["updateStrategy"] == values["updateStrategy"]
    assert {"nodeSelector", "tolerations"} <= set(pod)
    labels = daemon_set["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "net" and daemon_set["spec"]["selector"]["matchLabels"].items() <= labels.items()
    wrong = [{"watch": {"evidence": "all"}}, {"textfile": "relative"}, {"images": {}}, {"watch": {"maxDisk": "1Q"}}]
    for values in wrong:
        try:
            chart(values)
        except helm_python.HelmError:
            continue
        raise AssertionError(f"the chart takes {values}")
    print(f"helm: Helm {helm_python.helm_sdk_version()} lints the chart, and refuses {len(wrong)} wrong values")


def check_plugin():
    """kubectl finds the plugin, and takes the manifest that it prints."""
    environment = dict(os.environ, PATH=f"{DOCUMENTS}:{os.environ['PATH']}", STALLGRAPH_IMAGE="r.example.com/s:1")
    command = ["kubectl", "stallgraph", "worker-7", "-n", "stallgraph", "--dry-run"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    validate(objects(printed), "kubectl stallgraph")
    return printed


def check_kubectl(manifests):
    """kubectl reads each manifest as one of a cluster's kinds, and would create it."""
    with discovery.server() as address, tempfile.TemporaryDirectory() as folder:
        for name, text in manifests.items():
            file = pathlib.Path(folder) / "manifest.yaml"
            file.write_text(text)
            command = ["kubectl", "--server", address, "--cache-dir", folder, "create", "--dry-run=client"]
            command += ["--validate=ignore", "-o", "name", "-f", str(file)]
            made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            print(f"kubectl create --dry-run=client, {name}: {' '.join(made)}")
            assert len(made) == len(objects(text)), made


def main():
    base, production = kustomize("base"), kustomize("overlays/production")
    validate(base, "base")
    validate(production, "overlays/production")
    (of_base, of_production) = (pod_of(made)["containers"][0]["securityContext"] for made in (base, production))
    assert of_production == {**of_base, "seccompProfile": {"type": "RuntimeDefault"}}, "it keeps all else"
    check_chart(kustomize("base"))
    printed = check_plugin()
    check_kubectl({
        "base": yaml.safe_dump_all(base),
        "overlays/production": yaml.safe_dump_all(production),
        "helm": yaml.safe_dump_all(chart({})),
        "kubectl stallgraph": printed,
    })


main()
