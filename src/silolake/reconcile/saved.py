"""A plan kept in a file, and what has become of its steps since.

A saved plan holds what a reviewer saw: each step's name, its words and its ground. To apply it the lake is planned
anew, and only what is still the same is performed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from silolake.errors import WrongState
from silolake.plan import Planned
from silolake.reconcile.planning import LakePlan
from silolake.reconcile.steps import RunNotebook, explain
from silolake.rooms import Settings

FORMAT = 1


def to_json(plan: LakePlan, settings: Settings, commit: str) -> dict[str, Any]:
    """A plan as it is saved. Pure.

    Args:
        plan: the steps.
        settings: whose lake, stage and Region it is for.
        commit: what it was planned from; empty where the workspace holds what no commit does.
    """
    return {
        "silolake_plan": FORMAT,
        "lake": settings.lake.text,
        "stage": settings.stage.text,
        "region": settings.region.text,
        "commit": commit,
        "steps": [step_json(each) for each in plan],
    }


def options_of(saved: Mapping[str, Any], known: Iterable[str]) -> dict[str, bool]:
    """Which of the known options a saved plan was made with. Pure."""
    said = saved.get("options")
    return {name: True for name in known if isinstance(said, Mapping) and said.get(name) is True}


def step_json(planned: Planned[RunNotebook]) -> dict[str, Any]:
    """One step as it is saved, and shown to programs. Pure."""
    return {
        "name": planned.name,
        "run": explain(planned.step),
        "account": planned.step.account,
        "after": list(planned.after),
        "waits": list(planned.waits),
        "ground": planned.ground,
        "steps": [explain(step) for step in planned.step.beneath],
    }


@dataclass(frozen=True)
class Standing:
    """What has become of a saved plan.

    Attributes:
        plan: its steps that are still to be done, those whose ground has moved among them.
        moved: the names of those, which are not to be performed.
        done: the names of steps that nothing is left to do for.
        unseen: the names of steps that are to be done now and were not in it.
    """

    plan: LakePlan
    moved: frozenset[str]
    done: tuple[str, ...]
    unseen: tuple[str, ...]


def standing(saved: Mapping[str, Any], now: LakePlan, settings: Settings) -> Standing:
    """Hold a saved plan against the plan of now. Pure.

    A step is still the same where its ground is and all its words are: what a reviewer has not seen is not performed.

    Raises:
        WrongState: it is no saved plan, or another lake's.
    """
    steps = _steps(saved, settings)
    here = {each.name: each for each in now}
    moved = {name for name, said in steps.items() if name in here and not _is_same(step_json(here[name]), said)}
    kept = LakePlan.of([each for each in now if each.name in steps])
    done = tuple(name for name in steps if name not in here)
    return Standing(kept, frozenset(moved), done, tuple(each.name for each in now if each.name not in steps))


def _is_same(now: Mapping[str, Any], saved: Mapping[str, Any]) -> bool:
    return all(now[part] == saved.get(part) for part in ("ground", "run", "steps"))


def _steps(saved: Mapping[str, Any], settings: Settings) -> dict[str, Mapping[str, Any]]:
    if saved.get("silolake_plan") != FORMAT:
        raise WrongState("this is not a plan that silolake plan --out has written", "Make one, and apply that")
    wanted = (settings.lake.text, settings.stage.text, settings.region.text)
    said = tuple(str(saved.get(part)) for part in ("lake", "stage", "region"))
    if said != wanted:
        raise WrongState(
            f"the plan is for {' '.join(said)}, and this workspace is {' '.join(wanted)}", "Plan in this workspace"
        )
    try:
        return {str(each["name"]): each for each in saved["steps"]}
    except (KeyError, TypeError) as error:
        told = f"the plan's steps cannot be read ({error!r})"
        raise WrongState(told, "Make it anew with silolake plan --out") from error
