"""Policy documents on their way in: well-formed, not too long, and naming principals that exist."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from silolake.iam import PolicyKind, PolicyMalformed, compile_policy
from silolake.localcloud.errors import AwsError

_ACCOUNT = re.compile(r"\d{12}")
_SESSION = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([^/*]+)/([^/*]+)")


def check(document: str, kind: PolicyKind, name: str) -> None:
    """Refuse a document that is no policy of its kind.

    Raises:
        AwsError: ``MalformedPolicyDocument``, with the line and what to do.
    """
    try:
        compile_policy(document, kind, name)
    except PolicyMalformed as error:
        raise AwsError("MalformedPolicyDocument", str(error)) from error


def check_trust(connection: sqlite3.Connection, document: str, name: str) -> None:
    """Refuse a trust policy that is malformed or names a principal that does not exist. Reads only.

    Raises:
        AwsError: ``MalformedPolicyDocument``.
    """
    check(document, PolicyKind.TRUST, name)
    for principal in unknown_principals(connection, document):
        raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{principal}"')


def size(document: str) -> int:
    """How many characters count: all but white space."""
    return len("".join(document.split()))


def quoted(document: str) -> str:
    """As IAM answers documents: URL-encoded (RFC 3986); boto3 decodes them."""
    return quote(document, safe="")


def unknown_principals(connection: sqlite3.Connection, document: str) -> tuple[str, ...]:
    """The AWS principals of a resource policy that name no account and no role that exists. Reads only.

    AWS refuses a resource policy that names them.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

    Args:
        document: a well-formed policy.
    """
    return tuple(each for each in _named(json.loads(document)) if not _exists(connection, each))


def _named(document: Mapping[str, Any]) -> Iterator[str]:
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in ("Principal", "NotPrincipal"):
            principal = statement.get(element)
            named = principal.get("AWS", []) if isinstance(principal, Mapping) else []
            yield from named if isinstance(named, list) else [named]


def _exists(connection: sqlite3.Connection, principal: str) -> bool:
    if principal == "*":
        return True
    account = principal
    if session := _SESSION.fullmatch(principal):
        query = "SELECT 1 FROM iam_roles WHERE account = ? AND name = ?"
        return connection.execute(query, (session[1], session[2])).fetchone() is not None
    if principal.startswith("arn:aws:iam::"):
        parts = principal.split(":", 5)
        account = parts[4]
        if parts[5:] != ["root"]:
            return connection.execute("SELECT 1 FROM iam_roles WHERE arn = ?", (principal,)).fetchone() is not None
    if not _ACCOUNT.fullmatch(account):
        return False
    return connection.execute("SELECT 1 FROM accounts WHERE id = ?", (account,)).fetchone() is not None
