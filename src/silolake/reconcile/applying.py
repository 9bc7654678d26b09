"""A plan performed: run after run, what may go at once at once, and nothing that was not in the plan."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from silolake.errors import SilolakeError
from silolake.plan import Course, Plan, Planned
from silolake.reconcile.planning import LakePlan
from silolake.reconcile.steps import PROVISION_STEP, RunNotebook

NOT_REACHED = "not reached"


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
    def failure(self) -> str:
        """The class of failure, for what may be tried again; empty for a completed run."""

    @property
    def wall_s(self) -> float:
        """How long it took."""

    @property
    def concerns(self) -> tuple[str, ...]:
        """What somebody should hear of although it did what it says."""


Run = Callable[[Planned[RunNotebook]], Outcome]
"""Runs the notebook of a step."""


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
    failure: str = ""

    @property
    def completed(self) -> bool:
        """Whether it did what it says."""
        return self.status == "completed"


@dataclass(frozen=True)
class Hearing:
    """Who hears of each step as it begins, waits for another attempt, and ends."""

    begins: Callable[[Planned[RunNotebook]], None] = lambda _: None
    waits: Callable[[Applied, float], None] = lambda *_: None
    ended: Callable[[Applied], None] = lambda _: None


@dataclass(frozen=True)
class Manner:
    """How a plan is performed.

    Attributes:
        at_once: how many runs may go on at the same time.
        hearing: hears of each step.
        sleep: waits some seconds before another attempt.
        stopping: says whether no further step is to begin.
        cancel: ends the runs that go on; called when a person or a signal ends the work.
    """

    at_once: int = 2
    hearing: Hearing = Hearing()
    sleep: Callable[[float], None] = time.sleep
    stopping: Callable[[], bool] = lambda: False
    cancel: Callable[[], None] = lambda: None


def apply(plan: LakePlan, run: Run, *, again: Callable[[], LakePlan], manner: Manner = Manner()) -> tuple[Applied, ...]:
    """Perform a plan. Writes whatever its runs write.

    Once organization steps have run, the later steps are planned anew on the ground they made, for account ids are
    discovered; a step whose name was not in the plan is left to the next one.

    Args:
        plan: what is to be done.
        run: runs one step's notebook and answers its record.
        again: plans anew.
        manner: how.

    Returns:
        Every step of the plan and how it ended; what needed a step that failed is not reached.
    """
    first = [each for each in plan if each.name == PROVISION_STEP]
    if not first:
        return tuple(_perform_all(plan, run, manner))
    ended = tuple(_perform_all(Plan.of(first), run, manner))
    if not ended[0].completed:
        why = f"{PROVISION_STEP} did not complete"
        return (*ended, *(_unreached(each, why, manner) for each in plan if each not in first))
    wanted = {each.name for each in plan} - {PROVISION_STEP}
    # What provisioning has settled by itself needs no step any more.
    left = Plan.of([each for each in again() if each.name in wanted])
    return (*ended, *_perform_all(left, run, manner))


def _perform_all(plan: LakePlan, run: Run, manner: Manner) -> Iterator[Applied]:
    """Each step as soon as what it needs has ended, as many at once as may be."""
    course, under_way = Course(plan), dict[Future[Applied], str]()
    with ThreadPoolExecutor(max_workers=manner.at_once) as pool, _ended_by_hand(manner):
        while not course.is_over:
            for each in course.ready()[: manner.at_once - len(under_way)]:
                if manner.stopping():
                    break
                course.begin(each.name)
                under_way[pool.submit(_perform, each, run, manner)] = each.name
            if not under_way:  # stopped: nothing goes on and nothing is to begin
                yield from (_unreached(each, "the work was stopped", manner) for each in course.left())
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                done = future.result()
                course.end(under_way.pop(future), completed=done.completed)
                yield done
            yield from (_unreached(each, why, manner) for each, why in course.bar())


@contextmanager
def _ended_by_hand(manner: Manner) -> Iterator[None]:
    """Cancel what goes on where a person or a signal ends the work; the pool then waits for the runs to be told of."""
    try:
        yield
    except KeyboardInterrupt:
        manner.cancel()
        raise


def _perform(planned: Planned[RunNotebook], run: Run, manner: Manner) -> Applied:
    manner.hearing.begins(planned)
    retries = planned.step.retries
    for attempt in range(1, retries.attempts + 1):
        done = _attempt(planned, run)
        if done.completed or attempt == retries.attempts or done.failure not in retries.on or manner.stopping():
            break
        # Half of it is chance, so that accounts that were throttled together do not come back together.
        # https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
        wait_s = retries.backoff_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
        manner.hearing.waits(done, wait_s)
        manner.sleep(wait_s)
    manner.hearing.ended(done)
    return done


def _attempt(planned: Planned[RunNotebook], run: Run) -> Applied:
    try:
        record = run(planned)
    except SilolakeError as error:
        return Applied(planned.name, planned.step, "failed", str(error), failure=error.failure)
    return Applied(
        planned.name,
        planned.step,
        record.status,
        record.reason,
        record.run,
        record.wall_s,
        record.concerns,
        record.failure,
    )


def _unreached(each: Planned[RunNotebook], why: str, manner: Manner) -> Applied:
    done = Applied(each.name, each.step, NOT_REACHED, why)
    manner.hearing.ended(done)
    return done
