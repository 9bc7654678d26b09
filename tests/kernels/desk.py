"""What the tests of kernels do over and over: run a cell or a notebook, and read what it says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from silolake.kernels import forks, ground
from silolake.kernels.cells import Cells
from silolake.kernels.outputs import Outputs

PATIENCE_S = 10.0
IS_ROOT = os.geteuid() == 0
SPARE = ("silolake.kernels.shell",)
"""A list to preload that makes a zygote quick to start."""


def environment(further: Mapping[str, str] | None = None) -> dict[str, str]:
    """A kernel's whole environment: little, and nothing of the test's own but where programs are."""
    home = f"{os.environ['XDG_RUNTIME_DIR']}/home"
    return {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", **(further or {})}


def preloading(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Let zygotes be of another ground from now on: another list to preload."""
    monkeypatch.setattr(forks, "ground", partial(ground.ground, preload=modules))


def said(kernel: Cells, source: str) -> str:
    """What a cell that did not fail has put out on stdout."""
    outputs = Outputs()
    ran = kernel.run(source, outputs, PATIENCE_S)
    assert ran.count and not ran.failed and not ran.timed_out, (ran, outputs.listed())
    return "".join(each["text"] for each in outputs.listed() if each.get("name") == "stdout").rstrip("\n")


def refused(kernel: Cells, source: str) -> str:
    """The name of the exception that a cell ended with."""
    outputs = Outputs()
    ran = kernel.run(source, outputs, PATIENCE_S)
    assert ran.failed, outputs.listed()
    return str(outputs.listed()[-1]["ename"])


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether it comes to be so before patience is over."""
    end = monotonic() + PATIENCE_S
    while not is_so():
        if monotonic() > end:
            return False
        sleep(0.01)
    return True


def is_gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@dataclass(frozen=True)
class Executed:
    """A notebook after papermill: what it keeps, and what was raised."""

    node: Any
    raised: str

    @property
    def told(self) -> Mapping[str, Any]:
        """What the engine keeps of the kernel."""
        return dict(self.node.metadata["silolake_run"])

    @property
    def cells(self) -> list[Any]:
        """Its cells without papermill's own marks."""
        return [cell for cell in self.node.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", ())]

    @property
    def statuses(self) -> list[str]:
        """Of each cell."""
        return [cell.metadata.papermill["status"] for cell in self.cells]

    @property
    def outputs(self) -> list[Any]:
        """Of each cell."""
        return [cell.get("outputs", []) for cell in self.cells]


def notebook(*sources: str, **metadata: Any) -> Any:
    """A notebook of code cells."""
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in sources])
    node.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    node.metadata.update(metadata)
    return node


def execute(folder: Path, node: Any | Sequence[str], **how: Any) -> Executed:
    """Run a notebook by papermill through the engine, in a folder; no kernel sees more than ``environment``."""
    given, out = folder / "given.ipynb", folder / "executed.ipynb"
    nbformat.write(node if isinstance(node, dict) else notebook(*node), given)
    chosen = {"environment": environment(), "folder": str(folder), "kernel_name": "python3", **how}
    raised = ""
    try:
        papermill.execute_notebook(str(given), str(out), engine_name="silolake", progress_bar=False, **chosen)
    except PapermillExecutionError as error:
        raised = error.ename
    return Executed(nbformat.read(out, as_version=4), raised)
