"""Who may do what: the rooms' policies and guard rails, asked line by line of IAM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

CASES = YAML(typ="safe").load(Path(__file__).parents[1] / "cases" / "policies" / "matrix.yaml")


@pytest.mark.parametrize("case", CASES, ids=[each["name"] for each in CASES])
def test_the_lake_answers_as_the_table_says(lake: Any, case: dict[str, Any]) -> None:
    """The answer, and the statement that gave it."""
    decision = lake.ask(case["ask"])
    assert decision.effect.value == case["expect"], decision.explain()
    if "by" in case:
        assert decision.statement is not None, decision.explain()
        assert decision.statement.sid == case["by"], decision.explain()


def test_every_name_in_the_table_is_said_once() -> None:
    """Two lines of one name would hide each other in a report."""
    names = [each["name"] for each in CASES]
    assert sorted(names) == sorted(set(names))


def test_every_guard_rail_statement_decides_a_line(documents: dict[str, Any]) -> None:
    """A guard rail that no line proves could be taken away unnoticed."""
    decided = {each.get("by") for each in CASES}
    rails = [found for key, found in documents.items() if key.endswith(("scp", "rcp"))]
    assert {each["Sid"] for found in rails for each in found["Statement"]} <= decided
