"""Policy documents compared by what they say, and told by their statements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ROOT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")
_ARN_ACCOUNT = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:(\d{12}):.*|(\d{12})")
_LISTED = frozenset({"Action", "NotAction", "Resource", "NotResource"})


def canonical(document: Any) -> Any:
    """A policy document in one of the spellings that mean the same.

    One value and a list of it, lists in any order, and an account named by its id or its root's ARN are the same.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

    >>> canonical({"Statement": {"Action": "s3:*"}}) == canonical({"Statement": [{"Action": ["s3:*"]}]})
    True
    """
    if isinstance(document, str):
        document = json.loads(document)
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    rest = {key: value for key, value in document.items() if key != "Statement"}
    return {**rest, "Statement": sorted((_statement(each) for each in listed), key=_text)}


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in statement.items():
        if key in _LISTED:
            found[key] = _values(value)
        elif key in ("Principal", "NotPrincipal"):
            found[key] = _principal(value)
        elif key == "Condition":
            found[key] = {
                operator: {name: _values(values) for name, values in keys.items()} for operator, keys in value.items()
            }
        else:
            found[key] = value
    return found


def _values(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return sorted(each if isinstance(each, str) else json.dumps(each) for each in listed)


def _principal(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return {"AWS": [value]}
    return {kind: sorted(_ROOT.sub(r"\1", each) for each in _values(listed)) for kind, listed in value.items()}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def differences(wanted: Any, found: Any) -> tuple[str, str]:
    """What a document is to say that it does not, and what it says instead, told by its statements."""
    wanted_by, found_by = _by_sid(wanted), _by_sid(found)
    expected = [_beside(each, found_by.get(sid)) for sid, each in wanted_by.items() if found_by.get(sid) != each]
    instead = [_beside(each, wanted_by.get(sid)) for sid, each in found_by.items() if wanted_by.get(sid) != each]
    return "; ".join(expected), "; ".join(instead)


def _beside(statement: Mapping[str, Any], other: Mapping[str, Any] | None) -> str:
    """A statement: whole where there is none of its Sid on the other side, else where the two differ."""
    if other is None:
        return told(statement)
    differing = {
        key: statement.get(key) for key in statement.keys() | other.keys() if statement.get(key) != other.get(key)
    }
    said = json.dumps(differing, sort_keys=True)
    return f"{statement.get('Sid', 'a statement')} with {said if len(said) <= 160 else said[:159] + '…'}"


def _by_sid(document: Any) -> dict[str, Any]:
    statements = canonical(document)["Statement"]
    return {str(each.get("Sid", f"statement {number}")): each for number, each in enumerate(statements, 1)}


def told(statement: Mapping[str, Any]) -> str:
    """A statement in few words: its Sid, what it does and to whom."""
    whom = f" to {', '.join(_whom(statement))}" if "Principal" in statement else ""
    actions = ", ".join(_values(statement.get("Action", statement.get("NotAction", []))))
    short = actions if len(actions) <= 80 else actions[:79] + "…"
    return f"{statement.get('Sid', 'a statement')} ({statement.get('Effect', '')} {short}{whom})"


def _whom(statement: Mapping[str, Any]) -> Iterator[str]:
    for listed in _principal(statement["Principal"]).values():
        yield from listed


def grants_outside(statement: Mapping[str, Any], account: str) -> tuple[str, ...]:
    """Whom outside an account a statement lets in: their ARNs or ids, or ``*``; nobody for a Deny.

    >>> grants_outside({"Effect": "Allow", "Principal": {"AWS": "111111111111"}}, "222222222222")
    ('111111111111',)
    """
    if statement.get("Effect") != "Allow" or "Principal" not in statement:
        return ()
    principal = _principal(statement["Principal"])
    return tuple(each for each in principal.get("AWS", ()) if account_of(each) != account)


def account_of(principal: str) -> str:
    """The account that a principal of a policy belongs to; nothing where it does not say."""
    found = _ARN_ACCOUNT.fullmatch(principal)
    return (found[1] or found[2]) if found else ""
