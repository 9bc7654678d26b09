"""How IAM decides.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from silolake.iam.decision import Decision, LayerVerdict
from silolake.iam.principals import Directness
from silolake.iam.reach import needs_resource_grant, outside_rcps, outside_scps
from silolake.iam.statements import Policy, Statement
from silolake.iam.surroundings import Surroundings, owner_of
from silolake.iam.values import Effect, Policies, PolicyKind, Request

Policied = Iterable[Policy]


@dataclass(frozen=True, slots=True)
class _Said:
    """What one layer says: the statement that decided it, how directly, and what must be noted."""

    layer: PolicyKind
    effect: Effect
    policy: Policy | None = None
    statement: Statement | None = None
    directness: Directness | None = None
    note: str = ""

    @property
    def allows(self) -> bool:
        return self.effect is Effect.ALLOW

    def verdict(self) -> LayerVerdict:
        named = self.policy.references[self.statement.index] if self.policy and self.statement else None
        return LayerVerdict(self.layer, self.effect, named, self.note)


def decide(request: Request, policies: Policies) -> Decision:
    """Whether IAM allows a request, and why. Total: compiled policies and any request have an answer. Reads only."""
    surroundings = Surroundings(request, bounded=policies.boundary is not None)
    layers = list(_layers(surroundings, policies))
    decided = _decide(request, layers)
    verdict = decided.verdict()
    return Decision(
        effect=decided.effect,
        request=request,
        layer=decided.layer,
        statement=verdict.statement,
        verdicts=tuple(each.verdict() for each in layers),
        policies=policies,
    )


def _layers(surroundings: Surroundings, policies: Policies) -> Iterator[_Said]:
    """What every layer says that has a say, in the order in which AWS asks them."""
    request = surroundings.request
    if policies.rcps:
        yield _guard_rail(PolicyKind.RCP, policies.rcps, outside_rcps(request), surroundings)
    if policies.scps:
        yield _guard_rail(PolicyKind.SCP, policies.scps, outside_scps(request), surroundings)
    if policies.resource is not None:
        yield _ask(policies.resource.kind, (policies.resource,), surroundings)
    elif needs_resource_grant(request) or _is_foreign(request):
        kind = PolicyKind.TRUST if request.action.lower().startswith("sts:") else PolicyKind.RESOURCE
        yield _Said(kind, Effect.IMPLICIT_DENY, note="there is none")
    if request.principal.account:
        yield _identity(surroundings, policies)
    if policies.boundary is not None:
        yield _ask(PolicyKind.BOUNDARY, (policies.boundary,), surroundings)
    if policies.session:
        yield _ask(PolicyKind.SESSION, policies.session, surroundings)


def _ask(layer: PolicyKind, policies: Policied, surroundings: Surroundings) -> _Said:
    """A layer's own answer: its first Deny that matches, else the Allow that matches most directly."""
    best: _Said | None = None
    for policy in policies:
        for statement in policy.about(surroundings.action):
            if statement.allows and best is not None and best.directness is Directness.ITSELF:
                continue
            directness = statement.means(surroundings)
            if directness is None:
                continue
            if not statement.allows:
                return _Said(layer, Effect.EXPLICIT_DENY, policy, statement, directness)
            if best is None or best.directness is None or directness > best.directness:
                best = _Said(layer, Effect.ALLOW, policy, statement, directness, _NOTES.get(directness, ""))
    return best or _Said(layer, Effect.IMPLICIT_DENY)


_NOTES = {
    Directness.ACCOUNT: "it names the account, which leaves it to that account's identity policies",
    Directness.ROLE: "it names the role, whose boundary and session policies cap that in its own account",
}


def _identity(surroundings: Surroundings, policies: Policies) -> _Said:
    said = _ask(PolicyKind.IDENTITY, policies.identity, surroundings)
    if surroundings.request.principal.kind == "root" and said.effect is Effect.IMPLICIT_DENY:
        return _Said(PolicyKind.IDENTITY, Effect.ALLOW, note="the root user of an account needs no identity policy")
    return said


def _guard_rail(
    layer: PolicyKind, levels: tuple[tuple[Policy, ...], ...], outside: str, surroundings: Surroundings
) -> _Said:
    """SCPs or RCPs: every level from the root to the account must allow, and none may deny."""
    if outside:
        return _Said(layer, Effect.ALLOW, note=outside)
    silent: _Said | None = None
    said = _Said(layer, Effect.ALLOW)
    for number, level in enumerate(levels):
        said = _ask(layer, level, surroundings)
        if said.effect is Effect.EXPLICIT_DENY:
            return said
        if not said.allows and silent is None:
            where = f"{number} below the root" if number else "the root"
            silent = _Said(layer, Effect.IMPLICIT_DENY, note=f"nothing allows at {where}")
    return silent or said


def _decide(request: Request, layers: list[_Said]) -> _Said:
    for said in layers:
        if said.effect is Effect.EXPLICIT_DENY:
            return said
    by_layer = {said.layer: said for said in layers}
    for guard_rail in (PolicyKind.RCP, PolicyKind.SCP):
        rail = by_layer.get(guard_rail)
        if rail is not None and not rail.allows:
            return rail
    resource = by_layer.get(PolicyKind.RESOURCE) or by_layer.get(PolicyKind.TRUST)
    identity = by_layer.get(PolicyKind.IDENTITY)
    if identity is None:
        return resource or _Said(PolicyKind.RESOURCE, Effect.IMPLICIT_DENY)
    caps = [by_layer[kind] for kind in (PolicyKind.BOUNDARY, PolicyKind.SESSION) if kind in by_layer]
    own = next((said for said in (identity, *caps) if not said.allows), identity)
    if _is_foreign(request):
        return _across_accounts(own, resource)
    return _within_account(request, own, caps, resource)


def _across_accounts(own: _Said, resource: _Said | None) -> _Said:
    """Both accounts must allow; the grant that is told is the owner's."""
    if not own.allows:
        return own
    return resource or _Said(PolicyKind.RESOURCE, Effect.IMPLICIT_DENY)


def _within_account(request: Request, own: _Said, caps: list[_Said], resource: _Said | None) -> _Said:
    """Either side may allow, but for keys and roles, whose own policy must."""
    granted = resource is not None and resource.allows
    needed = needs_resource_grant(request)
    if resource is not None and granted:
        match resource.directness:
            case Directness.ITSELF:
                return resource if needed or not own.allows else own
            case Directness.ROLE:
                capped = next((cap for cap in caps if not cap.allows), None)
                if capped is None:
                    return resource if needed or not own.allows else own
                return capped
            case _:
                return own
    if needed:
        return resource or _Said(PolicyKind.RESOURCE, Effect.IMPLICIT_DENY)
    return own


def _is_foreign(request: Request) -> bool:
    """Whether principal and resource belong to different accounts, or the principal to none."""
    owner = owner_of(request.resource)
    return bool(owner) and owner != request.principal.account
