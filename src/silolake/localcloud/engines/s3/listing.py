"""Walking a sorted index, with keys below a delimiter rolled up into common prefixes.

A common prefix costs one step whatever lies below it: the walk goes on at the first key behind it.
"""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote_plus

from silolake.localcloud.engines.s3.errors import invalid_argument
from silolake.localcloud.engines.s3.objects import successor

MOST = 1000
Fetch = Callable[[str], Iterator[sqlite3.Row]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a listing was asked.

    Attributes:
        most: how many keys and common prefixes together.
        encodes: whether keys are to be percent-encoded, for XML 1.0 cannot carry every character.
    """

    prefix: str
    delimiter: str
    most: int
    encodes: bool

    def encode(self, text: str) -> str:
        """A key as the answer writes it."""
        return quote_plus(text, safe="/*-._") if self.encodes else text


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    Attributes:
        rows: the keys.
        prefixes: the common prefixes.
        last: the last of either, by its text; empty on an empty page.
        ends_in_prefix: whether that is a common prefix.
        is_truncated: whether more follows.
    """

    rows: list[sqlite3.Row]
    prefixes: list[str]
    last: str
    ends_in_prefix: bool
    is_truncated: bool


def walk(fetch: Fetch, asked: Asked, start: str) -> Iterator[sqlite3.Row | str]:
    """Rows and common prefixes in their order.

    Args:
        fetch: the rows from a key on, itself included, within the prefix.
        start: the key to start at; whatever lies before it is left out.
    """
    while True:
        for row in fetch(start):
            cut = row["key"].find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
            if cut < 0:
                yield row
                continue
            common = row["key"][: cut + len(asked.delimiter)]
            yield common
            behind = successor(common)
            if behind is None:
                return
            start = behind
            break
        else:
            return


def page(fetch: Fetch, asked: Asked, start: str) -> Page:
    """One page of a listing, from ``start`` on."""
    if not asked.most:
        return Page([], [], "", False, False)
    entries = list(islice(walk(fetch, asked, start), asked.most + 1))
    shown = entries[: asked.most]
    rows = [each for each in shown if not isinstance(each, str)]
    prefixes = [each for each in shown if isinstance(each, str)]
    if not shown:
        return Page([], [], "", False, False)
    last = shown[-1]
    if isinstance(last, str):
        return Page(rows, prefixes, last, True, len(entries) > asked.most)
    return Page(rows, prefixes, last["key"], False, len(entries) > asked.most)


def start_after(marker: str, asked: Asked) -> str:
    """Where a listing starts that is to go on behind ``marker``, which is a key or a common prefix.

    >>> start_after("a", Asked("", "/", 1000, False))
    'a\\x00'
    """
    if not marker:
        return ""
    if asked.delimiter and marker.startswith(asked.prefix):
        cut = marker.find(asked.delimiter, len(asked.prefix))
        if cut >= 0 and cut + len(asked.delimiter) == len(marker):
            return successor(marker) or marker + "\x00"
    return marker + "\x00"


def token(page_: Page) -> str:
    """What the next request brings to go on behind this page."""
    start = (successor(page_.last) or page_.last + "\x00") if page_.ends_in_prefix else page_.last + "\x00"
    return base64.urlsafe_b64encode(b"1" + start.encode()).decode()


def read_token(text: str) -> str:
    """Where a continuation token says to start.

    Raises:
        AwsError: it is none of ours.
    """
    try:
        said = base64.urlsafe_b64decode(text.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError):
        said = ""
    if not said.startswith("1"):
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token", text)
    return said[1:]


def most_of(value: object, name: str) -> int:
    """How many entries a request wants, a thousand at most.

    Raises:
        AwsError: fewer than none.
    """
    most = MOST if value is None else int(str(value))
    if most < 0:
        raise invalid_argument(f"Argument {name} must be an integer between 0 and 2147483647", name, most)
    return min(most, MOST)
