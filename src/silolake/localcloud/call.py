"""What an engine is handed, and what it says about itself.

A handler is a plain function from a ``Call`` to the operation's output, by its API names. Beside it stands its
access function: every (action, resource) that IAM must allow before the handler runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from silolake.iam import Policy, Principal

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request, as far as its signature and session tell.

    Attributes:
        principal: the caller as IAM sees it; where it hangs in the organization is filled in at each decision.
        access_key: the key it signed with, empty inside the local cloud.
        session_policies: the JSON texts that the session was narrowed by.
        issued_at: when the session was issued.
        secure: whether the request came over TLS.
        source_ip: from where.
    """

    principal: Principal
    access_key: str = ""
    session_policies: tuple[str, ...] = ()
    issued_at: datetime | None = None
    secure: bool = True
    source_ip: str = "127.0.0.1"

    @property
    def account(self) -> str:
        """The caller's own account; empty for an anonymous one."""
        return self.principal.account

    @property
    def arn(self) -> str:
        """The ARN that ``GetCallerIdentity`` answers: the session's where there is one."""
        return self.principal.session_arn or self.principal.arn

    def through(self, service: str) -> Caller:
        """The same caller, its call made on its behalf by a service: ``athena.amazonaws.com``.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
        """
        via = (*self.principal.via_services, service)
        return replace(self, principal=replace(self.principal, via_services=via))


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that IAM must allow.

    Attributes:
        action: ``s3:GetObject``.
        arn: the resource.
        owner: the account that owns the resource.
        context: condition keys of this request alone, ``{"s3:prefix": ("processed/",)}``.
        policy: the resource's own policy, if it has one.
        tags: the resource's tags.
    """

    action: str
    arn: str
    owner: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    policy: Policy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, asked by one caller.

    Attributes:
        service: botocore's name of the service, ``glue``.
        operation: ``GetTable``.
        parameters: by their API names, parsed by the service's own model.
        caller: who asks.
        region: the Region asked.
        cloud: the local cloud.
        request_id: answered to the client and kept with the decisions.
        body: what is being sent, for the operations that stream (S3 only); read to its end, it has been verified.
        headers: the request's headers by lower-case name; empty inside the local cloud.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    caller: Caller
    region: str
    cloud: LocalCloud
    request_id: str
    body: BinaryIO | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The caller's account."""
        return self.caller.account

    def invoke(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Ask another operation on the caller's behalf; it is authorized as any call is."""
        return self.cloud.invoke(self.caller, service, operation, parameters, self.region)


Output = dict[str, Any] | None
Handler = Callable[[Call], Output]
AccessOf = Callable[[Call], Iterable[Access]]


@dataclass(frozen=True, slots=True)
class Played:
    """One operation that the local cloud plays.

    Attributes:
        differs: how it differs from AWS, in a sentence for the fidelity page; empty where no difference is known.
    """

    service: str
    operation: str
    handler: Handler
    access: AccessOf
    differs: str = ""


def nothing(_: Call) -> Sequence[Access]:
    """The access of an operation that AWS lets everyone call, ``GetCallerIdentity``."""
    return ()


class Plays:
    """The operations of one service, gathered where they are written.

    >>> plays = Plays("sts")
    >>> @plays("GetCallerIdentity", access=nothing)
    ... def get_caller_identity(call):
    ...     return {"Arn": call.caller.arn}
    >>> [each.operation for each in plays.operations]
    ['GetCallerIdentity']
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.operations: list[Played] = []

    def __call__(self, operation: str, *, access: AccessOf, differs: str = "") -> Callable[[Handler], Handler]:
        """Say that the function below it plays an operation."""

        def keep(handler: Handler) -> Handler:
            self.operations.append(Played(self.service, operation, handler, access, differs))
            return handler

        return keep
