"""The partitions that a silo's data has, and those that its catalog says it has.

Data lies under ``year=2013/month=1/`` as Hive names it, so the folders tell which partitions there are to be.
https://docs.aws.amazon.com/athena/latest/ug/partitions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from silolake.cloud import Cloud
from silolake.errors import CloudError
from silolake.model import Finding
from silolake.provisioning.drift.templates import Resource


def find_in_partitions(cloud: Cloud, table: Resource, account: str) -> Iterator[Finding]:
    """Partitions of a table that its catalog lacks, or has at another place than their data. Reads only.

    Args:
        cloud: the account's auditor.
        table: the table, as its stack declares it.
        account: the account's name.
    """
    said, database = table.properties["TableInput"], table.properties["DatabaseName"]
    keys = tuple(each["Name"] for each in said.get("PartitionKeys", ()))
    location = str(said.get("StorageDescriptor", {}).get("Location", ""))
    if not keys or not location.startswith("s3://"):
        return
    wanted = dict(_folders(cloud, location, keys))
    found = _registered(cloud, str(database), table.id)
    for values, place in sorted(wanted.items()):
        what = f"partition {'/'.join(values)} of {database}.{table.id}"
        arn = f"table/{database}/{table.id}"
        if values not in found:
            yield Finding("missing", account, what, place, mended_by=(f"enroll/{account}",), resource=arn)
        elif found[values].rstrip("/") != place.rstrip("/"):
            mended = (f"mend/{account}",)
            yield Finding("changed", account, f"{what}: location", place, found[values], mended, arn)


def _folders(cloud: Cloud, location: str, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    below: list[tuple[tuple[str, ...], str]] = [((), prefix)]
    for key in keys:
        further: list[tuple[tuple[str, ...], str]] = []
        for values, place in below:
            listed = cloud.pages("s3", "list_objects_v2", "CommonPrefixes", Bucket=bucket, Prefix=place, Delimiter="/")
            for each in listed:
                name, equals, value = each["Prefix"].removeprefix(place).rstrip("/").partition("=")
                if equals and name == key:
                    further.append(((*values, unquote(value)), each["Prefix"]))
        below = further
    yield from ((values, f"s3://{bucket}/{place}") for values, place in below)


def _registered(cloud: Cloud, database: str, table: str) -> dict[tuple[str, ...], str]:
    try:
        found = cloud.pages("glue", "get_partitions", "Partitions", DatabaseName=database, TableName=table)
        return {tuple(each["Values"]): str(each["StorageDescriptor"].get("Location", "")) for each in found}
    except CloudError as error:
        if error.code == "EntityNotFoundException":
            return {}
        raise


def move_back(cloud: Cloud, table: Resource, finding_place: tuple[tuple[str, ...], str]) -> None:
    """Register a partition at the place of its data again. Writes.

    Args:
        cloud: the account's runner, who keeps partitions.
        table: the table.
        finding_place: the partition's values, and ``s3://…/``.

    Raises:
        CloudError: Glue did not take it.
    """
    values, place = finding_place
    storage = {**table.properties["TableInput"]["StorageDescriptor"], "Location": place}
    cloud.call(
        "glue",
        "update_partition",
        DatabaseName=table.properties["DatabaseName"],
        TableName=table.id,
        PartitionValueList=list(values),
        PartitionInput={"Values": list(values), "StorageDescriptor": storage},
    )


def moved(cloud: Cloud, table: Resource) -> Iterator[tuple[tuple[str, ...], str]]:
    """The partitions that are registered elsewhere than where their data lies: their values and the right place."""
    said = table.properties["TableInput"]
    keys = tuple(each["Name"] for each in said.get("PartitionKeys", ()))
    location = str(said.get("StorageDescriptor", {}).get("Location", ""))
    if not keys or not location.startswith("s3://"):
        return
    found = _registered(cloud, str(table.properties["DatabaseName"]), table.id)
    for values, place in _folders(cloud, location, keys):
        if values in found and found[values].rstrip("/") != place.rstrip("/"):
            yield values, place
