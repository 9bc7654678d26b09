"""Kills, at a moment that can be named: the local cloud, a kernel, the command itself."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from silolake.kernels import forks

from .small_lakes import SmallLake
from .workspaces import environment

_PATIENCE_S = 60.0
_LOOK_S = 0.002


@dataclass(frozen=True)
class Moment:
    """A call that the local cloud has just been asked, by its decision log.

    Attributes:
        action: as IAM calls it.
        resource: a part of the resource's ARN.
        nth: which call of that kind since the command began.
    """

    action: str = "*"
    resource: str = ""
    nth: int = 1

    def __str__(self) -> str:
        of = f" of {self.resource}" if self.resource else ""
        return f"{self.action}{of}, number {self.nth}"


@dataclass(frozen=True)
class Ended:
    """How a command ended whose lake was hurt meanwhile."""

    code: int
    said: str


@contextmanager
def _log(lake: SmallLake) -> Iterator[sqlite3.Connection]:
    address = f"{(lake.data / 'decisions.sqlite').as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as log:
        yield log


def calls_so_far(lake: SmallLake) -> int:
    """The number of the last call that was decided."""
    with _log(lake) as log:
        ((last,),) = log.execute("SELECT coalesce(max(number), 0) FROM decisions")
        return int(last)


def kill_cloud(lake: SmallLake, _: psutil.Process) -> None:
    """SIGKILL to the local cloud."""
    _kill(psutil.Process(lake.endpoint.pid))


def kill_kernel(_: SmallLake, command: psutil.Process) -> None:
    """SIGKILL to every kernel of the command."""
    kernels = kernels_of(command)
    assert kernels, "the command has no kernel at this moment"
    for each in kernels:
        _kill(each)


def kill_command(_: SmallLake, command: psutil.Process) -> None:
    """SIGKILL to the command; its zygote kills its kernels."""
    _kill(command)


def interrupt_command(_: SmallLake, command: psutil.Process) -> None:
    """SIGINT to the command and its kernels, as Ctrl-C on a terminal does."""
    os.killpg(command.pid, signal.SIGINT)


Hurt = Callable[[SmallLake, psutil.Process], None]


def _kill(process: psutil.Process) -> None:
    process.kill()


def kernels_of(command: psutil.Process) -> list[psutil.Process]:
    """The kernels that were forked for a command; they are children of a zygote, which knows who asked for each."""
    found = []
    for kernel in (each for zygote in forks.zygotes() for each in zygote["kernels"]):
        if kernel["asked_by"] == command.pid:
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(kernel["pid"]))
    return found


@contextmanager
def typed(lake: SmallLake, words: tuple[str, ...], said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command under way, in a process group of its own; what it says goes to a file. It ends with the block."""
    with said.open("wb") as out:
        started = subprocess.Popen(
            [sys.executable, "-m", "silolake", *words],
            cwd=lake.root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()
            started.wait()


def hurt_during(lake: SmallLake, words: tuple[str, ...], moment: Moment, hurt: Hurt) -> Ended:
    """Type a command, and hurt somebody once a moment has come. Writes.

    Returns:
        How the command ended.

    Raises:
        AssertionError: the command ended before the moment came, or not at all afterwards.
    """
    before = calls_so_far(lake)
    said = lake.root.parent / "said.txt"
    with typed(lake, words, said) as started:
        await_moment(lake, moment, before, lambda: started.poll() is not None, said)
        hurt(lake, psutil.Process(started.pid))
        code = started.wait(timeout=_PATIENCE_S * 2)
    return Ended(code, said.read_text())


def await_moment(lake: SmallLake, moment: Moment, before: int, over: Callable[[], bool], said: Path) -> None:
    """Wait until a moment has come.

    Raises:
        AssertionError: the command was over before it came, or it did not come at all.
    """
    end = time.monotonic() + _PATIENCE_S
    where = "number > ?" + (" AND action = ?" if moment.action != "*" else "")
    asked: tuple[object, ...] = (before, moment.action) if moment.action != "*" else (before,)
    with _log(lake) as log:
        while time.monotonic() < end:
            ended = over()
            ((seen,),) = log.execute(
                f"SELECT count(*) FROM decisions WHERE {where} AND instr(resource, ?)", (*asked, moment.resource)
            )
            if seen >= moment.nth:
                return
            assert not ended, f"the command ended before {moment}:\n{said.read_text()}"
            time.sleep(_LOOK_S)
    raise AssertionError(f"in {_PATIENCE_S:.0f} s there was no {moment}:\n{said.read_text()}")
