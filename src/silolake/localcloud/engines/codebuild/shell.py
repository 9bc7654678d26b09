"""The shell that runs a build's commands: one after another in the same instance, in a process group that dies whole.

What a command exports, defines or changes its directory to, the next one finds, as with buildspec version 0.2:
https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec-ref-versions
A command that ends the shell itself (``exit 1``) leaves its exported variables and its directory to the next shell.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

_LOOK_S = 0.05
# The watcher reads from a pipe that the local cloud alone holds open: it ends with the local cloud, however that ends,
# and takes the process group with it.
_LOOP = r"""
( read -r _ < "$SILOLAKE_STATE/alive"; kill -s KILL -- "-$$" ) > /dev/null 2>&1 &
[ -f "$SILOLAKE_STATE/exports" ] && . "$SILOLAKE_STATE/exports" && cd "$(cat "$SILOLAKE_STATE/directory")"
trap '_s=$?; export -p > "$SILOLAKE_STATE/exports"; pwd > "$SILOLAKE_STATE/directory";
      echo "$_s ended" > "$SILOLAKE_STATE/status"' EXIT
while IFS= read -r _next; do . "$_next" < /dev/null; echo "$?" > "$SILOLAKE_STATE/status"; done
trap - EXIT
"""


class Halted(Exception):
    """The build is to end now.

    Attributes:
        status: ``STOPPED`` or ``TIMED_OUT``.
    """

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Shell:
    """Runs commands until it is closed.

    Args:
        program: ``/bin/sh`` or ``/bin/bash``.
        state: a directory of its own.
        directory: where the first command begins.
        environment: all there is of it.
        log: where output goes.
    """

    def __init__(self, program: str, state: Path, directory: Path, environment: Mapping[str, str], log: Path) -> None:
        self._program, self._state, self._directory, self._log = program, state, directory, log
        self._environment = {**environment, "SILOLAKE_STATE": str(state)}
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []
        self._commands = 0
        for name in ("alive", "status"):
            os.mkfifo(state / name, 0o600)
        # Opened for both, so that neither opening nor the other side's closing makes anybody wait.
        self._alive = os.open(state / "alive", os.O_RDWR)
        self._status = os.open(state / "status", os.O_RDWR | os.O_NONBLOCK)

    def run(self, command: str, halt: Callable[[], str]) -> int:
        """Run one command; its exit status.

        Args:
            halt: a status as soon as the build is to end, else empty.

        Raises:
            Halted: it said so; the process group is gone.
        """
        process = self._process if self._process and self._process.poll() is None else self._start()
        self._commands += 1
        path = self._state / f"command-{self._commands}"
        path.write_text(command + "\n")
        assert process.stdin is not None
        try:
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            return self._heard(process, _end_of(process))
        while True:
            if said := self._said():
                return self._heard(process, said)
            if status := halt():
                self._kill()
                raise Halted(status)
            if process.poll() is not None:
                return self._heard(process, self._said() or _end_of(process))

    def _heard(self, process: subprocess.Popen[bytes], said: str) -> int:
        """The exit status that the shell told; one that said that it ends is waited for."""
        status, _, ends = said.partition(" ")
        if ends:
            process.wait()
            _shut(process)
        return int(status)

    def _said(self) -> str:
        if not select.select([self._status], [], [], _LOOK_S)[0]:
            return ""
        return os.read(self._status, 64).decode().strip()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", _LOOP],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._groups.append(self._process.pid)
        return self._process

    def _kill(self) -> None:
        # A shell that ended leaves its group behind, with what its commands left in the background.
        for group in self._groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        self._groups.clear()
        if self._process is not None:
            self._process.wait()
            _shut(self._process)

    def close(self) -> None:
        """End it, and every process of its groups."""
        self._kill()
        os.close(self._alive)
        os.close(self._status)


def _end_of(process: subprocess.Popen[bytes]) -> str:
    """What a shell would have said that ended without a word, by a signal say: 137 is 128 and SIGKILL's number."""
    status = process.wait()
    return f"{128 - status if status < 0 else status or 1} ended"


def _shut(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
