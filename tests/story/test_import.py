"""A workspace written from what is observed says what is there: its first plan is empty, and it lints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from silolake.rooms import load

from .small_lakes import SmallLake, copy_of, standing
from .workspaces import silolake

pytestmark = pytest.mark.xdist_group("drift")

MAP = """\
pipelines:
  - name: Sample-VPC
    default_providers: {source: {provider: codecommit}}
    targets:
      - /analytics
      - path: /silos
        exclude: ["<fleet>"]
        regions: eu-west-1
      - approval
      - "<fleet>"
  - name: elsewhere
    targets: [/banking/testing, "999999999999"]
"""


@pytest.fixture(scope="module")
def lake(settled: SmallLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLake]:
    """A copy of one's own: import takes over what it knows."""
    with standing(copy_of(settled, tmp_path_factory.mktemp("imported"))) as made:
        yield made


@pytest.fixture(scope="module")
def imported(lake: SmallLake) -> Path:
    """The workspace that import wrote, on the same local cloud."""
    folder = lake.root.parent / "imported"
    lake.silolake("import", str(folder), "--lake", "nyc")
    (folder / ".silolake").symlink_to(lake.data)
    return folder


def test_the_first_plan_of_an_imported_workspace_is_empty_and_it_lints(lake: SmallLake, imported: Path) -> None:
    assert silolake(imported, "plan").stdout.startswith("Nothing to do")
    assert "failed" not in silolake(imported, "lint").stdout


def test_what_is_written_is_what_was_declared(lake: SmallLake, imported: Path) -> None:
    """Ids stand nowhere in it; units and accounts belong to whoever owns them until somebody says otherwise."""
    before, after = load(lake.root), load(imported)
    assert set(after.organization.units) == set(before.organization.units)
    assert {each.name: (each.email, each.unit, dict(each.tags)) for each in after.organization.accounts.values()} == {
        each.name: (each.email, each.unit, dict(each.tags)) for each in before.organization.accounts.values()
    }
    assert {each.mode for each in after.organization.accounts.values()} == {"observed"}
    assert after.organization.delegations == before.organization.delegations
    assert {each.policy: set(each.targets) for each in after.organization.guard_rails} == {
        each.policy: set(each.targets) for each in before.organization.guard_rails
    }
    assert {each.stack_set: (each.units, each.depends_on) for each in after.organization.deployments} == {
        each.stack_set: (each.units, each.depends_on) for each in before.organization.deployments
    }
    for key in ("silo_catalog.glue", "protect_lake.scp", "silo_isolation.rcp"):
        assert set(json.loads(after.policies[key].text)) == set(json.loads(before.policies[key].text))
    ids = [each.id.text for each in lake.organization.accounts.values()]
    texts = [path.read_text() for path in (imported / "provisioning").rglob("*.*")]
    assert not [account for account in ids for text in texts if account in text]


def test_nothing_is_written_over(lake: SmallLake, imported: Path) -> None:
    before = {path: path.read_bytes() for path in imported.rglob("*.yaml")}
    done = lake.silolake("import", str(imported), "--lake", "nyc", check=False)
    assert done.returncode == 1
    assert "is there already. Import into an empty folder" in done.stderr
    assert {path: path.read_bytes() for path in imported.rglob("*.yaml")} == before


def test_a_deployment_maps_targets_become_pipelines_and_the_rest_is_told(lake: SmallLake, tmp_path: Path) -> None:
    written, folder = tmp_path / "deployment_map.yml", tmp_path / "mapped"
    written.write_text(MAP.replace("<fleet>", lake.organization.account("fleet").id.text))
    told = lake.silolake("import", str(folder), "--lake", "nyc", "--deployment-map", str(written)).stdout
    pipeline = load(folder).pipelines["sample_vpc"]
    assert [each.text for each in pipeline.waves] == ["ou:analytics", "ou:silos -account:fleet", "account:fleet"]
    assert pipeline.targets.text == "ou:analytics, ou:silos -account:fleet, account:fleet"
    for line in (
        "not mapped: Sample-VPC: default_providers say what is deployed, which has no answer here",
        'not mapped: Sample-VPC: regions of a target, "eu-west-1"',
        "not mapped: Sample-VPC: an approval; here a plan is reviewed before it is applied",
        "not mapped: elsewhere: the path /banking/testing is no unit directly under the root",
        "not mapped: elsewhere: the account 999999999999 is none of the organization's",
        "not mapped: elsewhere is left out: none of its targets maps",
    ):
        assert line in told.splitlines()
    (folder / ".silolake").symlink_to(lake.data)
    assert "failed" not in silolake(folder, "lint").stdout
