"""A silo as its tests see it: what is delivered to it, and what lies in its zones."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from silolake.cloud import Cloud
from silolake.contracts import Contract, glue_table
from silolake.model import Account, ObjectVersion
from silolake.rooms import Pipeline, Rooms

ROOT = Path(__file__).parents[2]


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
        assert held.promise is not None
        changed = replace(held, promise=replace(held.promise, contract=replace(held.contract, **changes)))
        return replace(self.rooms, pipelines={**self.rooms.pipelines, pipeline: changed})


def put_table(silo: Silo, contract: Contract) -> None:
    """The product's table, as the stack set would make it."""
    table = glue_table(contract, "processed", f"s3://{silo.bucket('processed')}/{contract.name}/")
    silo.admin.call("glue", "create_table", DatabaseName="processed", TableInput=table)
