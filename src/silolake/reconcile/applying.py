"""A plan performed: run after run, what may go at once at once, and nothing that was not in the plan."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from silolake.errors import SilolakeError
from silolake.plan import Planned
from silolake.reconcile.planning import LakePlan
from silolake.reconcile.steps import RunNotebook


class Outcome(Protocol):
    """What running a notebook answers."""

    @property
    def run(self) -> str:
        """The run's id."""

    @property
    def completed(self) -> bool:
        """Whether it did what it says."""

    @property
    def status(self) -> str:
        """In words."""

    @property
    def reason(self) -> str:
        """Why it did not complete."""

    @property
    def wall_s(self) -> float:
        """How long it took."""

    @property
    def concerns(self) -> tuple[str, ...]:
        """What somebody should hear of although it did what it says."""


Run = Callable[[RunNotebook], Outcome]


@dataclass(frozen=True)
class Applied:
    """One step of a plan and how it ended: completed, failed, …, or ``not reached``; and what somebody should hear."""

    name: str
    step: RunNotebook
    status: str
    reason: str = ""
    run: str = ""
    wall_s: float = 0.0
    concerns: tuple[str, ...] = ()

    @property
    def completed(self) -> bool:
        """Whether it did what it says."""
        return self.status == "completed"


@dataclass(frozen=True)
class Hearing:
    """Who hears of each step as it begins and as it ends."""

    begins: Callable[[Planned[RunNotebook]], None] = lambda _: None
    ended: Callable[[Applied], None] = lambda _: None


def apply(
    plan: LakePlan,
    run: Run,
    *,
    again: Callable[[], LakePlan],
    hearing: Hearing = Hearing(),
    at_once: int = 2,
) -> tuple[Applied, ...]:
    """Perform a plan. Writes whatever its runs write.

    Once organization steps have run, the later steps are planned anew on the ground they made, for account ids are
    discovered; a step whose name was not in the plan is left to the next one.

    Args:
        plan: what is to be done.
        run: runs one notebook and answers its record.
        again: plans anew.
        hearing: hears of each step.
        at_once: how many runs may go on at the same time.

    Returns:
        Every step of the plan and how it ended; what needed a step that failed is not reached.
    """
    ended: dict[str, Applied] = {}
    wanted = [each.name for each in plan]
    while True:
        left = [each for each in plan if each.name in wanted and each.name not in ended]
        wave = [each for each in left if not any(name in {one.name for one in left} for name in each.after)]
        if not wave:
            break
        for each in [each for each in wave if _blocked(each, ended)]:
            wave.remove(each)
            ended[each.name] = Applied(each.name, each.step, "not reached", "a step before it did not complete")
            hearing.ended(ended[each.name])
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            for done in pool.map(lambda each: _perform(each, run, hearing), wave):
                ended[done.name] = done
        if any(each.name == "provision" for each in wave):
            plan = again()
            # What provisioning has settled by itself needs no step any more.
            wanted = [name for name in wanted if name in ended or name in {each.name for each in plan}]
    return tuple(ended.values())


def _blocked(step: Planned[RunNotebook], ended: dict[str, Applied]) -> bool:
    return any(name in ended and not ended[name].completed for name in step.after)


def _perform(planned: Planned[RunNotebook], run: Run, hearing: Hearing) -> Applied:
    hearing.begins(planned)
    try:
        record = run(planned.step)
        done = Applied(
            planned.name, planned.step, record.status, record.reason, record.run, record.wall_s, record.concerns
        )
    except SilolakeError as error:
        done = Applied(planned.name, planned.step, "failed", str(error))
    hearing.ended(done)
    return done
