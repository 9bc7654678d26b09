"""The process of a service: it answers on its socket, and looks around every few seconds, until it is told to stop."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from silolake.errors import AlreadyRunning, SilolakeError, WrongState
from silolake.service import remote, schedules
from silolake.service.places import AppliedCommit, Places
from silolake.service.talk import Conversation, listening
from silolake.service.working import Commit, Service, Turns
from silolake.session import opened

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 600.0


def serve(places: Places, every_s: float) -> None:
    """Serve a workspace in this process until SIGTERM or SIGINT. Writes the data directory, and the lake.

    Args:
        places: the workspace's.
        every_s: how often it looks for joins, deliveries and due times, in seconds.

    Raises:
        AlreadyRunning: another process serves the workspace.
        WrongState: git is not there.
    """
    os.umask(0o077)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with _sole(places):
        remote.ensure(places)
        service = Service(places, Turns(), stopping)
        with listening(places) as listener:
            looking = threading.Thread(target=_look_around, args=(service, every_s), name="watch")
            answering = threading.Thread(target=_accept, args=(service, listener), name="accept", daemon=True)
            looking.start()
            answering.start()
            _log.info("serving %s, process %s", places.root, os.getpid())
            stopping.wait()
            looking.join()
            # What goes on ends by itself and begins nothing more; a push hears how it ended.
            with service.turns.taken("the service's end"):
                _log.info("the service ends")


@contextmanager
def _sole(places: Places) -> Iterator[None]:
    """Hold the service's lock; the system lets it go when the process ends, however it ends."""
    places.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with places.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            told = f"a service already serves {places.root} (process {holder})"
            raise AlreadyRunning(told, "Use it, or stop it with silolake down") from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _accept(service: Service, listener: socket.socket) -> None:
    while True:
        try:
            spoken, _ = listener.accept()
        except OSError:  # the listener is closed: the process ends
            return
        threading.Thread(target=_answer, args=(service, spoken), name="conversation", daemon=True).start()


def _answer(service: Service, spoken: socket.socket) -> None:
    with spoken:
        conversation = Conversation(spoken)
        try:
            said = _perform(service, conversation, conversation.read())
            conversation.end(**said)
        except SilolakeError as error:
            conversation.tell(f"failed  {error}")
            conversation.end(1)
        except Exception:  # noqa: BLE001  a defect of ours must not leave who asked waiting
            _log.exception("a question could not be answered")
            conversation.tell(f"the service failed; {service.places.log} tells more")
            conversation.end(1)


def _perform(service: Service, conversation: Conversation, question: dict[str, Any]) -> dict[str, Any]:
    match question:
        case {"verb": "apply", "commit": str(commit), "folder": str(folder)}:
            _log.info("asked to apply %s", commit)
            pushed = _commit(service, commit, folder)
            with service.asked_for(pushed):
                return {"code": service.apply(pushed, conversation.tell, lambda: conversation.is_over)}
        case {"verb": "check", "commit": str(commit), "folder": str(folder)}:
            pushed = _commit(service, commit, folder)
            with service.asked_for(pushed):
                return {"code": service.check(pushed, conversation.tell)}
        case {"verb": "roll back", "commit": str(name)}:
            return {"code": service.roll_back(name, conversation.tell)}
        case {"verb": "status"}:
            applied = AppliedCommit.read(service.places)
            return {
                "code": 0,
                "pid": os.getpid(),
                "remote": str(service.places.remote),
                "applied": applied.commit if applied else "",
                "applied_at": applied.applied_at if applied else "",
                "doing": service.turns.holder,
            }
        case _:
            raise WrongState(f"the service does not know {question.get('verb')!r}", "Ask with silolake's own commands")


def _commit(service: Service, commit: str, folder: str) -> Commit:
    """The commit of a question; its folder is one that the hook made, and no other."""
    found = Path(folder)
    if found.parent != service.places.commits or found.name != commit or not found.is_dir():
        raise WrongState(f"{folder} is no folder of a pushed commit", "Push it")
    return Commit(commit, found)


def _look_around(service: Service, every_s: float) -> None:
    pause_s = every_s
    while not service.stopping.wait(pause_s):
        try:
            _note_due_times(service)
            ended = service.watch()
        except SilolakeError as error:
            _log.warning("looking around: %s", error)
            ended = None
        except Exception:  # noqa: BLE001  one look that fails must not be the last
            _log.exception("looking around")
            ended = None
        # What fails is tried again, each time after twice as long.
        is_well = ended is not None and all(each.completed for each in ended)
        pause_s = every_s if is_well else min(pause_s * 2, _LONGEST_PAUSE_S)


def _note_due_times(service: Service) -> None:
    rooms = service.current_rooms()
    if rooms is None or not any(True for _ in schedules.scheduled(rooms)):
        return
    with opened(rooms, service.places.data, "") as session:
        for each in schedules.fall_due(session, schedules.now(service.places, rooms)):
            _log.info("due: %s %s", each.pipeline, each.slug)
