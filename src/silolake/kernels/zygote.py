"""The process that kernels are forked from: it imports, and then it waits to be asked. It never computes.

    python -P -m silolake.kernels.zygote SOCKET READY_FD MODULE ...

One thread, no credentials, no computation: a fork copies one thread only, and whatever lock another thread holds at
that moment stays locked in the child for ever. jemalloc's background thread knows forks; any other is told as unsafe.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from silolake.kernels import child
from silolake.kernels.wire import BrokenWire, Incoming, Message, send

IDLE_S = 300.0
"""How long a zygote waits, with no kernel alive and nobody asking, before it ends by itself."""

_KNOWS_FORKS = ("jemalloc_bg_thd",)
_LOOK_S = 10.0
_PATIENCE_S = 2.0


@dataclass
class Asker:
    """Somebody's connection; a kernel lives no longer than the one it was asked for on.

    Attributes:
        pid: the process that asks, as the kernel of the system says.
        kernel: the child forked for it.
    """

    incoming: Incoming
    pid: int
    kernel: int | None = None
    since: float = field(default_factory=time.time)


class Zygote:
    """Answers on one socket until it is idle for too long, is told to stop, or its socket is not its own any more."""

    def __init__(self, at: str) -> None:
        self._at = Path(at)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._askers: dict[int, Asker] = {}
        self._wakes, self._wake = socket.socketpair()
        # Poll, unlike epoll, has no descriptor of its own that a child would share.
        self._selector = selectors.PollSelector()
        self._stopped = False
        self._busy_at = time.monotonic()

    def open(self) -> None:
        """Be found from now on."""
        with contextlib.suppress(FileNotFoundError):
            self._at.unlink()
        self._listener.bind(str(self._at))
        self._at.chmod(0o600)
        self._listener.listen(128)
        self._inode = self._at.stat().st_ino
        for each in (self._listener, self._wakes, self._wake):
            each.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wakes, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> Callable[[], None] | None:
        """Answer. Returns ``None`` when it is over; in a child, what the child is to do."""
        while not self._stopped and not self._is_idle():
            for key, _ in self._selector.select(_LOOK_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wakes:
                    self._reap()
                elif (asker := self._askers.get(key.fd)) is not None:
                    job = self._hear(asker)
                    if job is not None:
                        return job
        self._leave()
        return None

    def _is_idle(self) -> bool:
        if self._askers:
            self._busy_at = time.monotonic()
        try:
            is_own = self._at.stat().st_ino == self._inode
        except OSError:
            is_own = False
        alone = time.monotonic() - self._busy_at
        return alone > IDLE_S or (not is_own and not self._askers)

    def _leave(self) -> None:
        for each in self._askers.values():
            _kill_group(each.kernel)
        with contextlib.suppress(OSError):
            if self._at.stat().st_ino == self._inode:
                self._at.unlink()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid != os.getuid():
            connection.close()
            return
        # Who does not read what was asked for is not waited for.
        connection.settimeout(_PATIENCE_S)
        self._askers[connection.fileno()] = Asker(Incoming(connection), pid)
        self._selector.register(connection, selectors.EVENT_READ)

    def _hear(self, asker: Asker) -> Callable[[], None] | None:
        asker.incoming.take()
        try:
            for message in asker.incoming.messages():
                job = self._answer(asker, message)
                if job is not None:
                    return job
        except (BrokenWire, OSError, KeyError, TypeError, ValueError):
            asker.incoming.is_over = True
        if asker.incoming.is_over:
            self._forget(asker)
        return None

    def _answer(self, asker: Asker, message: Message) -> Callable[[], None] | None:
        connection = asker.incoming.connection
        match message:
            case {"fork": dict(asked)} if asker.kernel is None:
                return self._fork(asker, asked)
            case {"signal": int(number), "group": bool(group)} if asker.kernel:
                with contextlib.suppress(ProcessLookupError):
                    (os.killpg if group else os.kill)(asker.kernel, number)
            case {"status": True}:
                send(connection, self._status())
            case {"stop": True}:
                self._stopped = True
                send(connection, {"stopped": os.getpid()})
            case _:
                send(connection, {"refused": f"not understood: {', '.join(map(str, message))}"})
        return None

    def _fork(self, asker: Asker, asked: Message) -> Callable[[], None] | None:
        fds, asker.incoming.fds = asker.incoming.fds, []
        try:
            parent, unsafe = os.getpid(), threads()
            if unsafe:
                refused = f"the preloaded process has threads of its own: {', '.join(unsafe)}"
                send(asker.incoming.connection, {"refused": refused})
                return None
            try:
                pid = os.fork()
            except OSError as error:
                send(asker.incoming.connection, {"refused": f"fork: {error.strerror}"})
                return None
            if pid == 0:
                self._let_go()
                return lambda: child.become(asked, fds, parent)
        finally:
            if os.getpid() == parent:
                for fd in fds:
                    os.close(fd)
        # Both sides set the group, so that no signal to it can come too early.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        asker.kernel = pid
        send(asker.incoming.connection, {"forked": pid})
        return None

    def _let_go(self) -> None:
        """In the child: forget every socket by number, lest a late ``close`` takes what is by then the child's own."""
        signal.set_wakeup_fd(-1)
        for each in (self._listener, self._wakes, self._wake):
            each.detach()
        for asker in self._askers.values():
            asker.incoming.connection.detach()

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakes.recv(4096):
                continue
        for asker in tuple(self._askers.values()):
            if asker.kernel is None:
                continue
            ended = os.waitid(os.P_PID, asker.kernel, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                continue
            # Until it is waited for its number is nobody else's; what it has left running in its group goes with it.
            _kill_group(asker.kernel)
            _, status, used = os.wait4(asker.kernel, 0)
            asker.kernel = None
            told = {
                "code": os.waitstatus_to_exitcode(status),
                "cpu_s": round(used.ru_utime + used.ru_stime, 4),
                "peak_mb": round(used.ru_maxrss / 1024, 1),
            }
            with contextlib.suppress(OSError):
                send(asker.incoming.connection, {"ended": told})
            self._forget(asker)

    def _forget(self, asker: Asker) -> None:
        """Its asker is gone, so the kernel goes; the connection is kept until the kernel is reaped."""
        connection = asker.incoming.connection
        if connection in self._selector.get_map():
            self._selector.unregister(connection)
        _kill_group(asker.kernel)
        if asker.kernel is None:
            self._askers.pop(connection.fileno(), None)
            for fd in asker.incoming.fds:
                os.close(fd)
            connection.close()

    def _status(self) -> Message:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "pid": os.getpid(),
            "cpu_s": used.ru_utime + used.ru_stime,
            "pss_mb": child.pss_mb(),
            "kernels": [
                {"pid": each.kernel, "asked_by": each.pid, "since": each.since}
                for each in self._askers.values()
                if each.kernel
            ],
        }


def _kill_group(pid: int | None) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def threads() -> list[str]:
    """The names of this process's other threads that would not survive a fork."""
    own = Path("/proc/self/task")
    others = [path for path in own.iterdir() if path.name != str(os.getpid())]
    return [name for path in others if (name := (path / "comm").read_text().strip()) not in _KNOWS_FORKS]


def preload(names: list[str]) -> None:
    """Import what is installed of a list, and share what is only data."""
    # pandas asks, once, while it is imported, whether it is in a notebook, and then shows twenty columns.
    asked: Any = builtins
    asked.get_ipython = lambda: SimpleNamespace(kernel=None)
    for name in names:
        # A module that fails while it is imported would fail in the notebook as well, and says so there.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    del asked.get_ipython
    _share_service_models()


_SERVICES = ("sts", "s3", "athena", "glue", "lakeformation")


def _share_service_models() -> None:
    """Let children's sessions find AWS's service models already parsed: descriptions, no credentials.

    Each boto3 session parses them anew otherwise, which takes it longer than anything else at its start.
    """
    session: Any = sys.modules.get("botocore.session")
    loaders: Any = sys.modules.get("botocore.loaders")
    if session is None or loaders is None:
        return
    shared, create = loaders.create_loader(), session.create_loader
    for service in _SERVICES:
        with contextlib.suppress(loaders.UnknownServiceError):
            shared.load_service_model(service, "service-2")
            shared.load_service_model(service, "endpoint-rule-set-1")
    for data in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        with contextlib.suppress(loaders.DataNotFoundError):
            shared.load_data(data)
    session.create_loader = lambda search_path_string=None: create(search_path_string) if search_path_string else shared


def main(words: list[str]) -> None:
    """Become a zygote; in its children, a kernel."""
    at, ready, *names = words
    if os.fork():
        # The one who started us waits for this process, and is not to be a zygote's parent.
        os._exit(0)
    os.setsid()
    os.umask(0o077)
    child.hide_memory()
    preload(names)
    warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
    # What a module has said while it was imported is for the log, and not for each child to say again.
    sys.stdout.flush()
    zygote = Zygote(at)
    zygote.open()
    gc.collect()
    # What is there now is not looked at again, so that its pages stay shared with every child.
    gc.freeze()
    os.write(int(ready), b"ready")
    os.close(int(ready))
    job = zygote.serve()
    if job is not None:
        job()


if __name__ == "__main__":
    main(sys.argv[1:])
