"""Blobs that somebody is about to refer to, or is reading: neither removed nor swept meanwhile.

A blob is renamed into place before the row that refers to it is committed; between the two it is held, so that the
sweep does not take it for an orphan. Whoever hands a blob's path to another program holds it while that one reads.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

# Ids of blobs are random, so one register serves every local cloud of the process.
_turn = threading.Lock()
_held: Counter[str] = Counter()
_leaving: set[str] = set()


@contextmanager
def holding(cloud: LocalCloud, *blobs: str) -> Iterator[None]:
    """Keep blobs on the disk while the block lasts, even if the last reference to them goes."""
    with _turn:
        _held.update(blobs)
    try:
        yield
    finally:
        with _turn:
            _held.subtract(blobs)
            free = {blob for blob in blobs if not _held[blob]}
            for blob in free:
                del _held[blob]
            gone = free & _leaving
            _leaving.difference_update(gone)
        for blob in gone:
            cloud.blobs.remove(blob)


def discard(cloud: LocalCloud, blob: str) -> None:
    """Remove a blob that nothing refers to any more, at once or when the last hold ends. Writes."""
    with _turn:
        if blob in _held:
            _leaving.add(blob)
            return
    cloud.blobs.remove(blob)


def sweep(cloud: LocalCloud) -> int:
    """Remove the blobs that no version and no part refers to, left by a process that was killed; how many. Writes.

    Safe while requests are served: the files are listed first, the holds read next and the references last, so a
    blob that arrives meanwhile is either not listed, held, or referred to.
    """
    lying = [path.name for path in cloud.blobs.path("00").parent.parent.glob("??/*")]
    with _turn:
        held = set(_held)
    with cloud.store.read() as connection:
        known = {
            blob
            for (blob,) in connection.execute(
                "SELECT blob FROM s3_versions WHERE blob IS NOT NULL UNION SELECT blob FROM s3_parts"
            )
        }
    orphans = [blob for blob in lying if blob not in known and blob not in held]
    for blob in orphans:
        cloud.blobs.remove(blob)
    return len(orphans)
