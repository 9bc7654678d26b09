"""A lake of many accounts and units without a cloud: its door answers from memory, and counts what it is asked.

``python -m bench.simulated ACCOUNTS UNITS`` plans such a lake, everything of which is applied, and prints what it took.
"""

from __future__ import annotations

import io
import json
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.door import Credentials, Reach
from silolake.cloud.organization import read_organization
from silolake.errors import CloudError
from silolake.model import AccountId, OuPath
from silolake.provisioning.planning import prefix_of
from silolake.reconcile import COMMITTED
from silolake.rooms import Rooms, load
from silolake.rooms.render import Ground, render_body, render_policy
from silolake.runner.journal import applied_key
from silolake.runner.runs import Place, Runner
from silolake.session import Session

ROOT = Path(__file__).parents[1]
_PAGE = 1000
_MANAGEMENT, _ROOT = "9" * 12, "root"
_UNITS = ("platform", "silos", "analytics", "departed")
_PIPELINE = """\
name: unit_{number}
description: A unit that runs in every silo.
executor: platform
targets: ou:silos
triggers: [commit]
notebook: notebooks/cross_silo_views/company_report.ipynb
"""


class Simulated(Cloud):
    """The door to a lake that is what its rooms declare.

    Attributes:
        calls: how often each operation was asked for, every page counted.
    """

    def __init__(self, rooms: Rooms, accounts: int) -> None:
        super().__init__(Reach("us-east-1", "https://127.0.0.1:1"), Credentials("A", "b", "c", None))
        self.calls: Counter[str] = Counter()
        self._rooms, self._objects = rooms, dict[str, bytes]()
        declared = rooms.organization.accounts
        self._accounts = {
            f"{number:012}": (each.name, each.email, each.unit, dict(each.tags))
            for number, each in enumerate(declared.values(), 1)
        }
        for number in range(len(declared) + 1, accounts + 1):
            self._accounts[f"{number:012}"] = (f"silo-{number}", f"silo-{number}@lake.example", "silos", {})
        management = rooms.organization.management
        self._accounts[_MANAGEMENT] = (management, f"{management}@lake.example", _ROOT, {})
        self._ids = {_ROOT: "r-ab12", **{unit: f"ou-ab12-{place:08}" for place, unit in enumerate(_UNITS)}}

    def as_role(self, arn: str, session_name: str, **_: Any) -> Cloud:
        """The same door, whoever asks; a call to STS."""
        self.calls["sts:assume_role"] += 1
        return self

    def call(self, service: str, operation: str, **given: Any) -> dict[str, Any]:
        """What AWS would answer."""
        self.calls[f"{service}:{operation}"] += 1
        match operation:
            case "describe_organization":
                return {"Organization": {"Id": "o-a1b2c3d4e5", "MasterAccountId": _MANAGEMENT}}
            case "list_roots":
                return {"Roots": [{"Id": "r-ab12"}]}
            case "describe_policy":
                return {"Policy": {"Content": self._rails[given["PolicyId"]]}}
            case "describe_stack_set":
                return {"StackSet": self._stack_set(given["StackSetName"])}
            case "get_object":
                if given["Key"] not in self._objects:
                    raise CloudError("s3:get_object", "NoSuchKey", given["Key"])
                return {"Body": io.BytesIO(self._objects[given["Key"]]), "ETag": "e"}
            case "put_object":
                body = given.get("Body", b"")
                self._objects[given["Key"]] = body if isinstance(body, bytes) else body.encode()
                return {"ETag": "e"}
            case _:
                raise NotImplementedError(f"{service}:{operation}")

    def pages(self, service: str, operation: str, member: str, **given: Any) -> Iterator[Any]:
        """What AWS would list, page by page."""
        found = list(self._listed(operation, given))
        self.calls[f"{service}:{operation}"] += max(1, -(-len(found) // self._page_of(operation)))
        return iter(found)

    def _page_of(self, operation: str) -> int:
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html: 20 at most.
        return 20 if operation == "list_accounts_for_parent" else 100 if "stack" in operation else _PAGE

    def _listed(self, operation: str, given: dict[str, Any]) -> Iterator[Any]:
        match operation:
            case "list_organizational_units_for_parent":
                if given["ParentId"] == "r-ab12":
                    yield from ({"Id": self._ids[name], "Name": name} for name in _UNITS)
            case "list_accounts_for_parent":
                for number, (name, email, unit, _) in self._accounts.items():
                    if self._ids[unit] == given["ParentId"]:
                        yield {"Id": number, "Name": name, "Email": email, "Status": "ACTIVE"}
            case "list_tags_for_resource":
                yield from ({"Key": k, "Value": v} for k, v in self._accounts[given["ResourceId"]][3].items())
            case "list_policies":
                kind = {"SERVICE_CONTROL_POLICY": "scp", "RESOURCE_CONTROL_POLICY": "rcp"}[given["Filter"]]
                yield from ({"Name": name, "Id": name} for name in self._rails if name.endswith(f".{kind}"))
            case "list_targets_for_policy":
                rails = {prefix_of(self._rooms) + each.policy: each for each in self._rooms.organization.guard_rails}
                targets = rails[given["PolicyId"]].targets
                yield from ({"TargetId": self._ids[each]} for each in targets)
            case "list_stack_sets":
                yield from ({"StackSetName": name} for name in self._templates)
            case "list_stack_instances":
                units = {
                    prefix_of(self._rooms) + each.stack_set.replace("_", "-"): each.units
                    for each in self._rooms.organization.deployments
                }[given["StackSetName"]]
                for number, (_, _, unit, _) in self._accounts.items():
                    if unit in units:
                        yield {"Account": number, "Status": "CURRENT"}
            case "list_objects_v2":
                at = datetime(2013, 1, 1, tzinfo=UTC)
                found = sorted(key for key in self._objects if key.startswith(given["Prefix"]))
                yield from ({"Key": key, "LastModified": at} for key in found)
            case _:
                raise NotImplementedError(operation)

    def _stack_set(self, name: str) -> dict[str, Any]:
        (of,) = (each for each in self._rooms.organization.deployments if name == self._full(each.stack_set))
        return {
            "TemplateBody": self._templates[name],
            "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": of.retain},
            "OrganizationalUnitIds": [self._ids[each] for each in of.units],
        }

    def _full(self, stack_set: str) -> str:
        return prefix_of(self._rooms) + stack_set.replace("_", "-")

    @cached_property
    def _ground(self) -> Ground:
        root = OuPath("o-a1b2c3d4e5/r-ab12/")
        units = {name: OuPath(f"{root}{self._ids[name]}/") for name in _UNITS}
        return Ground(root, units, {each[0]: AccountId(number) for number, each in self._accounts.items()})

    @cached_property
    def _rails(self) -> dict[str, str]:
        rails = {each.policy for each in self._rooms.organization.guard_rails}
        return {prefix_of(self._rooms) + each: render_policy(self._rooms, each, self._ground) for each in rails}

    @cached_property
    def _templates(self) -> dict[str, str]:
        sets = {each.stack_set for each in self._rooms.organization.deployments}
        return {
            prefix_of(self._rooms) + each.replace("_", "-"): render_body(self._rooms, each, self._ground)
            for each in sets
        }


def measure(accounts: int, units: int) -> dict[str, float]:
    """Plan a lake of which everything is applied.

    Returns:
        Seconds, the process's peak memory in MB, and API calls, pages counted.
    """
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "lake"
        for room in ("provisioning", "pipelines", "cross_silo_views", "notebooks"):
            shutil.copytree(ROOT / room, root / room)
        shutil.copy(ROOT / "silolake.yaml", root)
        for number in range(units):
            folder = root / "pipelines" / f"unit_{number}"
            folder.mkdir()
            (folder / "pipeline.yaml").write_text(_PIPELINE.format(number=number))
        rooms = load(root)
        cloud = Simulated(rooms, accounts)
        organization = read_organization(cloud)
        runner = Runner(cloud, organization, Place(root, root / "runs", lambda each, zone: f"{each.id}-{zone}"))
        try:
            session = Session(rooms, cloud, runner, organization, "c0ffee")
            for each in session.plan(COMMITTED):
                for mark in each.step.marks:
                    cloud.call("s3", "put_object", Key=applied_key(mark.kind, mark.name, mark.digest))
            runner.tagged.keep(organization)
            cloud.calls.clear()
            began = time.perf_counter()
            planned = session.plan(COMMITTED)
            took = time.perf_counter() - began
        finally:
            runner.close()
    if len(planned):
        raise AssertionError(f"{len(planned)} steps are planned: {planned.steps[0].name}, …")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"s": took, "mb": peak_mb, "calls": sum(cloud.calls.values())}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
