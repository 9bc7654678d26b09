"""Where a copy is made from."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3.errors import invalid_argument


@dataclass(frozen=True, slots=True)
class Source:
    """A version of an object.

    Attributes:
        version_id: empty for the current one.
    """

    bucket: str
    key: str
    version_id: str = ""


def source_of(call: Call) -> Source:
    """What ``x-amz-copy-source`` names, ``/bucket/key?versionId=…``, percent-encoded.

    Raises:
        AwsError: it does not name a bucket and a key.
    """
    text = str(call.parameters["CopySource"])
    place, _, query = text.partition("?versionId=")
    bucket, _, key = unquote(place).removeprefix("/").partition("/")
    if not bucket or not key:
        message = "Invalid copy source object key" if bucket else "Invalid copy source bucket name"
        raise invalid_argument(message, "x-amz-copy-source", text)
    return Source(bucket, key, unquote(query))
