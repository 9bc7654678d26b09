"""What IAM is asked, as values: a principal, a resource, a request, and the policies that bear on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from silolake.iam.statements import Policy


class Effect(StrEnum):
    """The three answers."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


class PolicyKind(StrEnum):
    """Where a policy is attached, which decides what it may say and what it can do."""

    IDENTITY = "identity policy"
    RESOURCE = "resource policy"
    TRUST = "trust policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SCP = "service control policy"
    RCP = "resource control policy"

    @property
    def in_error_messages(self) -> str:
        """The kind in the words of AWS's own access-denied messages.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

        >>> PolicyKind.IDENTITY.in_error_messages
        'identity-based policy'
        """
        match self:
            case PolicyKind.IDENTITY:
                return "identity-based policy"
            case PolicyKind.RESOURCE:
                return "resource-based policy"
            case PolicyKind.TRUST:
                return "role trust policy"
            case _:
                return self.value


PrincipalType = Literal["root", "role", "user", "service", "federated", "anonymous"]


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Attributes:
        arn: what ``aws:PrincipalArn`` says: the role's IAM ARN for a session of it, the user's, the account root's;
            empty for an anonymous caller; a service's name (``cloudtrail.amazonaws.com``) for a service; the
            provider's ARN or name for a federated caller.
        account: the account it belongs to; empty for anonymous callers and services.
        kind: what it is.
        session_arn: ``arn:aws:sts::…:assumed-role/role/session`` for a role session.
        user_id: what ``aws:userid`` says.
        org_path: where its account hangs, ``o-…/r-…/ou-…/``; empty outside any organization.
        management_account: the id of its organization's management account; empty if there is none.
        service_linked: whether it is a service-linked role.
        tags: of the role or user, and of the session.
        source_identity: what ``aws:SourceIdentity`` says.
        via_services: the services that forward its request, first to last, ``aws:CalledVia``.
    """

    arn: str
    account: str
    kind: PrincipalType
    session_arn: str = ""
    user_id: str = ""
    org_path: str = ""
    management_account: str = ""
    service_linked: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    source_identity: str = ""
    via_services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """What is asked for.

    Attributes:
        arn: its ARN, or ``*`` for an action that has none.
        account: who owns it; empty if nobody does or it is not known.
        org_path: where its owner hangs.
        tags: its tags.
    """

    arn: str
    account: str
    org_path: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One thing asked of IAM.

    Attributes:
        principal: who asks.
        action: ``s3:GetObject``.
        resource: what for.
        context: the condition keys of this request, in any case: ``{"aws:SecureTransport": ("true",)}``. Keys that
            follow from the principal and the resource are computed, and what is said of them here is not heard.
    """

    principal: Principal
    action: str
    resource: Resource
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """Every policy that bears on one request.

    Attributes:
        identity: the principal's own, inline and managed, its groups' among them.
        boundary: its permissions boundary.
        session: those its session was narrowed by.
        resource: the resource's own: bucket policy, key policy, trust policy, catalog policy.
        scps: of the principal's account, a tuple for each level from the root to the account; empty outside an
            organization or where they are not enabled.
        rcps: of the resource's account, likewise.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] = ()
    resource: Policy | None = None
    scps: tuple[tuple[Policy, ...], ...] = ()
    rcps: tuple[tuple[Policy, ...], ...] = ()
