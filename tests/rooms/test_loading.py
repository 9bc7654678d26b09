"""Loading a workspace: what is read, what is refused and where."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from silolake import rooms
from silolake.contracts import Contract
from silolake.errors import NotAWorkspace, RoomError
from silolake.model import AccountId
from silolake.rooms import Endpoint, LocalCloud, OnDelivery, OnSchedule, Profile, Retries, View

CASES = Path(__file__).parents[1] / "cases" / "rooms"
FAULTS = YAML(typ="safe").load((CASES / "faults.yaml").read_text("utf-8"))
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A small workspace that is right, to be spoilt."""
    return Path(shutil.copytree(CASES / "base", tmp_path / "workspace"))


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["name"])
def test_a_fault_is_told_with_file_line_and_what_to_do(case: dict[str, Any], workspace: Path) -> None:
    """The table of tests/cases/rooms/faults.yaml."""
    file = workspace / case["file"]
    if "gone" in case:
        (workspace / case["gone"]).unlink()
    elif "text" in case:
        file.write_text(case["text"], "utf-8")
    else:
        text = file.read_text("utf-8")
        assert text.count(case["old"]) == 1, "the case changes one place"
        file.write_text(text.replace(case["old"], case["new"]), "utf-8")
    with pytest.raises(RoomError) as caught:
        rooms.load(workspace)
    error = caught.value
    assert (error.path, error.line) == (case["file"], case["line"]), str(error)
    assert case["says"] in error.problem, str(error)
    assert case["advice"] in error.advice, str(error)
    assert error.advice.endswith((".", "?")), str(error)


def test_the_base_of_the_cases_is_right(workspace: Path) -> None:
    loaded = rooms.load(workspace)
    assert loaded.settings.bucket(AccountId("111111111111"), "drop") == "post-111111111111-eu-west-1-drop"
    assert isinstance(loaded.settings.cloud, LocalCloud)
    organization = loaded.organization
    assert list(organization.units) == ["platform", "silos", "shared"]
    assert organization.accounts["audit"].id == AccountId("222222222222")
    assert organization.accounts["rome"].tags == {"kind": "office", "size": "2"}
    assert organization.accounts["audit"].mode == "observed"
    assert [each.stack_set for each in organization.deployments] == ["keys", "base"]
    assert [each.retain for each in organization.deployments] == [True, False]
    assert [(rail.policy, rail.kind, rail.targets) for rail in organization.guard_rails] == [
        ("stay_inside.scp", "scp", ("silos", "shared"))
    ]
    pipeline = loaded.pipelines["parcels"]
    assert [account.name for account in organization.selected(pipeline.targets)] == ["rome"]
    assert [(step.name, step.notebook, step.parameters) for step in pipeline.steps] == [
        ("validate", "notebooks/validate.ipynb", {}),
        ("count", "notebooks/count.ipynb", {"deep": True, "limit": 10}),
    ]
    assert loaded.contracts == {"parcels": pipeline.contract}
    view = loaded.views["parcels_everywhere"]
    assert view.sources["parcels"].table == "parcels_in_ou_silos"
    assert view.cases[0].given["parcels"][1] == {"silo": "oslo", "code": "B1", "weight": 1.5}
    assert view.cases[0].expected == ({"silo": "rome", "code": "A1"}, {"silo": "oslo", "code": "B1"})
    assert loaded.stack_sets["base"].line_of("Resources", "DropPolicy", "Type") == 13
    assert loaded.stack_sets["base"].line_of("Resources", "Nothing") == 4


@pytest.mark.parametrize(
    ("text", "cloud"),
    [
        ("{endpoint: 'https://127.0.0.1:4650'}", Endpoint("https://127.0.0.1:4650")),
        ("{profile: lake-dev}", Profile("lake-dev")),
    ],
)
def test_a_cloud_is_reached_in_three_ways(text: str, cloud: object, workspace: Path) -> None:
    file = workspace / "silolake.yaml"
    file.write_text(file.read_text("utf-8").replace("{local: true}", text), "utf-8")
    assert rooms.load(workspace).settings.cloud == cloud


def test_rooms_survive_a_workers_pickle(workspace: Path) -> None:
    loaded = rooms.load(workspace)
    assert pickle.loads(pickle.dumps(loaded)) == loaded


def test_two_pipelines_do_not_make_one_product(workspace: Path) -> None:
    second = workspace / "pipelines" / "post"
    shutil.copytree(workspace / "pipelines" / "parcels", second)
    file = second / "pipeline.yaml"
    text = file.read_text("utf-8").replace("name: parcels\n", "name: post\n").replace("drop: parcels/", "drop: post/")
    file.write_text(text, "utf-8")
    with pytest.raises(RoomError, match=r"pipelines/post/pipeline.yaml:6: two pipelines make the product 'parcels'"):
        rooms.load(workspace)


def test_drops_of_two_pipelines_do_not_overlap(workspace: Path) -> None:
    second = workspace / "pipelines" / "post"
    shutil.copytree(workspace / "pipelines" / "parcels", second)
    file = second / "pipeline.yaml"
    text = (
        file.read_text("utf-8").replace("name: parcels\n", "name: post\n").replace("drop: parcels/", "drop: parcels/x/")
    )
    file.write_text(text, "utf-8")
    contract = second / "contract.yaml"
    contract.write_text(contract.read_text("utf-8").replace("- name: parcels", "- name: post"), "utf-8")
    with pytest.raises(RoomError, match=r"pipelines/post/pipeline.yaml:5: the drop 'parcels/x/' overlaps"):
        rooms.load(workspace)


def test_a_file_that_is_not_utf_8_is_told_with_its_line(workspace: Path) -> None:
    file = workspace / "pipelines" / "parcels" / "pipeline.yaml"
    file.write_bytes(file.read_bytes().replace(b"What an office", b"What an \xe9office"))
    with pytest.raises(RoomError, match=r"pipelines/parcels/pipeline.yaml:2: this is not UTF-8"):
        rooms.load(workspace)


def test_what_the_sql_says_is_judged_by_the_function_that_is_handed_over(workspace: Path) -> None:
    def judge(view: View, contracts: Mapping[str, Contract]) -> None:
        known = {column.name for column in contracts["parcels"].columns}
        if "wait" not in known:
            raise RoomError(view.sql_path, 1, "no source has the column wait", "Write weight.")

    with pytest.raises(RoomError, match=r"parcels_everywhere/view.sql:1: no source has the column wait"):
        rooms.load(workspace, judge)


def test_the_root_is_found_from_below_and_nowhere_else(workspace: Path, tmp_path: Path) -> None:
    assert rooms.find_root(workspace / "pipelines" / "parcels") == workspace.resolve()
    with pytest.raises(NotAWorkspace, match="silolake init"):
        rooms.find_root(tmp_path)
    with pytest.raises(NotAWorkspace):
        rooms.load(tmp_path)


NOTEBOOKS = {"validate": "silo: str = ...  # whose", "count": "deep: bool = False  # how\nlimit: int = 1  # how many"}


def write_notebook(workspace: Path, name: str, parameters: str) -> None:
    """A notebook with one cell, its parameters."""
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": parameters}
    (workspace / "notebooks").mkdir(exist_ok=True)
    (workspace / "notebooks" / f"{name}.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}), "utf-8")


def test_a_missing_notebook_is_told_where_it_is_named(workspace: Path) -> None:
    write_notebook(workspace, "validate", NOTEBOOKS["validate"])
    with pytest.raises(RoomError, match=r"pipelines/parcels/pipeline.yaml:10: there is no notebook"):
        rooms.check_notebooks(rooms.load(workspace))


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("deep: bool = False", "10: notebooks/count.ipynb: it takes no parameter 'limit'"),
        ("deep: str = ''\nlimit: int = 1", "10: notebooks/count.ipynb: the parameter 'deep' is a str, not True"),
        ("deep: bool = False\nlimit: int = 1\nwhere: str = ...", "10: .*the parameter 'where' must be given"),
        ("deep: bool = False\nlimit: int = 1\nsilo: str = ...", ""),
    ],
)
def test_a_step_gives_what_its_notebook_takes(workspace: Path, parameters: str, told: str) -> None:
    """The silo, the pipeline and the due time are said by the run itself."""
    for name, said in {**NOTEBOOKS, "count": parameters}.items():
        write_notebook(workspace, name, said)
    loaded = rooms.load(workspace)
    if not told:
        rooms.check_notebooks(loaded)
        return
    with pytest.raises(RoomError, match=f"pipelines/parcels/pipeline.yaml:{told}"):
        rooms.check_notebooks(loaded)


FULL = """\
name: parcels
description: What an office was handed.
executor: platform
targets: ou:silos
drop: parcels/
contract: contract.yaml
triggers:
  - delivery
  - schedule: cron(0 6 * * ? *)
    time_zone: Europe/Rome
    missed: all
waves: ["account:oslo"]
at_once: 3
failure_tolerance: 25%
steps:
  - {name: last, notebook: notebooks/count.ipynb, after: [left, right]}
  - {name: first, notebook: notebooks/validate.ipynb, after: [], timeout_s: 60}
  - {name: left, notebook: notebooks/count.ipynb, after: [first], targets: "tag:kind=office"}
  - name: right
    notebook: notebooks/count.ipynb
    after: [first]
    retries: {attempts: 3, backoff_s: 1, on: [throttled]}
"""


def test_a_pipeline_says_when_in_which_order_and_how_carefully(workspace: Path) -> None:
    (workspace / "pipelines" / "parcels" / "pipeline.yaml").write_text(FULL, "utf-8")
    pipeline = rooms.load(workspace).pipelines["parcels"]
    assert pipeline.triggers == (OnDelivery(), OnSchedule("cron(0 6 * * ? *)", "Europe/Rome", "all"))
    assert [step.name for step in pipeline.steps] == ["first", "left", "right", "last"]
    assert [str(each) for each in pipeline.waves] == ["account:oslo"]
    assert (pipeline.at_once, pipeline.tolerance(3), pipeline.tolerance(8)) == (3, 0, 2)
    steps = {step.name: step for step in pipeline.steps}
    assert steps["right"].retries == Retries(3, 1.0, ("throttled",))
    assert (steps["first"].timeout_s, str(steps["left"].targets)) == (60, "tag:kind=office")


def _parts(root: Path) -> dict[str, str]:
    loaded = rooms.load(root)
    parts = {
        "settings": loaded.settings,
        "organization": loaded.organization,
        "pipeline": loaded.pipelines["parcels"],
        "view": loaded.views["parcels_everywhere"],
        "policy": loaded.policies["zone.bucket"],
        "stack set": loaded.stack_sets["base"],
        "contract": loaded.contracts["parcels"],
    }
    return {name: rooms.digest_of(part) for name, part in parts.items()}


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("silolake.yaml", "stage: dev", "stage: prod", {"settings"}),
        ("provisioning/organization.yaml", 'size: "2"', 'size: "3"', {"organization"}),
        ("pipelines/parcels/pipeline.yaml", "limit: 10", "limit: 11", {"pipeline"}),
        ("pipelines/parcels/contract.yaml", "value: 18", "value: 19", {"pipeline", "contract"}),
        ("cross_silo_views/parcels_everywhere/view.sql", "select silo", "select distinct silo", {"view"}),
        ("cross_silo_views/parcels_everywhere/cases/one.yaml", "1.5", "2.5", set()),
        ("provisioning/policies/zone.bucket.json", "GetObject", "PutObject", {"policy"}),
        ("provisioning/policies/zone.bucket.json", '      "Sid"', '"Sid"', set()),
        ("provisioning/stack_sets/base.yaml", "Default: 30", "Default: 31", {"stack set"}),
        ("provisioning/stack_sets/base.yaml", "Outputs:", "# what it makes\nOutputs:", set()),
        ("silolake.yaml", "lake: post", "# ours\nlake: post", set()),
    ],
)
def test_a_digest_follows_what_a_part_says(file: str, old: str, new: str, changed: set[str], workspace: Path) -> None:
    """Comments, layout and cases do not count; everything that something is made from does."""
    before = _parts(workspace)
    text = (workspace / file).read_text("utf-8")
    assert old in text
    (workspace / file).write_text(text.replace(old, new), "utf-8")
    after = _parts(workspace)
    assert {name for name in before if before[name] != after[name]} == changed


def test_the_rooms_of_this_repository_load() -> None:
    loaded = rooms.load(REPOSITORY)
    airports = ["ewr", "jfk", "lga"]
    targets: Callable[[str], list[str]] = lambda name: [  # noqa: E731
        account.name for account in loaded.organization.selected(loaded.pipelines[name].targets)
    ]
    assert targets("flights") == targets("weather") == airports
    assert targets("planes") == ["fleet"]
    assert sorted(loaded.contracts) == ["flights", "planes", "weather"]
    assert loaded.views["delay_causes"].published == "partitioned_table"
    assert {source.table for source in loaded.views["delay_causes"].sources.values()} == {
        "flights_in_ou_silos",
        "weather_in_ou_silos",
        "planes_in_ou_silos",
    }
    assert len(loaded.views["delay_causes"].cases) >= 3
