"""Many kernels at once: each its own, none that hangs."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from silolake.runner.patience import Patience

from .desk import environment, execute

WHOLE = os.environ.get("SILOLAKE_SOAK") == "whole"
WORK = (
    "import io, os\nimport boto3, numpy as np, pandas as pd",
    "frame = pd.DataFrame({'silo': list('ejl') * 1000, 'delay': np.random.random(3000)})\n"
    "held = io.BytesIO()\nframe.to_parquet(held)\nassert len(pd.read_parquet(io.BytesIO(held.getvalue()))) == 3000",
    "assert frame.groupby('silo').ngroups == 3\nassert np.linalg.inv(np.random.random((60, 60))).shape == (60, 60)",
    "for name in ('s3', 'sts', 'athena', 'glue'): boto3.client(name, region_name='us-east-1')",
    "assert boto3.Session().get_credentials().access_key == os.environ['NUMBER']\nprint(os.environ['NUMBER'])",
)
"""Arrow's pools, BLAS, service models: whatever could have held a lock when the process was forked."""


def run(folder: Path, number: int) -> str:
    """One run; what it printed."""
    own = folder / str(number)
    own.mkdir()
    given = {"NUMBER": f"key-{number}", "AWS_ACCESS_KEY_ID": f"key-{number}", "AWS_SECRET_ACCESS_KEY": "secret"}
    done = execute(own, WORK, environment=environment(given), patience=Patience(60))
    assert done.told["kernel"] == "forked"
    assert done.statuses == ["completed"] * len(WORK), done.outputs
    return str(done.outputs[-1][0]["text"])


def test_eight_runs_at_once_are_each_their_own(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: run(folder, number), range(8))) == [
            f"key-{number}\n" for number in range(8)
        ]


@pytest.mark.soak
def test_hundreds_of_runs_leave_none_hanging(folder: Path) -> None:
    """Eight wide; sampled unless the campaign is run whole."""
    runs = 400 if WHOLE else 8
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: run(folder, number), range(runs)))
    assert done == [f"key-{number}\n" for number in range(runs)]
