"""A saved plan is performed as it was seen, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from silolake.errors import WrongState
from silolake.model import Declared, Name, Region
from silolake.plan import Plan, Planned
from silolake.reconcile import LakePlan, RunNotebook
from silolake.reconcile.saved import standing, to_json
from silolake.rooms import LocalCloud, Settings

SETTINGS = Settings(Name("post"), Name("dev"), Region("eu-west-1"), LocalCloud())


def plan(*names: str, ground: str = "1") -> LakePlan:
    return Plan.of(Planned(name, RunNotebook("n", {}, name, Declared("1")), ground) for name in names)


def test_what_is_as_it_was_seen_is_performed_and_nothing_else() -> None:
    """Done already, or new since: neither is."""
    stands = standing(to_json(plan("a", "b"), SETTINGS, "c0ffee"), plan("b", "c"), SETTINGS)
    assert [each.name for each in stands.plan] == ["b"]
    assert (stands.moved, stands.done, stands.unseen) == (frozenset(), ("a",), ("c",))


def test_a_step_whose_ground_or_words_have_changed_has_moved() -> None:
    saved = to_json(plan("a", "b", "c"), SETTINGS, "")
    (first, second, third) = plan("a", "b", "c")
    other = replace(second, step=replace(second.step, parameters={"limit": 2}))
    now = Plan.of([replace(first, ground="2"), other, third])
    assert standing(saved, now, SETTINGS).moved == {"a", "b"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"silolake_plan": 7}, "not a plan that silolake plan --out has written"),
        ({"stage": "prod"}, "for post prod eu-west-1, and this workspace is post dev eu-west-1"),
        ({"steps": [{"ground": "1"}]}, "steps cannot be read"),
        ({"steps": None}, "steps cannot be read"),
        ({"steps": 1}, "steps cannot be read"),
    ],
)
def test_what_is_no_plan_for_this_lake_is_refused(changes: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(WrongState, match=told):
        standing({**to_json(plan("a"), SETTINGS, ""), **changes}, plan("a"), SETTINGS)
