"""The executions that go on in this process, and the polling of sources."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codepipeline import polling
from silolake.localcloud.engines.codepipeline.conducting import Conductor, Left
from silolake.localcloud.engines.codepipeline.records import GOING_ON, executions_where
from silolake.localcloud.ticking import Ticker

_log = logging.getLogger(__name__)
_PATIENCE_S = 20.0


@dataclass
class Yard:
    """What goes on in one local cloud."""

    ticker: Ticker
    threads: dict[str, threading.Thread] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)


_YARDS: WeakKeyDictionary[LocalCloud, Yard] = WeakKeyDictionary()
_OPENING = threading.Lock()


def yard(cloud: LocalCloud) -> Yard:
    """What goes on in one local cloud."""
    with _OPENING:
        if cloud not in _YARDS:
            _YARDS[cloud] = Yard(Ticker(cloud, "pipelines' sources", lambda: polling.poll(cloud, start)))
        return _YARDS[cloud]


def start(cloud: LocalCloud, identity: str) -> None:
    """Lead an execution through its stages, in a thread of its own: it waits for what the background does. Writes."""
    here = yard(cloud)
    if here.closing.is_set():
        return
    thread = threading.Thread(
        target=_watched, args=(cloud, here, identity), name=f"pipeline-{identity[:8]}", daemon=True
    )
    here.threads[identity] = thread
    thread.start()


def _watched(cloud: LocalCloud, here: Yard, identity: str) -> None:
    try:
        with suppress(Left):
            _conduct(Conductor(cloud, identity, here.closing.is_set))
    finally:
        if here.threads.get(identity) is threading.current_thread():
            del here.threads[identity]


def _conduct(conductor: Conductor) -> None:
    try:
        conductor.run()
    except Left:
        raise
    except Exception as error:  # noqa: BLE001  nobody waits for its answer, so nobody else would ever hear of it
        _log.exception("execution %s", conductor.identity)
        conductor.break_down(error)


def resume(cloud: LocalCloud) -> None:
    """Go on with the executions that a stopped process left, and with polling. Writes."""
    with cloud.store.read() as connection:
        left = executions_where(connection, "status IN (?, ?)", *GOING_ON)
        polls = connection.execute("SELECT 1 FROM codepipeline_polls").fetchone()
    for each in left:
        start(cloud, each.id)
    if polls:
        yard(cloud).ticker.wake()


def close(cloud: LocalCloud) -> None:
    """Leave every execution where it is; the next process goes on with it."""
    here = yard(cloud)
    here.closing.set()
    here.ticker.close()
    for thread in list(here.threads.values()):
        thread.join(_PATIENCE_S)
    _YARDS.pop(cloud, None)
