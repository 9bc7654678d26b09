"""A papermill engine whose statuses tell the truth and whose kernels get an environment of their own.

papermill's own engine calls cells that never ran completed, after a time-out or a dead kernel; it hands the kernel
the whole environment of its process; and kernels on TCP ports sometimes take one another's (papermill#511).

A notebook's cells run in a kernel forked from a preloaded process. One with widgets, or that asks for it, runs in a
Jupyter kernel forked the same way; where nothing can be forked, in one that is spawned. The record says which.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from papermill.engines import Engine

from silolake.errors import CannotFork
from silolake.kernels import forks
from silolake.kernels.cells import LANGUAGE, Cells
from silolake.kernels.outputs import Outputs
from silolake.runner import jupyter
from silolake.runner.patience import Patience
from silolake.runner.saving import Saving, throttled

NOT_RUN = "not run"
FORKED = "forked"

_OURS = ("python3", "python", "silolake")
_NEED_COMMS = ("ipywidgets", "anywidget")


@dataclass(frozen=True)
class Wish:
    """How a notebook's kernel is to be.

    Attributes:
        environment: all of its environment.
        folder: its working directory.
        patience: how long it may take, and whether anybody still wants it.
        limits: what it may take in all.
        user: the user it is to be, if this process is root's.
    """

    environment: Mapping[str, str]
    folder: str
    patience: Patience
    limits: forks.Limits
    user: int | None

    @property
    def is_bounded(self) -> bool:
        """Whether it asks for what a kernel that speaks Jupyter's protocol would be without."""
        return self.user is not None or self.limits != forks.Limits()


@dataclass
class Told:
    """What the notebook's metadata keep of its kernel, as ``silolake_run``.

    Attributes:
        kernel: how it came about: ``forked``, ``forked, with comms``, or ``spawned`` and why.
        reason: why it did not come to the last cell, other than by an exception; or empty.
        cpu_s, peak_mb: what it took.
    """

    kernel: str
    reason: str = ""
    cpu_s: float | None = None
    peak_mb: float | None = None


class SilolakeEngine(Engine):  # type: ignore[misc]
    """Registered with papermill as ``silolake``."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        environment: Mapping[str, str] | None = None,
        folder: str = "",
        patience: Patience | None = None,
        limits: forks.Limits | None = None,
        user: int | None = None,
        **_: Any,
    ) -> None:
        """Run the cells.

        Args:
            nb_man: papermill's manager of the notebook.
            kernel_name: the kernel to start; only Python's own is forked.
            environment: all that the kernel's environment is to be; ``None`` hands on this process's.
            folder: the kernel's working directory; empty is this process's.
            patience: how long it may take, and whether anybody still wants it; without limit by default.
            limits: memory, CPU time and open files that a forked kernel may take.
            user: the user a forked kernel is to be, if this process is root's.
        """
        given = dict(os.environ if environment is None else environment)
        # os.getcwd and not pathlib: a working directory that is gone is told by the kernel, not here.
        where = folder or os.getcwd()  # noqa: PTH109
        wish = Wish(given, where, patience or Patience(), limits or forks.Limits(), user)
        with throttled(nb_man) as saving:
            told = _run(nb_man, kernel_name, wish, saving)
        _tell_the_truth(nb_man, told.reason)
        nb_man.nb.metadata["silolake_run"] = vars(told)


def _run(nb_man: Any, kernel_name: str, wish: Wish, saving: Saving) -> Told:
    if kernel_name not in _OURS:
        return _spawned(nb_man, kernel_name, wish, f"its kernel is {kernel_name}")
    if wants_comms(nb_man.nb):
        if wish.is_bounded:
            raise CannotFork("a notebook with widgets cannot have limits or a user of its own")
        how, reason, cpu_s = jupyter.execute(nb_man, jupyter.FORKED, wish.environment, wish.folder, wish.patience)
        return Told(how, reason, cpu_s)
    try:
        cells = Cells(wish.environment, wish.folder, wish.limits, wish.user)
    except CannotFork as error:
        return _spawned(nb_man, "python3", wish, error.reason)
    with cells:
        reason = _run_cells(nb_man, cells, wish.patience, saving)
    ended = cells.ended
    return Told(FORKED, reason, ended.cpu_s if ended else None, ended.peak_mb if ended else None)


def _spawned(nb_man: Any, kernel_name: str, wish: Wish, why: str) -> Told:
    if wish.is_bounded:
        raise CannotFork(why)
    _, reason, cpu_s = jupyter.execute(nb_man, kernel_name, wish.environment, wish.folder, wish.patience)
    return Told(f"spawned: {why}", reason, cpu_s)


def wants_comms(nb: Any) -> bool:
    """Whether a notebook needs a Jupyter kernel: its metadata says so, or a cell names what talks over comms."""
    if nb.metadata.get("silolake", {}).get("kernel") == "jupyter":
        return True
    return any(word in cell.source for cell in nb.cells if cell.cell_type == "code" for word in _NEED_COMMS)


class Cancelled(Exception):
    """Nobody wants the run any more; it goes no further than this file."""


class _Notebook:
    """The outputs of a notebook's cells, put into it when they have changed."""

    def __init__(self, nb: Any) -> None:
        self._nb, self._of = nb, dict[int, Outputs]()

    def begin(self, number: int) -> Outputs:
        self._of[number] = Outputs()
        return self._of[number]

    def update(self) -> None:
        from nbformat import from_dict

        # Not the last cell alone: a display of an earlier one may be updated.
        for number, outputs in self._of.items():
            if outputs.changed:
                outputs.changed = False
                self._nb.cells[number].outputs = from_dict(outputs.listed())


def _run_cells(nb_man: Any, kernel: Cells, patience: Patience, saving: Saving) -> str:
    """Run the cells in order; why it did not come to the last one, other than by an exception, or nothing."""
    nb, held = nb_man.nb, _Notebook(nb_man.nb)

    def tick() -> None:
        if patience.is_over():
            raise Cancelled
        if saving.is_due:
            held.update()
            saving()

    kernel.tick = tick
    nb.metadata["language_info"] = dict(LANGUAGE)
    for number, cell in enumerate(nb.cells):
        nb_man.cell_start(cell, number)
        try:
            if not jupyter.is_run(cell):
                continue
            outputs = held.begin(number)
            try:
                tick()
                ran = kernel.run(cell.source, outputs, patience.for_a_cell)
            except Cancelled:
                # The kernel ends with the block around it, whatever it is at.
                outputs.finish()
                held.update()
                return "cancelled"
            cell.execution_count = ran.count
            held.update()
            if ran.timed_out:
                return patience.words(f"cell {number + 1}")
            if ran.died:
                return f"kernel died: {ran.died}"
            if ran.failed and "raises-exception" not in cell.metadata.get("tags", ()):
                nb_man.cell_exception(cell, number)
                return ""
        finally:
            nb_man.cell_complete(cell, number)
    return ""


def _tell_the_truth(nb_man: Any, reason: str) -> None:
    """Mark what did not run as not run; papermill's own end would call it completed."""
    cells = nb_man.nb.cells
    broke = next((n for n, cell in enumerate(cells) if cell.metadata.papermill["status"] == nb_man.FAILED), None)
    ran = [n for n, cell in enumerate(cells) if cell.metadata.papermill["start_time"]]
    if reason and broke is None and ran:
        broke = ran[-1]
        cells[broke].metadata.papermill["status"] = nb_man.FAILED
        cells[broke].metadata.papermill["exception"] = True
        nb_man.nb.metadata.papermill["exception"] = True
    for number, cell in enumerate(cells):
        if number not in ran or (broke is not None and number > broke):
            cell.metadata.papermill["status"] = NOT_RUN
