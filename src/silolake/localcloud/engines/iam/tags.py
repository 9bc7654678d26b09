"""Tags on roles and managed policies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from silolake.limits import TAGS_PER_ENTITY
from silolake.localcloud.errors import AwsError


def tags_of(connection: sqlite3.Connection, entity: str) -> dict[str, str]:
    """An entity's tags, by its ARN. Reads only."""
    rows = connection.execute("SELECT key, value FROM iam_tags WHERE entity = ? ORDER BY key", (entity,))
    return {row["key"]: row["value"] for row in rows}


def put_tags(connection: sqlite3.Connection, entity: str, tags: Sequence[Mapping[str, str]]) -> None:
    """Add tags to an entity, or change them. Writes.

    Raises:
        AwsError: a key stands twice, or there would be too many.
    """
    asked = as_mapping(tags)
    if len(asked) < len(tags):
        raise AwsError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if len({**tags_of(connection, entity), **asked}) > TAGS_PER_ENTITY:
        raise AwsError("LimitExceeded", f"The number of tags has reached the maximum limit of {TAGS_PER_ENTITY}.", 409)
    connection.executemany(
        "INSERT OR REPLACE INTO iam_tags VALUES (?, ?, ?)", [(entity, key, value) for key, value in asked.items()]
    )


def remove_tags(connection: sqlite3.Connection, entity: str, keys: Iterable[str]) -> None:
    """Remove tags from an entity; keys it does not have are passed over. Writes."""
    connection.executemany("DELETE FROM iam_tags WHERE entity = ? AND key = ?", [(entity, key) for key in keys])


def as_mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """``[{"Key": k, "Value": v}]`` as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """A mapping as ``[{"Key": k, "Value": v}]``."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_context(
    tags: Iterable[Mapping[str, str]] | None, keys: Iterable[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """The condition keys that tags in a request fill: ``aws:RequestTag/…`` and ``aws:TagKeys``.

    Args:
        tags: tags to be put.
        keys: keys of tags to be removed.
    """
    asked = as_mapping(tags or ())
    named = (*asked, *(keys or ()))
    context: dict[str, tuple[str, ...]] = {f"aws:RequestTag/{key}": (value,) for key, value in asked.items()}
    return {**context, "aws:TagKeys": named} if named else context
