"""What holds for every policy and every request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from silolake.iam import Effect, Policies, Policy, PolicyKind, Request, Resource, compile_policy, decide

from .world import read_principal

ACTIONS = ["s3:GetObject", "s3:PutObject", "kms:Decrypt", "sts:AssumeRole", "glue:GetTable"]
PATTERNS = [*ACTIONS, "s3:*", "s3:Get*", "*", "kms:*"]
ARNS = ["arn:aws:s3:::data/a", "arn:aws:kms:us-east-1:111111111111:key/k", "arn:aws:iam::111111111111:role/r", "*"]
RESOURCES = ["*", "arn:aws:s3:::data/*", "arn:aws:s3:::${aws:PrincipalTag/team}/*", "arn:aws:kms:*:*:key/*"]
PEOPLE = [
    "ewr:role/w",
    "ewr:user/bob",
    "ewr:root",
    "jfk:role/w",
    "management:role/w",
    "outsider:role/w",
    "anonymous",
    "service:athena.amazonaws.com",
]
NAMED = [
    "*",
    {"AWS": "111111111111"},
    {"AWS": "arn:aws:iam::111111111111:role/w"},
    {"AWS": "arn:aws:sts::111111111111:assumed-role/w/at-work"},
    {"Service": "athena.amazonaws.com"},
]
CONDITIONS = [
    {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
    {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": ["o-abcdefghij/*"]}},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"Null": {"aws:SourceIp": "true"}},
    {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"StringNotEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
]


def compiled(statements: list[dict[str, Any]], kind: PolicyKind, name: str = "p") -> Policy:
    return compile_policy({"Version": "2012-10-17", "Statement": statements}, kind, name)


@st.composite
def statements(draw: st.DrawFn, kind: PolicyKind, effects: tuple[str, ...] = ("Allow", "Deny")) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": draw(st.sampled_from(effects))}
    actions = ["sts:AssumeRole", "sts:*"] if kind is PolicyKind.TRUST else PATTERNS
    statement[draw(st.sampled_from(["Action", "NotAction"]))] = draw(st.lists(st.sampled_from(actions), max_size=2))
    if kind is not PolicyKind.TRUST:
        statement[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(st.sampled_from(RESOURCES))
    if kind in (PolicyKind.RESOURCE, PolicyKind.TRUST):
        statement["Principal"] = draw(st.sampled_from(NAMED))
    if draw(st.booleans()):
        statement["Condition"] = draw(st.sampled_from(CONDITIONS))
    return statement


def policy(kind: PolicyKind) -> st.SearchStrategy[Policy]:
    return st.lists(statements(kind), min_size=1, max_size=3).map(lambda written: compiled(written, kind))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    context = draw(
        st.dictionaries(
            st.sampled_from(["aws:SecureTransport", "aws:SourceIp", "aws:TagKeys"]),
            st.lists(st.sampled_from(["true", "false", "10.1.2.3", "8.8.8.8", "", "x"]), max_size=2).map(tuple),
        )
    )
    who = {"is": draw(st.sampled_from(PEOPLE)), "tags": draw(st.sampled_from([{}, {"team": "data"}]))}
    resource = Resource(draw(st.sampled_from(ARNS)), draw(st.sampled_from(["111111111111", ""])))
    return Request(read_principal(who), draw(st.sampled_from(ACTIONS)), resource, context)


def level(kind: PolicyKind) -> st.SearchStrategy[tuple[Policy, ...]]:
    full = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    if kind is PolicyKind.RCP:
        return st.just((compiled([{**full, "Principal": "*"}], kind, "full"),))
    return st.lists(policy(kind), max_size=2).map(lambda some: (compiled([full], kind, "full"), *some))


ALL = st.builds(
    Policies,
    identity=st.lists(policy(PolicyKind.IDENTITY), max_size=2).map(tuple),
    boundary=st.none() | policy(PolicyKind.BOUNDARY),
    session=st.lists(policy(PolicyKind.SESSION), max_size=2).map(tuple),
    resource=st.none() | policy(PolicyKind.RESOURCE) | policy(PolicyKind.TRUST),
    scps=st.lists(level(PolicyKind.SCP), max_size=2).map(tuple),
    rcps=st.lists(level(PolicyKind.RCP), max_size=2).map(tuple),
)


@given(requests(), ALL)
def test_every_request_has_an_answer_that_explains_itself(request: Request, policies: Policies) -> None:
    """decide is total, its truth is its effect, and its words begin with it."""
    decision = decide(request, policies)
    assert bool(decision) == (decision.effect is Effect.ALLOW)
    assert decision.explain().startswith(f"{decision.effect.value}: ")
    assert decision.to_json()["effect"] == decision.effect.value
    if decision.effect is Effect.EXPLICIT_DENY:
        assert decision.statement is not None


@given(requests(), ALL, statements(PolicyKind.IDENTITY, ("Deny",)))
def test_adding_a_deny_never_allows(request: Request, policies: Policies, deny: dict[str, Any]) -> None:
    """What was denied stays denied."""
    more = replace(policies, identity=(*policies.identity, compiled([deny], PolicyKind.IDENTITY)))
    assert bool(decide(request, more)) <= bool(decide(request, policies))


@given(requests(), ALL)
def test_taking_an_identity_policy_away_never_allows_unless_it_denied(request: Request, policies: Policies) -> None:
    """Only a Deny can keep out."""
    before, after = decide(request, policies), decide(request, replace(policies, identity=()))
    if before.effect is not Effect.EXPLICIT_DENY:
        assert bool(after) <= bool(before)


@given(requests(), ALL)
def test_caps_and_guard_rails_never_widen(request: Request, policies: Policies) -> None:
    """Without boundary, session policies, SCPs and RCPs at least as much is allowed.

    NotPrincipal, which looks at the boundary, is in none of these policies.
    """
    bare = replace(policies, boundary=None, session=(), scps=(), rcps=())
    assert bool(decide(request, policies)) <= bool(decide(request, bare))


@given(requests(), st.lists(statements(PolicyKind.IDENTITY), min_size=2, max_size=4), st.randoms())
def test_the_order_of_statements_does_not_matter(request: Request, written: list[dict[str, Any]], dice: Any) -> None:
    """Effect and layer are the same for every order."""
    shuffled = list(written)
    dice.shuffle(shuffled)
    answers = [
        decide(request, Policies(identity=(compiled(each, PolicyKind.IDENTITY),))) for each in (written, shuffled)
    ]
    assert answers[0].effect == answers[1].effect
    assert answers[0].layer == answers[1].layer


@given(requests())
def test_nothing_is_allowed_by_no_policy_but_to_the_owner_s_root(request: Request) -> None:
    """There is no default allow."""
    assert request.principal.kind == "root" or not decide(request, Policies())


@settings(max_examples=200)
@given(st.text(alphabet="ab*?", max_size=12), st.text(alphabet="ab*?", max_size=12))
def test_wildcards_match_as_a_plain_matcher_does(pattern: str, text: str) -> None:
    """The compiled pattern agrees with one written out character by character."""
    when = {"StringLike": {"s3:prefix": pattern}}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": when}
    request = Request(
        read_principal("ewr:role/w"), "s3:ListBucket", Resource("arn:aws:s3:::b", ""), {"s3:prefix": (text,)}
    )
    assert bool(decide(request, Policies(identity=(compiled([allow], PolicyKind.IDENTITY),)))) == plainly(pattern, text)


def plainly(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(plainly(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and plainly(pattern[1:], text[1:])
