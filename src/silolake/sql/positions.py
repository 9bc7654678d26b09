"""Where in a statement something stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line and a column, both counted from one, as Trino prints them.

    >>> print(Position(1, 8))
    line 1:8
    """

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}:{self.column}"


START = Position(1, 1)
