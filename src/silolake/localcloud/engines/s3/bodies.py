"""Bytes on their way out: read from a blob as they are sent."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

_PIECE = 1 << 20


class Streamed:
    """A stretch of a blob, sent in pieces; the blob may be removed meanwhile, the file stays open.

    Attributes:
        length: how many bytes there are.

    Raises:
        FileNotFoundError: the blob has been removed already.
    """

    def __init__(self, cloud: LocalCloud, blob: str, first: int, length: int) -> None:
        self.length = length
        self._first = first
        self._file = os.open(cloud.blobs.path(blob), os.O_RDONLY) if length else -1
        self._closing = weakref.finalize(self, os.close, self._file) if length else None

    def __iter__(self) -> Iterator[bytes]:
        at, left = self._first, self.length
        while left:
            if self._closing is None or not self._closing.alive:
                raise ValueError("a body is read once")
            piece = os.pread(self._file, min(_PIECE, left), at)
            if not piece:
                raise OSError("an object's bytes end before its size says")
            at, left = at + len(piece), left - len(piece)
            yield piece
        self.close()

    def read(self) -> bytes:
        """All of it, for engines that read small objects."""
        return b"".join(self)

    def close(self) -> None:
        """Close the file; done at the end of reading, and when nobody holds this any more."""
        if self._closing is not None:
            self._closing()
