"""Benchmarks as functions with a name, a unit and a goal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """One benchmark's answer, as ``build/bench.json`` has it."""

    name: str
    value: float
    unit: str
    goal: float
    met: bool


@dataclass(frozen=True)
class Benchmark:
    """Something to measure; less is better.

    Attributes:
        name: how ``--only`` calls it; its last word is the unit.
        unit: of its value and its goal.
        goal: what it is to stay below.
        about: what exactly is measured.
        measure: does it.
    """

    name: str
    unit: str
    goal: float
    about: str
    measure: Callable[[], float]

    def take(self) -> Measured:
        """Measure it now."""
        value = round(self.measure(), 3)
        return Measured(self.name, value, self.unit, self.goal, value <= self.goal)


BENCHMARKS: dict[str, Benchmark] = {}
"""By name, in the order they are run."""


def benchmark(unit: str, goal: float) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register a function as a benchmark; its name is the benchmark's, its docstring says what is measured."""

    def register(measure: Callable[[], float]) -> Callable[[], float]:
        about = (measure.__doc__ or "").splitlines()[0]
        BENCHMARKS[measure.__name__] = Benchmark(measure.__name__, unit, goal, about, measure)
        return measure

    return register


@dataclass
class Watch:
    """How long a block took."""

    s: float = 0.0


@contextmanager
def timed() -> Iterator[Watch]:
    """Wall time of a block."""
    watch, began = Watch(), time.perf_counter()
    try:
        yield watch
    finally:
        watch.s = time.perf_counter() - began
