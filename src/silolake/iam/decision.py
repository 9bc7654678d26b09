"""A decision: an answer that carries its reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from silolake.iam.near import NearMiss, near_misses
from silolake.iam.references import StatementRef
from silolake.iam.values import Effect, Policies, PolicyKind, Request


@dataclass(frozen=True)
class LayerVerdict:
    """What one layer says on its own.

    Attributes:
        layer: which.
        effect: its answer.
        statement: the statement that gave it; ``None`` for an implicit deny, or where no statement was needed.
        note: what else must be known: the level of a guard rail, why a layer was not asked, what caps a grant.
    """

    layer: PolicyKind
    effect: Effect
    statement: StatementRef | None = None
    note: str = ""

    def __str__(self) -> str:
        by = f" by {self.statement}" if self.statement else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.layer}: {self.effect}{by}{note}"

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        statement = self.statement.to_json() if self.statement else None
        return {"layer": self.layer.value, "effect": self.effect.value, "statement": statement, "note": self.note}


@dataclass(frozen=True)
class Decision:
    """IAM's answer to one request: true where it is allowed.

    Attributes:
        effect: the answer.
        request: what was asked.
        layer: the layer that decided: that denied, that would have had to allow, or that granted.
        statement: the statement that decided; ``None`` for an implicit deny, and for an account's root user.
        verdicts: what each layer that was asked says.
        policies: what it was decided from.
    """

    effect: Effect
    request: Request
    layer: PolicyKind
    statement: StatementRef | None
    verdicts: tuple[LayerVerdict, ...]
    policies: Policies = field(repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.effect is Effect.ALLOW

    @cached_property
    def near_misses(self) -> tuple[NearMiss, ...]:
        """For an implicit deny: the Allow statements about the action that did not match, and why; nearest first."""
        if self.effect is not Effect.IMPLICIT_DENY:
            return ()
        silent = {verdict.layer for verdict in self.verdicts if verdict.effect is Effect.IMPLICIT_DENY}
        return near_misses(self.request, self.policies, silent)

    def explain(self) -> str:
        """The answer and its reasons, a line each; for people."""
        lines = [self._headline(), *(f"  {verdict}" for verdict in self.verdicts)]
        if self.effect is Effect.IMPLICIT_DENY:
            lines += [f"  {miss}" for miss in self.near_misses]
            if not self.near_misses:
                lines.append(f"  no statement there speaks of {self.request.action}")
        return "\n".join(lines)

    def _headline(self) -> str:
        principal = self.request.principal
        who = principal.session_arn or principal.arn or "an anonymous caller"
        what = f"{self.request.action} on {self.request.resource.arn} for {who}"
        match self.effect:
            case Effect.ALLOW:
                by = str(self.statement) if self.statement else "the account's root user"
                return f"allow: {by} allows {what}"
            case Effect.EXPLICIT_DENY:
                return f"explicit deny: {self.statement} denies {what}"
            case Effect.IMPLICIT_DENY:
                return f"implicit deny: no {self.layer} allows {what}"

    def to_json(self) -> dict[str, Any]:
        """The answer and its reasons, as JSON has them."""
        request = self.request
        return {
            "effect": self.effect.value,
            "layer": self.layer.value,
            "statement": self.statement.to_json() if self.statement else None,
            "request": {
                "principal": request.principal.arn,
                "session": request.principal.session_arn,
                "account": request.principal.account,
                "kind": request.principal.kind,
                "action": request.action,
                "resource": request.resource.arn,
                "owner": request.resource.account,
                "context": {key: list(values) for key, values in request.context.items()},
            },
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "near_misses": [miss.to_json() for miss in self.near_misses],
        }

    def _repr_markdown_(self) -> str:
        """How a notebook shows it."""
        rows = [f"| {each.layer} | {each.effect} | {each.statement or ''} | {each.note} |" for each in self.verdicts]
        misses = [f"- {miss}" for miss in self.near_misses]
        table = ["| layer | says | by | |", "|---|---|---|---|", *rows]
        return "\n".join([f"**{self._headline()}**", "", *table, "", *misses])
