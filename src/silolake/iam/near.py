"""Near misses: the statements that speak of an action and still did not match, and what each failed on."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from silolake.iam.references import StatementRef
from silolake.iam.statements import Policy, Statement
from silolake.iam.surroundings import Surroundings
from silolake.iam.values import Policies, PolicyKind, Request

SHOWN = 8
"""How many near misses an answer carries."""


@dataclass(frozen=True)
class Mismatch:
    """One element or condition that did not match.

    Attributes:
        element: ``Resource``, ``Principal``, or ``Condition.ForAnyValue:StringLike``.
        key: the condition key; empty for an element.
        wanted: what the policy lists.
        found: what the request has; ``None`` where it does not have the key.
    """

    element: str
    key: str
    wanted: tuple[str, ...]
    found: tuple[str, ...] | None

    def __str__(self) -> str:
        subject = self.key or self.element
        said = "is absent" if self.found is None else f"is {', '.join(self.found) or 'empty'}"
        operator = self.element.removeprefix("Condition.")
        wanted = ", ".join(self.wanted)
        return f"{subject} {said}; {operator} wants {wanted}" if self.key else f"{subject} {said}; it lists {wanted}"


@dataclass(frozen=True)
class NearMiss:
    """A statement that speaks of the action and did not match.

    Attributes:
        layer: where its policy is attached.
        statement: which.
        mismatches: everything it failed on.
    """

    layer: PolicyKind
    statement: StatementRef
    mismatches: tuple[Mismatch, ...]

    def __str__(self) -> str:
        return f"{self.statement} did not match: {' · '.join(str(each) for each in self.mismatches)}"

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "layer": self.layer.value,
            "statement": self.statement.to_json(),
            "mismatches": [
                {
                    "element": each.element,
                    "key": each.key,
                    "wanted": list(each.wanted),
                    "found": None if each.found is None else list(each.found),
                }
                for each in self.mismatches
            ],
        }


def near_misses(request: Request, policies: Policies, layers: Set[PolicyKind]) -> tuple[NearMiss, ...]:
    """The near misses in some layers, those that failed on least first."""
    surroundings = Surroundings(request, bounded=policies.boundary is not None)
    found = [
        NearMiss(policy.kind, policy.references[statement.index], mismatches)
        for policy in _every(policies)
        if policy.kind in layers
        for statement in policy.about(surroundings.action)
        if statement.allows and (mismatches := tuple(_mismatches(statement, surroundings)))
    ]
    return tuple(sorted(found, key=lambda miss: len(miss.mismatches))[:SHOWN])


def _every(policies: Policies) -> Iterator[Policy]:
    yield from policies.identity
    yield from policies.session
    yield from (policy for policy in (policies.boundary, policies.resource) if policy is not None)
    for level in (*policies.scps, *policies.rcps):
        yield from level


def _mismatches(statement: Statement, surroundings: Surroundings) -> Iterator[Mismatch]:
    request = surroundings.request
    if statement.names(surroundings) is None:
        who = request.principal.session_arn or request.principal.arn or "anonymous"
        yield Mismatch("Principal", "", _named(statement), (who,))
    resources = statement.resources
    if resources is not None and not resources.means(request.resource.arn, surroundings.single):
        yield Mismatch(resources.element, "", resources.written, (request.resource.arn,))
    for clause in statement.conditions:
        if not clause.holds(surroundings):
            found = surroundings.values(clause.name)
            yield Mismatch(f"Condition.{clause.operator}", clause.key, clause.wanted, found)


def _named(statement: Statement) -> tuple[str, ...]:
    principal = statement.principal
    if principal is None:
        return ()
    return tuple(
        sorted((*principal.accounts, *principal.arns, *principal.ids, *principal.services, *principal.federated))
    )
