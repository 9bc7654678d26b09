"""Runs a notebook's cells in a forked kernel: the holder's side of ``silolake.kernels.shell``.

with Cells(environment, folder) as cells:
    ran = cells.run("1 + 1", outputs)
cells.ended.cpu_s
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from silolake.kernels.forks import Ended, Kernel, Limits, Start, fork
from silolake.kernels.outputs import Output, Outputs
from silolake.kernels.wire import BrokenWire, Incoming, Message, send

LANGUAGE: Mapping[str, Any] = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": ".".join(map(str, sys.version_info[:3])),
}
"""What a notebook says of the language its kernel spoke."""

_CHUNK = 1 << 16
_TICK_S = 0.25
_GRACE_S = 2.0
_END_S = 5.0


@dataclass(frozen=True)
class Ran:
    """How a cell ended.

    Attributes:
        count: its number among those that ran; ``None`` if the kernel never said.
        failed: whether an exception ended it.
        timed_out: whether it was stopped because it took too long; no more cells can be run.
        died: how the kernel ended, if it did; no more cells can be run.
    """

    count: int | None = None
    failed: bool = False
    timed_out: bool = False
    died: Ended | None = None


class Cells:
    """A forked kernel that runs cells one by one; it ends with the block.

    Args:
        environment: all of its environment.
        folder: its working directory.
        limits: what it may take.
        user: the user it is to be; see ``Start``.

    Attributes:
        tick: called a few times a second while a cell runs.
        ended: how it ended, after the block.

    Raises:
        CannotFork: forking is not safe here, or did not work.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: str,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        user: int | None = None,
    ) -> None:
        self.tick: Callable[[], None] = lambda: None
        self._displays: dict[str, list[tuple[Outputs, Output]]] = {}
        self.ended: Ended | None = None
        with contextlib.ExitStack() as given:
            ours, theirs = socket.socketpair()
            given.callback(theirs.close)
            nothing = os.open(os.devnull, os.O_RDONLY)
            given.callback(os.close, nothing)
            pipes = [os.pipe() for _ in range(2)]
            for _, end in pipes:
                given.callback(os.close, end)
            self._incoming = Incoming(ours)
            self._pipes = {
                read: (name, codecs.getincrementaldecoder("utf-8")("replace"))
                for (read, _), name in zip(pipes, ("stdout", "stderr"), strict=True)
            }
            self._open = set(self._pipes)
            start = Start(environment, folder, {"cells": True}, limits, user)
            try:
                self.kernel: Kernel = fork(start, [nothing, *(end for _, end in pipes)], theirs)
            except BaseException:
                self._close_own()
                raise
        for read in self._pipes:
            os.set_blocking(read, False)

    def run(self, source: str, outputs: Outputs, timeout_s: float = 0.0) -> Ran:
        """Run one cell.

        Args:
            source: its text.
            outputs: what takes what it puts out.
            timeout_s: the longest it may take; 0 is no limit. Then it is interrupted, and a little later killed.
        """
        try:
            send(self._incoming.connection, {"cell": source})
        except OSError:
            return self._died(outputs)
        deadline = time.monotonic() + timeout_s if timeout_s else float("inf")
        timed_out = False
        while True:
            self._wait(min(_TICK_S, deadline - time.monotonic()))
            done = self._take(outputs)
            if done is not None:
                outputs.finish()
                return Ran(done["count"], bool(done["failed"]), timed_out)
            if self._incoming.is_over or self.kernel.poll() is not None:
                ran = self._died(outputs)
                return Ran(timed_out=True) if timed_out else ran
            self.tick()
            if time.monotonic() >= deadline:
                if timed_out:
                    self.kernel.kill()
                else:
                    # What it was doing is in the traceback of its interruption.
                    timed_out, deadline = True, time.monotonic() + _GRACE_S
                    self.kernel.signal(signal.SIGINT)

    def _wait(self, timeout_s: float) -> None:
        poll = select.poll()
        for each in (self._incoming.connection.fileno(), self.kernel.fileno(), *self._open):
            poll.register(each, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)

    def _take(self, outputs: Outputs) -> Message | None:
        """Take what has arrived; the cell's end, if that is among it."""
        done = None
        if self._incoming.wait(0):
            self._incoming.take()
            try:
                for message in self._incoming.messages():
                    done = self._heard(message, outputs) or done
            except (BrokenWire, KeyError, TypeError, AttributeError, ValueError):
                # Something else than the shell writes to its socket: what it says of the cell is worth nothing.
                self.kernel.kill()
                self._incoming.is_over = True
        # After the messages: whoever prints and then calls a program expects to read them in that order.
        self._drain(outputs)
        return done

    def _heard(self, message: Message, outputs: Outputs) -> Message | None:
        match message:
            case {"done": {"count": int(), "failed": bool()} as done}:
                return dict(done)
            case {"stream": "stdout" | "stderr" as name, "text": str(text)}:
                outputs.stream(name, text)
            case {"message": str(kind), "content": dict(content)}:
                self._message(kind, content, outputs)
        return None

    def _message(self, kind: str, content: Mapping[str, Any], outputs: Outputs) -> None:
        transient = content.get("transient") or {}
        display = transient.get("display_id") if kind.endswith("display_data") else None
        if display:
            for holder, output in self._displays.get(display, ()):
                holder.update(output, content)
        made = outputs.message(kind, content)
        if display and made is not None:
            self._displays.setdefault(display, []).append((outputs, made))

    def _drain(self, outputs: Outputs) -> None:
        for read in tuple(self._open):
            name, decoder = self._pipes[read]
            with contextlib.suppress(BlockingIOError):
                while content := os.read(read, _CHUNK):
                    outputs.stream(name, decoder.decode(content))
                # The cell has closed its end; that could be read for ever.
                self._open.discard(read)

    def _died(self, outputs: Outputs) -> Ran:
        died = self.kernel.poll(_END_S) or self.kernel.kill()
        while self._incoming.wait(0) and not self._incoming.is_over:
            self._take(outputs)
        self._drain(outputs)
        outputs.finish()
        return Ran(died=died)

    def __enter__(self) -> Cells:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None and self.kernel.ended is None:
                with contextlib.suppress(OSError):
                    send(self._incoming.connection, {"end": True})
                self.kernel.poll(_END_S)
            self.ended = self.kernel.ended or self.kernel.kill()
        finally:
            self.kernel.close()
            self._close_own()

    def _close_own(self) -> None:
        self._incoming.connection.close()
        for read in self._pipes:
            os.close(read)
