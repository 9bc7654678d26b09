"""What is due by the local cloud's clock, done by a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

_LONGEST_S = 3600.0
_AFTER_A_DEFECT_S = 1.0
_log = logging.getLogger(__name__)


class Ticker:
    """Does what is due, and sleeps until something is due again, the clock is moved, or somebody wakes it.

    Args:
        cloud: whose clock it is.
        name: of the thread.
        tick: does what is due; answers when something is due next, ``None`` if nothing is.
    """

    def __init__(self, cloud: LocalCloud, name: str, tick: Callable[[], datetime | None]) -> None:
        self._cloud, self._name, self._tick = cloud, name, tick
        self._woken, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def wake(self) -> None:
        """Look again at what is due; the thread is started by the first call."""
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._cloud.clock.listeners.append(self._woken.set)
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        self._woken.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.clear()
            try:
                due = self._tick()
            except Exception:  # noqa: BLE001  nobody waits for its answer, so nobody else would ever hear of it
                _log.exception("%s", self._name)
                self._woken.wait(_AFTER_A_DEFECT_S)
                continue
            left = (due - self._cloud.clock.now()).total_seconds() if due else _LONGEST_S
            self._woken.wait(max(0.0, min(left, _LONGEST_S)))

    @property
    def is_closing(self) -> bool:
        """Whether what is left is to be left for the next process."""
        return self._closing.is_set()

    def close(self) -> None:
        """End it; what it does just now is done first."""
        self._closing.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
            self._cloud.clock.listeners.remove(self._woken.set)
