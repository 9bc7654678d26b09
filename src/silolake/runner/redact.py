"""Takes secrets out of what a run has written."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
