"""The Principal element: whom a statement of a resource policy means, and how directly.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from silolake.iam.values import Principal

ACCOUNT = re.compile(r"\d{12}")
ROOT_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")
UNIQUE_ID = re.compile(r"(?:AROA|AIDA)[A-Z0-9]{12,}")


class Directness(IntEnum):
    """How directly a resource policy means a principal: the more, the less its own account has to say.

    ACCOUNT: the principal's account is named, which leaves it to that account's identity policies.
    ROLE: the role of a session is named; its boundary and the session's policies cap that.
    ITSELF: the user or the session is named, or everyone is; nothing caps that within the account.
    """

    ACCOUNT = 1
    ROLE = 2
    ITSELF = 3


@dataclass(frozen=True, slots=True)
class PrincipalElement:
    """Who is named.

    Attributes:
        everyone: ``*``.
        accounts: ids, named as such or by their root's ARN.
        arns: of users, roles and sessions.
        ids: unique ids, which IAM puts in place of the ARN of a principal that was deleted.
        services: service principals.
        federated: identity providers.
    """

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    federated: frozenset[str] = frozenset()

    def names(self, principal: Principal) -> Directness | None:
        """How directly a principal is named; ``None`` where it is not."""
        if self.everyone:
            return Directness.ITSELF
        match principal.kind:
            case "anonymous":
                return None
            case "service":
                return Directness.ITSELF if principal.arn in self.services else None
            case "root":
                return Directness.ITSELF if principal.account in self.accounts else None
            case "federated" if principal.arn in self.federated:
                return Directness.ITSELF
        if principal.session_arn and principal.session_arn in self.arns:
            return Directness.ITSELF
        if principal.arn in self.arns or (self.ids and principal.user_id.split(":", 1)[0] in self.ids):
            return Directness.ROLE if principal.kind == "role" else Directness.ITSELF
        return Directness.ACCOUNT if principal.account and principal.account in self.accounts else None

    def exempts(self, principal: Principal, bounded: bool) -> bool:
        """Whether a Deny that names these as NotPrincipal leaves a principal alone.

        AWS looks at the account first, then at the role, then at the session: each must be listed. A principal with a
        permissions boundary is always denied.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if self.everyone:
            return True
        if bounded:
            return False
        match principal.kind:
            case "anonymous" | "service" | "root":
                return self.names(principal) is not None
            case "federated" if principal.arn in self.federated:
                return True
        chain = [principal.arn, principal.session_arn] if principal.session_arn else [principal.arn]
        return principal.account in self.accounts and all(arn in self.arns for arn in chain)


def principal_element(written: str | Mapping[str, str | Sequence[str]]) -> PrincipalElement:
    """Compile a Principal or NotPrincipal element that is known to be well formed."""
    if isinstance(written, str):
        return PrincipalElement(everyone=True)
    named = {kind: [values] if isinstance(values, str) else list(values) for kind, values in written.items()}
    aws = named.get("AWS", [])
    roots = {value: found[1] for value in aws if (found := ROOT_ARN.fullmatch(value))}
    ids = {value for value in aws if UNIQUE_ID.fullmatch(value)}
    accounts = {value for value in aws if ACCOUNT.fullmatch(value)}
    return PrincipalElement(
        everyone="*" in aws,
        accounts=frozenset(accounts | set(roots.values())),
        arns=frozenset(set(aws) - ids - accounts - set(roots) - {"*"}),
        ids=frozenset(ids),
        services=frozenset(named.get("Service", [])),
        federated=frozenset(named.get("Federated", [])),
    )
