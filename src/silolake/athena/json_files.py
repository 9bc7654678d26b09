"""JSON lines as the OpenX and Hive SerDes read them.

Keys are matched without regard to case (``case.insensitive`` is true by default), which DuckDB's reader does
not do: how keys are spelled is looked up in the files first.
https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from silolake.athena.sources import BoundFile
from silolake.sql import Column
from silolake.sql.translation.values import text
from silolake.sql.types import Type, duckdb_type, quoted

_LINES_LOOKED_AT = 200
_FILES_LOOKED_AT = 50
_GZIP = b"\x1f\x8b"


def json_relation(
    settings: Mapping[str, str], columns: Sequence[Column], files: Sequence[BoundFile], with_name: bool
) -> tuple[str, list[str]]:
    """The DuckDB relation that reads JSON lines, and the columns to select from it."""
    spelled = _spellings(files)
    keys = {c.name: _key(c.name, settings, spelled) for c in columns}
    listed = ", ".join(f"{text(keys[c.name])}: {text(_reader_type(c.type))}" for c in columns) or "'nothing': 'JSON'"
    options = [
        f"columns={{{listed}}}",
        "format='newline_delimited'",
        f"compression={text('gzip' if files and _is_gzip(files[0]) else 'none')}",
        f"ignore_errors={settings.get('ignore_malformed', 'false')}",
    ]
    if with_name:
        options.append("filename=true")
    quoted_paths = ", ".join(text(file.path) for file in files)
    selected = [f"{_value(quoted(keys[c.name]), c.type)} AS {quoted(c.name)}" for c in columns]
    return f"read_json([{quoted_paths}], {', '.join(options)})", selected


def _key(column: str, settings: Mapping[str, str], spelled: Mapping[str, str]) -> str:
    mapped = settings.get(f"mapping.{column}")
    if mapped is not None:
        return mapped
    # OpenX replaces dots in keys by underscores only when told to; a column name has none.
    return spelled.get(column, column)


def _reader_type(kind: Type) -> str:
    return "VARCHAR" if kind.name in ("timestamp", "varbinary") else duckdb_type(kind)


def _value(sql: str, kind: Type) -> str:
    match kind.name:
        case "timestamp":
            return f"CAST(replace({sql}, 'T', ' ') AS TIMESTAMP)"
        case "varbinary":
            return f"encode({sql})"
        case _:
            return sql


def _is_gzip(file: BoundFile) -> bool:
    with Path(file.path).open("rb") as stream:
        return stream.read(2) == _GZIP


def _opened(file: BoundFile) -> gzip.GzipFile | BinaryIO:
    return gzip.open(file.path, "rb") if _is_gzip(file) else Path(file.path).open("rb")


def _spellings(files: Sequence[BoundFile]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for file in files[:_FILES_LOOKED_AT]:
        with _opened(file) as stream:
            for line in islice(stream, _LINES_LOOKED_AT):
                try:
                    document = json.loads(line)
                except ValueError:
                    continue
                if isinstance(document, dict):
                    for key in document:
                        found.setdefault(key.lower(), key)
    return found
