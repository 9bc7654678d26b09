"""The cases of each view: rows given to its sources, and the rows it answers, on the local cloud's engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from view_desk import ROOT

from silolake import athena, sql
from silolake.contracts import Contract, schema_of
from silolake.cross_silo_views import check_view
from silolake.rooms import Case, View, load

ROOMS = load(ROOT, view_check=check_view)
CASES = [(view, case) for view in ROOMS.views.values() for case in view.cases]
SOURCES = "sources"


def read_value(value: Any, kind: pa.DataType) -> Any:
    """A case's value as its column holds it; YAML may have read a text as a moment already."""
    if value is None or not pa.types.is_temporal(kind):
        return str(value) if value is not None and pa.types.is_string(kind) else value
    return value if isinstance(value, (datetime, date)) else datetime.fromisoformat(str(value))


def bound(name: str, contract: Contract, rows: Sequence[Mapping[str, Any]], folder: Path) -> athena.Source:
    """A source's table as publishing makes it: a partition for each silo."""
    kept = contract.stored
    schema = pa.schema([schema_of(contract).field(column.name) for column in kept])
    partitions = []
    for silo, held in groupby(sorted(rows, key=lambda row: str(row["silo"])), key=lambda row: str(row["silo"])):
        entries = [{field.name: read_value(row.get(field.name), field.type) for field in schema} for row in held]
        path = folder / f"{name}-{silo}.parquet"
        pq.write_table(pa.Table.from_pylist(entries, schema), path)
        file = athena.BoundFile(str(path), f"s3://{silo}/{path.name}", path.stat().st_size)
        partitions.append(athena.BoundPartition((silo,), (file,), f"s3://{silo}/"))
    return athena.Source(
        sql.TableName(sql.DEFAULT_CATALOG, SOURCES, name),
        tuple(sql.Column.of_glue(column.name, column.type.glue) for column in kept),
        (sql.Column.of_glue("silo", "string"),),
        tuple(partitions),
        athena.Serde("parquet"),
    )


def typed(value: Any, kind: sql.Type) -> Any:
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


def played(view: View, case: Case, folder: Path) -> tuple[list[Any], list[Any]]:
    """The view's rows over the case's, only the columns that the case names; and the rows that it expects."""
    sources = [
        bound(name, ROOMS.contracts[source.product], case.given.get(name, ()), folder)
        for name, source in view.sources.items()
    ]
    relations = {source.name: source.schema for source in sources}
    query = sql.translate(sql.parse_query(view.sql), relations, sql.DEFAULT_CATALOG, SOURCES)
    types = {column.name: column.type for column in query.columns}
    with athena.Session("256MB", 1, folder) as session:
        rows = [dict(zip(types, row, strict=True)) for row in session.run(query, sources).rows()]
    named = tuple(case.expected[0]) if case.expected else ()
    found = [[typed(row[name], types[name]) for name in named] for row in rows]
    expected = [[typed(row[name], types[name]) for name in named] for row in case.expected]
    return sorted(found, key=str), sorted(expected, key=str)


@pytest.mark.parametrize(("view", "case"), CASES, ids=[f"{view.name}: {case.name}" for view, case in CASES])
def test_the_views_answer_as_their_cases_say(view: View, case: Case, tmp_path: Path) -> None:
    """Every row expected, no other, in any order."""
    found, expected = played(view, case, tmp_path)
    assert found == expected


def test_a_case_that_expects_otherwise_is_told_from_one_that_is_met(tmp_path: Path) -> None:
    """A row less, a row more, another value."""
    view, case = next((view, case) for view, case in CASES if len(case.expected) > 1)
    column = next(iter(case.expected[0]))
    for number, expected in enumerate(
        (
            case.expected[1:],
            (*case.expected, case.expected[0]),
            ({**case.expected[0], column: "odd"}, *case.expected[1:]),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        found, wanted = played(view, replace(case, expected=expected), folder)
        assert found != wanted


def test_every_view_has_cases() -> None:
    """What is published has been shown to be right."""
    assert [view.name for view in ROOMS.views.values() if not view.cases] == []
