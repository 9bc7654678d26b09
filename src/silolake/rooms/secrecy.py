"""What has the shape of a secret, and which names say that they hold one.

A parameter is written down wherever its run is: in Git, in the journal, in run.json, in the executed notebook. So a
secret is no parameter; a reference to one is.
"""

from __future__ import annotations

import re
from itertools import pairwise

_SECRET_WORDS = frozenset(
    ("password", "passwords", "passwd", "passphrase", "secret", "secrets", "token", "tokens", "credential",
     "credentials")
)  # fmt: skip
_SECRET_PAIRS = frozenset({("private", "key"), ("api", "key"), ("access", "key"), ("secret", "key")})
_REFERENCES = frozenset({"arn", "name", "names", "id", "ids", "path", "uri", "url", "ref", "count", "file"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# AWS's key ids: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_KEY_ID = re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])")
# A secret access key is 40 characters of base64 and has no mark of its own. Upper and lower case and a digit set it
# apart from a commit's id; what base64 goes on to either side is part of something longer.
_SECRET_KEY = re.compile(
    r"(?<![A-Za-z0-9/+=_-])"
    r"(?=[A-Za-z0-9/+]{0,39}[0-9])(?=[A-Za-z0-9/+]{0,39}[a-z])(?=[A-Za-z0-9/+]{0,39}[A-Z])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])"
)
# How the tokens of STS have begun in every session seen; AWS calls them opaque.
_SESSION_TOKEN = re.compile(r"(?<![A-Za-z0-9/+=])(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9/+=]{40,}")
_NAMED = re.compile(
    r"(?i)(?:aws_?)?(?:secret_?access_?key|session_?token|security_?token|container_?authorization_?token)"
    r"[\"']?\s*[:=]\s*[\"']?(?P<value>[A-Za-z0-9/+=_-]{16,})"
)
# Both versions of a signed address; boto3 signs those of S3 by the older one.
# https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationQueryStringAuth
_SIGNED = re.compile(r"(?i)(?:X-Amz-(?:Signature|Security-Token|Credential)|[?&;]Signature)=(?P<value>[^&\s\"'\\<>]+)")
# https://www.rfc-editor.org/rfc/rfc7468#section-2
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=label)-----|\Z)", re.DOTALL
)
SHAPES = (_PRIVATE_KEY, _NAMED, _SIGNED, _KEY_ID, _SESSION_TOKEN, _SECRET_KEY)
"""Each has a group ``value`` where not the whole of it is the secret."""


def holds_secret(text: str) -> bool:
    """Whether something in a text has the shape of a secret.

    >>> holds_secret("AKIAQAAAAAAAAAAAAAAA"), holds_secret("flights/2013-01.csv")
    (True, False)
    """
    return any(shape.search(text) for shape in SHAPES)


def is_secret(name: str) -> bool:
    """Whether a name says that a secret stands behind it; a reference to one is none.

    >>> is_secret("db_password"), is_secret("apiKey"), is_secret("secret_arn"), is_secret("tokenizer")
    (True, True, False, False)
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _REFERENCES:
        return False
    return any(word in _SECRET_WORDS for word in words) or any(pair in _SECRET_PAIRS for pair in pairwise(words))
