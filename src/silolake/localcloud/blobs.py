"""The bytes of objects, each in a file of its own that is never changed once it has its name."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class Blobs:
    """Files named by a random id, in two hundred and fifty-six folders.

    A blob is written under a passing name and renamed when it is whole, so a name that exists is a whole blob
    whatever was killed meanwhile. Whoever keeps the id in the store decides whether it lives.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._passing = directory / "passing"
        self._passing.mkdir(parents=True, exist_ok=True)
        for left_over in self._passing.iterdir():
            left_over.unlink()

    def path(self, blob: str) -> Path:
        """Where a blob lies."""
        return self._directory / blob[:2] / blob

    @contextmanager
    def writing(self) -> Iterator[tuple[str, BinaryIO]]:
        """A new blob's id and a file to write it to; it exists when the block ends well, else never did. Writes."""
        blob = secrets.token_hex(16)
        passing = self._passing / blob
        try:
            with passing.open("wb") as file:
                yield blob, file
            self.path(blob).parent.mkdir(exist_ok=True)
            passing.replace(self.path(blob))
        except BaseException:
            passing.unlink(missing_ok=True)
            raise

    def read(self, blob: str, first: int, length: int, chunk: int = 1 << 20) -> Iterator[bytes]:
        """``length`` bytes from the offset ``first``, in pieces."""
        with self.path(blob).open("rb") as file:
            file.seek(first)
            while length > 0 and (piece := file.read(min(chunk, length))):
                length -= len(piece)
                yield piece

    def remove(self, blob: str) -> None:
        """Remove a blob that nobody refers to any more. Writes."""
        with suppress(FileNotFoundError):
            self.path(blob).unlink()
