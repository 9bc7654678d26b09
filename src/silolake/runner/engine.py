"""A papermill engine whose statuses tell the truth and whose kernels get an environment of their own.

papermill's own engine calls cells that never ran completed, after a time-out or a dead kernel; it hands the kernel
the whole environment of its process; and kernels on TCP ports sometimes take one another's (papermill#511).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from traitlets.config import Config

NOT_RUN = "not run"


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
        cell_timeout_s: int = 0,
        **_: Any,
    ) -> None:
        """Run the cells.

        Args:
            nb_man: papermill's manager of the notebook.
            kernel_name: the kernel to start.
            environment: all that the kernel's environment is to be; ``None`` hands on this process's.
            folder: the kernel's working directory.
            cell_timeout_s: the longest one cell may take; 0 is no limit.
        """
        # A manager of its own saves 2n+3 times; here the file is written at the end and at papermill's own intervals.
        save, nb_man.save = nb_man.save, lambda **_: None
        reason = ""
        # A socket's path may be 107 bytes long, and jupyter_client's own is relative to whoever opens it.
        with tempfile.TemporaryDirectory(prefix="silolake-") as sockets:
            client = _Client(
                nb_man,
                config=_sockets_in(sockets),
                kernel_name=kernel_name,
                timeout=cell_timeout_s or None,
                startup_timeout=60,
                shutdown_kernel="immediate",
                coalesce_streams=True,
                # Under load a slow output is late, not lost.
                raise_on_iopub_timeout=False,
                iopub_timeout=30,
                resources={"metadata": {"path": folder}} if folder else {},
            )
            try:
                client.execute(env=dict(os.environ if environment is None else environment))
            except CellTimeoutError as error:
                reason = f"timed out: {str(error).splitlines()[0]}"
            except DeadKernelError:
                reason = "kernel died"
            finally:
                nb_man.save = save
        _tell_the_truth(nb_man, reason)
        nb_man.nb.metadata["silolake_run"] = {"cpu_s": client.cpu_s, "reason": reason}


def _sockets_in(folder: str) -> Config:
    config = Config()
    config.KernelManager.transport = "ipc"
    config.KernelManager.ip = str(Path(folder) / "kernel")
    return config


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which also reads what the kernel has cost before it is shut down."""

    cpu_s: float | None = None

    def papermill_execute_cells(self) -> None:
        try:
            super().papermill_execute_cells()
        finally:
            self.cpu_s = _cpu_of(getattr(getattr(self.km, "provisioner", None), "pid", None))


def _cpu_of(pid: int | None) -> float | None:
    """CPU seconds of a living process and of those of its children it has waited for; None where /proc is not."""
    stat = Path(f"/proc/{pid}/stat")
    if pid is None or not stat.exists():
        return None
    fields = stat.read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


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
