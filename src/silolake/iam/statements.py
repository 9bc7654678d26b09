"""Compiled policies and statements, and whether a statement means a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from silolake.iam.conditions import Clause
from silolake.iam.patterns import Glob, Lookup
from silolake.iam.principals import Directness, PrincipalElement
from silolake.iam.references import StatementRef
from silolake.iam.surroundings import Surroundings
from silolake.iam.values import PolicyKind

_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Element:
    """An Action or Resource element, or its Not form.

    Attributes:
        element: its name, ``NotAction``.
        written: as the policy has it.
        exact: the texts without wildcard and variable.
        globs: the others.
        negated: whether it means what it does not list.
        everything: whether it lists ``*``.
    """

    element: str
    written: tuple[str, ...]
    exact: frozenset[str]
    globs: tuple[Glob, ...]
    negated: bool
    everything: bool

    def means(self, value: str, lookup: Lookup) -> bool:
        """Whether it means an action (in lower case) or an ARN."""
        listed = self.everything or value in self.exact or any(each.matches(value, lookup) for each in self.globs)
        return listed != self.negated


def element(name: str, written: tuple[str, ...], globs: Iterable[Glob]) -> Element:
    """Put an element together of its compiled texts."""
    compiled = tuple(globs)
    return Element(
        element=name,
        written=written,
        exact=frozenset(each.exact for each in compiled if each.exact is not None),
        globs=tuple(each for each in compiled if each.exact is None and each.text != "*"),
        negated=name.startswith("Not"),
        everything="*" in written,
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        sid: its Sid; empty where it has none.
        index: its place, counted from 0.
        line: the line where it begins; 0 where the policy was not given as text.
        allows: whether its Effect is Allow.
        principal: whom it means; ``None`` in a policy that is attached to a principal.
        not_principal: whom its NotPrincipal leaves alone.
    """

    sid: str
    index: int
    line: int
    allows: bool
    principal: PrincipalElement | None
    not_principal: PrincipalElement | None
    actions: Element
    resources: Element | None
    conditions: tuple[Clause, ...]

    def names(self, surroundings: Surroundings) -> Directness | None:
        """How directly it means the request's principal; ``None`` where it does not."""
        principal = surroundings.request.principal
        if self.principal is not None:
            return self.principal.names(principal)
        if self.not_principal is not None and self.not_principal.exempts(principal, surroundings.bounded):
            return None
        return Directness.ITSELF

    def means(self, surroundings: Surroundings) -> Directness | None:
        """How directly it means a request whose action is known to fit; ``None`` where it does not."""
        if self.resources is not None and not self.resources.means(
            surroundings.request.resource.arn, surroundings.single
        ):
            return None
        directness = self.names(surroundings)
        if directness is None:
            return None
        for each in self.conditions:
            if not each.holds(surroundings):
                return None
        return directness


@dataclass(frozen=True)
class Policy:
    """A compiled policy.

    Attributes:
        kind: where it is attached.
        name: for people, "lake-read" or "bucket policy of nyc-…-processed".
        source: the file it came from; empty where there is none.
        statements: in their order.
    """

    kind: PolicyKind
    name: str
    source: str
    statements: tuple[Statement, ...]
    _by_action: dict[str, tuple[Statement, ...]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def references(self) -> tuple[StatementRef, ...]:
        """How its statements are named in an answer, in their order."""
        return tuple(StatementRef(self.name, self.source, each.sid, each.index, each.line) for each in self.statements)

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements that mean an action, given in lower case, Deny before Allow."""
        found = self._by_action.get(action)
        if found is None:
            found = tuple(
                sorted(
                    (each for each in self.statements if each.actions.means(action, _no_variables)),
                    key=lambda each: each.allows,
                )
            )
            # Actions come from requests: what is remembered must stay bounded whatever is asked.
            if len(self._by_action) >= _REMEMBERED:
                self._by_action.clear()
            self._by_action[action] = found
        return found


def _no_variables(key: str) -> str | None:
    """Action elements know no variables."""
    return None
