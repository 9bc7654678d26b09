"""``kill -9`` of the local cloud, of a kernel and of the command: after a restart and a rerun, the same final state.

Every moment is a call that the local cloud has just decided on; what is killed there is killed while that call, and
whatever else goes on at the time, is half done. ``make test`` takes a sample of the campaign, ``make soak`` all of it.
"""

from __future__ import annotations

import json
import os
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from .kills import (
    Ended,
    Hurt,
    Moment,
    await_moment,
    calls_so_far,
    hurt_during,
    interrupt_command,
    kill_cloud,
    kill_command,
    kill_kernel,
    typed,
)
from .observed import bootstrapped, journal, observe
from .once import Finished, did_nothing_twice, finished
from .small_lakes import FLIGHTS, SmallLake, copy_of, make_small, small_deliveries, standing
from .workspaces import make_workspace

pytestmark = pytest.mark.xdist_group("kills")

PROVISIONING = (
    Moment("sts:AssumeRole", "lake-organization"),
    Moment("organizations:CreateAccount"),
    Moment("organizations:CreateAccount", nth=2),
    Moment("organizations:MoveAccount"),
    Moment("cloudformation:CreateStackSet", nth=2),
    Moment("cloudformation:CreateStackInstances"),
    Moment("kms:CreateKey"),
    Moment("s3:CreateBucket", "-quarantine"),
    Moment("iam:PutRolePolicy", "role/lake/run/runner"),
    Moment("glue:CreateTable", "processed/weather"),
    Moment("organizations:CreatePolicy", nth=2),
    Moment("organizations:AttachPolicy", nth=4),
)
BOOTSTRAPPING = (
    Moment("organizations:CreateOrganization"),
    Moment("organizations:EnablePolicyType", nth=2),
    Moment("organizations:EnableAWSServiceAccess"),
    Moment("organizations:CreateOrganizationalUnit", nth=2),
    Moment("organizations:CreateAccount"),
    Moment("organizations:MoveAccount"),
    Moment("organizations:RegisterDelegatedAdministrator"),
    Moment("organizations:PutResourcePolicy"),
    Moment("iam:CreateRole", "lake-organization"),
    Moment("iam:PutRolePolicy", "lake-organization"),
    Moment("cloudformation:CreateStackSet"),
    Moment("cloudformation:CreateStackInstances"),
    Moment("s3:CreateBucket", "-state"),
)
DEMONSTRATING = (
    Moment("organizations:CreateAccount", nth=2),
    Moment("glue:PutResourcePolicy", nth=2),
    Moment("s3:PutObject", "-drop/flights/", nth=20),
    Moment("s3:PutObject", "-processed/flights/", nth=5),
    Moment("athena:StartQueryExecution", nth=20),
)
ENROLLING = (
    Moment("glue:PutResourcePolicy"),
    Moment("athena:CreateDataCatalog", nth=2),
    Moment("athena:StartQueryExecution"),
    Moment("glue:CreateTable", "cross_silo_sources"),
    Moment("s3:PutObject", "state/applied/enroll"),
    Moment("s3:PutObject", "state/applied/publish"),
)
DELIVERING = (
    Moment("s3:GetObjectVersion", "-drop/flights/"),
    Moment("s3:PutObject", "-raw/"),
    Moment("s3:PutObject", "receipts/flights/by-key"),
    Moment("s3:PutObject", "-processed/flights/"),
    Moment("glue:BatchCreatePartition"),
    Moment("s3:PutObject", "-quarantine/flights/"),
    Moment("s3:PutObject", "receipts/flights/by-content"),
    Moment("s3:PutObject", "receipts/planes/"),
    Moment("s3:PutObject", "-run/runs/"),
    Moment("s3:PutObject", "-records/"),
)
VICTIMS: tuple[Hurt, ...] = (kill_cloud, kill_kernel, kill_command)
WHOLE = os.environ.get("SILOLAKE_SOAK") == "whole"
SEED = 2013


def campaign(moments: tuple[Moment, ...], calls: range, *, kernels: bool = True) -> list[tuple[Moment, Hurt]]:
    """Every moment with every victim, and the calls of those numbers, whatever they are.

    Where the campaign is only sampled, a moment for each victim. There are none but the cloud and the command where
    the command needs no kernels.
    """
    victims = VICTIMS if kernels else (kill_cloud, kill_command)
    named = [(moment, victim) for moment, victim in product(moments, victims) if can_be(moment, victim)]
    if WHOLE:
        return [*named, *product((Moment(nth=number) for number in calls), (kill_cloud, kill_command))]
    chance = random.Random(SEED)
    chosen: dict[Moment, Hurt] = {}
    for victim in victims:
        chosen[chance.choice([m for m, of in named if of is victim and m not in chosen])] = victim
    return list(chosen.items())


def can_be(moment: Moment, victim: Hurt) -> bool:
    """There is no kernel when the command itself keeps the records, and what was applied."""
    by_the_command = ("state/applied", "-run/runs/", "-records/")
    return victim is not kill_kernel or not any(part in moment.resource for part in by_the_command)


def some_of(*moments: Moment) -> tuple[Moment, ...]:
    """All of them, or the first where the campaign is only sampled."""
    return moments if WHOLE else moments[:1]


def told(part: Moment | Hurt) -> str:
    """A part of a test's id."""
    return str(part) if isinstance(part, Moment) else part.__name__


@dataclass(frozen=True)
class Undisturbed:
    """A lake's state before a command, down; and what is observed after the command when nothing hurts it."""

    before: SmallLake
    after: dict[str, Any]


@pytest.fixture(scope="module")
def bootstrapping(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallLake, dict[str, Any]]:
    """A bootstrapped organization, down; and what is observed of it."""
    lake = make_small(tmp_path_factory.mktemp("bootstrapped"))
    with standing(lake):
        lake.silolake("bootstrap")
        return lake, bootstrapped(lake)


@pytest.fixture(scope="module")
def provisioning(
    bootstrapping: tuple[SmallLake, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    """A bootstrapped organization, and the lake that ``apply`` makes of it."""
    return _undisturbed(bootstrapping[0], tmp_path_factory.mktemp("provisioned"))


@pytest.fixture(scope="module")
def delivery(provisioning: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A provisioned lake with new deliveries, one with a broken line, and what ``apply`` makes of them."""
    before = copy_of(provisioning.before, tmp_path_factory.mktemp("before-delivery"))
    with standing(before):
        before.silolake("apply")
        for (silo, key), content in small_deliveries().items():
            spoilt = content.replace(b",EWR,IAH,", b",EWR,Houston,", 1) if key == FLIGHTS else content
            before.deliver(silo, key, spoilt)
    return _undisturbed(before, tmp_path_factory.mktemp("delivered"))


def _undisturbed(before: SmallLake, folder: Path) -> Undisturbed:
    with standing(copy_of(before, folder)) as lake:
        did_all(lake.silolake("apply", check=False))
        found = Undisturbed(before, observe(lake))
        assert Counter(each["status"] for each in journal(lake)) == {"completed": len(journal(lake))}
        did_nothing_twice(lake, None)
    return found


def did_all(applied: CompletedProcess[str]) -> None:
    """Every run of an ``apply`` completed; only the broken line may be told as well, by exit code 1."""
    assert "did not complete" not in applied.stdout, applied.stdout + applied.stderr
    assert applied.returncode == 0 or "not taken as delivered" in applied.stdout, applied.stdout + applied.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Callable[[Undisturbed], SmallLake]]:
    """A lake of one's own in a state, up; whatever is left of it at the end is stopped."""
    made: list[SmallLake] = []

    def copy(of: Undisturbed) -> SmallLake:
        made.append(copy_of(of.before, tmp_path))
        made[0].up()
        return made[0]

    yield copy
    for lake in made:
        lake.down()


Copy = Callable[[Undisturbed], SmallLake]


def go_through(lake: SmallLake, expected: Undisturbed, moment: Moment, victim: Hurt) -> Ended:
    """Hurt an ``apply``, bring back what is dead, apply again: the final state is the undisturbed one."""
    ended = hurt_during(lake, ("apply",), moment, victim)
    if victim is not kill_command:
        assert ended.code not in (0, -9), ended
        assert "Traceback" not in ended.said
    if victim is kill_cloud:
        lake.up()
    before = finished(lake)
    did_all(lake.silolake("apply", check=False))
    is_as_undisturbed(lake, expected, before)
    return ended


def is_as_undisturbed(lake: SmallLake, expected: Undisturbed, before: Finished | None) -> None:
    """The final state, nothing left to do, no run that is said to go on, and nothing that was done twice.

    Args:
        lake: as it is in the end.
        expected: what it must be.
        before: what was finished when something was killed; ``None`` if nothing was.
    """
    assert observe(lake) == expected.after
    assert "Nothing to do" in lake.silolake("plan").stdout
    assert not [each for each in journal(lake) if each["status"] == "running"]
    did_nothing_twice(lake, before)


@pytest.mark.soak
@pytest.mark.parametrize(("moment", "victim"), campaign(BOOTSTRAPPING, range(5, 150, 10), kernels=False), ids=told)
def test_a_kill_during_bootstrapping_is_made_good_by_bootstrapping_again(
    bootstrapping: tuple[SmallLake, dict[str, Any]], tmp_path: Path, moment: Moment, victim: Hurt
) -> None:
    """Bootstrapping keeps no journal: each step looks for what is there already."""
    with standing(make_small(tmp_path)) as lake:
        hurt_during(lake, ("bootstrap",), moment, victim)
        if victim is kill_cloud:
            lake.up()
        lake.silolake("bootstrap")
        assert bootstrapped(lake) == bootstrapping[1]
        assert lake.silolake("bootstrap", "--dry-run").stdout.strip() == "Nothing to do."


@pytest.mark.soak
@pytest.mark.skipif(not WHOLE, reason="a demo killed and run again takes two minutes: make soak")
@pytest.mark.parametrize(("moment", "victim"), [*product(DEMONSTRATING, (kill_cloud, kill_command))], ids=told)
def test_a_demo_that_was_killed_is_brought_to_its_end_by_the_next(tmp_path: Path, moment: Moment, victim: Hurt) -> None:
    """The same answer, every delivery there and promoted once, nothing left to do; whatever is up or down."""
    lake = SmallLake(make_workspace(tmp_path))
    lake.up()
    try:
        hurt_during(lake, ("demo",), moment, victim)
        again = lake.silolake("demo", "--json", timeout=600)
        said = json.loads(again.stdout)
        assert [row["flights"] for row in said["answer"]] == ["120835", "111279", "104662"]
        assert len(said["denied"]) == 4
        assert "Nothing to do" in lake.silolake("plan").stdout
        did_nothing_twice(lake, Finished())
    finally:
        lake.down()


@pytest.mark.soak
@pytest.mark.parametrize(("moment", "victim"), campaign(PROVISIONING + ENROLLING, range(10, 900, 30)), ids=told)
def test_a_kill_during_provisioning_loses_nothing_and_does_nothing_twice(
    provisioning: Undisturbed, copied: Copy, moment: Moment, victim: Hurt
) -> None:
    go_through(copied(provisioning), provisioning, moment, victim)


@pytest.mark.soak
@pytest.mark.parametrize(("moment", "victim"), campaign(DELIVERING, range(10, 200, 10)), ids=told)
def test_a_kill_during_a_delivery_loses_no_row_and_promotes_none_twice(
    delivery: Undisturbed, copied: Copy, moment: Moment, victim: Hurt
) -> None:
    go_through(copied(delivery), delivery, moment, victim)


@pytest.mark.soak
@pytest.mark.parametrize("moment", some_of(Moment("glue:PutResourcePolicy"), *PROVISIONING), ids=told)
def test_ctrl_c_says_how_to_go_on_and_the_next_apply_does(
    provisioning: Undisturbed, copied: Copy, moment: Moment
) -> None:
    ended = go_through(copied(provisioning), provisioning, moment, interrupt_command)
    assert ended.code == 130, ended
    assert ended.said.rstrip().endswith("interrupted during the command; run the same command again to go on.")


@pytest.mark.soak
@pytest.mark.parametrize("moment", some_of(*PROVISIONING, *ENROLLING), ids=told)
def test_of_two_applies_on_one_lake_one_works_and_the_other_says_who_does(
    provisioning: Undisturbed, copied: Copy, moment: Moment
) -> None:
    """The second is typed when the first has come as far as the moment."""
    lake = copied(provisioning)
    before, one, other = calls_so_far(lake), lake.root.parent / "one.txt", lake.root.parent / "other.txt"
    with typed(lake, ("apply",), one) as first:
        await_moment(lake, moment, before, lambda: first.poll() is not None, one)
        with typed(lake, ("apply",), other) as second:
            codes = first.wait(timeout=120), second.wait(timeout=120)
    told_by_second = other.read_text()
    if moment in PROVISIONING or codes[1]:
        assert codes == (0, 1), one.read_text() + told_by_second
        assert f"the lease apply is held by {socket.gethostname()}/{first.pid}/" in told_by_second
        assert "Wait for it, or stop that process" in told_by_second
    else:
        assert "Nothing to do" in told_by_second
    is_as_undisturbed(lake, provisioning, None)
