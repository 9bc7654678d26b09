"""Doing the work that stands noted with a stack: once at a time, in the background, and again after a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.cloudformation.stacks.phases import PHASES
from silolake.localcloud.engines.cloudformation.stacks.records import Stack, read_stack
from silolake.localcloud.engines.cloudformation.stacks.site import Site

POLITE_WAIT_S = 5.0
"""How long a reader of unfinished work is kept waiting, so that a waiter's first look finds it done."""


@dataclass
class Floor:
    """What goes on in one local cloud: a lock for each stack or operation, and a bell for whoever waits."""

    guard: threading.Lock = field(default_factory=threading.Lock)
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    bell: threading.Condition = field(default_factory=threading.Condition)

    def lock(self, name: str) -> threading.Lock:
        """The lock of this name."""
        with self.guard:
            return self.locks.setdefault(name, threading.Lock())

    def ring(self) -> None:
        """Let whoever waits look again."""
        with self.bell:
            self.bell.notify_all()

    def wait_until(self, is_done: Callable[[], bool]) -> None:
        """Return when it is done, or after ``POLITE_WAIT_S``."""
        end = time.monotonic() + POLITE_WAIT_S
        with self.bell:
            while not is_done() and (left := end - time.monotonic()) > 0:
                self.bell.wait(left)


_FLOORS: WeakKeyDictionary[LocalCloud, Floor] = WeakKeyDictionary()
_OPENING = threading.Lock()


def floor(cloud: LocalCloud) -> Floor:
    """What goes on in one local cloud."""
    with _OPENING:
        if cloud not in _FLOORS:
            _FLOORS[cloud] = Floor()
        return _FLOORS[cloud]


def run(cloud: LocalCloud, stack_id: str) -> Stack:
    """Do the work noted with a stack until nothing is left; what another thread does is waited for. Writes."""
    with floor(cloud).lock(stack_id):
        while (stack := _read(cloud, stack_id)).work is not None and stack.is_busy:
            PHASES[stack.work.phase](Site(cloud, stack))
    floor(cloud).ring()
    return stack


def _read(cloud: LocalCloud, stack_id: str) -> Stack:
    with cloud.store.read() as connection:
        return read_stack(connection, stack_id)


def start(cloud: LocalCloud, stack_id: str) -> None:
    """Have the work noted with a stack done in the background."""
    cloud.in_background(lambda: _finish(cloud, stack_id))


def _finish(cloud: LocalCloud, stack_id: str) -> None:
    run(cloud, stack_id)


def resume(cloud: LocalCloud) -> None:
    """Take up the work that a stopped process left. Writes."""
    with cloud.store.read() as connection:
        unfinished = connection.execute("SELECT id FROM cfn_stacks WHERE work IS NOT NULL").fetchall()
    for (stack_id,) in unfinished:
        start(cloud, stack_id)
