"""Runs cells in an IPython shell that speaks to the runner over one socket; in the forked child.

The shell is ipykernel's own, so that magics, displays and tracebacks are what a notebook is used to; only its
messages go another way. There is no stdin, and there are no comms: what needs them is refused by name.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import faulthandler
import getpass
import io
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import comm
from ipykernel.compiler import XCachingCompiler
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError, UsageError
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session
from traitlets import observe
from traitlets.config import Config

from silolake.kernels.outputs import MOST_DATA, shortened, trim
from silolake.kernels.wire import Incoming, Message, send

NO_WIDGETS = (
    "this kernel runs cells alone and has no comms, which widgets need. Import ipywidgets in a cell of the notebook, "
    'or say {"silolake": {"kernel": "jupyter"}} in its metadata, and it runs in a Jupyter kernel.'
)
NO_STDIN = "a run has nobody to answer: make it a parameter of the notebook."

_HELD_BACK = 1 << 13
_LONGEST_TEXT = 1 << 20


class Out:
    """The kernel's end of the socket: whole messages, one thread at a time, from the process it was made in."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel, self._pid, self._turn = channel, os.getpid(), threading.RLock()

    @property
    def is_ours(self) -> bool:
        """Not in a process that a cell has forked: it would talk into ours."""
        return os.getpid() == self._pid

    def say(self, message: Message) -> None:
        """Send a message."""
        if self.is_ours:
            with self._turn:
                send(self._channel, message, default=json_default)


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr``: line by line to the runner, in order with what is displayed.

    Bytes, and what C libraries and child processes write, go to the descriptor, which the runner reads as well.
    """

    def __init__(self, name: str, fd: int, out: Out) -> None:
        self._name, self._fd, self._out = name, fd, out
        self._held: list[str] = []
        self._length = 0
        self.buffer = io.FileIO(fd, "w", closefd=False)

    encoding = "utf-8"
    errors = "backslashreplace"

    @property
    def name(self) -> str:
        """As a file's."""
        return f"<{self._name}>"

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor below."""
        return self._fd

    def write(self, text: str) -> int:
        """Take text; whole lines are on their way when it returns."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._held.append(text)
        self._length += len(text)
        if "\n" in text or self._length > _HELD_BACK:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what is held back."""
        text, self._held, self._length = "".join(self._held), [], 0
        if not self._out.is_ours:
            os.write(self._fd, text.encode(self.encoding, self.errors))
            return
        for start in range(0, len(text), _LONGEST_TEXT):
            self._out.say({"stream": self._name, "text": text[start : start + _LONGEST_TEXT]})


class _Session(Session):  # type: ignore[misc]
    """What ipykernel's shell takes for its connection to Jupyter."""

    out: Out

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *_: Any, **__: Any) -> None:
        """Send one message the other way."""
        kind = msg_or_type
        if isinstance(msg_or_type, dict):
            kind, content = msg_or_type["msg_type"], msg_or_type["content"]
        if "data" in content:
            kept, notes = trim(content["data"], MOST_DATA)
            content = {**content, "data": kept}
            for each in notes:
                self.out.say({"stream": "stderr", "text": each})
        if kind == "error":
            content = shortened(content)
        self.out.say({"message": kind, "content": content})


class _Shell(ZMQInteractiveShell):  # type: ignore[misc]
    """ipykernel's shell without its kernel."""

    @observe("exit_now")
    def _update_exit_now(self, change: Any) -> None:
        """Nothing: whoever runs the cells looks whether it is set."""

    def enable_gui(self, gui: Any = None) -> None:
        """Refuse all but none: there is no loop of windows here."""
        if gui not in (None, "inline"):
            raise UsageError(f"a run shows no windows, so {gui!r} cannot be enabled; use %matplotlib inline")


def serve(channel: socket.socket) -> None:
    """Run the cells that are asked for until there are no more, or a cell ends the kernel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable(2)
    out = Out(channel)
    original: Any = (sys.__stdout__, sys.__stderr__)
    for each in original:
        # Nobody flushes them at the end of a cell.
        each.reconfigure(line_buffering=True)
    sys.stdout, sys.stderr = Stream("stdout", 1, out), Stream("stderr", 2, out)
    shell = _shell(out)
    asyncio.run(_serve(channel, out, shell))


def _shell(out: Out) -> _Shell:
    session = _Session()
    session.out = out
    config = Config()
    # From N kernels on one home on NFS the history's database hangs: https://github.com/ipython/ipython/issues/11460
    config.HistoryManager.enabled = False
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    shell: _Shell = _Shell.instance(config=config, compiler_class=XCachingCompiler)
    for each in (shell.displayhook, shell.display_pub):
        each.session, each.pub_socket = session, out
    shell.displayhook.topic = b"execute_result"
    builtins.input = _no_stdin
    getpass.getpass = _no_stdin
    comm.create_comm = _no_comm
    return shell


def _no_stdin(prompt: object = "", *_: Any, **__: Any) -> str:
    raise StdinNotImplementedError(f"input was asked for, and {NO_STDIN}")


def _no_comm(*_: Any, **__: Any) -> Any:
    raise NotImplementedError(NO_WIDGETS)


async def _serve(channel: socket.socket, out: Out, shell: _Shell) -> None:
    incoming, asked = Incoming(channel), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(channel, asked.set)
    while True:
        await asked.wait()
        asked.clear()
        incoming.take()
        for message in incoming.messages():
            if "cell" not in message:
                return
            out.say({"done": await _cell(shell, str(message["cell"]))})
            if shell.exit_now:
                return
        if incoming.is_over:
            return


async def _cell(shell: _Shell, source: str) -> Message:
    """Run one cell: its number, and whether it did what it says."""
    transformed, trouble = source, None
    try:
        transformed = shell.transform_cell(source)
    except Exception:  # noqa: BLE001  # a transformer's own error is the cell's; IPython shows it
        trouble = sys.exc_info()
    how = {"transformed_cell": transformed, "preprocessing_exc_tuple": trouble}
    number = shell.execution_count
    if shell.should_run_async(source, **how):
        # As run_cell does by itself.
        shell._last_traceback, shell._last_traceback_during_displayhook = None, False
        result = None
        running = asyncio.ensure_future(shell.run_cell_async(source, store_history=True, **how))
        loop = asyncio.get_running_loop()
        # Called from the handler alone it would be seen when the loop wakes for another reason.
        with _interrupted_by(lambda: loop.call_soon_threadsafe(running.cancel)):
            try:
                result = await running
            finally:
                shell.events.trigger("post_execute")
                shell.events.trigger("post_run_cell", result)
    else:
        with _interrupted_by(None):
            result = shell.run_cell(source, store_history=True)
    for each in (sys.stdout, sys.stderr):
        each.flush()
    shell.payload_manager.clear_payload()
    return {"count": number, "failed": not result.success or shell._last_traceback_during_displayhook}


@contextlib.contextmanager
def _interrupted_by(cancel: Any) -> Iterator[None]:
    """SIGINT ends the cell, and between cells nothing."""
    signal.signal(signal.SIGINT, (lambda *_: cancel()) if cancel else signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
