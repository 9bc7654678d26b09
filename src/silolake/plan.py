"""Plans in general: ordered steps, each with a name, what it comes after, and the digest of what it read.

What a step is, is not known here, nor how it is performed; ``Course`` tells which may begin.

>>> plan = Plan.of([Planned("b", "build", "1", after=("a",)), Planned("a", "dig", "0")])
>>> [each.name for each in plan]
['a', 'b']
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Generic, TypeVar

from silolake.model import Finding

S = TypeVar("S")


@dataclass(frozen=True)
class Group:
    """Steps that share a bound.

    Attributes:
        name: of the group.
        at_once: how many of them go on together.
        tolerated: how many may fail before those not begun are not begun.
    """

    name: str
    at_once: int
    tolerated: int = 0


@dataclass(frozen=True)
class Planned(Generic[S]):
    """One step in its place.

    Attributes:
        name: unique in the plan and the same in every plan that wants the same thing.
        step: what is to be done.
        ground: digest of what the step was planned on; if it has changed, so may the step.
        after: names of the steps that must have completed; those the plan does not have are done already.
        waits: names of the steps that must have ended, however they did.
        group: what it is bound by besides.
    """

    name: str
    step: S
    ground: str
    after: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    group: Group | None = None


@dataclass(frozen=True)
class Plan(Generic[S]):
    """Steps, each after all that it needs. Made by ``Plan.of``."""

    steps: tuple[Planned[S], ...]

    @classmethod
    def of(cls, steps: Iterable[Planned[S]]) -> Plan[S]:
        """Order steps: what must come first does, and otherwise the order they are given in.

        Raises:
            ValueError: two steps of one name, or steps that wait for each other.
        """
        given = tuple(steps)
        named: dict[str, Planned[S]] = {}
        for each in given:
            if each.name in named:
                raise ValueError(f"two steps are named {each.name!r}")
            named[each.name] = each
        return cls(tuple(_ordered(named)))

    def __iter__(self) -> Iterator[Planned[S]]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Extra(Generic[S]):
    """Something of ours that is declared no more, and the step that takes it away."""

    finding: Finding
    step: S


def _ordered(named: Mapping[str, Planned[S]]) -> Iterator[Planned[S]]:
    place = {name: number for number, name in enumerate(named)}
    sorter = TopologicalSorter(
        {name: [n for n in (*each.after, *each.waits) if n in named] for name, each in named.items()}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError(f"steps wait for each other: {' → '.join(error.args[1])}") from error
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        yield from (named[name] for name in ready)
        sorter.done(*ready)


class Course(Generic[S]):
    """How far a plan has been performed: which of its steps may begin now, and which never will.

    Bookkeeping only: no clock and no threads.

    >>> course = Course(Plan.of([Planned("a", "dig", "0"), Planned("b", "build", "1", after=("a",))]))
    >>> [each.name for each in course.ready()]
    ['a']
    >>> course.begin("a")
    >>> course.end("a", completed=False)
    >>> course.bar()
    [(Planned(name='b', step='build', ground='1', after=('a',), waits=(), group=None), 'a did not complete')]
    >>> course.is_over
    True
    """

    def __init__(self, plan: Plan[S]) -> None:
        self._named = {each.name: each for each in plan}
        self._unmet = {each.name: sum(n in self._named for n in {*each.after, *each.waits}) for each in plan}
        self._then: defaultdict[str, list[str]] = defaultdict(list)
        for each in plan:
            for name in {*each.after, *each.waits}:
                self._then[name].append(each.name)
        self._open = {name: None for name, unmet in self._unmet.items() if not unmet}
        self._left = dict.fromkeys(self._named)
        self._under_way: set[str] = set()
        self._failed: set[str] = set()
        self._busy: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    @property
    def is_over(self) -> bool:
        """Whether every step has ended, or never will begin."""
        return not self._left and not self._under_way

    def left(self) -> list[Planned[S]]:
        """The steps that have not begun and may still."""
        return [self._named[name] for name in self._left]

    def ready(self) -> list[Planned[S]]:
        """The steps that may begin now, all of them together."""
        busy, found = self._busy.copy(), []
        for name in self._open:
            each = self._named[name]
            if each.group is not None:
                if busy[each.group.name] >= each.group.at_once:
                    continue
                busy[each.group.name] += 1
            found.append(each)
        return found

    def begin(self, name: str) -> None:
        """A step has begun."""
        del self._open[name], self._left[name]
        self._under_way.add(name)
        if group := self._named[name].group:
            self._busy[group.name] += 1

    def end(self, name: str, *, completed: bool) -> None:
        """A step that had begun has ended."""
        self._under_way.remove(name)
        if group := self._named[name].group:
            self._busy[group.name] -= 1
            self._failures[group.name] += not completed
        self._settle(name, completed)

    def bar(self) -> list[tuple[Planned[S], str]]:
        """Take out what can never begin any more, and say of each why; call it after each end."""
        barred: list[tuple[Planned[S], str]] = []
        while found := [(self._named[name], why) for name in self._left if (why := self._bar_of(name))]:
            for each, _ in found:
                del self._left[each.name]
                self._open.pop(each.name, None)
                self._settle(each.name, completed=False)
            barred += found
        return barred

    def _bar_of(self, name: str) -> str:
        each = self._named[name]
        for before in each.after:
            if before in self._failed:
                return f"{before} did not complete"
        group = each.group
        if group is not None and self._failures[group.name] > group.tolerated:
            return f"{self._failures[group.name]} runs of {group.name} failed, and it tolerates {group.tolerated}"
        return ""

    def _settle(self, name: str, completed: bool) -> None:
        if not completed:
            self._failed.add(name)
        for later in self._then[name]:
            self._unmet[later] -= 1
            if not self._unmet[later] and later in self._left:
                self._open[later] = None
