"""A view played on one of its cases: the rows given to its sources, and the rows it answers, on Athena's engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from silolake import athena, sql
from silolake.contracts import Contract, schema_of
from silolake.cross_silo_views.sources import SILO
from silolake.rooms import Case, View

_DATABASE = "sources"


def play(view: View, case: Case, contracts: Mapping[str, Contract], folder: Path) -> str:
    """Hold a view against one of its cases. Writes files into ``folder``.

    Every expected row is answered, no other, in any order; of the answer only the columns that the case names count.

    Args:
        view: as read.
        case: one of its cases.
        contracts: of each product.
        folder: an empty one, for the tables that are given.

    Returns:
        What is answered otherwise than expected; nothing where the case is met.
    """
    tables = [
        _table(name, contracts[source.product], case.given.get(name, ()), folder)
        for name, source in view.sources.items()
    ]
    relations = {table.name: table.schema for table in tables}
    query = sql.translate(sql.parse_query(view.sql), relations, sql.DEFAULT_CATALOG, _DATABASE)
    types = {column.name: column.type for column in query.columns}
    with athena.Session("256MB", 1, folder) as session:
        rows = [dict(zip(types, row, strict=True)) for row in session.run(query, tables).rows()]
    named = tuple(case.expected[0]) if case.expected else ()
    found = [{name: _typed(row[name], types[name]) for name in named} for row in rows]
    wanted = [{name: _typed(row[name], types[name]) for name in named} for row in case.expected]
    return _difference(found, wanted)


def _table(name: str, contract: Contract, rows: Sequence[Mapping[str, Any]], folder: Path) -> athena.Source:
    """A source's table as publishing makes it: a partition for each silo."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = contract.stored
    schema = pa.schema([schema_of(contract).field(column.name) for column in kept])
    partitions = []
    for silo, held in groupby(sorted(rows, key=lambda row: str(row[SILO])), key=lambda row: str(row[SILO])):
        entries = [{field.name: _read(row.get(field.name), field.type) for field in schema} for row in held]
        path = folder / f"{name}-{silo}.parquet"
        pq.write_table(pa.Table.from_pylist(entries, schema), path)
        file = athena.BoundFile(str(path), f"s3://{silo}/{path.name}", path.stat().st_size)
        partitions.append(athena.BoundPartition((silo,), (file,), f"s3://{silo}/"))
    return athena.Source(
        sql.TableName(sql.DEFAULT_CATALOG, _DATABASE, name),
        tuple(sql.Column.of_glue(column.name, column.type.glue) for column in kept),
        (sql.Column.of_glue(SILO, "string"),),
        tuple(partitions),
        athena.Serde("parquet"),
    )


def _read(value: Any, kind: Any) -> Any:
    """A case's value as its column holds it; YAML may have read a text as a moment already."""
    import pyarrow as pa

    if value is None or not pa.types.is_temporal(kind):
        return str(value) if value is not None and pa.types.is_string(kind) else value
    return value if isinstance(value, (datetime, date)) else datetime.fromisoformat(str(value))


def _typed(value: Any, kind: sql.Type) -> Any:
    """A value of a case, or one that Athena printed, to compare."""
    if value is None:
        return None
    match kind.name:
        case "double" | "real":
            return float(value)
        case "decimal":
            return Decimal(str(value))
        case "timestamp":
            return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        case _ if kind.is_integral:
            return int(value)
        case "boolean":
            return str(value).lower()
        case _:
            return str(value)


def _difference(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> str:
    left = list(wanted)
    beyond = []
    for row in found:
        if row in left:
            left.remove(row)
        else:
            beyond.append(row)
    told = [f"it does not answer {_shown(row)}" for row in left] + [f"it answers {_shown(row)}" for row in beyond]
    return "; ".join(told)


def _shown(row: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {'null' if value is None else value}" for name, value in row.items()) + "}"
