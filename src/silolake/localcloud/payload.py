"""Bodies as they are sent: plain, hashed, or in signed or unsigned chunks; read to the end, they are verified.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from collections.abc import Callable
from typing import Any, BinaryIO

from silolake.localcloud.errors import AwsError
from silolake.localcloud.signature import UNSIGNED, Signed, same

_LONGEST_CHUNK = 64 << 20
_LONGEST_LINE = 16 << 10
_LONGEST_TRAILERS = 64 << 10
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{1,16}")
_NOTHING = hashlib.sha256(b"").hexdigest()


class Payload(io.RawIOBase):
    """A body that is verified as it is read; the last read raises if it is not what was signed.

    Attributes:
        trailers: what came behind the last chunk, by lower-case name; filled when the end has been read.
    """

    def __init__(self, pieces: Callable[[], bytes]) -> None:
        self._next = pieces
        self._left = b""
        self._ended = False
        self.trailers: dict[str, str] = {}

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, or all that is left.

        Raises:
            AwsError: at the end, if the body is not what was signed.
        """
        parts, have = [self._left], len(self._left)
        while not self._ended and (size < 0 or have < size):
            piece = self._next()
            self._ended = not piece
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        if size < 0:
            self._left = b""
            return whole
        self._left = whole[size:]
        return whole[:size]

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as the body goes."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class _Short(AwsError):
    def __init__(self) -> None:
        super().__init__("IncompleteBody", "You did not provide the number of bytes specified by the headers.", 400)


def open_payload(source: BinaryIO, length: int | None, signed: Signed | None, encoding: str) -> Payload:
    """The body behind ``source``, decoded from AWS's chunks where it is sent in them.

    Args:
        source: what the client sends.
        length: what ``Content-Length`` says.
        signed: the verified signature; ``None`` for an anonymous request.
        encoding: the ``x-amz-content-sha256`` that was sent.
    """
    if encoding.startswith("STREAMING-"):
        if encoding not in (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        ):
            raise AwsError("InvalidRequest", f"The local cloud does not take payloads of kind {encoding}.", 400)
        chunks = _Chunks(source, None if encoding.startswith("STREAMING-UNSIGNED") else signed)
        payload = Payload(chunks.next)
        chunks.trailers = payload.trailers
        return payload
    promised = "" if encoding in ("", UNSIGNED) else encoding
    return Payload(_Plain(source, length, promised).next)


class _Plain:
    """A body sent as it is, perhaps with its SHA-256 in the signature."""

    def __init__(self, source: BinaryIO, length: int | None, promised: str) -> None:
        self._source, self._length, self._promised = source, length, promised
        self._left = length
        self._hash = hashlib.sha256()

    def next(self) -> bytes:
        want = 1 << 20 if self._left is None else min(1 << 20, self._left)
        piece = self._source.read(want) if want else b""
        if self._left is not None:
            self._left -= len(piece)
            if not piece and self._left:
                raise _Short
        if self._promised:
            self._hash.update(piece)
            if not piece and not same(self._hash.hexdigest(), self._promised):
                raise AwsError(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                    400,
                )
        return piece


class _Unbuffered(io.RawIOBase):
    """What a client sends, read and never asked for lines.

    The ``readline`` of cheroot's reader for ``Transfer-Encoding: chunked`` never comes back from a line's end.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._source.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class _Chunks:
    """A body in AWS's chunks, each with its size and perhaps its signature, then trailers."""

    def __init__(self, source: BinaryIO, signed: Signed | None) -> None:
        self._source, self._signed = io.BufferedReader(_Unbuffered(source), 1 << 16), signed
        self._previous = signed.seed if signed else ""
        self.trailers: dict[str, str] = {}

    def next(self) -> bytes:
        head = self._line()
        size_text, _, extension = head.partition(";")
        if not _HEXADECIMAL.fullmatch(size_text):
            raise AwsError("InvalidRequest", f"A chunk's size is not a hexadecimal number: {size_text[:20]!r}.")
        size = int(size_text, 16)
        if size > _LONGEST_CHUNK:
            raise AwsError("InvalidRequest", f"A chunk of {size} bytes is longer than {_LONGEST_CHUNK}.")
        piece = self._exactly(size)
        if self._signed:
            self._check(piece, extension.removeprefix("chunk-signature="))
        if size:
            if self._exactly(2) != b"\r\n":
                raise AwsError("InvalidRequest", "A chunk does not end where its size says.")
            return piece
        self._read_trailers()
        return b""

    def _check(self, piece: bytes, given: str) -> None:
        assert self._signed is not None
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                self._signed.at,
                self._signed.scope.text,
                self._previous,
                _NOTHING,
                hashlib.sha256(piece).hexdigest(),
            )
        )
        self._advance(text, given)

    def _read_trailers(self) -> None:
        lines: list[str] = []
        while line := self._line(at_end=True):
            name, _, value = line.partition(":")
            if name == "x-amz-trailer-signature":
                self._check_trailers("".join(f"{each}\n" for each in lines), value.strip())
                return
            lines.append(line)
            if sum(map(len, lines)) > _LONGEST_TRAILERS:
                raise AwsError("MalformedTrailerError", "The request contained trailing data that was too long", 400)
            self.trailers[name.strip().lower()] = value.strip()
        if self._signed and lines:
            raise AwsError("SignatureDoesNotMatch", "Signed trailers lack x-amz-trailer-signature.", 403)

    def _check_trailers(self, trailers: str, given: str) -> None:
        if not self._signed:
            return
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-TRAILER",
                self._signed.at,
                self._signed.scope.text,
                self._previous,
                hashlib.sha256(trailers.encode()).hexdigest(),
            )
        )
        self._advance(text, given)

    def _advance(self, text: str, given: str) -> None:
        assert self._signed is not None
        expected = hmac.new(self._signed.signing_key, text.encode(), hashlib.sha256).hexdigest()
        if not same(expected, given.strip()):
            raise AwsError("SignatureDoesNotMatch", "The chunk signature does not match.", 403)
        self._previous = expected

    def _line(self, *, at_end: bool = False) -> str:
        line = self._source.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            if at_end and not line:
                return ""
            raise _Short
        return line.decode("ascii", "replace").rstrip("\r\n")

    def _exactly(self, size: int) -> bytes:
        parts, left = [], size
        while left:
            piece = self._source.read(left)
            if not piece:
                raise _Short
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)
