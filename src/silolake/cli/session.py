"""The session of a command: in the workspace that this folder lies in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from silolake.cli.terminal import load_rooms
from silolake.session import Session
from silolake.session import opened as opened_on


@contextmanager
def opened() -> Iterator[Session]:
    """A session in the workspace this folder lies in.

    Raises:
        NotBootstrapped: the organization was never bootstrapped.
        NotAWorkspace: this folder lies in none.
    """
    with opened_on(load_rooms()) as session:
        yield session
