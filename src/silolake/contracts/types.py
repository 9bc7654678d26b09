"""One type, four spellings: the data contract's, Glue's (Athena's), Parquet's (Arrow's) and Redshift's.

https://docs.aws.amazon.com/athena/latest/ug/data-types.html
https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "boolean", "integer", "number", "decimal", "date", "timestamp"]

# Redshift counts a VARCHAR's length in bytes and ends at 65,535; a character of UTF-8 has up to four.
_REDSHIFT_TEXT_BYTES = 65_535


@dataclass(frozen=True, order=True)
class ColumnType:
    """A column's type.

    Attributes:
        glue: as a Glue table and Athena's DDL spell it.
        kind: which family of checks it has.
        trino: as an Athena query spells it.
        arrow: as pyarrow prints it, which names the Parquet type.
        redshift: as a Redshift table spells it.
        bits: an integer's width; otherwise 0.
        precision, scale: a decimal's; otherwise 0.
        length: the longest text in characters; 0 is unbounded.

    >>> column_type("integer", "bigint").redshift
    'BIGINT'
    >>> column_type("string", "varchar(20)").redshift
    'VARCHAR(80)'
    """

    glue: str
    kind: Kind
    trino: str
    arrow: str
    redshift: str
    bits: int = 0
    precision: int = 0
    scale: int = 0
    length: int = 0


_FIXED: Mapping[str, ColumnType] = {
    each.glue: each
    for each in (
        ColumnType("string", "string", "varchar", "string", f"VARCHAR({_REDSHIFT_TEXT_BYTES})"),
        ColumnType("boolean", "boolean", "boolean", "bool", "BOOLEAN"),
        ColumnType("tinyint", "integer", "tinyint", "int8", "SMALLINT", bits=8),
        ColumnType("smallint", "integer", "smallint", "int16", "SMALLINT", bits=16),
        ColumnType("int", "integer", "integer", "int32", "INTEGER", bits=32),
        ColumnType("bigint", "integer", "bigint", "int64", "BIGINT", bits=64),
        ColumnType("float", "number", "real", "float", "REAL"),
        ColumnType("double", "number", "double", "double", "DOUBLE PRECISION"),
        ColumnType("date", "date", "date", "date32[day]", "DATE"),
        # Athena reads a Parquet timestamp without a zone, to the millisecond.
        ColumnType("timestamp", "timestamp", "timestamp(3)", "timestamp[ms]", "TIMESTAMP"),
    )
}
_BY_DEFAULT = {
    "string": "string",
    "boolean": "boolean",
    "integer": "bigint",
    "number": "double",
    "date": "date",
    "timestamp": "timestamp",
}
_KINDS_OF: Mapping[str, tuple[Kind, ...]] = {
    "string": ("string",),
    "boolean": ("boolean",),
    "integer": ("integer",),
    "number": ("number", "decimal", "integer"),
    "date": ("date",),
    "timestamp": ("timestamp",),
}
_DECIMAL = re.compile(r"decimal\((\d{1,2}), ?(\d{1,2})\)")
_VARCHAR = re.compile(r"(varchar|char)\((\d{1,5})\)")

LOGICAL = tuple(_BY_DEFAULT)
GLUE = (*_FIXED, "decimal(p,s)", "varchar(n)", "char(n)")


def column_type(logical: str, physical: str | None = None) -> ColumnType:
    """The type that a contract's ``logicalType`` and ``physicalType`` mean.

    Args:
        logical: an ODCS logical type.
        physical: a Glue type; where it is missing, the logical type's widest one.

    Raises:
        ValueError: where Glue has no such type, or the two do not agree; the text says which.
    """
    if logical not in _BY_DEFAULT:
        raise ValueError(
            f"a column of logicalType {logical!r} has no Glue type here; it is one of {', '.join(LOGICAL)}"
        )
    found = _physical(_BY_DEFAULT[logical] if physical is None else physical.strip().lower())
    if found.kind not in _KINDS_OF[logical]:
        raise ValueError(f"physicalType {physical!r} does not hold a {logical}")
    return found


def _physical(name: str) -> ColumnType:
    if name in _FIXED:
        return _FIXED[name]
    if found := _DECIMAL.fullmatch(name):
        precision, scale = int(found[1]), int(found[2])
        if 1 <= precision <= 38 and scale <= precision:
            spelled = f"decimal({precision},{scale})"
            return ColumnType(
                spelled,
                "decimal",
                spelled,
                f"decimal128({precision}, {scale})",
                spelled.upper(),
                precision=precision,
                scale=scale,
            )
    if found := _VARCHAR.fullmatch(name):
        length = int(found[2])
        if 1 <= length <= (255 if found[1] == "char" else _REDSHIFT_TEXT_BYTES):
            stored = f"VARCHAR({min(4 * length, _REDSHIFT_TEXT_BYTES)})"
            return ColumnType(name, "string", name, "string", stored, length=length)
    raise ValueError(f"Glue has no type {name!r}; it is one of {', '.join(GLUE)}")
