"""The index of objects: every version of every key, in the order S3 lists them. Others ask ``list_objects``."""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from silolake.localcloud.engines.s3.buckets import Bucket, moment
from silolake.localcloud.engines.s3.description import Description, from_json
from silolake.localcloud.engines.s3.holds import discard

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

UNVERSIONED = "null"
_ALPHABET = string.ascii_letters + string.digits + "._"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one key; a delete marker has no blob.

    Attributes:
        sequence: rises with every version made.
        version_id: ``null`` for one that was made while the bucket was not versioned.
        blob: where the bytes lie; empty for a delete marker.
        etag: without quotes.
        modified_at: seconds since 1970, S3 keeps no fractions.
    """

    sequence: int
    bucket: str
    key: str
    version_id: str
    is_latest: bool
    is_delete_marker: bool
    blob: str
    size: int
    etag: str
    modified_at: int
    tags: Mapping[str, str]
    description: Description

    @property
    def arn(self) -> str:
        """The object's ARN, the same for all its versions."""
        return f"arn:aws:s3:::{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A version about to be made.

    Attributes: as ``Version`` has them.
    """

    key: str
    blob: str
    size: int
    etag: str
    modified_at: int
    tags: Mapping[str, str] = field(default_factory=dict)
    description: Description = field(default_factory=Description)


@dataclass(frozen=True, slots=True)
class Listed:
    """A current object, as engines that read blobs directly want it.

    Attributes:
        etag: without quotes.
        blob: its bytes are the file ``cloud.blobs.path(blob)``; hold it (``holds.holding``) while reading.
        kms_key_arn: empty for SSE-S3.
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    blob: str
    kms_key_arn: str


@dataclass(slots=True)
class Change:
    """A transaction on the index, and the blobs that it leaves without a reference."""

    connection: sqlite3.Connection
    freed: list[str] = field(default_factory=list)

    def release(self, blobs: Iterable[str]) -> None:
        """Note which of ``blobs`` nothing refers to any more; they go once the transaction is committed."""
        for blob in blobs:
            used = self.connection.execute(
                "SELECT 1 FROM s3_versions WHERE blob = ? UNION ALL SELECT 1 FROM s3_parts WHERE blob = ?", (blob, blob)
            ).fetchone()
            if used is None:
                self.freed.append(blob)


@contextmanager
def changing(cloud: LocalCloud) -> Iterator[Change]:
    """One transaction on the index; what it frees is removed from the disk after it is committed. Writes."""
    with cloud.store.write() as connection:
        change = Change(connection)
        yield change
    for blob in change.freed:
        discard(cloud, blob)


def find(connection: sqlite3.Connection, bucket: str, key: str, version_id: str = "") -> Version | None:
    """A version of a key, the latest where none is named; it may be a delete marker. Reads only."""
    if version_id:
        query = "SELECT * FROM s3_versions WHERE bucket = ? AND key = ? AND version_id = ?"
        row = connection.execute(query, (bucket, key, version_id)).fetchone()
    else:
        query = "SELECT * FROM s3_versions WHERE bucket = ? AND key = ? ORDER BY sequence DESC LIMIT 1"
        row = connection.execute(query, (bucket, key)).fetchone()
    return version_of(row) if row else None


def find_current(connection: sqlite3.Connection, bucket: str, key: str) -> Version | None:
    """The object under a key; ``None`` where there is none or it was deleted. Reads only."""
    found = find(connection, bucket, key)
    return None if found is None or found.is_delete_marker else found


def version_of(row: sqlite3.Row) -> Version:
    """The version that a row of ``s3_versions`` tells of."""
    return Version(
        sequence=row["sequence"],
        bucket=row["bucket"],
        key=row["key"],
        version_id=row["version_id"],
        is_latest=bool(row["is_latest"]),
        is_delete_marker=bool(row["is_delete_marker"]),
        blob=row["blob"] or "",
        size=row["size"],
        etag=row["etag"],
        modified_at=row["modified_at"],
        tags=json.loads(row["tags"]),
        description=from_json(row["description"]),
    )


def add(change: Change, bucket: Bucket, draft: Draft) -> Version:
    """Make a version the latest of its key; without versioning it takes the place of the one that was. Writes."""
    return _insert(change, bucket, draft, is_delete_marker=False)


def mark_deleted(change: Change, bucket: Bucket, key: str, at: int) -> Version | None:
    """Delete the current object of a key: a delete marker where the bucket is or was versioned. Writes.

    Returns:
        The delete marker; ``None`` where the bucket never was versioned and the object is gone.
    """
    if not bucket.versioning:
        _remove(change, find(change.connection, bucket.name, key, UNVERSIONED))
        return None
    return _insert(change, bucket, Draft(key, "", 0, "", at), is_delete_marker=True)


def remove(change: Change, version: Version) -> None:
    """Remove one version for good; the one before it becomes the latest. Writes."""
    _remove(change, version)
    change.connection.execute(
        "UPDATE s3_versions SET is_latest = 1 WHERE sequence ="
        " (SELECT max(sequence) FROM s3_versions WHERE bucket = ? AND key = ?)",
        (version.bucket, version.key),
    )


def set_tags(change: Change, version: Version, tags: Mapping[str, str]) -> None:
    """Replace a version's tags. Writes."""
    change.connection.execute(
        "UPDATE s3_versions SET tags = ? WHERE sequence = ?", (json.dumps(dict(tags)), version.sequence)
    )


def _insert(change: Change, bucket: Bucket, draft: Draft, *, is_delete_marker: bool) -> Version:
    version_id = new_version_id() if bucket.versioning == "Enabled" else UNVERSIONED
    if version_id == UNVERSIONED:
        _remove(change, find(change.connection, bucket.name, draft.key, UNVERSIONED))
    change.connection.execute(
        "UPDATE s3_versions SET is_latest = 0 WHERE bucket = ? AND key = ? AND is_latest = 1", (bucket.name, draft.key)
    )
    sequence = change.connection.execute(
        "INSERT INTO s3_versions (bucket, key, version_id, is_latest, is_delete_marker, blob, size, etag, modified_at,"
        " tags, description) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
        (
            bucket.name,
            draft.key,
            version_id,
            int(is_delete_marker),
            draft.blob or None,
            draft.size,
            draft.etag,
            draft.modified_at,
            json.dumps(dict(draft.tags)),
            draft.description.to_json(),
        ),
    ).lastrowid
    row = change.connection.execute("SELECT * FROM s3_versions WHERE sequence = ?", (sequence,)).fetchone()
    return version_of(row)


def _remove(change: Change, version: Version | None) -> None:
    if version is None:
        return
    change.connection.execute("DELETE FROM s3_versions WHERE sequence = ?", (version.sequence,))
    if version.blob:
        change.release([version.blob])


def new_version_id() -> str:
    """A version id as S3 makes them: 32 characters that mean nothing."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


def list_objects(connection: sqlite3.Connection, bucket: str, prefix: str = "") -> list[Listed]:
    """Every current object of a bucket whose key starts with ``prefix``, by key. Reads only; asks no rights."""
    rows = current_rows(connection, bucket, prefix, prefix)
    return [
        Listed(
            key=row["key"],
            size=row["size"],
            etag=row["etag"],
            last_modified=moment(row["modified_at"]),
            blob=row["blob"],
            kms_key_arn=from_json(row["description"]).encryption.key_arn,
        )
        for row in rows
    ]


def current_rows(connection: sqlite3.Connection, bucket: str, prefix: str, start: str) -> Iterator[Any]:
    """The rows of current objects from the key ``start`` on, within ``prefix``, by key. Reads only, as it goes."""
    where, values = within(prefix)
    return connection.execute(
        "SELECT * FROM s3_versions INDEXED BY s3_current WHERE bucket = ? AND is_latest = 1 AND is_delete_marker = 0"
        f" AND key >= ? {where} ORDER BY key",
        (bucket, max(start, prefix), *values),
    )


def within(prefix: str) -> tuple[str, tuple[str, ...]]:
    """The part of a query that ends it where the keys under ``prefix`` end."""
    end = successor(prefix)
    return ("AND key < ?", (end,)) if end is not None else ("", ())


def successor(prefix: str) -> str | None:
    """The least text above every text that starts with ``prefix``; ``None`` where there is none.

    >>> successor("a/")
    'a0'
    """
    while prefix:
        last = ord(prefix[-1]) + 1
        if last == 0xD800:  # surrogates have no UTF-8
            last = 0xE000
        if last <= 0x10FFFF:
            return prefix[:-1] + chr(last)
        prefix = prefix[:-1]
    return None
