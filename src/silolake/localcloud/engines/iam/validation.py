"""Parameters that IAM checks before anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from silolake.limits import LONGEST_ROLE_SESSION_S, SHORTEST_ROLE_SESSION_S
from silolake.localcloud.errors import AwsError
from silolake.localcloud.paging import Entry, page

_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]*/")


def check_name(parameter: str, name: str, longest: int) -> None:
    """Refuse a name that IAM does not take.

    Raises:
        AwsError: ``ValidationError``.
    """
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationError",
            f"The specified value for {parameter} is invalid. "
            "It must contain only alphanumeric characters and/or the following: +=,.@_-",
        )
    if len(name) > longest:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value at '{parameter}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {longest}",
        )


def check_path(path: str) -> None:
    """Refuse a path that does not begin and end with a slash.

    Raises:
        AwsError: ``ValidationError``.
    """
    if not _PATH.fullmatch(path) or len(path) > 512:
        raise AwsError(
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.",
        )


def check_max_session(duration_s: int) -> None:
    """Refuse a longest session that is shorter than an hour or longer than twelve.

    Raises:
        AwsError: ``ValidationError``.
    """
    if not SHORTEST_ROLE_SESSION_S <= duration_s <= LONGEST_ROLE_SESSION_S:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{duration_s}' at 'maxSessionDuration' failed to satisfy constraint: "
            f"Member must have value between {SHORTEST_ROLE_SESSION_S} and {LONGEST_ROLE_SESSION_S}",
        )


def paged(name: str, entries: list[Entry], key: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A list operation's output: a page of entries that are mappings or texts.

    Args:
        name: the output's member.
        key: the member that orders the entries; empty where entries are texts.
        asked: the parameters, with ``Marker`` and ``MaxItems``.

    Raises:
        AwsError: ``ValidationError`` for a marker never given out.
    """

    def order(entry: Entry) -> str:
        return str(entry[key]) if isinstance(entry, Mapping) else str(entry)

    try:
        shown, marker = page(entries, order, asked.get("Marker"), int(asked.get("MaxItems", 100)))
    except ValueError as error:
        raise AwsError("ValidationError", f"Invalid Marker: {error}") from error
    answer: dict[str, Any] = {name: shown, "IsTruncated": marker is not None}
    return {**answer, "Marker": marker} if marker else answer
