"""The local cloud: how soon it answers, and what it costs to leave it up."""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from pathlib import Path

from bench.measuring import benchmark, timed
from bench.workspace import ROOT, demo, endpoint, fresh, silolake

_TIMES = 3
_SETTLED_S = 2.0


@benchmark("s", goal=1.5)
def local_cloud_start_s() -> float:
    """`silolake up` on an empty directory, from the command to its answer; the median of three."""
    taken = []
    for _ in range(_TIMES):
        directory = fresh("empty")
        with timed() as watch:
            silolake(ROOT, "up", "--directory", str(directory), "--port", "0")
        taken.append(watch.s)
        silolake(ROOT, "down", "--directory", str(directory))
    return statistics.median(taken)


@benchmark("s", goal=3)
def local_cloud_restore_s() -> float:
    """`silolake up` on the demo's lake, from the command to its answer; the median of three."""
    workspace, _ = demo()
    return statistics.median(_restart(workspace) for _ in range(_TIMES))


@benchmark("MB", goal=150)
def local_cloud_idle_mb() -> float:
    """Resident memory of the local cloud's process, just restarted on the demo's lake, doing nothing."""
    workspace, _ = demo()
    _restart(workspace)
    time.sleep(_SETTLED_S)
    return resident_mb(endpoint(workspace).pid)


def _restart(workspace: Path) -> float:
    silolake(workspace, "down")
    with timed() as watch:
        silolake(workspace, "up", "--port", "0")
    return watch.s


def resident_mb(process: int) -> float:
    """A process's resident memory; `ps` is asked where there is no /proc."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1]) / 1024
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True)
    return int(said.stdout) / 1024
