"""A run is bounded in time as a whole, and ends when nobody wants it any more; its record says which."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from silolake.runner.patience import Patience

from .desk import execute

SLOW = "import time\nprint('begun', flush=True)\ntime.sleep(0.4)"


def test_a_run_that_takes_too_long_in_all_is_timed_out_though_each_cell_is_quick(tmp_path: Path) -> None:
    done = execute(tmp_path, [SLOW] * 20, patience=Patience.of(60, 1.2))
    assert done.told["reason"] == "timed out: the run took longer than 1.2 s"
    assert 1 < sum(each == "completed" for each in done.statuses) < 20
    assert done.statuses[-1] == "not run"


@pytest.mark.parametrize("widgets", ["", "# ipywidgets\n"], ids=["forked", "over Jupyter's sockets"])
def test_a_run_that_nobody_wants_any_more_ends_at_once_as_cancelled(tmp_path: Path, widgets: str) -> None:
    over = threading.Event()
    threading.Timer(1.5, over.set).start()
    began = time.monotonic()
    patience = Patience.of(60, is_over=over.is_set)
    done = execute(tmp_path, [f"{widgets}import time\nprint('begun', flush=True)\ntime.sleep(60)"], patience=patience)
    assert done.told["reason"] == "cancelled"
    assert time.monotonic() - began < 20
    assert done.statuses == ["failed"]


def test_what_is_cancelled_before_it_begins_runs_no_cell(tmp_path: Path) -> None:
    done = execute(tmp_path, ["open('trace', 'w').close()"], patience=Patience.of(60, is_over=lambda: True))
    assert done.told["reason"] == "cancelled"
    assert not (tmp_path / "trace").exists()
