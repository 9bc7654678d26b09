"""A notebook's statuses tell what happened, in a forked kernel and in a spawned one; the record says which it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from silolake.errors import CannotFork
from silolake.kernels import cells, forks
from silolake.kernels.forks import Limits
from silolake.runner import saving
from silolake.runner.patience import Patience

from .desk import Executed, environment, execute, notebook

C, F, N = "completed", "failed", "not run"


@dataclass(frozen=True)
class Case:
    """A notebook's cells and what is to be said of them."""

    cells: tuple[str, ...]
    statuses: tuple[str, ...]
    raised: str = ""
    reason: str = ""
    on_both: bool = True


CASES = {
    "every cell runs": Case(("1", "2"), (C, C)),
    "a cell raises": Case(("1", "1/0", "3"), (C, F, N), "ZeroDivisionError"),
    "a cell is not Python": Case(("x = = 1", "2"), (F, N), "SyntaxError", on_both=False),
    "sys.exit(0)": Case(("import sys; sys.exit(0)", "2"), (F, N)),
    "sys.exit(3)": Case(("import sys; sys.exit(3)", "2"), (F, N), "SystemExit", on_both=False),
    "exit ends the kernel": Case(("exit()", "2"), (C, F), "CellExecutionError", "kernel died: it exited with 0", False),
    "exit at the end": Case(("1", "exit()"), (C, C), on_both=False),
    "os._exit": Case(("import os; os._exit(3)", "2"), (F, N), "CellExecutionError", "kernel died: it exited with 3"),
    "a segfault": Case(
        ("1", "import ctypes; ctypes.string_at(0)", "3"),
        (C, F, N),
        "CellExecutionError",
        "kernel died: it was ended by SIGSEGV",
        False,
    ),
    "kill -9 of itself": Case(
        ("import os, signal; os.kill(os.getpid(), 9)", "2"),
        (F, N),
        "CellExecutionError",
        "kernel died: it was ended by SIGKILL",
        False,
    ),
    "a cell takes too long": Case(
        ("1", "import time; time.sleep(60)", "3"),
        (C, F, N),
        "KeyboardInterrupt",
        "timed out: cell 2 took longer than 0.4 s",
    ),
    "a coroutine takes too long": Case(
        ("import asyncio; await asyncio.sleep(60)", "2"),
        (F, N),
        "CancelledError",
        "timed out: cell 1 took longer than 0.4 s",
        False,
    ),
    "a cell takes too long and will not be interrupted": Case(
        ("import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(60)", "2"),
        (F, N),
        "CellExecutionError",
        "timed out: cell 1 took longer than 0.4 s",
        False,
    ),
    "a cell that is asked for input": Case(("input('silo?')", "2"), (F, N), "StdinNotImplementedError"),
    "a check that does not hold": Case(("1", "assert 1 == 2"), (C, F), "AssertionError", on_both=False),
    "an empty notebook": Case((), (), on_both=False),
}


def run(folder: Path, case: Case) -> Executed:
    """With little time for each cell where it is to be too little."""
    return execute(folder, case.cells, patience=Patience(0.4 if case.reason.startswith("timed out") else 0))


@pytest.mark.parametrize("what", CASES)
def test_what_is_said_of_a_forked_run(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(cells, "_GRACE_S", 0.5)
    case = CASES[what]
    done = run(folder, case)
    assert tuple(done.statuses) == case.statuses
    assert (done.raised, done.told["reason"], done.told["kernel"]) == (case.raised, case.reason, "forked")
    assert done.told["cpu_s"] > 0 and done.told["peak_mb"] > 20
    assert bool(done.node.metadata.papermill["exception"]) == (F in case.statuses)


@pytest.mark.parametrize("what", [name for name, case in CASES.items() if case.on_both])
def test_the_same_is_said_of_a_spawned_one(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """But for the words of the reason, and what a cell was doing when its time was over."""
    monkeypatch.setenv(forks.VARIABLE, "spawn")
    case = CASES[what]
    done = run(folder, case)
    assert tuple(done.statuses) == case.statuses
    assert done.told["kernel"] == "spawned: SILOLAKE_KERNELS=spawn"
    assert done.told["reason"].partition(":")[0] == case.reason.partition(":")[0]
    assert bool(done.raised) == bool(case.raised)


def test_what_a_cell_was_doing_when_its_time_was_over_is_shown(folder: Path) -> None:
    """It is interrupted first, so its traceback says where it was; what it had put out is kept."""
    done = execute(folder, ["print('began')\nimport time\ntime.sleep(60)"], patience=Patience(0.5))
    printed, error = done.outputs[0]
    assert printed["text"] == "began\n"
    assert "time.sleep" in "".join(error["traceback"])


def test_what_was_put_out_before_a_crash_is_kept(folder: Path) -> None:
    """With the interpreter's own words on where it was."""
    done = execute(folder, ["print('began')\nimport ctypes\nctypes.string_at(0)"])
    printed, *told = done.outputs[0]
    assert (printed["name"], printed["text"]) == ("stdout", "began\n")
    assert "Segmentation fault" in "".join(each["text"] for each in told)


@pytest.mark.parametrize(
    ("platform", "reason"),
    [("darwin", "forking is not safe on darwin"), ("freebsd14", "forking is not safe on freebsd14")],
)
def test_where_forking_is_not_safe_a_kernel_is_spawned(
    folder: Path, monkeypatch: pytest.MonkeyPatch, platform: str, reason: str
) -> None:
    """And the record says so."""
    monkeypatch.setattr("silolake.kernels.forks.sys.platform", platform)
    done = execute(folder, ["1"])
    assert (done.statuses, done.told["kernel"]) == ([C], f"spawned: {reason}")


def test_a_run_with_limits_is_refused_where_they_could_not_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than run without them."""
    with pytest.raises(CannotFork, match="a notebook with widgets cannot have limits"):
        execute(folder, ["import ipywidgets"], limits=Limits(memory_mb=1000))
    monkeypatch.setenv(forks.VARIABLE, "spawn")
    with pytest.raises(CannotFork, match="no kernel can be forked here: SILOLAKE_KERNELS=spawn"):
        execute(folder, ["1"], limits=Limits(memory_mb=1000))


def test_a_run_is_held_to_its_limits(folder: Path) -> None:
    """As given to papermill."""
    done = execute(folder, ["bytearray(3_000_000_000)"], limits=Limits(memory_mb=2000))
    assert (done.statuses, done.raised) == ([F], "MemoryError")


def test_a_notebook_is_saved_as_it_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a cell has put out is in the file while the cell is still running; a hundred cells are saved a few times."""
    monkeypatch.setattr(saving, "EVERY_S", 0.2)
    look = (
        "import json, time\nprint('put out')\nend = time.time() + 8\n"
        "while time.time() < end and 'put out' not in str(json.load(open('executed.ipynb'))['cells'][0]['outputs']):\n"
        "    time.sleep(0.05)\nassert time.time() < end"
    )
    assert execute(folder, [look]).statuses == [C]


def test_a_notebook_of_many_cells_is_not_written_for_each(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """papermill's own manager writes the file twice a cell."""
    written = []
    monkeypatch.setattr("papermill.engines.write_ipynb", lambda nb, path: written.append(path))
    done = execute(folder, ["1"] * 60)
    assert done.statuses == [C] * 60
    assert len(written) < 10


def test_the_engine_hands_on_its_own_environment_when_none_is_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As papermill's own does; the command line has no other way."""
    monkeypatch.setenv("SILO_OF_THE_TEST", "ewr")
    node = notebook("import os; print(os.environ['SILO_OF_THE_TEST'])")
    assert execute(folder, node, environment=None).outputs[0][0]["text"] == "ewr\n"


def test_a_parameter_reaches_the_cells(folder: Path) -> None:
    """papermill writes it into a cell of its own behind the tagged one."""
    node = notebook("silo: str = 'ewr'", "print(silo)")
    node.cells[0].metadata["tags"] = ["parameters"]
    done = execute(folder, node, parameters={"silo": "jfk"}, environment=environment())
    assert done.outputs[-1][0]["text"] == "jfk\n"
    assert nbformat.validate(done.node) is None
