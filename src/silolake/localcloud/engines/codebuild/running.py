"""The builds that go on in this process; what a process that ended left undone is told honestly."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codebuild.building import Building
from silolake.localcloud.engines.codebuild.place import place_of
from silolake.localcloud.engines.codebuild.records import IN_PROGRESS, Build, builds_where, update_build
from silolake.localcloud.lending import Lender

_log = logging.getLogger(__name__)
_PATIENCE_S = 20.0
CUT_SHORT = "The local cloud ended while the build went on; the build was not taken up again."


@dataclass
class Yard:
    """What goes on in one local cloud.

    Attributes:
        stops: the reason why a build shall stop, by its ARN.
        bell: rings whenever a build is over.
    """

    lender: Lender | None = None
    threads: dict[str, threading.Thread] = field(default_factory=dict)
    stops: dict[str, str] = field(default_factory=dict)
    bell: threading.Condition = field(default_factory=threading.Condition)


_YARDS: WeakKeyDictionary[LocalCloud, Yard] = WeakKeyDictionary()
_OPENING = threading.Lock()


def yard(cloud: LocalCloud) -> Yard:
    """What goes on in one local cloud."""
    with _OPENING:
        return _YARDS.setdefault(cloud, Yard())


def start(cloud: LocalCloud, build: Build) -> None:
    """Let a build go on in a thread of its own: it may ask whatever the background's few workers serve. Writes."""
    here = yard(cloud)
    with _OPENING:
        here.lender = here.lender or Lender(cloud)
    thread = threading.Thread(target=_watched, args=(cloud, here, build), name=f"build-{build.uuid[:8]}", daemon=True)
    here.threads[build.arn] = thread
    thread.start()


def _watched(cloud: LocalCloud, here: Yard, build: Build) -> None:
    assert here.lender is not None
    try:
        Building(cloud, build, here.lender, lambda: here.stops.get(build.arn, "")).run()
    except Exception:  # noqa: BLE001  nobody waits for its answer, so nobody else would ever hear of it
        _log.exception("build %s", build.arn)
    finally:
        here.threads.pop(build.arn, None)
        here.stops.pop(build.arn, None)
        with here.bell:
            here.bell.notify_all()


def stop(cloud: LocalCloud, build_arn: str, reason: str) -> None:
    """Let a build stop, and wait until it has."""
    here = yard(cloud)
    thread = here.threads.get(build_arn)
    if thread is not None:
        here.stops[build_arn] = reason
        thread.join(_PATIENCE_S)


def resume(cloud: LocalCloud) -> None:
    """End the builds that a stopped process left, and say why; their commands died with it. Writes."""
    with cloud.store.write() as connection:
        for build in builds_where(connection, "status = ?", IN_PROGRESS):
            now = cloud.clock.now().isoformat()
            *before, last = build.body["phases"] or [{"phaseType": "SUBMITTED", "startTime": now}]
            context = {"statusCode": "INTERNAL_ERROR", "message": CUT_SHORT}
            phases = [*before, {**last, "phaseStatus": "FAILED", "endTime": now, "contexts": [context]}]
            completed = {"phaseType": "COMPLETED", "startTime": now}
            ended = build.with_(phases=[*phases, completed], endTime=now, currentPhase="COMPLETED")
            update_build(connection, replace(ended, status="FAILED"))
            place_of(cloud, build).clear()


def close(cloud: LocalCloud) -> None:
    """Stop every build, with its processes. Writes."""
    here = yard(cloud)
    for arn in list(here.threads):
        here.stops[arn] = "The local cloud was stopped."
    end = time.monotonic() + _PATIENCE_S
    for thread in list(here.threads.values()):
        thread.join(max(0.0, end - time.monotonic()))
    if here.lender is not None:
        here.lender.close()
    _YARDS.pop(cloud, None)
