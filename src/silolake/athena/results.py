"""What Athena says of a result's columns, and the files it leaves.

https://docs.aws.amazon.com/athena/latest/APIReference/API_ColumnInfo.html ·
https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from silolake.sql.types import UNBOUNDED, Type

_NAMES = {"real": "float"}
_PRECISIONS = {
    "boolean": 0, "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "real": 17, "double": 17, "date": 0,
    "timestamp": 3, "timestamp with time zone": 3, "time": 3, "varbinary": 1073741824, "json": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column of ``ResultSetMetadata``."""

    name: str
    type: str
    precision: int
    scale: int
    case_sensitive: bool
    label: str
    nullable: str = "UNKNOWN"
    catalog: str = "hive"

    def as_dict(self) -> dict[str, object]:
        """As the API spells it."""
        return {
            "CatalogName": self.catalog, "SchemaName": "", "TableName": "", "Name": self.name, "Label": self.label,
            "Type": self.type, "Precision": self.precision, "Scale": self.scale, "Nullable": self.nullable,
            "CaseSensitive": self.case_sensitive,
        }  # fmt: skip


def column_info(name: str, kind: Type) -> ColumnInfo:
    """What Athena says of a column of a Trino type.

    >>> column_info("price", Type("decimal", (10, 2))).type
    'decimal'
    """
    scale = kind.scale if kind.name == "decimal" else 0
    match kind.name:
        case "decimal":
            precision = kind.precision
        case "varchar" | "char":
            precision = kind.numbers[0] if kind.numbers else UNBOUNDED
        case other:
            precision = _PRECISIONS.get(other, 0)
    return ColumnInfo(
        name, _NAMES.get(kind.name, kind.name), precision, scale, kind.name in ("varchar", "char", "json"), name
    )


def write_text(path: Path, lines: Iterable[Sequence[str]]) -> None:
    """The ``.txt`` result of SHOW, DESCRIBE and other definition: tabs between fields, no header. Writes the file."""
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")


def read_csv(path: Path) -> Iterator[tuple[str | None, ...]]:
    """The rows of a result file, its header first; an unquoted nothing is NULL, ``""`` is an empty text."""
    yield from parse_csv(path.read_text(encoding="utf-8"))


_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)')


def parse_csv(text: str) -> Iterator[tuple[str | None, ...]]:
    """The rows of a result file's text, NULL and empty text told apart.

    >>> list(parse_csv('"a","b"\\n,""\\n'))
    [('a', 'b'), (None, '')]
    """
    row: list[str | None] = []
    place = 0
    while place < len(text):
        found = _FIELD.match(text, place)
        if found is None:
            raise ValueError(f"not a result file: {text[place : place + 40]!r}")
        quoted, plain, ending = found.groups()
        row.append(quoted.replace('""', '"') if quoted is not None else plain or None)
        place = found.end()
        if ending != ",":
            yield tuple(row)
            row = []
