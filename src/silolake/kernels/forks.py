"""Kernels forked on request: finds the zygote for an environment, or starts it, and holds what it forks.

    with fork(Start(environment, folder, run), stdio, channel) as kernel:
        ...
        kernel.signal(signal.SIGINT)
    kernel.ended.cpu_s

When the holder is gone, by whatever end, the kernel and what it has left running in its process group are killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from silolake.errors import CannotFork
from silolake.kernels.ground import Ground, ground, place
from silolake.kernels.wire import BrokenWire, Incoming, Message, send

VARIABLE = "SILOLAKE_KERNELS"
"""``spawn`` in it says that nothing is to be forked."""

_START_S = 60.0
_FORK_S = 20.0
_TRIES = 3


@dataclass(frozen=True)
class Limits:
    """What a kernel may take; 0 is no limit.

    Attributes:
        memory_mb: of address space, which is more than what is resident.
        cpu_s: of CPU time; at the limit the kernel dies by SIGXCPU.
        open_files: descriptors.
    """

    memory_mb: int = 0
    cpu_s: int = 0
    open_files: int = 0


@dataclass(frozen=True)
class Start:
    """What a kernel is to be.

    Attributes:
        environment: all of its environment.
        folder: its working directory.
        run: ``{"cells": True}``, or ``{"kernel": [...]}`` with ipykernel's arguments.
        limits: what it may take.
        user: the user to be, if this process is root's; ``None`` is the one it is.
    """

    environment: Mapping[str, str]
    folder: str
    run: Mapping[str, Any]
    limits: Limits = field(default_factory=Limits)
    user: int | None = None


@dataclass(frozen=True)
class Ended:
    """How a kernel ended.

    Attributes:
        code: its exit code, or minus the signal that ended it.
        cpu_s, peak_mb: what it took, its own waited-for children included; ``None`` if nobody is left to say.
    """

    code: int
    cpu_s: float | None
    peak_mb: float | None

    def __str__(self) -> str:
        if self.code >= 0:
            return f"it exited with {self.code}"
        return f"it was ended by {signal.Signals(-self.code).name}"


class Kernel:
    """A forked kernel, held.

    Args:
        connection: to its zygote; the kernel lives as long as this is open.
        pid: its process, the leader of a group of its own.
    """

    def __init__(self, incoming: Incoming, pid: int) -> None:
        self._incoming = incoming
        self.pid = pid
        self.ended: Ended | None = None

    def fileno(self) -> int:
        """Readable when the kernel has ended."""
        return self._incoming.connection.fileno()

    def poll(self, timeout_s: float = 0.0) -> Ended | None:
        """How it ended, waiting that long for it; ``None`` while it lives."""
        end = time.monotonic() + timeout_s
        while self.ended is None:
            if not self._incoming.wait(end - time.monotonic()):
                break
            self._incoming.take()
            with contextlib.suppress(BrokenWire):
                for message in self._incoming.messages():
                    if "ended" in message:
                        self.ended = Ended(**message["ended"])
            if self.ended is None and self._incoming.is_over:
                # The zygote is dead, and by the system's own promise its children with it.
                self.ended = Ended(-signal.SIGKILL, None, None)
        return self.ended

    def signal(self, number: int, *, group: bool = True) -> None:
        """Send a signal to it, or to it and what it has started. The zygote sends it: no other process can get it."""
        if self.ended is None:
            with contextlib.suppress(OSError):
                send(self._incoming.connection, {"signal": int(number), "group": group})

    def kill(self, patience_s: float = 10.0) -> Ended:
        """End it now, and everything in its group."""
        self.signal(signal.SIGKILL)
        return self.poll(patience_s) or Ended(-signal.SIGKILL, None, None)

    def close(self) -> None:
        """Hold it no longer: what still lives is killed."""
        self._incoming.connection.close()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if self.ended is None:
                self.kill()
        finally:
            self.close()


def fork(start: Start, stdio: Sequence[int], channel: socket.socket) -> Kernel:
    """A new kernel. Starts the zygote if none stands on this ground.

    Args:
        start: what it is to be.
        stdio: the descriptors for its stdin, stdout and stderr.
        channel: its end of the socket that it talks over.

    Raises:
        CannotFork: forking is not safe here, or did not work.
    """
    refusal = refused()
    if refusal:
        raise CannotFork(refusal)
    on = ground(start.environment)
    asked = {"fork": {**asdict(start), "environment": dict(start.environment), "run": dict(start.run)}}
    trouble = ""
    for _ in range(_TRIES):
        incoming = _reach(on)
        try:
            send(incoming.connection, asked, [*stdio, channel.fileno()])
            answer = _await(incoming, _FORK_S)
        except (OSError, BrokenWire) as error:
            # It ended just now: it was idle, or somebody killed it. Another one is started.
            incoming.connection.close()
            trouble = f"its zygote went away ({error})"
            continue
        if "forked" in answer:
            return Kernel(incoming, int(answer["forked"]))
        incoming.connection.close()
        raise CannotFork(str(answer.get("refused", "its zygote says nothing")))
    raise CannotFork(trouble)


def refused() -> str:
    """Why nothing is forked here, or nothing if it is."""
    if os.environ.get(VARIABLE) == "spawn":
        return f"{VARIABLE}=spawn"
    if sys.platform != "linux":
        # Apple's frameworks end a process that forks and goes on without exec; CPython itself spawns there since 3.8:
        # https://github.com/python/cpython/issues/77906
        return f"forking is not safe on {sys.platform}"
    return ""


def zygotes() -> Iterator[Message]:
    """What each of this user's zygotes says of itself: pid, CPU, memory, kernels and who asked. Reads only."""
    yield from _ask_all({"status": True})


def stop() -> int:
    """End this user's zygotes, and their kernels with them; how many there were. Writes."""
    return sum(1 for _ in _ask_all({"stop": True}))


def _ask_all(message: Message) -> Iterator[Message]:
    for at in sorted(place().glob("*.socket")):
        try:
            incoming = Incoming(_connect(at))
        except OSError:
            continue
        with incoming.connection:
            try:
                send(incoming.connection, message)
                answer = _await(incoming, _FORK_S)
            except (OSError, BrokenWire):
                continue
            yield answer


def _reach(on: Ground) -> Incoming:
    at = place() / f"{on.digest}.socket"
    with contextlib.suppress(OSError):
        return Incoming(_connect(at))
    with at.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        # Somebody else may have started it meanwhile.
        with contextlib.suppress(OSError):
            return Incoming(_connect(at))
        _start(on, at)
        try:
            return Incoming(_connect(at))
        except OSError as error:
            raise CannotFork(f"its zygote was started and cannot be reached ({error.strerror})") from error


def _connect(at: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(at))
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid != os.getuid():
            raise PermissionError(1, "another user's process listens there")
    except BaseException:
        connection.close()
        raise
    return connection


def _start(on: Ground, at: Path) -> None:
    ready, told = os.pipe()
    log = at.with_suffix(".log")
    try:
        with log.open("w") as said:
            started = subprocess.run(
                [sys.executable, "-P", "-m", "silolake.kernels.zygote", str(at), str(told), *on.preload],
                env=dict(on.environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=[told],
                timeout=_START_S,
                check=False,
            )
        os.close(told)
        told = -1
        if started.returncode or not _is_readable(ready, _START_S) or os.read(ready, 5) != b"ready":
            raise CannotFork(f"the process to fork from did not start; {log} says why")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotFork(f"the process to fork from did not start ({error})") from error
    finally:
        os.close(ready)
        if told >= 0:
            os.close(told)


def _is_readable(fd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _await(incoming: Incoming, patience_s: float) -> Message:
    end = time.monotonic() + patience_s
    while not incoming.is_over:
        if not incoming.wait(end - time.monotonic()):
            raise TimeoutError("no answer in time")
        incoming.take()
        for message in incoming.messages():
            return message
    raise ConnectionResetError("it closed the connection")
