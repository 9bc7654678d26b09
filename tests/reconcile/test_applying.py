"""A plan is performed in its order, as carefully as it says, and every step of it is told of."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from silolake.errors import CloudUnreachable, Throttled
from silolake.model import Declared
from silolake.plan import Group, Plan, Planned
from silolake.reconcile import Applied, Hearing, LakePlan, Manner, RunNotebook, apply
from silolake.rooms import Retries


@dataclass(frozen=True)
class Ran:
    """A run's outcome."""

    status: str = "completed"
    failure: str = ""
    reason: str = ""
    run: str = "r"
    wall_s: float = 0.0
    concerns: tuple[str, ...] = ()

    @property
    def completed(self) -> bool:
        return self.status == "completed"


FAILED = Ran("failed", "failed", "ValueError: no")


ONCE = Retries()


def step(
    name: str, *after: str, waits: tuple[str, ...] = (), group: Group | None = None, retries: Retries = ONCE
) -> Planned[RunNotebook]:
    """A step of that name, in an account of that name."""
    run = RunNotebook("n", {}, name, Declared(name), retries=retries)
    return Planned(name, run, name, after, waits, group)


@dataclass
class House:
    """Runs steps without a kernel, and remembers how."""

    outcomes: dict[str, list[Ran | Exception]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    stop_after: int = 1000

    def run(self, planned: Planned[RunNotebook]) -> Ran:
        self.ran.append(planned.name)
        left = self.outcomes.get(planned.name, [])
        found = left.pop(0) if left else Ran()
        if isinstance(found, Exception):
            raise found
        return found

    def apply(self, *steps: Planned[RunNotebook]) -> dict[str, Applied]:
        """Perform them one after the other; how each ended, by name."""
        plan: LakePlan = Plan.of(steps)
        manner = Manner(1, sleep=self.slept.append, stopping=lambda: len(self.ran) >= self.stop_after)
        ended = apply(plan, self.run, again=lambda: plan, manner=manner)
        assert sorted(each.name for each in ended) == sorted(each.name for each in plan)
        return {each.name: each for each in ended}


def test_what_comes_after_a_step_that_failed_is_not_reached_and_the_rest_is() -> None:
    house = House({"a": [FAILED]})
    ended = house.apply(step("a"), step("b", "a"), step("c", "b"), step("d"))
    assert house.ran == ["a", "d"]
    assert {name: each.status for name, each in ended.items()} == {
        "a": "failed", "b": "not reached", "c": "not reached", "d": "completed",
    }  # fmt: skip
    assert (ended["b"].reason, ended["c"].reason) == ("a did not complete", "b did not complete")


def test_what_only_waits_for_a_step_goes_on_however_that_ended() -> None:
    house = House({"a": [FAILED]})
    assert house.apply(step("b", waits=("a",)), step("a"))["b"].completed
    assert house.ran == ["a", "b"]


@pytest.mark.parametrize(("tolerated", "reached"), [(0, 1), (1, 2), (2, 4)])
def test_a_group_begins_nothing_more_once_more_have_failed_than_it_tolerates(tolerated: int, reached: int) -> None:
    house = House({"a": [FAILED], "b": [FAILED]})
    group = Group("flights", 1, tolerated)
    ended = house.apply(*(step(name, group=group) for name in "abcd"), step("other"))
    assert len([name for name in house.ran if name != "other"]) == reached
    left = [each for each in ended.values() if each.status == "not reached"]
    assert {each.reason for each in left} <= {f"{tolerated + 1} runs of flights failed, and it tolerates {tolerated}"}
    assert ended["other"].completed


def test_a_group_goes_on_with_no_more_at_once_than_it_says() -> None:
    """Four threads, two places: a third begins when one has ended."""
    most, here, turn, both = [0], [0], threading.Lock(), threading.Barrier(2, timeout=10)

    def run(planned: Planned[RunNotebook]) -> Ran:
        with turn:
            here[0] += 1
            most[0] = max(most[0], here[0])
        both.wait()
        with turn:
            here[0] -= 1
        return Ran()

    group = Group("flights", 2)
    plan = Plan.of(step(name, group=group) for name in "abcdef")
    assert all(each.completed for each in apply(plan, run, again=lambda: plan, manner=Manner(4)))
    assert most[0] == 2


THROTTLED, GONE = Throttled("s3:PutObject", "SlowDown", "please"), CloudUnreachable("https://there", "refused")


@pytest.mark.parametrize(
    ("outcomes", "on", "attempts", "status"),
    [
        ([THROTTLED, THROTTLED], ("throttled",), 3, "completed"),
        ([THROTTLED, THROTTLED, THROTTLED], ("throttled",), 3, "failed"),
        ([Ran("kernel died", "kernel died")], ("kernel died", "unreachable"), 2, "completed"),
        ([GONE], ("throttled",), 1, "failed"),
        ([GONE], ("unreachable",), 2, "completed"),
        ([FAILED], ("throttled", "unreachable", "kernel died", "timed out"), 1, "failed"),
        ([FAILED], ("failed",), 2, "completed"),
        ([Ran("cancelled", "cancelled")], ("failed",), 1, "cancelled"),
    ],
)
def test_a_step_is_tried_again_after_the_failures_it_says(
    outcomes: list[Ran | Exception], on: tuple[str, ...], attempts: int, status: str
) -> None:
    house = House({"a": list(outcomes)})
    ended = house.apply(step("a", retries=Retries(3, 4.0, on)))  # type: ignore[arg-type]
    assert (len(house.ran), ended["a"].status) == (attempts, status)
    assert len(house.slept) == attempts - 1


def test_each_attempt_waits_twice_as_long_and_never_exactly_as_long_as_another_account() -> None:
    house = House({"a": [THROTTLED, THROTTLED, THROTTLED]})
    house.apply(step("a", retries=Retries(4, 4.0, ("throttled",))))
    assert all(low <= wait <= high for wait, (low, high) in zip(house.slept, [(2, 4), (4, 8), (8, 16)], strict=True))


def test_after_provisioning_the_rest_is_planned_anew_and_nothing_else_is_begun() -> None:
    """A step that the new plan no longer has is settled; one that was not in the plan waits for the next."""
    fresh = Plan.of([step("enroll/ewr"), step("unseen")])
    house = House()
    plan = Plan.of([step("provision"), step("enroll/ewr", "provision"), step("enroll/jfk", "provision")])
    ended = apply(plan, house.run, again=lambda: fresh)
    assert [each.name for each in ended] == ["provision", "enroll/ewr"]
    assert house.ran == ["provision", "enroll/ewr"]


def test_where_provisioning_fails_nothing_else_is_begun() -> None:
    house = House({"provision": [FAILED]})
    ended = house.apply(step("provision"), step("enroll/ewr", "provision"), step("else"))
    assert house.ran == ["provision"]
    assert {ended[name].reason for name in ("enroll/ewr", "else")} == {"provision did not complete"}


def test_stopped_work_begins_nothing_more_and_tells_what_it_left() -> None:
    house = House(stop_after=2)
    ended = house.apply(*(step(name) for name in "abcd"))
    assert house.ran == ["a", "b"]
    assert [ended[name].reason for name in "cd"] == ["the work was stopped"] * 2


def test_who_listens_hears_every_step_begin_wait_and_end() -> None:
    heard: list[str] = []
    hearing = Hearing(
        lambda each: heard.append(f"begins {each.name}"),
        lambda done, _: heard.append(f"waits {done.name}"),
        lambda done: heard.append(f"{done.status} {done.name}"),
    )
    house = House({"a": [THROTTLED, FAILED]})
    plan = Plan.of([step("a", retries=Retries(2, 1.0, ("throttled",))), step("b", "a")])
    apply(plan, house.run, again=lambda: plan, manner=Manner(1, hearing, sleep=house.slept.append))
    assert heard == ["begins a", "waits a", "failed a", "not reached b"]
