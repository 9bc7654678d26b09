"""Tables' files: how the catalog describes them, and where a query finds them.

https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silolake import athena, sql
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.athena.names import s3_location
from silolake.localcloud.engines.athena.relations import Used, columns_of
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.engines.glue.access import access_to_table
from silolake.localcloud.engines.glue.catalog import PartitionRow, partitions
from silolake.localcloud.engines.glue.predicates import NULL_VALUE
from silolake.localcloud.errors import AwsError

_TEXT_FORMATS = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_HIVE = "org.apache.hadoop.hive.ql.io"
_STORED_AS: Mapping[str, tuple[str, str, str]] = {
    "TEXTFILE": (*_TEXT_FORMATS, _LAZY),
    "JSONFILE": (*_TEXT_FORMATS, "org.apache.hive.hcatalog.data.JsonSerDe"),
    "PARQUET": (
        f"{_HIVE}.parquet.MapredParquetInputFormat",
        f"{_HIVE}.parquet.MapredParquetOutputFormat",
        f"{_HIVE}.parquet.serde.ParquetHiveSerDe",
    ),
    "ORC": (f"{_HIVE}.orc.OrcInputFormat", f"{_HIVE}.orc.OrcOutputFormat", f"{_HIVE}.orc.OrcSerde"),
    "AVRO": (
        f"{_HIVE}.avro.AvroContainerInputFormat",
        f"{_HIVE}.avro.AvroContainerOutputFormat",
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
}
OPENX = "org.openx.data.jsonserde.JsonSerDe"


def described(statement: sql.CreateExternalTable) -> dict[str, Any]:
    """The storage descriptor of a table that a statement defines.

    Raises:
        SqlNotPlayed: a format that Athena has and the local cloud has not.
    """
    given = statement.row_format
    stored_as = (given.stored_as or "TEXTFILE").upper()
    if stored_as not in _STORED_AS:
        raise sql.SqlNotPlayed(f"STORED AS {stored_as}")
    read, write, serde = _STORED_AS[stored_as]
    columns = [
        {"Name": each.name, "Type": each.type, **({"Comment": each.comment} if each.comment is not None else {})}
        for each in statement.columns
    ]
    return {
        **storage_descriptor(read, write, given.serde or serde, dict(given.serde_properties)),
        **({"InputFormat": given.input_format} if given.input_format else {}),
        **({"OutputFormat": given.output_format} if given.output_format else {}),
        "Columns": columns,
        "Location": _folder(statement.location or ""),
        **({"BucketColumns": list(statement.clustered_by)} if statement.clustered_by else {}),
        **({"NumberOfBuckets": statement.buckets} if statement.buckets is not None else {}),
    }


def storage_descriptor(read: str, write: str, serde: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """A storage descriptor without columns or place."""
    return {
        "InputFormat": read,
        "OutputFormat": write,
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SerdeInfo": {"SerializationLibrary": serde, "Parameters": {"serialization.format": "1", **settings}},
    }


def descriptor_for(output: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """The storage descriptor of a table that CTAS makes in a format."""
    if output == "JSON":
        return storage_descriptor(*_TEXT_FORMATS, OPENX, {})
    read, write, serde = _STORED_AS[output]
    return storage_descriptor(read, write, serde, settings)


def serde_of(table: Mapping[str, Any]) -> athena.Serde:
    """How a table's files are read.

    Raises:
        QueryFault: not at all, by the SerDe's name.
    """
    serde = (table.get("StorageDescriptor") or {}).get("SerdeInfo") or {}
    return athena.serde_of_glue(
        serde.get("SerializationLibrary") or "", serde.get("Parameters") or {}, table.get("Parameters") or {}
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """A table ready to be read.

    Attributes:
        blobs: what must stay on the disk meanwhile.
    """

    source: athena.Source
    blobs: tuple[str, ...]


def bind(rights: Rights, used: Used) -> Bound:
    """Find a table's files, of the partitions that matter, with the caller's own rights. Reads only.

    Raises:
        QueryFailed: the caller may not.
        SqlNotPlayed: a way of keeping partitions that is not played.
    """
    table = used.table
    if (table.get("Parameters") or {}).get("projection.enabled", "").lower() == "true":
        raise sql.SqlNotPlayed("partition projection")
    columns, keys = columns_of(table)
    serde = serde_of(table)
    found: list[athena.BoundPartition] = []
    blobs: list[str] = []
    for values, location in _places(rights, used):
        bucket, prefix = place(location)
        files = []
        for each in rights.list_location(bucket, prefix):
            path = str(rights.cloud.blobs.path(each.blob))
            files.append(athena.BoundFile(path, f"s3://{bucket}/{each.key}", each.size, each.last_modified))
            blobs.append(each.blob)
        found.append(athena.BoundPartition(values, tuple(files), location))
    return Bound(athena.Source(used.name, columns, keys, tuple(found), serde), tuple(blobs))


def place(location: str) -> tuple[str, str]:
    """The bucket and the prefix, with its slash, of a table's or partition's location.

    Raises:
        QueryFailed: it is none.
    """
    try:
        bucket, prefix = s3_location(location)
    except AwsError as error:
        raise QueryFailed(
            f"HIVE_METASTORE_ERROR: the location of the table is not a path in S3: {location!r}", ErrorType.DATA
        ) from error
    return bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/"


def _places(rights: Rights, used: Used) -> list[tuple[tuple[str | None, ...], str]]:
    table = used.table
    storage = table.get("StorageDescriptor") or {}
    if not used.keys:
        return [((), storage.get("Location") or "")]
    database, name = table["DatabaseName"], table["Name"]
    with rights.cloud.store.read() as connection:
        rights.need(access_to_table(connection, used.owner, database, name, "GetPartitions"))
        rows = list(partitions(connection, used.owner, database, name))
    library = (storage.get("SerdeInfo") or {}).get("SerializationLibrary")
    found = []
    for row in rows:
        values = tuple(None if value == NULL_VALUE else value for value in row.values)
        if used.may_want(values):
            _same_format(row, library)
            found.append((values, row.location))
    return found


def _same_format(row: PartitionRow, library: str | None) -> None:
    own = (row.storage_descriptor.get("SerdeInfo") or {}).get("SerializationLibrary")
    if own and own != library:
        raise sql.SqlNotPlayed(f"a partition in another format than its table ({own})")


def _folder(location: str) -> str:
    return location if location.endswith("/") else location + "/"
