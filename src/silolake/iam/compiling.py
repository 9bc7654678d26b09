"""From a policy's document to a ``Policy``: once for each content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from silolake.iam.conditions import Clause, clause
from silolake.iam.errors import PolicyMalformed
from silolake.iam.faults import faults_of, has_variables, texts_of
from silolake.iam.patterns import glob
from silolake.iam.principals import principal_element
from silolake.iam.reading import Path, Reading, read_json
from silolake.iam.statements import Element, Policy, Statement, element
from silolake.iam.values import PolicyKind


def compile_policy(document: str | Mapping[str, Any], kind: PolicyKind, name: str, source: str = "") -> Policy:
    """Compile a policy; the same content is compiled once. Reads only.

    Args:
        document: its JSON text, or the object that such a text says.
        kind: where it is attached.
        name: for people: ``lake-read``, ``bucket policy of nyc-…-processed``.
        source: the file it came from.

    Raises:
        PolicyMalformed: IAM would refuse it. It tells the line where ``document`` is text, and the path to the element.

    >>> compile_policy('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*"}}',
    ...                PolicyKind.IDENTITY, "lake-read")
    Traceback (most recent call last):
    silolake.iam.errors.PolicyMalformed: lake-read:1, Statement: Resource is missing. Write Resource
    """
    if isinstance(document, str):
        return _compiled(document, True, kind, name, source)
    try:
        text = json.dumps(document, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyMalformed(
            source or name, 0, "", f"this cannot be said in JSON: {error}", "Write plain values"
        ) from error
    return _compiled(text, False, kind, name, source)


def _plain(value: object) -> object:
    """YAML reads an unquoted ``Version: 2012-10-17`` as a date."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is no JSON value")


@lru_cache(maxsize=4096)
def _compiled(text: str, with_lines: bool, kind: PolicyKind, name: str, source: str) -> Policy:
    reading = read_json(text)
    if not with_lines:
        reading = Reading(reading.value, {}, reading.breaches)
    faults = faults_of(reading, kind, source or name)
    if faults:
        raise faults[0].as_error()
    document = reading.value
    variables = has_variables(document)
    written = document["Statement"]
    listed = written if isinstance(written, list) else [written]
    statements = []
    for index, each in enumerate(listed):
        path: Path = ("Statement", index) if isinstance(written, list) else ("Statement",)
        statements.append(_statement(each, index, reading.line_of(path), variables))
    return Policy(kind, name, source, tuple(statements))


def _statement(written: Mapping[str, Any], index: int, line: int, variables: bool) -> Statement:
    actions = _element(written, "Action", variables=False, ignore_case=True)
    if actions is None:
        raise ValueError("a statement without Action was let through")
    return Statement(
        sid=written.get("Sid", ""),
        index=index,
        line=line,
        allows=written["Effect"] == "Allow",
        principal=principal_element(written["Principal"]) if "Principal" in written else None,
        not_principal=principal_element(written["NotPrincipal"]) if "NotPrincipal" in written else None,
        actions=actions,
        resources=_element(written, "Resource", variables=variables, ignore_case=False),
        conditions=_conditions(written.get("Condition", {}), variables),
    )


def _element(written: Mapping[str, Any], name: str, *, variables: bool, ignore_case: bool) -> Element | None:
    for each in (name, f"Not{name}"):
        if each in written:
            texts = texts_of(written[each])
            # Requests are asked for in lower case, so that an exact action is found in a set.
            said = tuple(text.lower() for text in texts) if ignore_case else texts
            compiled = element(each, said, (glob(text, variables=variables) for text in said))
            return Element(each, texts, compiled.exact, compiled.globs, compiled.negated, compiled.everything)
    return None


def _conditions(written: Mapping[str, Mapping[str, Any]], variables: bool) -> tuple[Clause, ...]:
    return tuple(
        clause(operator, key, texts_of(values), variables)
        for operator, keys in written.items()
        for key, values in keys.items()
    )
