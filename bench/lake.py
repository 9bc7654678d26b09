"""The lake as a person meets it: the demo from beginning to end, and a silo that joins."""

from __future__ import annotations

import json
from pathlib import Path

from ruamel.yaml import YAML

from bench.measuring import benchmark, timed
from bench.workspace import Failed, demo, endpoint, silolake
from silolake.cloud import sign_in
from silolake.cloud.organization import read_organization
from silolake.demo.source import Delivery, deliveries, files
from silolake.rooms.organization import read_settings

# A made-up fifth airport: a day of LaGuardia's under White Plains' name.
_JOINS, _MODEL, _ROWS = "hpn", "lga", 200
_COUNT = f"SELECT count(*) AS flights FROM delay_causes WHERE silo = '{_JOINS}'"


@benchmark("s", goal=90)
def demo_s() -> float:
    """`silolake demo` in a clone that has never run it, after installation."""
    return demo()[1]


@benchmark("s", goal=15)
def join_to_first_answer_s() -> float:
    """An account enters the silos' unit and delivers, until head office's first answer has it."""
    workspace, _ = demo()
    _say_unit(workspace, "departed")
    silolake(workspace, "apply")
    _say_unit(workspace, "silos")
    with timed() as watch:
        silolake(workspace, "apply")
        _deliver(workspace)
        silolake(workspace, "apply")
        answer = json.loads(silolake(workspace, "query", "--json", _COUNT))
    if [int(row["flights"]) for row in answer] != [_ROWS]:
        raise Failed(f"the view answers {answer}, not {_ROWS} flights of {_JOINS}")
    return watch.s


def _say_unit(workspace: Path, unit: str) -> None:
    path = workspace / "provisioning" / "organization.yaml"
    yaml = YAML()
    declared = yaml.load(path.read_text())
    email = declared["accounts"][_MODEL]["email"].replace(_MODEL, _JOINS)
    declared["accounts"][_JOINS] = {"email": email, "unit": unit, "tags": {"kind": "airport"}}
    with path.open("w") as file:
        yaml.dump(declared, file)


def _deliver(workspace: Path) -> None:
    cloud = sign_in(endpoint(workspace), _JOINS, "administrator", "producer")
    platform = sign_in(endpoint(workspace), "management", "Administrator")
    account = read_organization(platform).account(_JOINS)
    bucket = read_settings(workspace).bucket(account.id, "drop")
    for each in _first_rows():
        cloud.call("s3", "put_object", Bucket=bucket, Key=each.key, Body=each.content)


def _first_rows() -> list[Delivery]:
    found = []
    for each in deliveries(files()):
        if each.silo == _MODEL and each.key.endswith("/2013-01.csv"):
            lines = each.content.splitlines(keepends=True)[: _ROWS + 1]
            content = b"".join(lines).replace(f"{_MODEL.upper()},".encode(), f"{_JOINS.upper()},".encode())
            found.append(Delivery(_JOINS, each.key, content))
    return found
