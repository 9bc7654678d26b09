"""Runs a notebook's cells in a Jupyter kernel over its own sockets, by nbclient: forked where it can be, or spawned."""

from __future__ import annotations

import math
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from traitlets.config import Config

from silolake.kernels import kernelspec
from silolake.kernels.outputs import Outputs
from silolake.runner.patience import Patience

_LOOKED_EVERY_S = 0.2
FORKED = kernelspec.NAME
"""The name that asks for a forked kernel; no kernelspec need be installed for it."""


def execute(
    nb_man: Any, kernel_name: str, environment: Mapping[str, str], folder: str, patience: Patience
) -> tuple[str, str, float | None]:
    """Run the cells; how the kernel came about, why it did not come to the last cell, and CPU seconds."""
    reason = ""
    # A socket's path may be 107 bytes long, and jupyter_client's own is relative to whoever opens it.
    with tempfile.TemporaryDirectory(prefix="silolake-", dir="/tmp") as sockets:
        client = _Client(
            nb_man,
            config=_sockets_in(sockets),
            kernel_name=kernel_name,
            kernel_manager_class=_ForkedKernelManager if kernel_name == FORKED else AsyncKernelManager,
            # nbclient counts whole seconds, and takes 0 for no limit.
            timeout_func=lambda _: math.ceil(patience.for_a_cell) or None,
            startup_timeout=60,
            shutdown_kernel="immediate",
            # Ours are joined below; nbclient's way takes minutes over a line of a million letters.
            coalesce_streams=False,
            # Under load a slow output is late, not lost.
            raise_on_iopub_timeout=False,
            iopub_timeout=30,
            resources={"metadata": {"path": folder}},
        )
        done = threading.Event()
        watch = threading.Thread(target=_watch, args=(client, patience, done), daemon=True, name="cancelling")
        watch.start()
        try:
            client.execute(env=dict(environment))
        except CellTimeoutError:
            reason = patience.words("a cell")
        except DeadKernelError:
            reason = "cancelled" if patience.is_over() else "kernel died"
        finally:
            done.set()
            watch.join()
            client.let_go()
    return client.how, reason, client.cpu_s


def _watch(client: _Client, patience: Patience, done: threading.Event) -> None:
    """Kill the kernel once nobody wants the run any more."""
    while not done.wait(_LOOKED_EVERY_S):
        pid = getattr(getattr(client.km, "provisioner", None), "pid", None)
        if patience.is_over() and pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return


def is_run(cell: Any) -> bool:
    """Whether a cell is for the kernel at all, as nbclient sees it."""
    return (
        cell.cell_type == "code" and bool(cell.source.strip()) and "skip-execution" not in cell.metadata.get("tags", ())
    )


def _sockets_in(folder: str) -> Config:
    config = Config()
    config.KernelManager.transport = "ipc"
    config.KernelManager.ip = str(Path(folder) / "kernel")
    return config


class _ForkedKernelManager(AsyncKernelManager):  # type: ignore[misc]
    """Asks for silolake's provisioner without a kernelspec having been installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernelspec that ``python -m silolake.kernels install`` would write."""
        return KernelSpec(**kernelspec.described(sys.executable))


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client; it keeps outputs within bounds, and reads what the kernel has cost before its end."""

    cpu_s: float | None = None
    how: str = ""
    _provisioner: Any = None

    def let_go(self) -> None:
        """Hold the kernel no longer, however it ended."""
        getattr(self._provisioner, "let_go", lambda: None)()

    def papermill_execute_cells(self) -> None:
        provisioner = self._provisioner = getattr(self.km, "provisioner", None)
        self.how = getattr(provisioner, "how", "spawned")
        try:
            super().papermill_execute_cells()
        finally:
            self.cpu_s = _cpu_of(getattr(provisioner, "pid", None))

    def execute_cell(self, cell: Any, cell_index: int, **how: Any) -> Any:
        try:
            return super().execute_cell(cell, cell_index, **how)
        finally:
            if is_run(cell):
                cell.outputs = _within_bounds(cell.outputs)


def _within_bounds(given: list[Any]) -> list[Any]:
    """Outputs as a forked kernel's would have been kept."""
    from nbformat import from_dict

    outputs = Outputs()
    for each in given:
        if each["output_type"] == "stream":
            outputs.stream(each["name"], each["text"])
        else:
            outputs.message(each["output_type"], each)
    outputs.finish()
    return list(from_dict(outputs.listed()))


def _cpu_of(pid: int | None) -> float | None:
    """CPU seconds of a living process and of those of its children it has waited for; None where /proc is not."""
    stat = Path(f"/proc/{pid}/stat")
    if pid is None or not stat.exists():
        return None
    fields = stat.read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
