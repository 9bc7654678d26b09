"""Trino's behaviour, case by case: tests/cases/sql/*.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from silolake.athena import QueryFault, Session
from silolake.sql import SqlRefused, parse_query, translate

TABLES = sorted((Path(__file__).parents[1] / "cases" / "sql").glob("*.yaml"))
CASES = [
    pytest.param(case, id=f"{table.stem}: {case['name']}") for table in TABLES for case in YAML(typ="safe").load(table)
]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session("512MB", 1, tmp_path_factory.mktemp("blocks"))


@pytest.mark.parametrize("case", CASES)
def test_a_query_answers_as_trino_does(case: dict[str, Any], session: Session) -> None:
    """A case gives the types and the rows as Athena prints them, or a part of the error."""
    if "error" in case:
        with pytest.raises((SqlRefused, QueryFault)) as refused, session:
            list(session.run(translate(parse_query(case["query"]), {}), ()).rows())
        assert case["error"] in str(refused.value)
        return
    translation = translate(parse_query(case["query"]), {})
    with session:
        rows = [list(row) for row in session.run(translation, ()).rows()]
    assert [str(column.type) for column in translation.columns] == case["types"]
    assert rows == case["rows"]
    if "columns" in case:
        assert [column.name for column in translation.columns] == case["columns"]


def test_every_case_cites_its_source() -> None:
    """A case without a document behind it is an opinion."""
    assert all(param.values[0]["doc"].startswith("https://") for param in CASES)
    assert len({param.id for param in CASES}) == len(CASES)
