"""Whether a bucket policy is public in the sense of Block Public Access.

A policy is taken for public unless every statement that allows is held to fixed values: a principal, or a condition
on one of a few keys, without wildcard and without variable.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import ipaddress
import json
from functools import lru_cache
from typing import Any

_FIXING_KEYS = frozenset(
    {
        "aws:sourcearn",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceowner",
        "aws:sourceaccount",
        "aws:principalorgid",
        "aws:userid",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:dataaccesspointarn",
        "s3:dataaccesspointaccount",
    }
)
_FIXING_OPERATORS = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})


@lru_cache(maxsize=4096)
def is_public(text: str) -> bool:
    """Whether the bucket policy of this text is public.

    >>> is_public('{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}')
    True
    """
    statements = json.loads(text)["Statement"]
    return any(_lets_anyone_in(each) for each in (statements if isinstance(statements, list) else [statements]))


def _lets_anyone_in(statement: dict[str, Any]) -> bool:
    if statement["Effect"] != "Allow":
        return False
    if _is_fixed_principal(statement.get("Principal")):
        return False
    return not any(
        _is_fixing(operator, key, values if isinstance(values, list) else [values])
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _is_fixed_principal(principal: Any) -> bool:
    """A statement with ``NotPrincipal`` has none that is fixed."""
    if not isinstance(principal, dict):
        return False
    named = [
        name
        for kind, names in principal.items()
        if kind == "AWS"
        for name in (names if isinstance(names, list) else [names])
    ]
    return not any("*" in name for name in named)


def _is_fixing(operator: str, key: str, values: list[Any]) -> bool:
    """Whether a condition holds the request to fixed values.

    ``ForAllValues`` and ``IfExists`` let in the request that has no such key, so they fix nothing.
    """
    bare = operator.lower().removeprefix("foranyvalue:")
    if bare == "ipaddress" and key.lower() == "aws:sourceip":
        return all(_is_narrow(str(value)) for value in values)
    if bare not in _FIXING_OPERATORS or key.lower() not in _FIXING_KEYS:
        return False
    texts = [str(value) for value in values]
    if key.lower() == "s3:dataaccesspointarn":
        # The access point's name may be a wildcard as long as its account is not.
        texts = [":".join(text.split(":")[:5]) for text in texts]
    return all(not _is_open(text) for text in texts)


def _is_open(text: str) -> bool:
    return any(mark in text for mark in ("*", "?", "${")) or not text


def _is_narrow(text: str) -> bool:
    """AWS takes a range broader than /8 (IPv6: /32) for the whole internet, private ranges apart."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return network.is_private or network.prefixlen >= (8 if network.version == 4 else 32)
