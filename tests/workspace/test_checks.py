"""What a commit is held to before it is applied; each thing that is wrong is named, and where."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from silolake import checks, rooms
from silolake.cross_silo_views import check_view

ROOT = Path(__file__).parents[2]
ROOMS = ("provisioning", "pipelines", "cross_silo_views", "notebooks")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checks") / "workspace"
    for room in ROOMS:
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copy(ROOT / "silolake.yaml", root)
    return root


def load(root: Path) -> rooms.Rooms:
    return rooms.load(root, view_check=check_view)


def test_this_workspace_has_nothing_to_mend(copied: Path) -> None:
    loaded = load(copied)
    assert [str(each) for each in (*checks.lint(loaded), *checks.test(loaded)) if each.problem] == []
    assert len(list(checks.test(loaded))) >= 12


SAMPLES = "pipelines/flights/samples"
SPOILT = [
    (f"{SAMPLES}/good.csv", "2013,1,1,517", "2013,13,1,517", f"{SAMPLES}/good.csv: it breaks the contract"),
    (f"{SAMPLES}/bad.receipt.json", '"line": ', '"line": 1', "bad.receipt.json: the bad sample's"),
    (f"{SAMPLES}/bad.receipt.json", "{", "", "bad.receipt.json: it is not JSON"),
    (
        "cross_silo_views/delay_causes/view.sql", "left join planes", "join planes",
        "delay_causes: a flight is kept, whether or not its aircraft and its weather are known: it does not answer {",
    ),
    ("notebooks/pipelines/validate_drop.ipynb", "pipeline: str", "pipe: str", "steps and their notebooks: pipelines/"),
]  # fmt: skip


@pytest.fixture
def spoil(copied: Path) -> Iterator[object]:
    """Changes a file, and puts it back."""
    changed: dict[Path, str] = {}

    def change(file: str, old: str, new: str) -> None:
        path = copied / file
        changed[path] = path.read_text()
        assert old in changed[path]
        path.write_text(changed[path].replace(old, new))

    yield change
    for path, text in changed.items():
        path.write_text(text)


@pytest.mark.parametrize(("file", "old", "new", "told"), SPOILT, ids=[f"{each[0]}: {each[1]}" for each in SPOILT])
def test_what_is_wrong_is_named(copied: Path, spoil: object, file: str, old: str, new: str, told: str) -> None:
    spoil(file, old, new)  # type: ignore[operator]
    loaded = load(copied)
    failed = [str(each) for each in (*checks.lint(loaded), *checks.test(loaded)) if each.problem]
    assert any(told in each for each in failed), failed
