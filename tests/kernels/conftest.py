"""Zygotes of these tests' own, in a folder of their own; they are stopped at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from silolake.kernels import forks
from silolake.kernels.cells import Cells

from .desk import environment


@pytest.fixture(scope="package", autouse=True)
def zygotes() -> Iterator[None]:
    """Started when a test asks for the first kernel."""
    # A socket's path may be 107 bytes long; pytest's own folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="zygotes-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        (folder / "home").mkdir()
        patch.delenv(forks.VARIABLE, raising=False)
        yield
        forks.stop()
    shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A working directory that any user may work in; pytest's own are their user's alone."""
    made = Path(tempfile.mkdtemp(prefix="run-", dir="/tmp"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


Begin = Callable[..., Cells]


@pytest.fixture
def begin(folder: Path) -> Iterator[Begin]:
    """Begins a kernel, with more in its environment, limits or a user; all end with the test."""
    begun: list[Cells] = []

    def begin(further: dict[str, str] | None = None, **how: object) -> Cells:
        begun.append(Cells(environment(further), str(folder), **how))  # type: ignore[arg-type]
        return begun[-1]

    yield begin
    for each in begun:
        if each.ended is None:
            with each:
                pass
