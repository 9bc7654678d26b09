"""What a run costs beside what its notebook does, held against papermill's own command line in the same environment."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.measuring import benchmark, timed
from bench.workspace import Failed, fresh
from silolake.kernels import forks
from silolake.kernels.cells import Cells
from silolake.kernels.outputs import Outputs

_RUNS = 32
_COMMANDS = 3
_CELLS = (
    'silo: str = "ewr"\nday: int = 1',
    "import awswrangler as wr\nimport pandas as pd",
    "flights = pd.DataFrame({'carrier': list('ABC') * 40, 'delay': range(120), 'day': day})",
    "delays = flights.groupby('carrier')['delay'].agg(['mean', 'max', 'size'])\ndelays",
    "print(f'{silo}: {len(flights)} flights on day {day}')",
    "assert wr.__version__ and len(delays) == 3",
)
_OWN_PSS = (
    "print(next(line.split()[1] for line in open('/proc/self/smaps_rollup') if line.startswith('Pss:')), flush=True)"
)


@dataclass(frozen=True)
class Cost:
    """Of one run."""

    cpu_s: float
    wall_s: float


@benchmark("s", goal=0.17)
def run_vs_papermill_cpu() -> float:
    """CPU of one run, kernel, its zygote and papermill's part: 32 runs by the engine in a warm process, one by one."""
    return _by_the_engine().cpu_s


@benchmark("s", goal=0.12)
def run_vs_papermill_wall() -> float:
    """Wall time of one of the same 32 runs."""
    return _by_the_engine().wall_s


@benchmark("ratio", goal=0.05)
def run_vs_papermill_ratio() -> float:
    """The same beside the papermill command in this environment: CPU or wall time, whichever compares worse."""
    ours, theirs = _by_the_engine(), _by_the_command()
    return max(ours.cpu_s / theirs.cpu_s, ours.wall_s / theirs.wall_s)


@benchmark("MB", goal=1500)
def kernels_32_mb() -> float:
    """Proportional memory of 32 kernels alive at once after that notebook's cells, and of their zygote."""
    folder = str(fresh("kernels"))
    with ExitStack() as alive:
        kernels = [alive.enter_context(Cells(_environment(), folder)) for _ in range(_RUNS)]
        for source in _CELLS:
            for each in kernels:
                _said(each, source)
        asked = {each.kernel.pid for each in kernels}
        zygote = next(z for z in forks.zygotes() if asked <= {kernel["pid"] for kernel in z["kernels"]})
        return float(zygote["pss_mb"]) + sum(int(_said(each, _OWN_PSS)) for each in kernels) / 1024


@cache
def _by_the_engine() -> Cost:
    """The mean of the runs, after one that starts the zygote."""
    import papermill

    notebook, out = _notebook("by-the-engine"), fresh("executed")

    def run(day: int) -> float:
        node = papermill.execute_notebook(
            str(notebook),
            str(out / f"{day}.ipynb"),
            parameters={"silo": "jfk", "day": day},
            engine_name="silolake",
            kernel_name="python3",
            progress_bar=False,
            environment=_environment(),
            folder=str(out),
        )
        told = node.metadata["silolake_run"]
        if told["kernel"] != "forked":
            raise Failed(f"the kernel was {told['kernel']}")
        return float(told["cpu_s"])

    run(0)
    before = _own_cpu_s()
    with timed() as watch:
        kernels_s = sum(run(day) for day in range(1, _RUNS + 1))
    return Cost((kernels_s + _own_cpu_s() - before) / _RUNS, watch.s / _RUNS)


def _own_cpu_s() -> float:
    """CPU of this process and of the zygotes, without their kernels."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + sum(float(each["cpu_s"]) for each in forks.zygotes())


@cache
def _by_the_command() -> Cost:
    """The mean of a few runs by ``papermill`` in this environment."""
    notebook, out = _notebook("by-the-command"), fresh("executed-by-the-command")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with timed() as watch:
        for day in range(1, _COMMANDS + 1):
            words = [
                str(notebook),
                str(out / f"{day}.ipynb"),
                "-p",
                "day",
                str(day),
                "-k",
                "python3",
                "--no-progress-bar",
            ]
            done = subprocess.run(
                [sys.executable, "-m", "papermill", *words], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Failed(f"papermill ended with {done.returncode}:\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu_s / _COMMANDS, watch.s / _COMMANDS)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _notebook(name: str) -> Path:
    """The small notebook, in a folder of its own."""
    first, *others = (
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(_CELLS)
    )
    first["metadata"] = {"tags": ["parameters"]}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    node = {"cells": [first, *others], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path = fresh(name) / "small.ipynb"
    path.write_text(json.dumps(node))
    return path


def _said(kernel: Cells, source: str) -> str:
    """What a cell has put out on stdout.

    Raises:
        Failed: it did not run to its end.
    """
    outputs = Outputs()
    ran = kernel.run(source, outputs)
    if ran.failed or ran.died:
        raise Failed(f"a cell failed: {outputs.listed()}")
    return "".join(each["text"] for each in outputs.listed() if each.get("name") == "stdout")
