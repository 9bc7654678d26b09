"""Glue's filter language, as a table of cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from silolake.localcloud.engines.glue.predicates import compile_predicate
from silolake.localcloud.errors import AwsError

TABLE = json.loads((Path(__file__).parents[2] / "cases/glue/predicates.json").read_text())


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
def test_an_expression_lets_exactly_these_partitions_through(case: dict[str, Any]) -> None:
    predicate = compile_predicate(case["expression"], TABLE["keys"])
    passed = [name for name, values in TABLE["partitions"].items() if predicate(values)]
    assert passed == list(case["expect"])
    if "first" in case:
        assert predicate.first_value == case["first"]


@pytest.mark.parametrize("expression", TABLE["refused"])
def test_what_cannot_be_read_is_refused_and_not_ignored(expression: str) -> None:
    with pytest.raises(AwsError) as caught:
        compile_predicate(expression, TABLE["keys"])
    assert caught.value.code == "InvalidInputException"


def test_a_key_of_a_type_that_glue_cannot_filter_is_refused() -> None:
    with pytest.raises(AwsError, match="boolean"):
        compile_predicate("late = 'true'", [{"Name": "late", "Type": "boolean"}])
