"""Every pipeline's samples: the good delivery keeps its contract, the bad one breaks it as its receipt says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from silolake.contracts import Contract, check_csv, read_contract

ROOT = Path(__file__).parents[2]
PIPELINES = sorted(path.parent for path in ROOT.glob("pipelines/*/pipeline.yaml"))


def contract_of(folder: Path) -> Contract:
    path = folder / "contract.yaml"
    return read_contract(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())


@pytest.mark.parametrize("folder", PIPELINES, ids=lambda folder: folder.name)
def test_the_good_sample_keeps_the_contract(folder: Path) -> None:
    with (folder / "samples" / "good.csv").open("rb") as stream:
        checked = check_csv(stream, contract_of(folder))
    assert checked.is_good, [str(fault) for fault in checked.faults]
    assert checked.rows_good == checked.rows_total > 0
    assert checked.rejected == b""


@pytest.mark.parametrize("folder", PIPELINES, ids=lambda folder: folder.name)
def test_the_bad_sample_is_told_line_by_line(folder: Path) -> None:
    with (folder / "samples" / "bad.csv").open("rb") as stream:
        checked = check_csv(stream, contract_of(folder))
    assert checked.receipt() == json.loads((folder / "samples" / "bad.receipt.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", PIPELINES, ids=lambda folder: folder.name)
def test_what_is_rejected_is_what_was_delivered_and_breaks_the_contract_again(folder: Path) -> None:
    """A quarantined file holds the broken records alone, byte for byte, under the header."""
    delivered = (folder / "samples" / "bad.csv").read_bytes()
    with (folder / "samples" / "bad.csv").open("rb") as stream:
        checked = check_csv(stream, contract_of(folder))
    header, *rows = checked.rejected.splitlines(keepends=True)
    assert delivered.startswith(header)
    assert all(row in delivered for row in rows)


def test_there_are_pipelines_to_hold_samples() -> None:
    assert {folder.name for folder in PIPELINES} >= {"flights", "weather", "planes"}
