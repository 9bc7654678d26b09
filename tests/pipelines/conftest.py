"""A silo on the local cloud, its buckets and tables made from the rooms, and its runner no mightier than on AWS."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from silo_desk import ROOT, Silo, put_table

from silolake.cloud import LocalEndpoint, sign_in
from silolake.model import Account, AccountId, OuPath
from silolake.rooms import Rooms, load
from silolake.rooms.render import Ground, render_template

ORGANIZATION = OuPath("o-a1b2c3d4e5/r-ab12/")
ZONES = ("drop", "raw", "processed", "quarantine")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def rooms() -> Rooms:
    """The rooms of this repository."""
    return load(ROOT)


@pytest.fixture(scope="session")
def runner_role(rooms: Rooms) -> Callable[[str], dict[str, Any]]:
    """The runner's policies as ``silo_base`` gives them to an account."""
    names = ("management", *rooms.organization.accounts)
    ground = Ground(
        ORGANIZATION,
        {name: OuPath(f"{ORGANIZATION}ou-ab12-{str(n) * 8}/") for n, name in enumerate(rooms.organization.units, 1)},
        {name: AccountId(f"{n:02d}" * 6) for n, name in enumerate(names, 11)},
    )
    template = json.dumps(render_template(rooms, "silo_base", ground)["Resources"]["Runner"]["Properties"])

    def of(account: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(template, object_hook=lambda entry: _literal(entry, account))
        return found

    return of


def _literal(entry: dict[str, Any], account: str) -> Any:
    match entry:
        case {"Ref": "AWS::AccountId"}:
            return account
        case {"Fn::Sub": str(text)}:
            return text.replace("${AWS::AccountId}", account).replace("${!", "${")
        case _:
            return entry


@pytest.fixture(scope="session")
def silos(local_cloud: LocalEndpoint, rooms: Rooms, runner_role: Callable[[str], dict[str, Any]]) -> Callable[[], Silo]:
    """Makes a silo that nothing was delivered to yet."""
    return lambda: _made(local_cloud, rooms, runner_role)


@pytest.fixture
def silo(silos: Callable[[], Silo]) -> Silo:
    """A silo of its own for each test."""
    return silos()


def _made(local_cloud: LocalEndpoint, rooms: Rooms, runner_role: Callable[[str], dict[str, Any]]) -> Silo:
    name = f"silo{next(_numbers)}"
    made = local_cloud.ask("POST", "accounts", name=name, email=f"{name}@example.com")
    admin = sign_in(local_cloud, name, "Administrator")
    role = runner_role(made["id"])
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{made['id']}:root"}, "Action": "sts:AssumeRole"}
    admin.call(
        "iam",
        "create_role",
        Path=role["Path"],
        RoleName=role["RoleName"],
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    for policy in role["Policies"]:
        document = json.dumps(policy["PolicyDocument"])
        admin.call(
            "iam", "put_role_policy", RoleName="runner", PolicyName=policy["PolicyName"], PolicyDocument=document
        )
    path = OuPath(f"{ORGANIZATION}ou-ab12-22222222/")
    account = Account(name, AccountId(made["id"]), f"{name}@example.com", path, {"kind": "airport"})
    silo = Silo(account, admin, sign_in(local_cloud, name, "runner"), rooms)
    for zone in ZONES:
        _bucket(silo, zone)
    for database in ("raw", "processed"):
        admin.call("glue", "create_database", DatabaseInput={"Name": database})
    for contract in rooms.contracts.values():
        put_table(silo, contract)
    return silo


def _bucket(silo: Silo, zone: str) -> None:
    silo.admin.call("s3", "create_bucket", Bucket=silo.bucket(zone))
    versioned = {"Status": "Enabled"}
    silo.admin.call("s3", "put_bucket_versioning", Bucket=silo.bucket(zone), VersioningConfiguration=versioned)
