"""A plan with nothing to do over a thousand accounts and fifty units: simulated, so that no cloud is waited for."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

from bench.measuring import benchmark
from bench.workspace import ROOT, Failed

_ACCOUNTS, _UNITS = 1000, 50


@cache
def simulated(accounts: int, units: int) -> dict[str, float]:
    """What such a plan took, in a process of its own.

    Raises:
        Failed: the plan is not empty.
    """
    command = [sys.executable, "-m", "bench.simulated", str(accounts), str(units)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@benchmark("s", goal=5)
def noop_plan_1000x50_s() -> float:
    """`plan --no-deliveries` with nothing to do, over 1,000 simulated accounts and 50 units in each."""
    return simulated(_ACCOUNTS, _UNITS)["s"]


@benchmark("MB", goal=500)
def noop_plan_1000x50_mb() -> float:
    """The peak memory of that process, the simulated lake included."""
    return simulated(_ACCOUNTS, _UNITS)["mb"]


@benchmark("calls", goal=200)
def noop_plan_api_calls() -> float:
    """The API calls of that plan, every page counted: 50 pages of accounts, 51 of what is applied."""
    return simulated(_ACCOUNTS, _UNITS)["calls"]


@benchmark("calls", goal=0)
def noop_plan_calls_a_unit() -> float:
    """How many more API calls 50 units take than 10, over 10 accounts: none."""
    return simulated(10, _UNITS)["calls"] - simulated(10, 10)["calls"]
