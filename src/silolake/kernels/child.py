"""What a forked process does before it is a kernel: it becomes nobody's child but its own.

Everything in which one kernel could meet another, or the process it was forked from, is set anew here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from silolake.kernels.wire import Message

_FIRST_OF_OTHERS = 4
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_NAME = 1, 4, 15  # linux/prctl.h
_LIMITS = {"memory_mb": "RLIMIT_AS", "cpu_s": "RLIMIT_CPU", "open_files": "RLIMIT_NOFILE"}


def become(asked: Message, fds: list[int], parent: int) -> None:
    """Be the kernel that was asked for, and end with it.

    Args:
        asked: environment, folder, limits, user, and what to run; see ``forks.Start``.
        fds: stdin, stdout, stderr, and the socket to whoever asked.
        parent: the zygote; without it no kernel lives.
    """
    code = 1
    try:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(0, 0)
        channel = _own_descriptors(fds)
        _own_process(asked, parent)
        _own_state(asked)
        match asked["run"]:
            case {"cells": True}:
                from silolake.kernels.shell import serve

                serve(channel)
            case {"kernel": [*words]}:
                _kernel(channel, [str(word) for word in words])
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:  # noqa: BLE001  # the last of it; told on the kernel's own stderr
        sys.excepthook(*sys.exc_info())
    finally:
        for each in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                each.flush()
        # Not the interpreter's own end: what the zygote had imported may not be taken apart twice.
        os._exit(code)


def _own_descriptors(fds: list[int]) -> socket.socket:
    high = [_above(fd) for fd in fds]
    for wanted, fd in enumerate(high):
        os.dup2(fd, wanted, inheritable=wanted < 3)
    os.closerange(_FIRST_OF_OTHERS, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return socket.socket(fileno=3)


def _above(fd: int) -> int:
    """A copy of a descriptor that does not stand where another one is to go."""
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD, 64)


def _own_process(asked: Message, parent: int) -> None:
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, kind in _LIMITS.items():
        most = asked["limits"].get(name)
        if most:
            size = int(most) * 1024 * 1024 if name == "memory_mb" else int(most)
            # A second more is the hard limit: at the soft one SIGXCPU comes, which can be told from SIGKILL.
            resource.setrlimit(getattr(resource, kind), (size, size + 1 if name == "cpu_s" else size))
    if asked["user"] is not None:
        os.setgroups([])
        os.setgid(asked["user"])
        os.setuid(asked["user"])
    # A change of user clears both, so they come after it.
    hide_memory()
    control(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    _libc().prctl(_SET_NAME, b"silolake-kernel", 0, 0, 0)
    os.chdir(asked["folder"])


def _own_state(asked: Message) -> None:
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    tempfile.tempdir = None
    random.seed()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        # uuid, secrets and numpy's generators ask the system; numpy's old global generator does not.
        numpy.random.seed()
    boto3: Any = sys.modules.get("boto3")
    if boto3 is not None:
        boto3.DEFAULT_SESSION = None
    sys.argv = ["kernel"]
    if "" not in sys.path:
        # Where a notebook looks first for its modules is its own folder.
        sys.path.insert(0, "")


def _kernel(channel: socket.socket, words: list[str]) -> None:
    """An ordinary Jupyter kernel, told when its sockets are bound."""
    from ipykernel.kernelapp import IPKernelApp

    from silolake.kernels.wire import send

    sys.argv = ["ipykernel_launcher", *words]
    os.environ.pop("JPY_PARENT_PID", None)
    # 1 is the parent that needs no watching, since the system does it, and whose terminal needs no greeting.
    app: Any = IPKernelApp.instance(parent_handle=1)
    app.initialize(words)
    send(channel, {"ready": True})
    channel.close()
    app.start()


def hide_memory() -> None:
    """No other process of this user may read this one's memory or environment; a dump of it is not written either."""
    control(_SET_DUMPABLE, 0)


def control(option: int, value: int) -> None:
    """Set an option of this process: prctl(2)."""
    if _libc().prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def pss_mb() -> float:
    """This process's memory, what it shares counted in parts."""
    told = Path("/proc/self/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1024
