"""What a verb did, shown well to people and kept in the run's record."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from silolake.errors import StepFailed


@dataclass(frozen=True)
class Done:
    """One step and how it ended: ``done``, ``failed``, ``asked`` or ``not reached``."""

    step: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class ProvisioningReport:
    """The steps of one verb, in their order."""

    verb: str
    subject: str
    steps: tuple[Done, ...]

    @property
    def failed(self) -> tuple[Done, ...]:
        """The steps that did not do what they say."""
        return tuple(each for each in self.steps if each.state in ("failed", "not reached"))

    def raise_if_incomplete(self) -> None:
        """End the run unless every step was done.

        Raises:
            StepFailed: the first that was not.
        """
        for each in self.failed:
            raise StepFailed(each.step, each.reason or each.state)

    def to_json(self) -> dict[str, Any]:
        """As the run's record keeps it."""
        return {
            "verb": self.verb,
            "subject": self.subject,
            "steps": [{"step": each.step, "state": each.state, "reason": each.reason} for each in self.steps],
        }

    def __str__(self) -> str:
        if not self.steps:
            return f"{self.verb} {self.subject}: nothing to do".replace("  ", " ")
        lines = (f"  {each.state:<11} {each.step}" + (f": {each.reason}" if each.reason else "") for each in self.steps)
        return "\n".join((f"{self.verb} {self.subject}".rstrip(), *lines))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(each.state)}</td><td style='text-align:left'>{html.escape(each.step)}</td>"
            f"<td style='text-align:left'>{html.escape(each.reason)}</td></tr>"
            for each in self.steps
        )
        head = html.escape(f"{self.verb} {self.subject}".rstrip())
        if not rows:
            return f"<p><b>{head}</b>: nothing to do</p>"
        return f"<p><b>{head}</b></p><table><tr><th>state</th><th>step</th><th></th></tr>{rows}</table>"
