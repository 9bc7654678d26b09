"""Jupyter kernels forked from a preloaded process: a provisioner that a kernelspec asks for as ``silolake``.

Where nothing can be forked the kernel is spawned as any other, and ``how`` and the log say why.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from silolake.errors import CannotFork
from silolake.kernels.forks import Kernel, Start, fork
from silolake.kernels.wire import Incoming

_READY_S = 30.0
_LOOK_S = 0.01


class _Process:
    """A forked kernel as jupyter_client sees a process: like ``subprocess.Popen``."""

    stdin = stdout = stderr = None

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.pid = kernel.pid

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        ended = self._kernel.poll()
        return None if ended is None else ended.code

    def wait(self) -> int:
        """Its exit code, when it has ended; it is held no longer."""
        while (ended := self._kernel.poll(_READY_S)) is None:
            continue
        self._kernel.close()
        return ended.code

    def send_signal(self, number: int) -> None:
        """To it and what it has started."""
        self._kernel.signal(number)

    def kill(self) -> None:
        """End it now."""
        self._kernel.signal(signal.SIGKILL)

    def close(self) -> None:
        """Hold it no longer: what still lives is killed."""
        self._kernel.close()


class ForkedKernel(LocalProvisioner):  # type: ignore[misc]
    """Registered with jupyter_client as ``silolake``."""

    how = ""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel, or spawn it."""
        try:
            kernel = await asyncio.get_running_loop().run_in_executor(None, _forked, cmd, kwargs)
        except CannotFork as error:
            self.how = f"spawned: {error.reason}"
            self.log.warning("%s", error)
            return await super().launch_kernel(cmd, **kwargs)
        self.how = "forked, with comms"
        self.process = _Process(kernel)
        self.pid = self.process.pid
        # Signals go by the zygote alone: by then the number might be another process's.
        self.pgid = None
        self.cwd = kwargs.get("cwd", os.getcwd())  # noqa: PTH109
        return self.connection_info

    def let_go(self) -> None:
        """Hold a forked kernel no longer; of one that was found dead nobody asks the code, and it would stay held."""
        if isinstance(self.process, _Process):
            self.process.close()

    async def wait(self) -> int | None:
        """Wait until it has ended; looks oftener than the ten times a second of others."""
        while self.process and self.process.poll() is None:
            await asyncio.sleep(_LOOK_S)
        code: int | None = await super().wait()
        return code


def _forked(cmd: list[str], how: dict[str, Any]) -> Kernel:
    words = _arguments(cmd)
    if any(how.get(name) == subprocess.PIPE for name in ("stdin", "stdout", "stderr")):
        raise CannotFork("its streams are asked for as pipes")
    environment = {name: str(value) for name, value in (how.get("env") or os.environ).items()}
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.ExitStack() as opened:
        nothing = os.open(os.devnull, os.O_RDWR)
        opened.callback(os.close, nothing)
        stdio = [nothing, *(_descriptor(how.get(name), fd, nothing) for name, fd in (("stdout", 1), ("stderr", 2)))]
        folder = str(how.get("cwd") or os.getcwd())  # noqa: PTH109
        kernel = fork(Start(environment, folder, {"kernel": words}), stdio, theirs)
        theirs.close()
        # Told, the client need not connect to what is not bound yet and wait for its own next try.
        Incoming(ours).wait(_READY_S)
    return kernel


def _arguments(cmd: list[str]) -> list[str]:
    """ipykernel's own arguments, if the command starts this interpreter's ipykernel."""
    if cmd[:3] == [sys.executable, "-m", "ipykernel_launcher"]:
        # From N kernels on one home on NFS the history's database hangs; nbclient keeps it in memory only where
        # the kernel is called python3: https://github.com/ipython/ipython/issues/11460
        return [*cmd[3:], "--HistoryManager.hist_file=:memory:"]
    raise CannotFork(f"it is not this interpreter's ipykernel: {' '.join(cmd)}")


def _descriptor(given: Any, inherited: int, nothing: int) -> int:
    if given is None:
        return inherited
    if given == subprocess.DEVNULL:
        return nothing
    return given if isinstance(given, int) else int(given.fileno())
