"""Takes secrets out of what a run has written."""

from __future__ import annotations

import re
from collections.abc import Iterable

from silolake import errors

HIDDEN = "«redacted»"
_SHORTEST = 12

# Shapes of AWS's own secrets, should one come from elsewhere than this run's session.
_SHAPES = (
    re.compile(r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    re.compile(r"(?i)(?<=aws_secret_access_key)(\W{1,6})[A-Za-z0-9/+=_-]{30,}"),
    re.compile(r"(?i)X-Amz-(?:Signature|Security-Token|Credential)=[^&\s\"'\\]+"),
)


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without the known secrets and without what has the shape of one.

    >>> redact("key ASIAQAAAAAAAAAAAAAAA and s3cr3t-of-this-run", ["s3cr3t-of-this-run"])
    'key «redacted» and «redacted»'
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    return text


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
