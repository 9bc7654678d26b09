"""A plan that was saved is performed as it was seen: what has moved since is refused, and nothing else is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Lake
from .small_lakes import change
from .workspaces import commit

pytestmark = pytest.mark.xdist_group("lake")

WHO = "description: Who built it."


@pytest.fixture
def contract(lake: Lake) -> Iterator[Path]:
    """The planes' contract, which the test changes; afterwards the lake is as it was."""
    path = lake.root / "pipelines" / "planes" / "contract.yaml"
    before = path.read_text()
    yield path
    path.write_text(before)
    commit(lake.root, "As it was")
    lake.silolake("apply")


def comment(lake: Lake) -> str:
    """What the registry's table says of the maker."""
    table = lake.as_("fleet", "OrganizationAccountAccessRole").call(
        "glue", "get_table", DatabaseName="processed", Name="planes"
    )["Table"]
    return next(str(c["Comment"]) for c in table["StorageDescriptor"]["Columns"] if c["Name"] == "manufacturer")


def test_a_saved_plan_is_performed_as_long_as_its_ground_holds(lake: Lake, contract: Path, tmp_path: Path) -> None:
    """Refused after the ground has moved, performed before; a second time there is nothing left of it."""
    saved = tmp_path / "plan.json"
    change(contract, WHO, "description: Its maker.")
    commit(lake.root, "Its maker")
    told = lake.silolake("plan", "--out", str(saved)).stdout
    assert f"silolake apply {saved} performs them." in told
    steps = json.loads(saved.read_text())["steps"]
    assert [each["name"] for each in steps] == ["provision", "publish/delay_causes"]

    change(contract, "description: Its maker.", "description: Whoever made it.")
    commit(lake.root, "Whoever made it")
    refused = lake.silolake("apply", str(saved), check=False)
    assert refused.returncode == 1
    assert "the ground of this step has moved since it was planned: provision. Plan again." in refused.stdout
    assert comment(lake) == "Who built it."

    change(contract, "description: Whoever made it.", "description: Its maker.")
    commit(lake.root, "Its maker, then")
    lake.silolake("apply", str(saved))
    assert comment(lake) == "Its maker."
    again = lake.silolake("apply", str(saved)).stdout
    assert "2 of the plan's steps have nothing left to do" in again and "Nothing to do" in again


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"silolake_plan": 1}', "\x00"])
def test_what_is_no_plan_is_refused(lake: Lake, tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    done = lake.silolake("apply", str(file), check=False)
    assert done.returncode == 1
    assert "plan" in done.stderr and "Traceback" not in done.stderr
