"""How long a run may take, and whether anybody still wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """The bounds of one run in time.

    Attributes:
        cell_s: the longest one cell may take, in seconds; 0 is no limit.
        run_s: the longest all of them may take, in seconds; 0 is no limit.
        until: when that is over, by ``time.monotonic``.
        is_over: whether the run was cancelled.
    """

    cell_s: float = 0
    run_s: float = 0
    until: float = float("inf")
    is_over: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, cell_s: float, run_s: float = 0, is_over: Callable[[], bool] = lambda: False) -> Patience:
        """Patience that begins now."""
        return cls(cell_s, run_s, time.monotonic() + run_s if run_s else float("inf"), is_over)

    @property
    def for_a_cell(self) -> float:
        """How long the next cell may take, in seconds; 0 is no limit, and what is left of the run is never that."""
        left = self.until - time.monotonic()
        if left == float("inf"):
            return self.cell_s
        return max(0.001, min(left, self.cell_s or left))

    def words(self, cell: str) -> str:
        """What a cell that took too long is told of."""
        if time.monotonic() >= self.until:
            return f"timed out: the run took longer than {self.run_s:g} s"
        return f"timed out: {cell} took longer than {self.cell_s:g} s"
