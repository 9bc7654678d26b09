"""What is wrong with a policy document, all of it, each with its line and its path.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from silolake.iam.conditions import OPERATORS, spelled
from silolake.iam.errors import Fault
from silolake.iam.patterns import unfinished_variable
from silolake.iam.principals import ACCOUNT, UNIQUE_ID
from silolake.iam.reading import Path, Reading, read_json
from silolake.iam.values import PolicyKind

__all__ = ["Fault", "faults_of", "find_faults", "has_variables", "path_text", "texts_of"]

Found = Iterator[tuple[Path, str, str]]

VERSION = "2012-10-17"
_VERSIONS = (VERSION, "2008-10-17")
_NAMED = (PolicyKind.RESOURCE, PolicyKind.TRUST, PolicyKind.RCP)
_GUARD_RAILS = (PolicyKind.SCP, PolicyKind.RCP)
_DOCUMENT = ("Version", "Id", "Statement")
_STATEMENT = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip
_ACTION = re.compile(r"\*(:\*)?|[A-Za-z0-9-]+:[A-Za-z0-9_*?./-]+")
_PRINCIPAL_ARN = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(root|user/\S+|role/\S+)|sts::\d{12}:(assumed-role/[^/\s]+/\S+|federated-user/\S+))"
)
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_PLAIN_SID = re.compile(r"[A-Za-z0-9]*")
_FULL_ACCESS = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def find_faults(text: str, kind: PolicyKind, source: str) -> tuple[Fault, ...]:
    """Everything that is wrong with a policy's text, in its order; empty for a good one. Reads only.

    After a missing comma reading goes on, so that one slip does not hide the next.

    Args:
        source: the file, for the faults to name.
    """
    return faults_of(read_json(text), kind, source)


def faults_of(reading: Reading, kind: PolicyKind, source: str) -> tuple[Fault, ...]:
    """Everything that is wrong with a document that was read."""
    broken = [
        Fault(source, each.line, path_text(each.path), f"this is not JSON: {each.problem}", each.advice)
        for each in reading.breaches
    ]
    if reading.value is None and broken:
        return tuple(broken)
    wrong = [
        Fault(source, reading.line_of(path), path_text(path), problem, advice)
        for path, problem, advice in _document(reading.value, kind)
    ]
    return (*broken, *wrong)


def path_text(path: Path) -> str:
    """A path as people write it.

    >>> path_text(("Statement", 0, "Condition", "Bool"))
    'Statement[0].Condition.Bool'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def texts_of(value: Any) -> tuple[str, ...]:
    """A value, or a list of values, as texts; JSON's numbers and booleans are spelled out."""
    values = value if isinstance(value, list) else [value]
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)


def has_variables(document: Mapping[str, Any]) -> bool:
    """Whether the document's version knows policy variables; in earlier ones ``${…}`` is plain text."""
    return document.get("Version") == VERSION


def _a(kind: PolicyKind) -> str:
    return f"an {kind}" if kind.value[0] in "aeiou" else f"a {kind}"


def _document(document: Any, kind: PolicyKind) -> Found:
    if not isinstance(document, dict):
        yield (), "a policy is a JSON object", 'Write {"Version": "2012-10-17", "Statement": [...]}'
        return
    for name in document:
        if name not in _DOCUMENT:
            yield (name,), f"{name!r} is not an element of a policy", f"A policy has {', '.join(_DOCUMENT)}"
    version = document.get("Version")
    if version is not None and version not in _VERSIONS:
        yield ("Version",), f"{version!r} is not a version of the policy language", f'Write "{VERSION}"'
    elif kind in _GUARD_RAILS and version != VERSION:
        yield ("Version",), f"{_a(kind)} must say its version", f'Write "Version": "{VERSION}"'
    statements = document.get("Statement")
    if isinstance(statements, dict):
        yield from _statement(statements, ("Statement",), kind, has_variables(document))
    elif isinstance(statements, list) and statements:
        for index, statement in enumerate(statements):
            yield from _statement(statement, ("Statement", index), kind, has_variables(document))
        yield from _repeated_sids(statements)
    else:
        yield ("Statement",), "a policy has one statement or more", "Write a Statement list"


def _repeated_sids(statements: list[Any]) -> Found:
    seen: set[str] = set()
    for index, statement in enumerate(statements):
        sid = statement.get("Sid") if isinstance(statement, dict) else None
        if isinstance(sid, str) and sid:
            if sid in seen:
                yield ("Statement", index, "Sid"), f"the Sid {sid!r} stands twice", "Give each statement its own"
            seen.add(sid)


def _statement(statement: Any, path: Path, kind: PolicyKind, variables: bool) -> Found:
    if not isinstance(statement, dict):
        yield path, "a statement is a JSON object", "Write {...}"
        return
    for name in statement:
        if name not in _STATEMENT:
            yield (*path, name), f"{name!r} is not an element of a statement", f"Elements are {', '.join(_STATEMENT)}"
    sid = statement.get("Sid", "")
    if not isinstance(sid, str):
        yield (*path, "Sid"), "a Sid is a text", "Put it in quotes"
    elif kind in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SESSION) and not _PLAIN_SID.fullmatch(sid):
        yield (*path, "Sid"), f"the Sid {sid!r} has other characters than letters and digits", "Leave them out"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield (*path, "Effect"), "Effect is neither Allow nor Deny", "Write one of them; the case counts"
    yield from _principals(statement, path, kind)
    yield from _actions(statement, path, kind)
    yield from _resources(statement, path, kind, variables)
    yield from _conditions(statement, path, variables)
    yield from _resource_control(statement, path, kind)


def _one_of(statement: Mapping[str, Any], path: Path, name: str, needed: bool) -> Found:
    """The rule of every element that has a Not form."""
    if name in statement and f"Not{name}" in statement:
        yield (*path, f"Not{name}"), f"both {name} and Not{name} are there", "Keep one of them"
    elif needed and name not in statement and f"Not{name}" not in statement:
        yield path, f"{name} is missing", f"Write {name}"


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str | None]]:
    """The texts of a value or list with their paths; ``None`` for one that is no text."""
    for index, each in enumerate(value if isinstance(value, list) else [value]):
        yield (*path, index) if isinstance(value, list) else path, each if isinstance(each, str) else None


def _principals(statement: Mapping[str, Any], path: Path, kind: PolicyKind) -> Found:
    if kind not in _NAMED:
        for name in ("Principal", "NotPrincipal"):
            if name in statement:
                yield (*path, name), f"{_a(kind)} has no {name}", "Remove it; who is meant is who it is attached to"
        return
    yield from _one_of(statement, path, "Principal", needed=True)
    if "NotPrincipal" in statement:
        if kind is not PolicyKind.RESOURCE:
            yield (*path, "NotPrincipal"), f"{_a(kind)} has no NotPrincipal", "Write Principal, or a condition"
        elif statement.get("Effect") == "Allow":
            yield (*path, "NotPrincipal"), "NotPrincipal goes with Deny only", "Name whom to allow in Principal"
    for name in ("Principal", "NotPrincipal"):
        if name in statement:
            yield from _named(statement[name], (*path, name))


def _named(value: Any, path: Path) -> Found:
    if value == "*":
        return
    if not isinstance(value, dict):
        yield path, f"{value!r} names nobody", 'Write "*" or {"AWS": ...}, {"Service": ...}, {"Federated": ...}'
        return
    for kind, named in value.items():
        here = (*path, kind)
        if kind not in ("AWS", "Service", "Federated"):
            advice = "Name an account, user, role or session under AWS, a service under Service"
            yield here, f"principals of the kind {kind!r} are not played", advice
            continue
        for where, text in _texts(named, here):
            problem = "it is not a text" if text is None else _principal_problem(kind, text)
            if problem:
                yield where, f"{text!r} is no principal of the kind {kind}: {problem}", _PRINCIPAL_ADVICE[kind]


_PRINCIPAL_ADVICE = {
    "AWS": 'Name it whole, or write "*" with a condition ArnLike on aws:PrincipalArn',
    "Service": "Write a service's name like athena.amazonaws.com",
    "Federated": "Write a provider's name or ARN",
}


def _principal_problem(kind: str, text: str) -> str:
    match kind:
        case "AWS":
            if text == "*" or ACCOUNT.fullmatch(text) or UNIQUE_ID.fullmatch(text):
                return ""
            if "*" in text or "?" in text:
                return "part of a name or ARN cannot be a wildcard"
            return "" if _PRINCIPAL_ARN.fullmatch(text) else "it is neither an account nor the ARN of a principal"
        case "Service":
            return "" if _SERVICE.fullmatch(text) else "it is not a service's name"
        case _:
            return "it is a wildcard" if "*" in text or not text else ""


def _actions(statement: Mapping[str, Any], path: Path, kind: PolicyKind) -> Found:
    yield from _one_of(statement, path, "Action", needed=True)
    for name in ("Action", "NotAction"):
        if name not in statement:
            continue
        for where, text in _texts(statement[name], (*path, name)):
            if text is None or not _ACTION.fullmatch(text):
                yield where, f"{text!r} is not an action", "Write service:Operation, service:* or *"
            elif kind is PolicyKind.TRUST and not text.lower().startswith("sts:"):
                yield where, f"{text!r} is not an action of a trust policy", "A trust policy speaks of sts: actions"


def _resources(statement: Mapping[str, Any], path: Path, kind: PolicyKind, variables: bool) -> Found:
    if kind is PolicyKind.TRUST:
        for name in ("Resource", "NotResource"):
            if name in statement:
                yield (*path, name), f"a trust policy has no {name}", "Remove it; the role it belongs to is meant"
        return
    yield from _one_of(statement, path, "Resource", needed=kind is not PolicyKind.RESOURCE)
    for name in ("Resource", "NotResource"):
        if name not in statement:
            continue
        for where, text in _texts(statement[name], (*path, name)):
            if text is None or not (text == "*" or (text.startswith("arn:") and (text.count(":") > 4 or "*" in text))):
                yield where, f"{text!r} is not the ARN of a resource", "Write its six segments, or *"
            elif variables:
                yield from _variable(text, where)


def _variable(text: str, path: Path) -> Found:
    if unfinished := unfinished_variable(text):
        yield path, f"{unfinished!r} begins no policy variable", "Write ${key}, ${key, 'default'} or ${$}"


def _conditions(statement: Mapping[str, Any], path: Path, variables: bool) -> Found:
    if "Condition" not in statement:
        return
    conditions, here = statement["Condition"], (*path, "Condition")
    if not isinstance(conditions, dict):
        yield here, "Condition is a JSON object", 'Write {"StringEquals": {"aws:PrincipalOrgID": "o-..."}}'
        return
    for name, keys in conditions.items():
        spelling = spelled(name)
        if spelling is None:
            yield (*here, name), f"{name!r} is not a condition operator", _operator_advice(name)
        elif not isinstance(keys, dict):
            yield (*here, name), f"under {name} stand keys with their values", 'Write {"aws:PrincipalOrgID": "o-..."}'
        else:
            for key, values in keys.items():
                yield from _key(key, values, (*here, name, key), variables)


def _operator_advice(name: str) -> str:
    if ":" in name and not name.lower().startswith(("forallvalues:", "foranyvalue:")):
        return f"{name} is a condition key: put it inside an operator's braces"
    bare = name.rsplit(":", 1)[-1].lower().removesuffix("ifexists")
    near = [operator.name for operator in OPERATORS.values() if operator.name.lower()[:6] == bare[:6]]
    return (
        f"Did you mean {', '.join(near)}?" if near else "Operators are StringEquals, ArnLike, Bool, Null and the like"
    )


def _key(key: str, values: Any, path: Path, variables: bool) -> Found:
    spelling = spelled(str(path[-2]))
    if ":" not in key:
        yield path, f"the condition key {key!r} names no service", "Write aws:..., s3:... or the like in front"
    for index, value in enumerate(values if isinstance(values, list) else [values]):
        where = (*path, index) if isinstance(values, list) else path
        if not isinstance(value, str | int | float | bool):
            yield where, "a condition's value is a text, a number or a boolean", "Write one, or a list of them"
        elif spelling is not None:
            text = texts_of(value)[0]
            if problem := spelling.operator.accepts(text):
                yield where, f"{text!r} cannot be compared by {path[-2]}: {problem}", "Write such a value"
            elif variables and spelling.operator.variables:
                yield from _variable(text, where)


def _resource_control(statement: Mapping[str, Any], path: Path, kind: PolicyKind) -> Found:
    """What a resource control policy may not say.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
    """
    if kind is not PolicyKind.RCP or {name: statement[name] for name in statement if name != "Sid"} == _FULL_ACCESS:
        return
    if statement.get("Effect") == "Allow":
        yield (*path, "Effect"), "only RCPFullAWSAccess may allow", "Write Deny; what is not denied stays as it is"
    if "Principal" in statement and statement["Principal"] != "*":
        yield (*path, "Principal"), 'a resource control policy means "*"', "Say whom with a condition"
    if "NotAction" in statement:
        yield (*path, "NotAction"), "a resource control policy has no NotAction", "List the actions"
    for where, text in _texts(statement.get("Action", []), (*path, "Action")):
        if text == "*":
            yield where, '"*" is too much for a resource control policy', "Name the services, s3:* and so on"
