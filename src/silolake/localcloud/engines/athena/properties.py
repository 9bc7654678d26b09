"""What stands behind WITH in CTAS and UNLOAD.

https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html ·
https://docs.aws.amazon.com/athena/latest/ug/unload.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silolake import athena, sql
from silolake.sql import tree

TABLE_PROPERTIES = frozenset(
    (
        "format",
        "external_location",
        "partitioned_by",
        "write_compression",
        "parquet_compression",
        "field_delimiter",
        "table_type",
        "is_external",
    )
)
UNLOAD_PROPERTIES = frozenset(("format", "partitioned_by", "compression", "field_delimiter"))
_KNOWN_AND_NOT_PLAYED = frozenset(
    ("bucketed_by", "bucket_count", "orc_compression", "compression_level", "vacuum_max_snapshot_age_seconds")
)
_FORMATS = ("PARQUET", "TEXTFILE", "JSON")
_FORMATS_NOT_PLAYED = ("ORC", "AVRO", "ICEBERG")


@dataclass(frozen=True, slots=True)
class Properties:
    """How rows are to be written.

    Attributes:
        location: ``external_location``; empty where none is said.
        format: ``PARQUET``, ``TEXTFILE`` or ``JSON``.
        delimiter: between the fields of text.
    """

    format: str
    compression: str
    partitioned_by: tuple[str, ...] = ()
    location: str = ""
    delimiter: str = "\x01"

    @classmethod
    def of(cls, given: tuple[tuple[str, tree.Expr], ...], known: frozenset[str]) -> Properties:
        """The properties of a statement.

        Raises:
            SqlRefused: one that Athena does not know.
            SqlNotPlayed: one that it does and the local cloud does not.
        """
        found: dict[str, Any] = {}
        for written, expression in given:
            name = written.lower()
            if name in _KNOWN_AND_NOT_PLAYED:
                raise sql.SqlNotPlayed(f"the table property {name}", expression.at)
            if name not in known:
                raise sql.SqlRefused(f"table property '{name}' does not exist", "INVALID_TABLE_PROPERTY", expression.at)
            found[name] = _value(name, expression)
        output = str(found.get("format", "PARQUET")).upper()
        if output in _FORMATS_NOT_PLAYED or str(found.get("table_type", "HIVE")).upper() != "HIVE":
            raise sql.SqlNotPlayed(f"writing {found.get('table_type', output)}")
        if output not in _FORMATS:
            raise sql.SqlRefused(f"Invalid value for table property 'format': {output}", "INVALID_TABLE_PROPERTY")
        keys = found.get("partitioned_by", ())
        said = next(
            (found[name] for name in ("write_compression", "parquet_compression", "compression") if name in found), ""
        )
        return cls(
            output,
            str(said or "GZIP").upper(),
            tuple(str(key).lower() for key in keys),
            str(found.get("external_location", "")),
            str(found.get("field_delimiter", "\x01")),
        )

    @classmethod
    def of_table(cls, table: Mapping[str, Any], serde: athena.Serde, keys: tuple[str, ...]) -> Properties:
        """How rows are added to a table that is there.

        Raises:
            SqlNotPlayed: its format can be read and not written.
        """
        parameters: Mapping[str, str] = table.get("Parameters") or {}
        said = parameters.get("write.compression") or parameters.get("parquet.compression")
        match serde.format:
            case "parquet":
                return cls("PARQUET", (said or "GZIP").upper(), keys)
            case "json":
                return cls("JSON", (said or "NONE").upper(), keys)
            case "text":
                return cls("TEXTFILE", (said or "NONE").upper(), keys, "", serde.settings.get("delimiter", "\x01"))
            case other:
                raise sql.SqlNotPlayed(f"INSERT into a table of format {other}")

    @property
    def table_parameters(self) -> dict[str, str]:
        """What a table that is made with them says of itself."""
        return {"write.compression": self.compression, "classification": self.format.lower().removesuffix("file")}

    @property
    def serde_settings(self) -> dict[str, str]:
        """What its SerDe must know."""
        if self.format != "TEXTFILE":
            return {}
        return {"field.delim": self.delimiter, "serialization.format": self.delimiter}


def _value(name: str, expression: tree.Expr) -> Any:
    match expression:
        case tree.StringLiteral(value=text):
            return text
        case tree.ArrayConstructor(items=items):
            return tuple(_value(name, item) for item in items)
        case tree.BooleanLiteral(value=value):
            return value
        case tree.NumberLiteral(text=text):
            return text
        case _:
            raise sql.SqlRefused(f"Invalid value for table property '{name}'", "INVALID_TABLE_PROPERTY", expression.at)
