"""The queries that run in this process, so that they can be interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Ids of queries are random, so one register serves every local cloud of the process.
_turn = threading.Lock()
_interrupts: dict[str, Callable[[], None]] = {}
_begun: set[str] = set()


def begin(identity: str) -> None:
    """Note a query that this process is about to queue."""
    with _turn:
        _begun.add(identity)


def end(identity: str) -> None:
    """Forget a query that came to its end."""
    with _turn:
        _begun.discard(identity)


def begun() -> frozenset[str]:
    """The queries that this process queued and has not ended."""
    with _turn:
        return frozenset(_begun)


@contextmanager
def interruptible(identity: str, how: Callable[[], None]) -> Iterator[None]:
    """Let a query be interrupted while the block lasts."""
    with _turn:
        _interrupts[identity] = how
    try:
        yield
    finally:
        with _turn:
            del _interrupts[identity]


def interrupt(identity: str) -> None:
    """Interrupt a query if it runs."""
    with _turn:
        how = _interrupts.get(identity)
        if how is not None:
            how()
