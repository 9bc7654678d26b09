"""A run that is killed between any two writes is run again, and ends where one that was not killed does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from silo_desk import ROOT, Silo

from silolake import pipelines
from silolake.cloud import Cloud

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

HEADER, *LINES = (ROOT / "pipelines/flights/samples/good.csv").read_bytes().splitlines(keepends=True)
JANUARY, FEBRUARY = LINES[:-1], LINES[-1:]
BROKEN = JANUARY[-1].replace(b",1228,", b",99999,")
FIRST = HEADER + b"".join((*JANUARY, *FEBRUARY))
SECOND = HEADER + b"".join((*JANUARY[:3], BROKEN))
THIRD = HEADER + FEBRUARY[0].replace(b",890,", b",777,")
_WRITES = ("put_", "copy_", "delete_", "batch_create_")


class Killed(BaseException):
    """What no handler of the engine catches."""


class Mortal(Cloud):
    """Asks as another cloud does, and dies instead of its n-th write."""

    def __init__(self, cloud: Cloud, lives: int) -> None:
        super().__init__(cloud.reach, cloud.credentials)
        self.lives = lives

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation.startswith(_WRITES):
            self.lives -= 1
            if self.lives < 0:
                raise Killed
        return super().call(service, operation, **parameters)


def run(silo: Silo, cloud: Cloud | None = None) -> None:
    pipelines.validate(cloud or silo.runner, silo.rooms, "flights", silo.account).raise_if_incomplete()


def state(silo: Silo) -> tuple[object, ...]:
    """All that a run leaves and a person may see; version ids differ from one course of a test to the next."""
    receipts = silo.receipts()
    told = sorted(
        (each["status"], each["sha256"], each["rows"]["good"], each["rows"]["bad"], str(each["partitions"]))
        for key, each in receipts.items()
        if key.count("/") == 2
    )
    stands = sorted((entry["sha256"], len(entry["files"])) for key, entry in receipts.items() if "/by-key/" in key)
    contents = sorted(key for key in receipts if "/by-content/" in key)
    rows = sorted(silo.rows("flights").column("flight").to_pylist())
    quarantined = sorted(silo.read("quarantine", key) for key in silo.keys("quarantine", "flights/"))
    return told, stands, contents, rows, sorted(silo.partitions("flights")), quarantined


def prepared(silo: Silo) -> None:
    """A first version stands; a second, touching one partition less and with a bad row, is delivered."""
    silo.deliver("flights/2013-01.csv", FIRST)
    run(silo)
    silo.deliver("flights/2013-01.csv", SECOND)


@pytest.fixture
def unkilled(silo: Silo) -> tuple[object, ...]:
    prepared(silo)
    run(silo)
    return state(silo)


def test_a_second_run_ends_where_one_that_was_not_killed_does(
    unkilled: tuple[object, ...], silos: Callable[[], Silo]
) -> None:
    """Whichever of its writes it died before."""
    deaths = 0
    while True:
        silo = silos()
        prepared(silo)
        try:
            run(silo, Mortal(silo.runner, deaths))
            break
        except Killed:
            deaths += 1
        assert len(pipelines.new_drops(silo.runner, silo.rooms, silo.rooms.pipelines["flights"], silo.account)) == 1
        run(silo)
        assert state(silo) == unkilled
    # raw, what may stand, the file, its partition, what stands no more, what stands, bad rows, the content, the receipt
    assert deaths == 9


def test_a_version_that_a_killed_run_left_half_done_is_replaced_whole(silos: Callable[[], Silo]) -> None:
    """Its rows were not yet told of by any receipt when a third version came."""
    for lives in range(2, 7):
        silo = silos()
        prepared(silo)
        with pytest.raises(Killed):
            run(silo, Mortal(silo.runner, lives))
        silo.deliver("flights/2013-01.csv", THIRD)
        run(silo)
        assert silo.rows("flights").column("flight").to_pylist() == [777]
        assert sorted(each["status"] for key, each in silo.receipts().items() if key.count("/") == 2) == [
            "accepted",
            "accepted",
            "superseded",
        ]
