"""How a statement is named in an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StatementRef:
    """A statement, for people to find.

    Attributes:
        policy: the policy's name.
        source: the file it came from; empty where there is none.
        sid: its Sid; empty where it has none.
        index: its place in the policy, counted from 0.
        line: its line in the document; 0 where that was not text.
    """

    policy: str
    source: str
    sid: str
    index: int
    line: int

    def __str__(self) -> str:
        name = f"{self.policy} / {self.label}"
        if not self.source:
            return name
        return f"{name} ({self.source}:{self.line})" if self.line else f"{name} ({self.source})"

    @property
    def label(self) -> str:
        """Its Sid, or its place."""
        return self.sid or f"statement {self.index}"

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "policy": self.policy,
            "source": self.source,
            "sid": self.sid,
            "index": self.index,
            "line": self.line,
        }
