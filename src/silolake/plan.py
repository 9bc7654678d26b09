"""Plans in general: ordered steps, each with a name, what it comes after, and the digest of what it read.

What a step is, is not known here.

>>> plan = Plan.of([Planned("b", "build", "1", after=("a",)), Planned("a", "dig", "0")])
>>> [each.name for each in plan]
['a', 'b']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Generic, TypeVar

S = TypeVar("S")


@dataclass(frozen=True)
class Planned(Generic[S]):
    """One step in its place.

    Attributes:
        name: unique in the plan and the same in every plan that wants the same thing.
        step: what is to be done.
        ground: digest of what the step was planned on; if it has changed, so may the step.
        after: names of the steps that come before it; those the plan does not have are done already.
    """

    name: str
    step: S
    ground: str
    after: tuple[str, ...] = ()


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
        ordered = tuple(each for wave in _waves(named) for each in wave)
        return cls(ordered)

    def __iter__(self) -> Iterator[Planned[S]]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def waves(self) -> Iterator[tuple[Planned[S], ...]]:
        """The steps in groups: all of a group may be done at once, and each group after the one before."""
        return _waves({each.name: each for each in self.steps})


def _waves(named: Mapping[str, Planned[S]]) -> Iterator[tuple[Planned[S], ...]]:
    place = {name: number for number, name in enumerate(named)}
    sorter = TopologicalSorter({name: [n for n in each.after if n in named] for name, each in named.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError(f"steps wait for each other: {' → '.join(error.args[1])}") from error
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        yield tuple(named[name] for name in ready)
        sorter.done(*ready)
