"""The condition keys of one request: those that follow from its principal and resource, and those sent with it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from silolake.iam.values import Principal, Request, Resource

Found = tuple[str, ...] | None

_ACCOUNT = re.compile(r"\d{12}")
_PRINCIPAL_TAG, _RESOURCE_TAG = "aws:principaltag/", "aws:resourcetag/"
_PEOPLE = ("root", "role", "user", "federated")

# The table "Principal key values" of the variables page; a service principal has none of the documented types.
_TYPES = {
    "root": "Account",
    "role": "AssumedRole",
    "user": "User",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}


def owner_of(resource: Resource) -> str:
    """Who owns a resource: what is said, or what its ARN says; empty where neither does."""
    if resource.account:
        return resource.account
    segments = resource.arn.split(":", 5)
    return segments[4] if len(segments) == 6 and _ACCOUNT.fullmatch(segments[4]) else ""


def _one(text: str) -> Found:
    return (text,) if text else None


def _flag(value: bool) -> Found:
    return ("true" if value else "false",)


def _organization(path: str) -> Found:
    return _one(path.split("/", 1)[0])


def _principal_account(request: Request) -> Found:
    """Anonymous requests have this key too, and it says so in a word."""
    return ("anonymous",) if request.principal.kind == "anonymous" else _one(request.principal.account)


def _principal_arn(request: Request) -> Found:
    return _one(request.principal.arn) if request.principal.kind in _PEOPLE else None


def _is_service(request: Request) -> Found:
    """Present in all signed requests; anonymous ones do not have it."""
    return None if request.principal.kind == "anonymous" else _flag(request.principal.kind == "service")


def _service_name(request: Request) -> Found:
    return _one(request.principal.arn) if request.principal.kind == "service" else None


def _user_id(principal: Principal) -> str:
    match principal.kind:
        case "anonymous":
            return "anonymous"
        case "root":
            return principal.user_id or principal.account
        case _:
            return principal.user_id


def _user_name(request: Request) -> Found:
    return _one(request.principal.arn.rsplit("/", 1)[-1]) if request.principal.kind == "user" else None


_DERIVED: Mapping[str, Callable[[Request], Found]] = {
    "aws:principalarn": _principal_arn,
    "aws:principalaccount": _principal_account,
    "aws:principalorgid": lambda request: _organization(request.principal.org_path),
    "aws:principalorgpaths": lambda request: _one(request.principal.org_path),
    "aws:principaltype": lambda request: _one(_TYPES.get(request.principal.kind, "")),
    "aws:principalisawsservice": _is_service,
    "aws:principalservicename": _service_name,
    "aws:principalservicenameslist": _service_name,
    "aws:userid": lambda request: _one(_user_id(request.principal)),
    "aws:username": _user_name,
    "aws:sourceidentity": lambda request: _one(request.principal.source_identity),
    "aws:resourceaccount": lambda request: _one(owner_of(request.resource)),
    "aws:resourceorgid": lambda request: _organization(request.resource.org_path),
    "aws:resourceorgpaths": lambda request: _one(request.resource.org_path),
    "aws:calledvia": lambda request: request.principal.via_services or None,
    "aws:calledviafirst": lambda request: request.principal.via_services[:1] or None,
    "aws:calledvialast": lambda request: request.principal.via_services[-1:] or None,
    "aws:viaawsservice": lambda request: _flag(bool(request.principal.via_services)),
}


class Surroundings:
    """The condition keys of one request, found when they are first asked for.

    Attributes:
        request: the request.
        action: its action in lower case, as statements are asked for it.
        bounded: whether a permissions boundary is set for its principal.
    """

    __slots__ = ("_known", "_sent", "action", "bounded", "request")

    def __init__(self, request: Request, bounded: bool) -> None:
        self.request, self.bounded = request, bounded
        self.action = request.action.lower()
        self._known: dict[str, Found] = {}
        self._sent: dict[str, tuple[str, ...]] | None = None

    def values(self, key: str) -> Found:
        """The values of a key by its lower-case name; ``None`` where the request does not have it."""
        if key in self._known:
            return self._known[key]
        found = self._find(key)
        self._known[key] = found
        return found

    def single(self, key: str) -> str | None:
        """The one value of a key; ``None`` where it is absent or has several."""
        found = self.values(key)
        return found[0] if found is not None and len(found) == 1 else None

    def _find(self, key: str) -> Found:
        derive = _DERIVED.get(key)
        if derive is not None:
            return derive(self.request)
        if key.startswith(_PRINCIPAL_TAG):
            return _tag(self.request.principal.tags, key[len(_PRINCIPAL_TAG) :])
        if key.startswith(_RESOURCE_TAG):
            return _tag(self.request.resource.tags, key[len(_RESOURCE_TAG) :])
        if self._sent is None:
            self._sent = {name.lower(): values for name, values in self.request.context.items()}
        return self._sent.get(key) or None


def _tag(tags: Mapping[str, str], key: str) -> Found:
    return next(((value,) for name, value in tags.items() if name.lower() == key), None)
