"""The one thing that goes wrong in IAM: a document that is no policy."""

from __future__ import annotations

from dataclasses import dataclass

from silolake.errors import SilolakeError


class PolicyMalformed(SilolakeError):
    """A policy document that IAM would refuse.

    Attributes:
        source: the file it came from, or the policy's name where there is none.
        line: the line of the fault, counted from 1; 0 where the document was not given as text.
        path: the element, ``Statement[0].Condition.ForAnyValue:StringLike``; empty where the JSON itself is broken.
        problem: what is wrong.
        advice: what to do.
    """

    def __init__(self, source: str, line: int, path: str, problem: str, advice: str) -> None:
        super().__init__(source, line, path, problem, advice)
        self.source, self.line, self.path, self.problem, self.advice = source, line, path, problem, advice

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        where = ", ".join(part for part in (place, self.path) if part)
        return f"{where}: {self.problem}. {self.advice}"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a policy document; a document can have several.

    Attributes: as ``PolicyMalformed`` has them.
    """

    source: str
    line: int
    path: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return str(self.as_error())

    def as_error(self) -> PolicyMalformed:
        """The same, to be raised."""
        return PolicyMalformed(self.source, self.line, self.path, self.problem, self.advice)
