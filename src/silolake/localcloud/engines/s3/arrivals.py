"""Bytes on their way in: written to a blob as they come, and held against everything that was promised of them."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import checksums
from silolake.localcloud.engines.s3.errors import entity_too_large, invalid_argument
from silolake.localcloud.engines.s3.holds import discard, holding
from silolake.localcloud.errors import AwsError

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

LARGEST = 5 << 30
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Promise:
    """What was said of a body before it came.

    Attributes:
        length: its length; ``None`` where it was not said.
        md5: its digest; ``None`` where it was not said.
        checksums: by algorithm; empty text where the value follows in a trailer, or shall be computed.
        announced: whether the values that are not yet known must follow in a trailer.
    """

    length: int | None
    md5: bytes | None
    checksums: Mapping[str, str]
    announced: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole body, in a blob.

    Attributes:
        md5: its digest.
        checksums: by their API names.
    """

    blob: str
    size: int
    md5: bytes
    checksums: Mapping[str, str]


def promise_of(call: Call) -> Promise:
    """What a request's headers say of its body.

    Raises:
        AwsError: they contradict themselves, or promise more than one request may send.
    """
    headers = call.headers
    said = headers.get("x-amz-decoded-content-length", headers.get("content-length"))
    if headers and said is None:
        raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    length = int(said[:20]) if said is not None and said.isdecimal() else None
    if length is not None and length > LARGEST:
        raise entity_too_large(LARGEST)
    return Promise(
        length=length,
        md5=checksums.check_md5(call.parameters.get("ContentMD5")),
        checksums=checksums.promised(call.parameters, headers),
        announced="x-amz-trailer" in headers,
    )


def body_of(call: Call) -> BinaryIO:
    """What a call sends: its stream, or inside the local cloud the parameter ``Body``, bytes or a file.

    Raises:
        AwsError: the parameter is neither.
    """
    if call.body is not None:
        return call.body
    given = call.parameters.get("Body", b"")
    if isinstance(given, (bytes, bytearray, memoryview)):
        return io.BytesIO(given)
    if hasattr(given, "read"):
        stream: BinaryIO = given
        return stream
    raise invalid_argument("Body must be bytes or a file", "Body", type(given).__name__)


@contextmanager
def arriving(cloud: LocalCloud, body: BinaryIO, promise: Promise) -> Iterator[Arrived]:
    """Take a body in; in the block, commit the row that refers to its blob.

    Reading to the body's end verifies its signature. The blob goes again if the block raises; if the process is
    killed in it, the next start sweeps.

    Raises:
        AwsError: the body is not what was promised, or not what was signed.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    sums = {algorithm: checksums.running(algorithm) for algorithm in promise.checksums}
    size = 0
    with ExitStack() as hold:
        with cloud.blobs.writing() as (blob, file):
            while piece := body.read(_PIECE):
                size += len(piece)
                if size > LARGEST:
                    raise entity_too_large(LARGEST)
                md5.update(piece)
                for each in sums.values():
                    each.update(piece)
                file.write(piece)
            found = {algorithm: checksums.written(each.digest()) for algorithm, each in sums.items()}
            _keep(promise, size, md5.digest())
            for algorithm, value in found.items():
                _keep_checksum(promise, algorithm, value, getattr(body, "trailers", {}))
            # Held from before it gets its name, or the sweep could find it without a row.
            hold.enter_context(holding(cloud, blob))
        try:
            named = {checksums.member(algorithm): value for algorithm, value in found.items()}
            yield Arrived(blob, size, md5.digest(), named)
        except BaseException:
            discard(cloud, blob)
            raise


def _keep(promise: Promise, size: int, md5: bytes) -> None:
    if promise.length is not None and size != promise.length:
        message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
        raise AwsError("IncompleteBody", message, 400)
    if promise.md5 is not None and not hmac.compare_digest(promise.md5, md5):
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400)


def _keep_checksum(promise: Promise, algorithm: str, value: str, trailers: Mapping[str, str]) -> None:
    said = promise.checksums[algorithm]
    if not said:
        said = trailers.get(f"x-amz-checksum-{algorithm.lower()}", "")
        if not said and promise.announced:
            raise AwsError("MalformedTrailerError", "The request contained trailing data that was not well-formed", 400)
    if said and said != value:
        raise AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400)
