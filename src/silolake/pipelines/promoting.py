"""Good rows on their way to ``processed``: a Parquet file for each partition, uploaded and registered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silolake.cloud import Cloud
from silolake.contracts import Contract
from silolake.errors import CloudError, WrongState
from silolake.pipelines.receipts import Ledger, Standing, name_of

if TYPE_CHECKING:
    import pyarrow as pa

DATABASE = "processed"
Values = tuple[str, ...]

# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html
_MOST_CREATED, _MOST_ASKED = 100, 1_000

# What Hive spells otherwise in a partition's path, so that a value never makes a folder of its own.
_ESCAPED = re.compile(r"""[\x00-\x1f"#%'*/:=?\\{}\[\]^\x7f]""")


@dataclass(frozen=True)
class ProductTable:
    """The Glue table of a product in one silo, held to its contract.

    Attributes:
        product: its name.
        bucket: the silo's processed bucket.
        storage: its storage descriptor, which every partition has but for the location.
    """

    product: str
    bucket: str
    storage: dict[str, Any]


def find_table(cloud: Cloud, contract: Contract, bucket: str) -> ProductTable:
    """The table that a contract's good rows are registered in. Reads only.

    Raises:
        WrongState: the silo has none, or it does not have the contract's columns.
    """
    advice = "Provision the silo first: silolake plan tells what is missing, silolake apply makes it"
    try:
        found = cloud.call("glue", "get_table", DatabaseName=DATABASE, Name=contract.name)["Table"]
    except CloudError as error:
        if error.code != "EntityNotFoundException":
            raise
        raise WrongState(f"the silo has no table {DATABASE}.{contract.name}", advice) from error
    storage = found["StorageDescriptor"]
    columns = [(each["Name"], each["Type"]) for each in storage["Columns"]]
    keys = [(each["Name"], each["Type"]) for each in found.get("PartitionKeys", [])]
    if (columns, keys) != (
        [(each.name, each.type.glue) for each in contract.stored],
        [(each.name, each.type.glue) for each in contract.partitions],
    ):
        raise WrongState(f"the silo's table {DATABASE}.{contract.name} has other columns than its contract", advice)
    return ProductTable(contract.name, bucket, storage)


@dataclass(frozen=True)
class Part:
    """The good rows of one drop that belong in one partition."""

    values: Values
    folder: str
    rows: pa.Table


def parts_of(rows: pa.Table, contract: Contract) -> Iterator[Part]:
    """Good rows, one part for each partition, the partition columns taken out; each part keeps the delivery's order."""
    import pyarrow.compute as pc

    names = [column.name for column in contract.partitions]
    if not names:
        yield Part((), f"{contract.name}/", rows)
        return
    # Arrow's sort is stable: https://arrow.apache.org/docs/python/generated/pyarrow.compute.sort_indices.html
    ordered = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in names]))
    counted = ordered.group_by(names, use_threads=False).aggregate([([], "count_all")])
    kept = ordered.drop_columns(names)
    start = 0
    for group in counted.to_pylist():
        values = tuple(str(group[name]) for name in names)
        folder = "".join(f"{name}={_spelled(value)}/" for name, value in zip(names, values, strict=True))
        yield Part(values, f"{contract.name}/{folder}", kept.slice(start, group["count_all"]))
        start += group["count_all"]


def _spelled(value: str) -> str:
    return _ESCAPED.sub(lambda found: f"%{ord(found.group()):02X}", value)


class Promotion:
    """Replaces what stands in ``processed`` for one drop key by a drop's good rows.

    Killed at any place it can be done again: what may hold rows of the key is written down before it is touched.

    Args:
        cloud: the silo's runner.
        ledger: where that is written down.
        table: the product's.
    """

    def __init__(self, cloud: Cloud, ledger: Ledger, table: ProductTable) -> None:
        self._cloud, self._ledger, self._table = cloud, ledger, table

    def promote(self, standing: Standing, parts: Sequence[Part], folder: Path) -> tuple[str, ...]:
        """Upload and register a drop's good rows; take out what an older version of its key left. Writes.

        Args:
            standing: what is to stand, its files yet to be named.
            parts: the good rows; none takes the key's rows out.
            folder: where the files to upload may lie.

        Returns:
            The keys that hold the rows.
        """
        files = tuple(f"{part.folder}{name_of(standing.drop)}.parquet" for part in parts)
        before = self._ledger.standing(standing.drop)
        old = frozenset(before.files if before else ())
        self._ledger.put_standing(replace(standing, sha256="", files=tuple(sorted(old.union(files)))))
        for number, (part, key) in enumerate(zip(parts, files, strict=True)):
            path = folder / f"{number}.parquet"
            _write(part.rows, path)
            with path.open("rb") as body:
                self._cloud.call("s3", "put_object", Bucket=self._table.bucket, Key=key, Body=body)
        self._register(parts)
        for key in sorted(old.difference(files)):
            self._cloud.call("s3", "delete_object", Bucket=self._table.bucket, Key=key)
        self._ledger.put_standing(replace(standing, files=files))
        return files

    def withdraw(self, standing: Standing, folder: Path) -> None:
        """Take out the rows of an older version of a drop's key, if there are any. Writes."""
        before = self._ledger.standing(standing.drop)
        if before and (before.files or not before.sha256):
            self.promote(standing, (), folder)

    def _register(self, parts: Sequence[Part]) -> None:
        inputs = [
            {
                "Values": list(part.values),
                "StorageDescriptor": {**self._table.storage, "Location": f"s3://{self._table.bucket}/{part.folder}"},
            }
            for part in parts
            if part.values
        ]
        for start in range(0, len(inputs), _MOST_CREATED):
            answer = self._cloud.call(
                "glue",
                "batch_create_partition",
                DatabaseName=DATABASE,
                TableName=self._table.product,
                PartitionInputList=inputs[start : start + _MOST_CREATED],
            )
            for fault in answer.get("Errors", []):
                said = fault["ErrorDetail"]
                if said["ErrorCode"] != "AlreadyExistsException":
                    raise CloudError("glue:batch_create_partition", said["ErrorCode"], said.get("ErrorMessage", ""))


def unregistered(cloud: Cloud, product: str, partitions: Sequence[Values]) -> tuple[Values, ...]:
    """Those of a product's partitions that Glue does not have. Reads only."""
    asked = sorted(set(partitions))
    there: set[Values] = set()
    for start in range(0, len(asked), _MOST_ASKED):
        wanted = [{"Values": list(values)} for values in asked[start : start + _MOST_ASKED]]
        while wanted:
            answer = cloud.call(
                "glue", "batch_get_partition", DatabaseName=DATABASE, TableName=product, PartitionsToGet=wanted
            )
            there.update(tuple(each["Values"]) for each in answer.get("Partitions", []))
            wanted = answer.get("UnprocessedKeys", [])
    return tuple(values for values in asked if values not in there)


def _write(rows: pa.Table, path: Path) -> None:
    import pyarrow.parquet as pq

    # Athena reads Parquet timestamps to the millisecond, which is what the contract's schema has already.
    # https://docs.aws.amazon.com/athena/latest/ug/data-types.html
    pq.write_table(rows, path, compression="zstd", version="2.6", store_schema=False)
