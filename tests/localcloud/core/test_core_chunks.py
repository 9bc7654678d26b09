"""Bodies in AWS's signed chunks: each chunk is signed on the one before, so whatever is changed is seen and not stored.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from front import Answer, Front, Signing, chain, hexed

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
PIECES = (b"x" * 65_536, b"y" * 65_536, b"the rest")
WHOLE = b"".join(PIECES)
CHUNK = re.compile(rb"([0-9a-f]+);chunk-signature=([0-9a-f]{64})\r\n")


def putting(front: Front, key: str, **headers: str) -> Signing:
    """A PUT that says its body comes in signed chunks."""
    told = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(WHOLE)), **headers}
    return front.signing("PUT", f"/{{bucket}}/{key}", payload=SIGNED, headers=told)


def stored(front: Front, key: str) -> bytes | None:
    """What lies under a key; ``None`` for nothing."""
    answer = front.ask(front.signing("GET", f"/{{bucket}}/{key}"))
    return None if answer.status == 404 else answer.body


@pytest.mark.parametrize("pieces", [PIECES, (WHOLE,), tuple(bytes([each]) for each in b"bytes")], ids=len)
def test_a_body_in_signed_chunks_is_stored_without_them(front: Front, pieces: tuple[bytes, ...]) -> None:
    """However it is cut; the encoding that is only the wire's does not stay with the object."""
    key, whole = f"chunked-{len(pieces)}", b"".join(pieces)
    asked = putting(front, key, **{"x-amz-decoded-content-length": str(len(whole))})
    assert front.ask(asked, body=asked.chunks(*pieces)).status == 200
    assert stored(front, key) == whole
    head = front.client("s3").head_object(Bucket=front.bucket, Key=key)
    assert head["ETag"] == f'"{hashlib.md5(whole).hexdigest()}"'
    assert "ContentEncoding" not in head


def flipped(body: bytes) -> bytes:
    """One bit of the second chunk's data is another."""
    at = body.index(b"yyyy")
    return body[:at] + b"x" + body[at + 1 :]


def truncated(body: bytes) -> bytes:
    """Cut within a chunk."""
    return body[: len(body) // 2]


def without_the_last_chunk(body: bytes) -> bytes:
    """The empty chunk that says that this was all."""
    return body[: body.rindex(b"0;chunk-signature=")]


def without_a_chunk(body: bytes) -> bytes:
    """The second one is left out; every other is as it was signed."""
    first, second, third = (found.start() for found in list(CHUNK.finditer(body))[:3])
    assert first == 0
    return body[:second] + body[third:]


def in_another_order(body: bytes) -> bytes:
    """The first two change places."""
    _, second, third = (found.start() for found in list(CHUNK.finditer(body))[:3])
    return body[second:third] + body[:second] + body[third:]


def with_another_signature(body: bytes) -> bytes:
    """The second chunk's."""
    found = list(CHUNK.finditer(body))[1]
    return body[: found.start(2)] + b"0" * 64 + body[found.end(2) :]


def with_the_last_signature_wrong(body: bytes) -> bytes:
    found = list(CHUNK.finditer(body))[-1]
    return body[: found.start(2)] + b"f" * 64 + body[found.end(2) :]


def without_signatures(body: bytes) -> bytes:
    """As if the payload had been said to be unsigned."""
    return CHUNK.sub(rb"\1\r\n", body)


@pytest.mark.parametrize(
    ("spoil", "status", "code"),
    [
        (flipped, 403, "SignatureDoesNotMatch"),
        (truncated, 400, "IncompleteBody"),
        (without_the_last_chunk, 400, "IncompleteBody"),
        (without_a_chunk, 403, "SignatureDoesNotMatch"),
        (in_another_order, 403, "SignatureDoesNotMatch"),
        (with_another_signature, 403, "SignatureDoesNotMatch"),
        (with_the_last_signature_wrong, 403, "SignatureDoesNotMatch"),
        (without_signatures, 403, "SignatureDoesNotMatch"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_body_that_is_not_what_was_signed_is_not_stored(
    front: Front, spoil: Callable[[bytes], bytes], status: int, code: str
) -> None:
    """Nothing lies under a new key, and under an old one what lay there."""
    key = spoil.__name__
    asked = putting(front, key)
    answer = front.ask(asked, body=spoil(asked.chunks(*PIECES)))
    assert (answer.status, answer.code) == (status, code)
    assert stored(front, key) is None
    front.client("s3").put_object(Bucket=front.bucket, Key=key, Body=b"before")
    again = putting(front, key)
    assert front.ask(again, body=spoil(again.chunks(*PIECES))).code == code
    assert stored(front, key) == b"before"


def trailed(asked: Signing, lines: bytes, signature: str = "") -> bytes:
    """The body in signed chunks, with lines behind it that are signed on the last chunk."""
    body = asked.chunks(*PIECES)[:-2]
    last = list(CHUNK.finditer(body))[-1][2].decode()
    text = ("AWS4-HMAC-SHA256-TRAILER", asked.stamp, asked.scope, last, hashlib.sha256(lines).hexdigest())
    proof = signature or hexed(asked.key, "\n".join(text))
    return body + lines.replace(b"\n", b"\r\n") + f"x-amz-trailer-signature:{proof}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("checksum", "signature", "status"),
    [("right", "", 200), ("right", "0" * 64, 403), ("wrong", "", 400)],
    ids=["signed", "with another signature", "whose checksum is another's"],
)
def test_signed_trailers_are_held_too(front: Front, checksum: str, signature: str, status: int) -> None:
    """The checksum that comes last is signed as well, and is the body's."""
    key = f"trailed-{checksum}-{status}"
    asked = front.signing(
        "PUT", f"/{{bucket}}/{key}", payload=f"{SIGNED}-TRAILER",
        headers={
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(WHOLE)),
            "x-amz-trailer": "x-amz-checksum-sha256",
        },
    )  # fmt: skip
    of = {"right": WHOLE, "wrong": b"another"}[checksum]
    line = f"x-amz-checksum-sha256:{base64.b64encode(hashlib.sha256(of).digest()).decode()}\n".encode()
    answer: Answer = front.ask(asked, body=trailed(asked, line, signature))
    assert answer.status == status, answer.body
    assert stored(front, key) == (WHOLE if status == 200 else None)


def test_the_chunks_are_signed_with_the_requests_own_key(front: Front) -> None:
    """Another secret signs the same chunks otherwise: the chain begins at the request's signature."""
    asked = putting(front, "stolen")
    forged = putting(front, "stolen")
    forged.__dict__["key"] = chain(b"AWS4another secret", *forged.scope.split("/"))
    forged.__dict__["signature"] = asked.signature
    assert front.ask(asked, body=forged.chunks(*PIECES)).code == "SignatureDoesNotMatch"
    assert stored(front, "stolen") is None
