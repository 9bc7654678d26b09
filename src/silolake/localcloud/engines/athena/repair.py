"""MSCK REPAIR TABLE: partitions that lie in S3 as ``key=value/`` and are not in the catalog.

https://docs.aws.amazon.com/athena/latest/ug/msck-repair-table.html
"""

from __future__ import annotations

from urllib.parse import unquote

from silolake import sql
from silolake.localcloud.engines.athena.definitions import ddl_failed, needed, partition_input, place_of, register
from silolake.localcloud.engines.athena.relations import Context
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.engines.athena.storage import place as s3_place
from silolake.localcloud.engines.glue.access import access_to_table
from silolake.localcloud.engines.glue.catalog import partitions


def repair(rights: Rights, context: Context, statement: sql.RepairTable) -> list[str]:
    """Add what is missing; the lines that Athena answers. Writes."""
    place = place_of(rights, context, statement.name)
    table = needed(rights, place)
    keys = [each["Name"].lower() for each in table.get("PartitionKeys") or ()]
    if not keys:
        raise ddl_failed(f"Table {place.table} is not a partitioned table")
    location = (table.get("StorageDescriptor") or {}).get("Location") or ""
    bucket, prefix = s3_place(location)
    with rights.cloud.store.read() as connection:
        rights.need(access_to_table(connection, place.owner, place.database, place.table, "GetPartitions"))
        known = {row.values for row in partitions(connection, place.owner, place.database, place.table)}
    missing: dict[tuple[str, ...], str] = {}
    for key in rights.keys_under(bucket, prefix):
        folders = key[len(prefix) :].split("/")[: len(keys)]
        values = _values(folders, keys)
        if values is not None and values not in known:
            missing.setdefault(values, "/".join(folders))
    inputs = [partition_input(table, values, f"s3://{bucket}/{prefix}{folder}/") for values, folder in missing.items()]
    register(rights, place, inputs, if_not_exists=True)
    if not missing:
        return []
    told = "\t".join(f"{place.table}:{folder}" for folder in missing.values())
    added = [f"Repair: Added partition to metastore {place.table}:{folder}" for folder in missing.values()]
    return [f"Partitions not in metastore:\t{told}", *added]


def _values(folders: list[str], keys: list[str]) -> tuple[str, ...] | None:
    pairs = [folder.partition("=") for folder in folders]
    if [name.lower() for name, _, _ in pairs] != keys or not all(value for _, _, value in pairs):
        return None
    return tuple(unquote(value) for _, _, value in pairs)
