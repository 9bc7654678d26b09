"""A fifth airport joins by one entry of ``organization.yaml``, leaves, and comes back: the same rows.

Its few rows are made up, see ``fixtures/hpn``. Before it, the lake holds EWR and the registry.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from silolake.cloud.queries import query
from silolake.errors import CloudError

from .observed import ADMINISTRATOR, journal, observe, rows_of
from .outside import Shell
from .small_lakes import ORGANIZATION, SmallLake, copy_of, standing

pytestmark = pytest.mark.xdist_group("drift")

FIXTURES = Path(__file__).parent / "fixtures" / "hpn"
DECLARED = "email: hpn@nyc-lake.example\n    unit: "


@dataclass(frozen=True)
class Stage:
    """The lake after one change of ``organization.yaml`` was applied.

    Attributes:
        observed: what is there.
        policy: the Sids of HPN's catalog policy.
        kept: what lies in HPN's processed bucket: key, size, ETag.
        plan: what ``silolake plan`` says then.
        changed: the files that differ from the commit before, and those that are not committed.
    """

    observed: dict[str, Any]
    policy: list[str]
    kept: list[tuple[str, int, str]]
    plan: str
    changed: list[str]

    @property
    def rows(self) -> dict[str, dict[str, str | None]]:
        """HPN's rows in the view by flight, as head office's analyst reads them."""
        read = [json.loads(row) for row in self.observed["view"]]
        return {row["flight"]: row for row in read if row["silo"] == "hpn"}

    @property
    def others(self) -> list[str]:
        """Everybody else's rows there."""
        return [row for row in self.observed["view"] if json.loads(row)["silo"] != "hpn"]

    @property
    def sources(self) -> set[str]:
        """The silos whose flights the view's table has a partition of."""
        table = self.observed["in accounts"]["analytics"]["catalog"]["cross_silo_sources"]["flights_in_ou_silos"]
        return {values[0] for values, _ in table["partitions"]}


def look(lake: SmallLake) -> Stage:
    """What there is of HPN now."""
    owner = lake.as_("hpn", ADMINISTRATOR)
    try:
        statements = json.loads(owner.call("glue", "get_resource_policy")["PolicyInJson"])["Statement"]
    except CloudError as error:
        assert error.code == "EntityNotFoundException"
        statements = []
    listed = owner.pages("s3", "list_objects_v2", "Contents", Bucket=lake.bucket("hpn", "processed"))
    return Stage(
        observe(lake),
        [each["Sid"] for each in statements],
        [(each["Key"], each["Size"], each["ETag"]) for each in listed],
        lake.silolake("plan").stdout,
        git(lake, "diff", "--name-only", "HEAD~1") + git(lake, "status", "--short"),
    )


def git(lake: SmallLake, *words: str) -> list[str]:
    answer = subprocess.run(["git", *words], cwd=lake.root, capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()


@pytest.fixture(scope="module")
def lake(settled: SmallLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLake]:
    """A copy of one's own."""
    with standing(copy_of(settled, tmp_path_factory.mktemp("joining"))) as made:
        yield made


@pytest.fixture(scope="module")
def before(lake: SmallLake) -> dict[str, Any]:
    """What was there before HPN."""
    return observe(lake)


@pytest.fixture(scope="module")
def joined(lake: SmallLake, before: dict[str, Any], aws: Path) -> Stage:
    """HPN is declared, its files are put into its new drop zone by its administrator with the AWS CLI."""
    lake.declare_airport("hpn")
    lake.silolake("apply")
    Shell(lake, "hpn/administrator", aws, FIXTURES).text(
        "s3", "cp", ".", f"s3://{lake.bucket('hpn', 'drop')}/", "--recursive", "--exclude", "*.md", "--no-progress"
    )
    lake.silolake("apply")
    return look(lake)


@pytest.fixture(scope="module")
def departed(lake: SmallLake, joined: Stage) -> Stage:
    """HPN's unit is changed to ``departed``."""
    lake.declare(DECLARED + "silos", DECLARED + "departed")
    lake.silolake("apply")
    return look(lake)


@pytest.fixture(scope="module")
def rejoined(lake: SmallLake, departed: Stage) -> Stage:
    """HPN's unit is changed back to ``silos``."""
    lake.declare(DECLARED + "departed", DECLARED + "silos")
    lake.silolake("apply")
    return look(lake)


def test_one_entry_and_its_files_bring_an_airport_into_the_view(joined: Stage) -> None:
    """Every flight, with its hour's weather and its aircraft where there is one; nothing else has changed."""
    assert joined.changed == [str(ORGANIZATION)]
    shown = ("temp", "aircraft_age", "manufacturer")
    assert {number: tuple(row[name] for name in shown) for number, row in joined.rows.items()} == {
        "2901": ("37.04", "9", "EMBRAER"),
        "2902": ("37.94", "15", "AIRBUS INDUSTRIE"),
        "2903": ("37.94", None, None),
        "2904": ("39.02", None, None),
        "2905": (None, "14", "AIRBUS INDUSTRIE"),
    }
    assert joined.plan.startswith("Nothing to do")


def test_an_airport_that_joins_leaves_the_others_rows_as_they_were(before: dict[str, Any], joined: Stage) -> None:
    assert joined.others == before["view"]
    assert joined.observed["silos"]["ewr"] == before["silos"]["ewr"]
    assert joined.observed["silos"]["fleet"] == before["silos"]["fleet"]


def test_a_silo_that_joined_is_deployed_enrolled_and_probed(lake: SmallLake, joined: Stage) -> None:
    for name in ("nyc-dev-silo-data", "nyc-dev-silo-base"):
        assert ["<hpn>", "CURRENT", "SUCCEEDED"] in joined.observed["stack sets"][name]["instances"]
    assert joined.policy == ["LakeAnalyticsCatalogRead"]
    assert ["hpn", "GLUE"] in joined.observed["analytics knows"]
    assert joined.sources == {"ewr", "hpn"}
    first = [each for each in journal(lake) if each["facts"]["parameters"] == {"silo": "hpn"}][-1]
    assert (first["facts"]["notebook"], first["status"]) == ("provisioning/enroll_silo", "completed")
    record = json.loads(lake.silolake("runs", "show", first["run"], "--json").stdout)["record"]
    (verb,) = record["outcome"]["verbs"]
    assert [each["state"] for each in verb["steps"]] == ["done"] * 4
    assert verb["steps"][-1]["step"] == "probe hpn from analytics: flights, weather"


def test_head_office_asks_the_silo_itself_by_its_name(lake: SmallLake, rejoined: Stage) -> None:
    """The registered catalog, beside the view."""
    analyst = lake.as_("analytics", "analyst")
    answer = query(analyst, 'SELECT count(*), max(origin) FROM "hpn"."processed"."flights"', workgroup="lake")
    assert answer.rows == (("5", "HPN"),)


def test_an_airport_that_leaves_is_withdrawn_and_keeps_its_data(joined: Stage, departed: Stage) -> None:
    """Unknown to analytics, out of the view and its table, its catalog shared with nobody; every object still there."""
    assert departed.changed == [str(ORGANIZATION)]
    assert departed.rows == {}
    assert departed.others == joined.others
    assert departed.sources == {"ewr"}
    assert departed.policy == []
    assert ["hpn", "GLUE"] not in departed.observed["analytics knows"]
    for stack_set in departed.observed["stack sets"].values():
        assert "<hpn>" not in [account for account, *_ in stack_set["instances"]]
    assert ["hpn", "hpn@nyc-lake.example", "ACTIVE", ["departed"]] in departed.observed["accounts"]
    assert joined.kept and departed.kept == joined.kept
    assert "alias/lake-shared" in departed.observed["in accounts"]["hpn"]["aliases"]
    assert departed.plan.startswith("Nothing to do")


def test_an_airport_that_comes_back_has_the_same_rows(joined: Stage, rejoined: Stage) -> None:
    """What was retained is adopted: nothing is delivered, validated or made a second time."""
    assert rejoined.changed == [str(ORGANIZATION)]
    assert rejoined.rows == joined.rows
    assert rejoined.kept == joined.kept
    assert rejoined.observed == joined.observed
    assert rejoined.plan.startswith("Nothing to do")


def test_an_account_that_is_moved_in_by_hand_gets_its_stacks_by_itself(lake: SmallLake, rejoined: Stage) -> None:
    """Automatic deployment asks nobody; what is left to do, and not before, is to enroll it."""
    management, organization = lake.as_("management", "Administrator"), lake.organization
    asked = {"AccountName": "swf", "Email": "swf@nyc-lake.example", "Tags": [{"Key": "kind", "Value": "airport"}]}
    request = management.call("organizations", "create_account", **asked)["CreateAccountStatus"]
    until(lambda: "swf" in lake.organization.accounts, f"request {request['Id']} has ended")
    swf = lake.organization.account("swf").id.text
    silos = organization.unit("silos").text.rstrip("/").rsplit("/", 1)[1]
    management.call(
        "organizations", "move_account", AccountId=swf, SourceParentId=organization.root_id, DestinationParentId=silos
    )
    platform = lake.as_("platform", "runner")

    def states() -> dict[str, str]:
        found = {}
        for name in ("nyc-dev-silo-data", "nyc-dev-silo-base"):
            asked = {"StackSetName": name, "StackInstanceAccount": swf, "CallAs": "DELEGATED_ADMIN"}
            for each in platform.pages("cloudformation", "list_stack_instances", "Summaries", **asked):
                found[name] = each["Status"]
        return found

    current = {"nyc-dev-silo-data": "CURRENT", "nyc-dev-silo-base": "CURRENT"}
    until(lambda: states() == current, "both stack sets have reached the account")
    assert rows_of(lake.as_("swf", "analyst"), '"processed"."flights"') == 0
    planned = [each["name"] for each in json.loads(lake.silolake("plan", "--json").stdout)]
    assert planned == ["enroll/swf", "publish/delay_causes"]


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something the cloud does by itself."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, f"it is still not so that {what}"
        time.sleep(0.1)
