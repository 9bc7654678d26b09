"""Waiting for the cloud, patiently and not forever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from silolake.errors import SilolakeError, Throttled, WrongState

T = TypeVar("T")
_FIRST_S, _LONGEST_S = 0.1, 5.0


def until(ready: Callable[[], T], what: str, patience_s: float) -> T:
    """Ask again, ever more rarely, until the answer is true.

    Args:
        ready: asked; its first true answer is returned.
        what: what is waited for, for the error.
        patience_s: how long.

    Raises:
        WrongState: it did not come to be in time.
    """
    end = time.monotonic() + patience_s
    wait_s = _FIRST_S
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() + wait_s > end:
            raise WrongState(
                f"after {patience_s:.0f} s it is still not so that {what}", "Look at it, then run the same again"
            )
        time.sleep(wait_s)
        wait_s = min(wait_s * 1.5, _LONGEST_S)


def patiently(act: Callable[[], T], patience_s: float, forgiven: tuple[type[SilolakeError], ...]) -> T:
    """Try an act again while it raises what is forgiven; AWS's permissions take effect after a while.

    That AWS asks for patience is always forgiven.

    Raises:
        SilolakeError: the last error, once patience has ended.
    """
    again: tuple[type[SilolakeError], ...] = (*forgiven, Throttled)
    end = time.monotonic() + patience_s
    wait_s = _FIRST_S
    while True:
        try:
            return act()
        except again:
            if time.monotonic() + wait_s > end:
                raise
        time.sleep(wait_s)
        wait_s = min(wait_s * 1.5, _LONGEST_S)
