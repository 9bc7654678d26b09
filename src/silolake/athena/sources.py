"""One table as one query reads it: its columns, and the files of the partitions it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from silolake.athena.faults import QueryFault
from silolake.sql import Column, Schema, TableName

Format = Literal["parquet", "text", "csv", "json"]


@dataclass(frozen=True, slots=True)
class BoundFile:
    """One object's bytes on disk, and what ``$path`` and its kin say of it."""

    path: str
    uri: str
    size: int
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BoundPartition:
    """One partition: its key values as the catalog keeps them, and its files; a table without keys has just one."""

    values: tuple[str | None, ...]
    files: tuple[BoundFile, ...]
    location: str


@dataclass(frozen=True, slots=True)
class Serde:
    """How a table's files are read.

    Attributes:
        format: ``parquet``; ``text`` (LazySimpleSerDe); ``csv`` (OpenCSVSerde); ``json`` (OpenX and Hive).
        settings: ``delimiter quote escape null collection skip_header ignore_malformed mapping.<column>``.
    """

    format: Format
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """A table bound for one query."""

    name: TableName
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    partitions: tuple[BoundPartition, ...]
    serde: Serde

    @property
    def schema(self) -> Schema:
        """What a query may name of this table: its columns, then its partition keys."""
        return Schema(self.columns + self.partition_keys)

    @property
    def files(self) -> tuple[BoundFile, ...]:
        """Every file of every partition that has bytes; an empty object is a folder's marker."""
        return tuple(each for partition in self.partitions for each in partition.files if each.size)


_PARQUET = "parquethiveserde"
_LAZY = "lazysimpleserde"
_OPEN_CSV = "opencsvserde"
_JSON = {"org.openx.data.jsonserde.jsonserde": "openx", "org.apache.hive.hcatalog.data.jsonserde": "hive"}


def serde_of_glue(library: str, parameters: Mapping[str, str], table_parameters: Mapping[str, str]) -> Serde:
    """How to read files that the Glue catalog describes by a SerDe class.

    ``parameters`` are the SerDe's, ``table_parameters`` the table's, where ``skip.header.line.count`` stands.

    Raises: QueryFault for a SerDe that is not played, by its name.
    https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html
    """
    name = library.lower()
    skip = {
        "skip_header": table_parameters.get("skip.header.line.count", parameters.get("skip.header.line.count", "0"))
    }
    if name.endswith(_PARQUET):
        return Serde("parquet")
    if name.endswith(_LAZY):
        delimiter = parameters.get("field.delim", parameters.get("serialization.format", "\x01"))
        return Serde(
            "text",
            skip
            | {
                "delimiter": "\x01" if delimiter == "1" else delimiter,
                "escape": parameters.get("escape.delim", ""),
                "null": parameters.get("serialization.null.format", "\\N"),
                "collection": parameters.get("collection.delim", parameters.get("colelction.delim", "\x02")),
            },
        )
    if name.endswith(_OPEN_CSV):
        return Serde(
            "csv",
            skip
            | {
                "delimiter": parameters.get("separatorChar", ","),
                "quote": parameters.get("quoteChar", '"'),
                "escape": parameters.get("escapeChar", "\\"),
            },
        )
    if name in _JSON:
        kept = {key: value for key, value in parameters.items() if key.startswith("mapping.")}
        return Serde("json", kept | {"ignore_malformed": parameters.get("ignore.malformed.json", "false").lower()})
    raise QueryFault("NOT_SUPPORTED", f"the local cloud does not play the SerDe {library or '(none)'}")
