"""The default seccomp profile of Podman and CRI-O, as far as a container of a pod gets it."""

import copy
import json
import pathlib
import platform

PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
EVENTS = "perf_event_open"


def default(capabilities):
    """The profile for these capabilities; None where there is none on this machine."""
    if not PROFILE.exists():
        return None
    whole = json.loads(PROFILE.read_text())
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

    def applies(rule):
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        is_included = set(includes.get("caps", [])) <= set(capabilities)
        is_included &= not includes.get("arches") or machine in includes["arches"]
        is_excluded = bool(set(excludes.get("caps", [])) & set(capabilities)) or machine in excludes.get("arches", [])
        return is_included and not is_excluded and "minKernel" not in includes

    rules = []
    for rule in filter(applies, whole["syscalls"]):
        kept = {"names": rule["names"], "action": rule["action"]}
        if rule.get("args"):
            kept["args"] = rule["args"]
        if rule["action"] == "SCMP_ACT_ERRNO" and "errnoRet" in rule:
            kept["errnoRet"] = rule["errnoRet"]
        rules.append(kept)
    architectures = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}
    profile = {"defaultAction": whole["defaultAction"], "architectures": [architectures[machine]], "syscalls": rules}
    if "defaultErrnoRet" in whole:
        profile["defaultErrnoRet"] = whole["defaultErrnoRet"]
    return profile


def with_perfmon(profile):
    """The same, where CAP_PERFMON may open events, as in newer runtimes."""
    changed = copy.deepcopy(profile)
    for rule in changed["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name != EVENTS]
    changed["syscalls"] = [rule for rule in changed["syscalls"] if rule["names"]]
    changed["syscalls"].append({"names": [EVENTS], "action": "SCMP_ACT_ALLOW"})
    return changed
