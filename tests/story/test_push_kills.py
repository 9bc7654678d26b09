"""A push that is killed half done: what was killed is started again, the same is pushed again: the same final state.

The moments are made from the plan of the push: each of its runs has five, the look whether it has run, its beginning,
the keeping of its record, its end, and the mark that it is applied. Beside them stand moments at random. Killed are the
service, its kernels, the local cloud, and a command that applies the same commit. ``make test`` takes a sample of
them, ``make soak`` two hundred.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from .kills import Moment, await_moment, calls_so_far, hurt_during, kernels_of, kill_command
from .observed import journal, observe
from .once import Finished, did_nothing_twice, finished
from .pushing import serve
from .small_lakes import SmallLake, change, copy_of, make_small, standing
from .workspaces import commit, environment

pytestmark = pytest.mark.xdist_group("push kills")

WHOLE = os.environ.get("SILOLAKE_SOAK") == "whole"
SEED = 1913
RUNS = ("publish/delay_causes", "counts/ewr/count", "counts/fleet/count", "counts/analytics/sum")
"""What the push's plan holds; a test holds this to it."""

BOUNDARIES = {
    "before it begins": ("s3:GetObject", "-state/state/runs/", 1),
    "after it has begun": ("s3:PutObject", "-state/state/runs/", 2),
    "before it ends": ("s3:PutObject", "-records/", 1),
    "after it has ended": ("s3:PutObject", "-state/state/runs/", 2),
    "once it is applied": ("s3:PutObject", "-state/state/applied/", 1),
}
"""By which call each is seen, and how many of these calls a run makes in all."""

PIPELINE = """\
name: counts
description: How much each silo holds.
executor: platform
targets: all
triggers: [commit]
steps:
  - {name: count, notebook: notebooks/own/count.ipynb, targets: "ou:silos", after: []}
  - {name: sum, notebook: notebooks/own/count.ipynb, targets: "account:analytics", after: [count]}
"""


@dataclass(frozen=True)
class Share:
    """A moment at random: a share of all calls that the undisturbed push makes."""

    of_all: float

    def __str__(self) -> str:
        return f"{self.of_all:.0%} of all calls"


@dataclass(frozen=True)
class Undisturbed:
    """A lake that is down with the commit to push; what is observed once it is pushed; how many calls that took."""

    before: SmallLake
    after: dict[str, Any]
    calls: int


def moments() -> list[tuple[str, Moment]]:
    """Every boundary of every run of the plan."""
    found = []
    for number in range(1, len(RUNS) + 1):
        for name, (action, resource, times) in BOUNDARIES.items():
            # Of the calls that a run makes twice, the first comes at its beginning and the second at its end.
            nth = number if times == 1 else 2 * number - (name == "after it has begun")
            found.append((f"run {number}, {name}", Moment(action, resource, nth)))
    return found


def kill_service(lake: SmallLake) -> None:
    os.kill(service_of(lake).pid, signal.SIGKILL)


def kill_kernels(lake: SmallLake) -> None:
    """Every kernel of the service; there is none between two runs."""
    for each in kernels_of(service_of(lake)):
        each.kill()


def kill_cloud(lake: SmallLake) -> None:
    psutil.Process(lake.endpoint.pid).kill()


def bring_back(lake: SmallLake, killed: Victim) -> None:
    """Start again what was killed, as a person would. Writes."""
    if killed is kill_service:
        serve(lake)
    if killed is kill_cloud:
        lake.up()


def service_of(lake: SmallLake) -> psutil.Process:
    return psutil.Process(int((lake.data / "service.lock").read_text()))


Victim = Callable[[SmallLake], None]
VICTIMS: tuple[Victim, ...] = (kill_service, kill_kernels, kill_cloud)


def campaign() -> list[Any]:
    """Each boundary with each victim, and as many moments at random as make two hundred; or one boundary of all."""
    chance = random.Random(SEED)
    named = [(what, moment, victim) for what, moment in moments() for victim in VICTIMS]
    drawn = [(str(each), each, chance.choice(VICTIMS)) for each in (Share(chance.random()) for _ in range(200))]
    applied = len(moments())
    every = [*named, *drawn[: 200 - len(named) - applied]]
    if not WHOLE:
        every = [chance.choice([each for each in named if each[2] is kill_service])]
    return [pytest.param(moment, victim, id=f"{victim.__name__} {what}") for what, moment, victim in every]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A provisioned lake with a commit that changes a view and adds a pipeline, and what it is once that is pushed."""
    lake = make_small(tmp_path_factory.mktemp("provisioned"))
    with standing(lake):
        lake.silolake("bootstrap")
        lake.silolake("apply")
    change(
        lake.root / "cross_silo_views" / "delay_causes" / "view.yaml",
        "description: >-\n",
        "description: >-\n  Once more:\n",
    )
    (lake.root / "pipelines" / "counts").mkdir()
    (lake.root / "pipelines" / "counts" / "pipeline.yaml").write_text(PIPELINE)
    (lake.root / "notebooks" / "own").mkdir()
    (lake.root / "notebooks" / "own" / "count.ipynb").write_text(json.dumps(COUNT))
    commit(lake.root, "Counts")
    with served(copy_of(lake, tmp_path_factory.mktemp("pushed"))) as pushed:
        planned = [each["name"] for each in json.loads(pushed.silolake("plan", "--json").stdout)]
        assert sorted(planned) == sorted(RUNS)
        before = calls_so_far(pushed)
        done = push(pushed)
        assert done.returncode == 0, done.stderr
        calls = calls_so_far(pushed) - before
        found = Undisturbed(lake, observe(pushed), calls)
        did_nothing_twice(pushed, None)
    return found


COUNT: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "head", "metadata": {}, "source": "# Count\nSlowly enough to be killed."},
        {"cell_type": "code", "id": "count", "metadata": {}, "execution_count": None, "outputs": [],
         "source": "import boto3\n[boto3.client('sts').get_caller_identity()['Arn'] for _ in range(30)][-1]"},
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "silolake": {}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


@contextmanager
def served(lake: SmallLake) -> Iterator[SmallLake]:
    """A lake that is up with its service while the block lasts. Writes."""
    serve(lake)
    try:
        yield lake
    finally:
        lake.down()


def pushing(lake: SmallLake) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["git", "push", str(lake.data / "lake.git"), "main"],
        cwd=lake.root,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def push(lake: SmallLake) -> subprocess.CompletedProcess[str]:
    with pushing(lake) as started:
        told = started.communicate(timeout=180)[0]
    return subprocess.CompletedProcess(started.args, started.returncode, told, told)


def is_as_undisturbed(lake: SmallLake, expected: Undisturbed, before: Finished) -> None:
    """The final state, nothing left to do, no run that is said to go on, and nothing that was done twice."""
    assert observe(lake) == expected.after
    assert "Nothing to do" in lake.silolake("plan").stdout
    assert not [each for each in journal(lake) if each["status"] != "completed"]
    did_nothing_twice(lake, before)


@pytest.mark.soak
@pytest.mark.parametrize(("moment", "victim"), campaign())
def test_a_push_that_was_killed_goes_on_when_it_is_pushed_again(
    undisturbed: Undisturbed, tmp_path: Path, moment: Moment | Share, victim: Victim
) -> None:
    """It ends other than well, unless it was over by then or nothing of it was hit; and pushing again makes it good."""
    with served(copy_of(undisturbed.before, tmp_path)) as lake:
        at = moment if isinstance(moment, Moment) else Moment(nth=max(1, int(moment.of_all * undisturbed.calls)))
        before, said = calls_so_far(lake), tmp_path / "said.txt"
        said.touch()
        with pushing(lake) as started:
            await_moment(lake, at, before, lambda: started.poll() is not None, said)
            was_over = started.poll() is not None
            victim(lake)
            told = started.communicate(timeout=180)[0]
        if victim is kill_service and not was_over:
            assert started.returncode, told
            assert "ended before it had answered" in told, told
        assert "Traceback" not in told
        bring_back(lake, victim)
        done = finished(lake)
        again = push(lake)
        assert again.returncode == 0, again.stdout
        is_as_undisturbed(lake, undisturbed, done)


def applying() -> list[Any]:
    """Each boundary; or one where the campaign is only sampled."""
    chosen = moments() if WHOLE else [random.Random(SEED).choice(moments())]
    return [pytest.param(moment, id=what) for what, moment in chosen]


@pytest.mark.soak
@pytest.mark.parametrize("moment", applying())
def test_an_apply_that_was_killed_goes_on_with_resume_and_apply(
    undisturbed: Undisturbed, tmp_path: Path, moment: Moment
) -> None:
    """The lease of the dead is taken over at once; resume makes new attempts of what was under way."""
    with standing(copy_of(undisturbed.before, tmp_path)) as lake:
        assert hurt_during(lake, ("apply",), moment, kill_command).code == -signal.SIGKILL
        done = finished(lake)
        resumed = lake.silolake("runs", "resume", check=False)
        assert resumed.returncode == 0, resumed.stdout + resumed.stderr
        assert not [each for each in journal(lake) if each["status"] in ("running", "killed")]
        lake.silolake("apply")
        is_as_undisturbed(lake, undisturbed, done)
