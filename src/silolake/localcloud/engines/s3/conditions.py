"""Conditions of a request, and the stretch of an object that it asks for.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.errors import no_such_key, precondition_failed
from silolake.localcloud.engines.s3.objects import Version
from silolake.localcloud.errors import AwsError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of an object's bytes."""

    first: int
    length: int

    def content_range(self, size: int) -> str:
        """``bytes 0-9/100``."""
        return f"bytes {self.first}-{self.first + self.length - 1}/{size}"


def is_named(etags: str, etag: str) -> bool:
    """Whether a list of entity tags, as a header has it, names this one."""
    named = [each.strip().removeprefix("W/").strip('"') for each in etags.split(",")]
    return "*" in named or etag in named


def check_read(parameters: Mapping[str, Any], version: Version, source: str = "") -> bool:
    """Hold a version against the conditions of a read.

    Args:
        source: ``CopySource`` for the conditions of a copy, which fail where a read answers 304.

    Returns:
        Whether to send it; otherwise the reader has it already.

    Raises:
        AwsError: a condition does not hold.
    """
    if_match, if_none_match = parameters.get(f"{source}IfMatch"), parameters.get(f"{source}IfNoneMatch")
    since, until = parameters.get(f"{source}IfModifiedSince"), parameters.get(f"{source}IfUnmodifiedSince")
    if if_match is not None:
        if not is_named(if_match, version.etag):
            raise precondition_failed("If-Match")
    elif until is not None and version.modified_at > _seconds(until):
        raise precondition_failed("If-Unmodified-Since")
    if if_none_match is not None:
        unchanged, condition = is_named(if_none_match, version.etag), "If-None-Match"
    else:
        unchanged, condition = since is not None and version.modified_at <= _seconds(since), "If-Modified-Since"
    if unchanged and source:
        raise precondition_failed(condition)
    return not unchanged


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def check_write(connection: sqlite3.Connection, bucket: str, key: str, parameters: Mapping[str, Any]) -> None:
    """Hold what is under a key against the conditions of a write. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

    Raises:
        AwsError: a condition does not hold, or S3 does not have it.
    """
    if_match, if_none_match = parameters.get("IfMatch"), parameters.get("IfNoneMatch")
    if if_none_match is None and if_match is None:
        return
    if if_none_match is not None and (if_none_match != "*" or if_match is not None):
        message = "A header you provided implies functionality that is not implemented"
        raise AwsError("NotImplemented", message, 501, Header="If-None-Match")
    current = objects.find_current(connection, bucket, key)
    if if_none_match is not None and current is not None:
        raise precondition_failed("If-None-Match")
    if if_match is not None:
        if current is None:
            raise no_such_key(key)
        if not is_named(if_match, current.etag):
            raise precondition_failed("If-Match")


def stretch_of(asked: str, size: int) -> Stretch | None:
    """The stretch that a ``Range`` header asks for; ``None`` for the whole, as for a header that is no single range.

    >>> stretch_of("bytes=-3", 10)
    Stretch(first=7, length=3)

    Raises:
        AwsError: no byte of the object is in it.
    """
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first_text, last_text = match.groups()
    if not first_text:
        length = min(int(last_text), size)
        first = size - length
    else:
        first = int(first_text)
        last = min(int(last_text), size - 1) if last_text else size - 1
        if last_text and int(last_text) < first:
            return None
        length = last - first + 1
    if first >= size or length <= 0:
        raise AwsError(
            "InvalidRange", "The requested range is not satisfiable", 416, RangeRequested=asked, ActualObjectSize=size
        )
    return Stretch(first, length)


def stretch_of_part(version: Version, number: int) -> Stretch:
    """The stretch of one part; an object sent in one piece is its only part.

    Raises:
        AwsError: there is no such part.
    """
    sizes = [part.size for part in version.description.parts] or [version.size]
    if not 1 <= number <= len(sizes):
        message = "The requested partnumber is not satisfiable"
        raise AwsError("InvalidPartNumber", message, 416, PartNumberRequested=number, ActualPartCount=len(sizes))
    return Stretch(sum(sizes[: number - 1]), sizes[number - 1])
