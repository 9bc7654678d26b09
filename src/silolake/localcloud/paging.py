"""Long answers in pages. A token names the last entry that was shown, so entries that come or go shift nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

Entry = TypeVar("Entry")


def page(
    entries: Iterable[Entry], key: Callable[[Entry], str], token: str | None, size: int
) -> tuple[list[Entry], str | None]:
    """One page, and the token of the next one or ``None``.

    Args:
        entries: all of them, in any order; a page is ordered by the key.
        key: what is unique to an entry.
        token: of an earlier page; ``None`` for the first.
        size: how many entries at most.

    Raises:
        ValueError: the token was never given out.

    >>> page("dbca", str, None, 3)
    (['a', 'b', 'c'], 'Yw==')
    >>> page("dbca", str, "Yw==", 3)
    (['d'], None)
    """
    try:
        last = base64.b64decode(token, validate=True).decode() if token else ""
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{token!r} is no token of a page") from error
    rest = sorted((entry for entry in entries if not token or key(entry) > last), key=key)
    shown = rest[:size]
    return shown, base64.b64encode(key(shown[-1]).encode()).decode() if len(rest) > size else None
