"""Gathers every policy that bears on an access, and asks ``silolake.iam``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from silolake.iam import Decision, Policies, PolicyKind, Principal, Request, Resource, compile_policy, decide
from silolake.localcloud.call import Access, Caller
from silolake.localcloud.engines.iam import permissions
from silolake.localcloud.engines.organizations import tree
from silolake.localcloud.errors import AwsError
from silolake.localcloud.store import Store

_ROOT_MAY = compile_policy(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    PolicyKind.IDENTITY,
    "the root user's own rights",
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and when something is asked."""

    region: str
    now: datetime


def decide_access(store: Store, caller: Caller, access: Access, region: str, now: datetime) -> Decision:
    """IAM's answer to one access, with every layer's reasons. Reads only."""
    return decider(store, caller, access.owner, Surroundings(region, now))(access)


def decider(store: Store, caller: Caller, owner: str, around: Surroundings) -> Callable[[Access], Decision]:
    """Answers many accesses of one caller to resources of one owner, each by itself, under the policies of this moment.

    Reads only, and the store at once: what is changed later is not seen.
    """
    with store.read() as connection:
        here = tree.in_effect(connection, caller.account, around.now)
        there = here if owner == caller.account else tree.in_effect(connection, owner, around.now)
        principal = replace(caller.principal, org_path=here.path, management_account=here.management_account)
        granted = permissions.grants(connection, caller.principal.arn)
        scps = tree.guard_rails(connection, caller.account, here).scps
        rcps = tree.guard_rails(connection, owner, there).rcps
    policies = Policies(
        identity=(_ROOT_MAY,) if principal.kind == "root" else granted.identity,
        boundary=granted.boundary,
        session=tuple(compile_policy(text, PolicyKind.SESSION, "session policy") for text in caller.session_policies),
        scps=scps,
        rcps=rcps,
    )
    context = _surroundings(caller, around.region, around.now)

    def answer(access: Access) -> Decision:
        resource = Resource(arn=access.arn, account=access.owner, org_path=there.path, tags=access.tags)
        request = Request(principal, access.action, resource, {**context, **access.context})
        return decide(request, replace(policies, resource=access.policy))

    return answer


def _surroundings(caller: Caller, region: str, now: datetime) -> dict[str, tuple[str, ...]]:
    """The condition keys that every request has.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    found: dict[str, tuple[str, ...]] = {
        "aws:SecureTransport": ("true" if caller.secure else "false",),
        "aws:RequestedRegion": (region,),
        "aws:CurrentTime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:EpochTime": (str(int(now.timestamp())),),
    }
    # The address is that of the first caller only; a call made by a service on its behalf has none.
    if not caller.principal.via_services:
        found["aws:SourceIp"] = (caller.source_ip,)
    if caller.issued_at is not None:
        found["aws:TokenIssueTime"] = (caller.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),)
    return found


def refusal(decision: Decision, protocol: str) -> AwsError:
    """The error a client sees, in AWS's words.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    principal: Principal = decision.request.principal
    who = principal.session_arn or principal.arn
    subject = f"User: {who} is" if who else "Anonymous users are"
    layer = decision.layer.in_error_messages
    because = (
        f"with an explicit deny in a {layer}"
        if decision.effect.value == "explicit deny"
        else f"because no {layer} allows the {decision.request.action} action"
    )
    message = (
        f"{subject} not authorized to perform: {decision.request.action} "
        f"on resource: {decision.request.resource.arn} {because}"
    )
    if protocol in ("query", "rest-xml"):
        return AwsError("AccessDenied", message, 403)
    return AwsError("AccessDeniedException", message, 400)
