"""The list of functions holds what it promises."""

from __future__ import annotations

import pytest

from silolake.athena import QueryFault, Session
from silolake.sql import SqlRefused, parse_query, translate
from silolake.sql.functions import AGGREGATES, NOT_PLAYED, SCALARS, WINDOWS
from silolake.sql.functions.signatures import Overload, Pattern
from silolake.sql.translation.specials import AGGREGATE_SPECIALS, SPECIALS

_VARIABLES = {
    "T": "bigint",
    "N": "double",
    "D": "decimal(5,2)",
    "S": "date",
    "K": "varchar",
    "V": "bigint",
    "U": "bigint",
}
_SPELLED = {
    "timestamptz": "timestamp(3) with time zone", "day_to_second": "interval day to second",
    "year_to_month": "interval year to month",
}  # fmt: skip


def _spelled(pattern: Pattern) -> str:
    if pattern.of:
        return f"{pattern.name}({', '.join(map(_spelled, pattern.of))})"
    return _VARIABLES.get(pattern.name) or _SPELLED.get(pattern.name, pattern.name)


def _argument(pattern: Pattern) -> str:
    if pattern.is_lambda:
        names = ", ".join(f"x{i}" for i in range(len(pattern.of) - 1))
        result = pattern.of[-1]
        return f"({names}) -> " + ("true" if result.name == "boolean" else "x0")
    if str(pattern) in ("double", "array(double)"):
        return "0.5E0" if pattern.name == "double" else "ARRAY[0.5E0]"
    return f"CAST(NULL AS {_spelled(pattern)})"


def _overloads() -> list[object]:
    return [
        pytest.param(overload, over, id=f"{name}({', '.join(map(str, overload.parameters))})")
        for table, over in ((SCALARS, ""), (AGGREGATES, ""), (WINDOWS, " OVER (ORDER BY 1)"))
        for name, overloads in table.items()
        for overload in overloads
    ]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session("512MB", 1, tmp_path_factory.mktemp("blocks"))


@pytest.mark.parametrize(("overload", "over"), _overloads())
def test_every_signature_is_one_that_duckdb_plays(overload: Overload, over: str, session: Session) -> None:
    """A call with arguments of the signature's types binds and runs, and gives the type it says."""
    arguments = ", ".join(
        "1" if name_needs_count(overload, i) else _argument(p) for i, p in enumerate(overload.parameters)
    )
    if overload.name == "count" and not overload.parameters:
        arguments = "*"
    within = " WITHIN GROUP (ORDER BY 1)" if overload.name == "listagg" else ""
    if within and len(overload.parameters) == 2:
        arguments = "CAST(NULL AS varchar), ','"
    query = f"SELECT {overload.name}({arguments}){within}{over}"
    translation = translate(parse_query(query), {})
    with session:
        rows = list(session.run(translation, ()).rows())
    assert len(rows) == 1


def name_needs_count(overload: Overload, place: int) -> bool:
    """Where DuckDB wants a plain number: how many, which group."""
    counted = (
        "min", "max", "min_by", "max_by", "ntile", "lag", "lead", "nth_value", "regexp_extract", "regexp_extract_all",
        "to_base",
    )  # fmt: skip
    first = overload.name == "ntile"
    is_counted = str(overload.parameters[place]) == "bigint" and overload.name in counted
    return is_counted and (first or place > 0)


def test_no_function_is_both_played_and_not() -> None:
    """The page of fidelity is made of these lists."""
    played = set(SCALARS) | set(AGGREGATES) | set(WINDOWS) | set(SPECIALS) | set(AGGREGATE_SPECIALS)
    assert not played & NOT_PLAYED


@pytest.mark.parametrize("name", sorted(NOT_PLAYED))
def test_a_function_that_is_not_played_is_refused_by_name(name: str) -> None:
    """Athena has it; the local cloud says that it has not."""
    with pytest.raises(SqlRefused, match=f"does not play the function {name}"):
        translate(parse_query(f"SELECT {name}(1)"), {})


@pytest.mark.parametrize(
    "name", ["list_filter", "struct_pack", "read_csv", "strftime", "epoch_ms", "getenv", "trino_strict"]
)
def test_what_is_duckdbs_and_not_trinos_is_not_registered(name: str) -> None:
    """A query that passes here must pass on Athena."""
    with pytest.raises(SqlRefused, match=f"Function '{name}' not registered"):
        translate(parse_query(f"SELECT {name}('x')"), {})


def test_a_fault_survives_its_translation(session: Session) -> None:
    """A runtime error comes in Trino's words, not DuckDB's."""
    with session, pytest.raises(QueryFault) as fault:
        list(session.run(translate(parse_query("SELECT 1 / x FROM (VALUES 0) AS t(x)"), {}), ()).rows())
    assert fault.value.code == "DIVISION_BY_ZERO"
