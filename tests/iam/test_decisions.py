"""The truth tables: what IAM answers, by which statement of which layer."""

from __future__ import annotations

import json

import pytest

from silolake.iam import decide

from .world import Case, cases

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}: {case.name}")
def test_iam_decides_as_aws_documents_it(case: Case) -> None:
    """Effect, deciding statement and deciding layer are those that the case states."""
    decision = decide(case.request, case.policies)
    told = decision.explain()
    assert decision.effect.value == case.expect["effect"], told
    if "layer" in case.expect:
        assert decision.layer.value == case.expect["layer"], told
    if "because" in case.expect:
        assert decision.statement is not None, told
        assert decision.statement.label == case.expect["because"], told
    if "near" in case.expect:
        assert case.expect["near"] in told
    assert bool(decision) == (case.expect["effect"] == "allow")
    assert json.loads(json.dumps(decision.to_json()))["effect"] == case.expect["effect"]


def test_no_two_cases_have_one_name() -> None:
    """A failing case can be found."""
    names = [(case.family, case.name) for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) >= 120
