"""The checksums that objects are sent with: CRC32, CRC32C, CRC64NVME, SHA-1, SHA-256, SHA-512 and MD5.

CRC32 and the digests are the standard library's; CRC32C and CRC64NVME are computed here, at some ten megabytes a
second. The XXHASH family is refused by name.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from silolake.localcloud.engines.s3.errors import invalid_request
from silolake.localcloud.errors import AwsError, NotPlayed


class Running(Protocol):
    """A checksum being computed."""

    def update(self, data: bytes, /) -> None:
        """Go on with more bytes."""

    def digest(self) -> bytes:
        """The checksum of what has been seen."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _Crc:
    """A reflected CRC of any width, eight bytes at a step (slicing by eight)."""

    def __init__(self, polynomial: int, bits: int) -> None:
        self._tables = _tables(polynomial)
        self._mask = (1 << bits) - 1
        self._width = bits // 8
        self._value = self._mask

    def update(self, data: bytes, /) -> None:
        t0, t1, t2, t3, t4, t5, t6, t7 = self._tables
        value, whole = self._value, len(data) - len(data) % 8
        for word in memoryview(data)[:whole].cast("Q") if _LITTLE else _words(data[:whole]):
            x = value ^ word
            value = (
                t7[x & 255]
                ^ t6[x >> 8 & 255]
                ^ t5[x >> 16 & 255]
                ^ t4[x >> 24 & 255]
                ^ t3[x >> 32 & 255]
                ^ t2[x >> 40 & 255]
                ^ t1[x >> 48 & 255]
                ^ t0[x >> 56]
            )
        for byte in data[whole:]:
            value = t0[(value ^ byte) & 255] ^ value >> 8
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._mask).to_bytes(self._width, "big")


_LITTLE = memoryview(b"\x01\0\0\0\0\0\0\0").cast("Q")[0] == 1


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]


@cache
def _tables(polynomial: int) -> tuple[tuple[int, ...], ...]:
    first = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        first.append(value)
    tables = [tuple(first)]
    for _ in range(7):
        tables.append(tuple(first[value & 255] ^ value >> 8 for value in tables[-1]))
    return tuple(tables)


_SHA = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512, "MD5": hashlib.md5}
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", *_SHA)
_REFUSED = ("XXHASH64", "XXHASH3", "XXHASH128")
WHOLE_ONLY = frozenset({"CRC64NVME"})


def running(algorithm: str) -> Running:
    """A checksum to feed.

    Raises:
        NotPlayed: an algorithm that the local cloud does not compute.
    """
    match algorithm:
        case "CRC32":
            return _Crc32()
        case "CRC32C":
            return _Crc(0x82F63B78, 32)
        case "CRC64NVME":
            return _Crc(0x9A6C9329AC4BC9B5, 64)
        case known if known in _SHA:
            return _SHA[known](usedforsecurity=False)
        case _ if algorithm in _REFUSED:
            raise NotPlayed(f"s3 checksums of kind {algorithm}")
        case _:
            raise invalid_request("Checksum algorithm provided is unsupported. Please try again with a valid type.")


def member(algorithm: str) -> str:
    """An algorithm's checksum as the API names it, ``ChecksumCRC32``."""
    return f"Checksum{algorithm}"


def written(digest: bytes) -> str:
    """A digest as S3 writes it."""
    return base64.b64encode(digest).decode()


def digest_of(value: str) -> bytes:
    """The digest that S3 writes so."""
    return base64.b64decode(value)


def promised(parameters: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums that a request names, by algorithm; empty text where the value follows in a trailer.

    Raises:
        AwsError: more than one, or a value that is none.
        NotPlayed: an algorithm that the local cloud does not compute.
    """
    found: dict[str, str] = {}
    for algorithm in (*ALGORITHMS, *_REFUSED):
        value = parameters.get(member(algorithm))
        trailer = f"x-amz-checksum-{algorithm.lower()}"
        if value is not None:
            found[algorithm] = str(value)
        elif trailer in [each.strip().lower() for each in headers.get("x-amz-trailer", "").split(",")]:
            found[algorithm] = ""
    if len(found) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    asked = parameters.get("ChecksumAlgorithm")
    if asked and not found:
        found[asked] = ""
    for algorithm, value in found.items():
        if value and _length(value) != len(running(algorithm).digest()):
            raise invalid_request(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
        running(algorithm)
    return found


def _length(value: str) -> int:
    try:
        return len(base64.b64decode(value, validate=True))
    except binascii.Error:
        return -1


def check_md5(text: str | None) -> bytes | None:
    """The digest in a ``Content-MD5`` header.

    Raises:
        AwsError: it is none.
    """
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", 400)
    return digest
