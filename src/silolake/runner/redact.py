"""Takes secrets out of what a run has written.

Found are the values that are known, exactly and as URLs and HTML write them, and what has a secret's shape. What is
written in another way, cut short or in pieces, is not: docs/isolation.md says it to users.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from silolake import errors
from silolake.rooms.secrecy import SHAPES, is_secret

HIDDEN = "«redacted»"
_SHORTEST = 12

# Bytes as base64: a match of a shape there is chance, and would spoil them.
_BYTES = re.compile(r"image/(?!svg)|audio/|video/|application/(?:pdf|octet-stream)")
# nbformat keeps a long text as a list of its lines.
# https://nbformat.readthedocs.io/en/latest/format_description.html#cell-types
_LINES = frozenset({"source", "text"})


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without the known secrets and without what has the shape of one.

    >>> redact("key ASIAQAAAAAAAAAAAAAAA and s3cr3t-of-this-run", ["s3cr3t-of-this-run"])
    'key «redacted» and «redacted»'
    """
    text = _without(text, secrets)
    for shape in SHAPES:
        text = shape.sub(_hidden, text)
    return text


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            # The longer first: what is written for a URL may hold the plain one's beginning.
            for written in sorted({secret, quote(secret, safe=""), html.escape(secret)}, key=len, reverse=True):
                text = text.replace(written, HIDDEN)
    return text


def _hidden(found: re.Match[str]) -> str:
    if "value" not in found.re.groupindex:
        return HIDDEN
    start, end = (at - found.start() for at in found.span("value"))
    return found[0][:start] + HIDDEN + found[0][end:]


def redact_value(value: Any, secrets: Iterable[str]) -> Any:
    """A value of JSON without secrets, its keys too; texts that stand as lists of lines are read whole."""
    known = tuple(secrets)
    match value:
        case str():
            return redact(value, known)
        case Mapping():
            return {redact(str(key), known): _redact_entry(str(key), inner, known) for key, inner in value.items()}
        case list() | tuple():
            return [redact_value(each, known) for each in value]
        case _:
            return value


def _redact_entry(key: str, value: Any, known: tuple[str, ...]) -> Any:
    if _BYTES.match(key):
        return _without("".join(value) if isinstance(value, list) else str(value), known)
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        if key in _LINES or "/" in key:
            return redact("".join(value), known).splitlines(keepends=True)
        if key == "traceback":
            return redact("\n".join(value), known).split("\n")
    return redact_value(value, known)


def redact_notebook(executed: str, secrets: Iterable[str]) -> str:
    """An executed notebook's JSON without secrets."""
    return json.dumps(redact_value(json.loads(executed), secrets), indent=1, ensure_ascii=False) + "\n"


def secrets_around(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The secrets of a process's environment, by the names of its variables."""
    found = os.environ if environment is None else environment
    return tuple(value for name, value in found.items() if is_secret(name))


_LONGEST_REASON = 300
# Their words may quote a row: a query's error names the value that it could not cast.
_QUOTING = ("ContractBroken", "QueryFailed", "RunFailed")
_OURS = frozenset(
    name
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, errors.SilolakeError) and name not in _QUOTING
)


def for_the_platform(reason: str) -> str:
    """Why a run did not complete, without what may be a silo's row.

    The platform's journal and ``run.json`` keep this. The whole of it is told to whoever called, and stands in the
    executed notebook, which stays in the silo. An error of silolake's own keeps its first line, as far as it is short;
    of any other only the class is kept.

    >>> for_the_platform("UnknownName: there is no account 'nope'. Known: ewr.")
    "UnknownName: there is no account 'nope'. Known: ewr."
    >>> for_the_platform("ValueError: could not convert string to float: 'N14228'")
    'ValueError; its words are in the executed notebook'
    >>> for_the_platform("kernel died")
    'kernel died'
    """
    kind, colon, words = reason.partition(": ")
    if not colon or not kind.isidentifier():
        return reason.split("\n", 1)[0][:_LONGEST_REASON]
    if kind not in _OURS:
        return f"{kind}; its words are in the executed notebook"
    return f"{kind}: {words}".split("\n", 1)[0][:_LONGEST_REASON]
