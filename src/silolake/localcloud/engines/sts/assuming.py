"""``AssumeRole``: the trust policy decides, and what is vended remembers who asked.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

from silolake import limits
from silolake.iam import PolicyKind
from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.iam import documents, permissions
from silolake.localcloud.engines.iam.permissions import compiled
from silolake.localcloud.engines.iam.roles import Role, find_role_by_arn, principal_of
from silolake.localcloud.engines.sts.asked import Asked, read_asked
from silolake.localcloud.engines.sts.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

_NOT_PLAYED = ("SerialNumber", "TokenCode", "ProvidedContexts")


def may_assume(call: Call) -> tuple[Access, ...]:
    """What the role's trust policy must allow. Reads only."""
    with call.cloud.store.read() as connection:
        asked = read_asked(connection, call)
        role = _open_role(connection, asked.role_arn)
    if role is None:
        # AWS does not tell a role that is not there from one that may not be assumed: there is no trust policy.
        owner = asked.role_arn.split(":")[4] if asked.role_arn.count(":") >= 5 else ""
        return (Access("sts:AssumeRole", asked.role_arn, owner, _context(asked)),)
    actions = ["sts:AssumeRole"]
    if asked.tags or asked.inherited:
        actions.append("sts:TagSession")
    if asked.source_identity:
        actions.append("sts:SetSourceIdentity")
    trust = compiled(role.trust, PolicyKind.TRUST, f"trust policy of role {role.path}{role.name} in {role.account}")
    context = _context(asked)
    return tuple(Access(action, role.arn, role.account, context, trust, role.tags) for action in actions)


def _open_role(connection: sqlite3.Connection, arn: str) -> Role | None:
    role = find_role_by_arn(connection, arn)
    if role is None:
        return None
    row = connection.execute("SELECT state FROM accounts WHERE id = ?", (role.account,)).fetchone()
    return role if row and row["state"] == "ACTIVE" else None


def _context(asked: Asked) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {"sts:RoleSessionName": (asked.session_name,)}
    if asked.external_id:
        context["sts:ExternalId"] = (asked.external_id,)
    if asked.source_identity:
        context["sts:SourceIdentity"] = (asked.source_identity,)
    if asked.tags:
        context |= {f"aws:RequestTag/{key}": (value,) for key, value in asked.tags.items()}
        context["aws:TagKeys"] = tuple(asked.tags)
    if asked.transitive:
        context["sts:TransitiveTagKeys"] = asked.transitive
    return context


@PLAYS(
    "AssumeRole",
    access=may_assume,
    differs="PackedPolicySize counts characters; AWS packs policies and tags in a way it does not describe. "
    "MFA and ProvidedContexts are refused by name.",
)
def assume_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
    for parameter in _NOT_PLAYED:
        if parameter in call.parameters:
            raise NotPlayed(f"sts:AssumeRole with {parameter}")
    with call.cloud.store.write() as connection:
        asked = read_asked(connection, call)
        role = _open_role(connection, asked.role_arn)
        if role is None:
            raise AwsError("AccessDenied", f"The role {asked.role_arn} has just gone.", 403)
        duration = _duration(call, role)
        policies = _session_policies(connection, call, role)
        packed = _packed_percent(call, asked, policies)
        principal = principal_of(
            role,
            asked.session_name,
            tags={**asked.inherited, **asked.tags},
            source_identity=asked.source_identity,
        )
        session = call.cloud.sessions.issue(principal, duration, policies)
        connection.executemany(
            "INSERT INTO sts_transitive_tags VALUES (?, ?)", [(session.access_key, key) for key in asked.transitive]
        )
    answer: dict[str, Any] = {
        "Credentials": {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires_at,
        },
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.session_arn},
    }
    if packed:
        answer["PackedPolicySize"] = packed
    if asked.source_identity:
        answer["SourceIdentity"] = asked.source_identity
    return answer


def _duration(call: Call, role: Role) -> timedelta:
    duration_s = int(call.parameters.get("DurationSeconds", limits.USUAL_SESSION_S))
    if duration_s < limits.SHORTEST_SESSION_S:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{duration_s}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value greater than or equal to {limits.SHORTEST_SESSION_S}",
        )
    if call.caller.principal.kind == "role" and duration_s > limits.LONGEST_CHAINED_SESSION_S:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
    if duration_s > role.max_session_s:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return timedelta(seconds=duration_s)


def _session_policies(connection: sqlite3.Connection, call: Call, role: Role) -> tuple[str, ...]:
    """The texts that narrow the session; managed policies as they are at this moment.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
    """
    found: list[str] = []
    if inline := call.parameters.get("Policy"):
        if len(inline) > limits.SESSION_POLICY:
            raise AwsError(
                "ValidationError",
                f"1 validation error detected: Value at 'policy' failed to satisfy constraint: "
                f"Member must have length less than or equal to {limits.SESSION_POLICY}",
            )
        documents.check(inline, PolicyKind.SESSION, "session policy")
        found.append(inline)
    arns = [each["arn"] for each in call.parameters.get("PolicyArns", ())]
    if len(arns) > limits.SESSION_POLICY_ARNS:
        raise AwsError("ValidationError", f"A session takes at most {limits.SESSION_POLICY_ARNS} managed policies.")
    for arn in arns:
        document = permissions.document_of(connection, arn)
        owner = arn.split(":")[4] if arn.count(":") >= 5 else ""
        if document is None or owner not in ("aws", role.account):
            raise AwsError("MalformedPolicyDocument", f"The policy {arn} is not one of the role's account.")
        found.append(document)
    return tuple(found)


def _packed_percent(call: Call, asked: Asked, policies: tuple[str, ...]) -> int:
    inline = policies[:1] if call.parameters.get("Policy") else ()
    arns = [each["arn"] for each in call.parameters.get("PolicyArns", ())]
    texts = [*inline, *arns, *(key + value for key, value in {**asked.inherited, **asked.tags}.items())]
    percent = -(-100 * sum(map(len, texts)) // limits.PACKED_SESSION)
    if percent > 100:
        raise AwsError("PackedPolicyTooLarge", f"Packed size of session tags and policies is {percent}% of the limit.")
    return percent
