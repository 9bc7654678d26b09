"""The cases of each view: rows given to its sources, and the rows it answers, on the local cloud's engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from view_desk import ROOT

from silolake.cross_silo_views import check_view, play
from silolake.rooms import Case, View, load

ROOMS = load(ROOT, view_check=check_view)
CASES = [(view, case) for view in ROOMS.views.values() for case in view.cases]


@pytest.mark.parametrize(("view", "case"), CASES, ids=[f"{view.name}: {case.name}" for view, case in CASES])
def test_the_views_answer_as_their_cases_say(view: View, case: Case, tmp_path: Path) -> None:
    """Every row expected, no other, in any order."""
    assert play(view, case, ROOMS.contracts, tmp_path) == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [("a row less", "it answers {"), ("a row more", "it does not answer {"), ("another value", ": odd")],
)
def test_a_case_that_expects_otherwise_is_told_from_one_that_is_met(change: str, told: str, tmp_path: Path) -> None:
    view, case = next((view, case) for view, case in CASES if len(case.expected) > 1)
    texts = (name for name, value in case.expected[0].items() if isinstance(value, str))
    changed = {
        "a row less": case.expected[1:],
        "a row more": (*case.expected, case.expected[0]),
        "another value": ({**case.expected[0], next(texts): "odd"}, *case.expected[1:]),
    }
    assert told in play(view, replace(case, expected=changed[change]), ROOMS.contracts, tmp_path)


def test_every_view_has_cases() -> None:
    """What is published has been shown to be right."""
    assert [view.name for view in ROOMS.views.values() if not view.cases] == []
