"""Validates the JSON of all commands against the schema."""

import collections
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

from jsonschema import Draft202012Validator

SCHEMA = json.loads(pathlib.Path("docs/json.schema.json").read_text())
DATA = pathlib.Path("testdata")
# Commands that read one recording. The document of a check that failed has a definition of its own.
COMMANDS = ["window", "stalls", "syscalls", "offcpu", "packets", "check", "info"]


def closed(schema):
    """The schema without the permission for fields that it does not name: so a field is not
    forgotten there."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    return schema


def validators(schema):
    """A validator for each definition."""
    Draft202012Validator.check_schema(schema)
    return {
        name: Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})
        for name in schema["$defs"]
    }


OPEN, CLOSED = validators(SCHEMA), validators(closed(SCHEMA))
COUNTS = collections.Counter()
FIRST = {}


def fail(name, arguments, error):
    sys.exit(
        f"{name}: {' '.join(map(str, arguments))}: {error.json_path}: {error.message[:300]}\n"
        "docs/json.schema.json and docs/json.md have each field that is printed"
    )


def check(program, name, arguments):
    """Validates what a command prints. Exit code 2 and no output: the recording is not for it."""
    run = subprocess.run(
        [program, *map(str, arguments), "--format", "json"], capture_output=True, check=False
    )
    if not run.stdout:
        if run.returncode != 2:
            sys.exit(f"{arguments}: no output, exit code {run.returncode}")
        return
    document = json.loads(run.stdout)
    if document.get("doubt") == "failed":
        name = "check_failed"
    for error in CLOSED[name].iter_errors(document):
        fail(name, arguments, error)
    COUNTS[name] += 1
    FIRST.setdefault(name, document)


def recordings():
    """Recordings, texts of perf script and packs."""
    patterns = ["*/perf.data.zst", "*/perf.data", "*/*/perf.data.zst", "*/perf-script*.txt.zst"]
    patterns += ["*/*.stall.tar.zst", "variants/*.zst", "names/*.data.zst", "diff/*.zst"]
    files = {file for pattern in patterns for file in DATA.glob(pattern)}
    assert len(files) > 20, files
    return sorted(files)


def refused(name, document, what):
    """Both validators must refuse a document that is wrong."""
    for kind, validator in (("open", OPEN), ("closed", CLOSED)):
        if validator[name].is_valid(document):
            sys.exit(f"the {kind} schema accepts a {name} {what}")
    COUNTS["refused"] += 1


def refuse_wrong(name, document):
    """Changes a document in ways that the schema must see."""
    refused(name, {**document, "schema": 1}, "of schema 1")
    for field in document:
        less = {key: value for key, value in document.items() if key != field}
        refused(name, less, f"without {field}")
        refused(name, {**document, field: {"no": "such"}}, f"whose {field} is another thing")
    more = {**document, "no_such_field": 1}
    if not OPEN[name].is_valid(more) or CLOSED[name].is_valid(more):
        sys.exit(f"{name}: a field more must be refused here, and accepted elsewhere")
    for field, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            broken = copy.deepcopy(document)
            broken[field][0].pop(next(iter(broken[field][0])))
            refused(name, broken, f"with an entry of {field} that lacks a field")


def check_watch():
    """A line of watch is an entry of stalls with two fields more."""
    line = {**FIRST["stalls"]["stalls"][0], "schema": 2, "since_1970_ns": None}
    for name, document in (("watch_stall", line), ("watch_kept", {"schema": 2, "kept": "a"})):
        for error in CLOSED[name].iter_errors(document):
            fail(name, ["watch"], error)
        FIRST[name] = document


def main(program):
    for file in recordings():
        for command in COMMANDS:
            check(program, command, [command, file])
    for log in DATA.glob("*/rtt.txt"):
        check(program, "stalls", ["stalls", log.parent / "perf.data.zst", "--at", log])
    check(program, "check", ["check", "/nonexistent"])
    diff = DATA / "diff"
    check(program, "diff", ["diff", diff / "before.data.zst", diff / "after.data.zst"])
    evidence, worker = DATA / "evidence/perf.data.zst", DATA / "worker/perf.data.zst"
    check(program, "diff", ["diff", evidence, worker, "--force"])
    check(program, "fleet", ["fleet", DATA])
    check(program, "causes", ["causes"])
    check(program, "causes_match", ["causes", "--match", "read;seq_read;memcg_stat_show"])
    with tempfile.TemporaryDirectory() as folder:
        pack = pathlib.Path(folder) / "redacted.stall.tar.zst"
        subprocess.run(
            [program, "pack", "--redact", evidence, "-o", pack], check=True, capture_output=True
        )
        for command in COMMANDS:
            check(program, command, [command, pack])
    check_watch()

    documents = [name for name, definition in SCHEMA["$defs"].items()
                 if "schema" in definition.get("properties", {})]
    if missing := set(documents) - set(FIRST):
        sys.exit(f"no command printed: {missing}")
    for name in documents:
        refuse_wrong(name, FIRST[name])
    print(f"validated: {dict(COUNTS)}")


main(sys.argv[1])
