"""A silo on the local cloud, its buckets and tables made from the rooms, and its runner no mightier than on AWS."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from silolake.cloud import Cloud, LocalEndpoint, sign_in
from silolake.contracts import Contract, glue_table
from silolake.model import Account, AccountId, ObjectVersion, OuPath
from silolake.rooms import Pipeline, Rooms, load
from silolake.rooms.render import Ground, render_template

ROOT = Path(__file__).parents[2]
ORGANIZATION = OuPath("o-a1b2c3d4e5/r-ab12/")
ZONES = ("drop", "raw", "processed", "quarantine")
_numbers = itertools.count(1)


@dataclass
class Silo:
    """A silo, its administrator, and its runner.

    Attributes:
        account: as the organization would answer it.
        admin: may do anything in it.
        runner: may do what ``silo_base`` lets the runner do.
        rooms: the workspace's.
    """

    account: Account
    admin: Cloud
    runner: Cloud
    rooms: Rooms

    def bucket(self, zone: str) -> str:
        return self.rooms.settings.bucket(self.account.id, zone)

    def deliver(self, key: str, content: bytes) -> ObjectVersion:
        """What a producer does."""
        bucket = self.bucket("drop")
        made = self.admin.call("s3", "put_object", Bucket=bucket, Key=key, Body=content)
        return ObjectVersion(bucket, key, made["VersionId"])

    def delete(self, key: str) -> None:
        self.admin.call("s3", "delete_object", Bucket=self.bucket("drop"), Key=key)

    def keys(self, zone: str, prefix: str = "") -> list[str]:
        found = self.admin.pages("s3", "list_objects_v2", "Contents", Bucket=self.bucket(zone), Prefix=prefix)
        return [each["Key"] for each in found]

    def read(self, zone: str, key: str) -> bytes:
        return b"".join(self.admin.stream(Bucket=self.bucket(zone), Key=key))

    def receipts(self) -> dict[str, Any]:
        """What is in the quarantine bucket under receipts/, by key."""
        return {key: json.loads(self.read("quarantine", key)) for key in self.keys("quarantine", "receipts/")}

    def rows(self, product: str) -> pa.Table:
        """All that stands in processed for a product, its files' own columns."""
        tables = [pq.read_table(io.BytesIO(self.read("processed", key))) for key in self.keys("processed", product)]
        return pa.concat_tables(tables) if tables else pa.table({})

    def partitions(self, product: str) -> dict[tuple[str, ...], str]:
        found = self.admin.pages("glue", "get_partitions", "Partitions", DatabaseName="processed", TableName=product)
        return {tuple(each["Values"]): each["StorageDescriptor"]["Location"] for each in found}

    def with_contract(self, pipeline: str, **changes: Any) -> Rooms:
        """The rooms with a contract that promises something else."""
        held: Pipeline = self.rooms.pipelines[pipeline]
        changed = replace(held, contract=replace(held.contract, **changes))
        return replace(self.rooms, pipelines={**self.rooms.pipelines, pipeline: changed})


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


@pytest.fixture
def silo(local_cloud: LocalEndpoint, rooms: Rooms, runner_role: Callable[[str], dict[str, Any]]) -> Iterator[Silo]:
    """A silo of its own for each test."""
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
        admin.call("iam", "put_role_policy", RoleName="runner", PolicyName=policy["PolicyName"], PolicyDocument=document)
    path = OuPath(f"{ORGANIZATION}ou-ab12-22222222/")
    account = Account(name, AccountId(made["id"]), f"{name}@example.com", path, {"kind": "airport"})
    silo = Silo(account, admin, sign_in(local_cloud, name, "runner"), rooms)
    for zone in ZONES:
        _bucket(silo, zone)
    for database in ("raw", "processed"):
        admin.call("glue", "create_database", DatabaseInput={"Name": database})
    for contract in rooms.contracts.values():
        put_table(silo, contract)
    yield silo


def _bucket(silo: Silo, zone: str) -> None:
    silo.admin.call("s3", "create_bucket", Bucket=silo.bucket(zone))
    versioned = {"Status": "Enabled"}
    silo.admin.call("s3", "put_bucket_versioning", Bucket=silo.bucket(zone), VersioningConfiguration=versioned)


def put_table(silo: Silo, contract: Contract) -> None:
    """The product's table, as the stack set would make it."""
    table = glue_table(contract, "processed", f"s3://{silo.bucket('processed')}/{contract.name}/")
    silo.admin.call("glue", "create_table", DatabaseName="processed", TableInput=table)
