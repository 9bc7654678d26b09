"""What is done beside the lake is found by drift and mended by apply; what is declared no more is pruned when asked.

500 edits of a seeded chance in ``make soak``; a handful of them in ``make test``.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from silolake.cloud import Cloud
from silolake.errors import CloudError, SilolakeError

from .edits import ALONE, EDITS, Edit, Edited, Hand
from .small_lakes import SmallLake, copy_of, standing

pytestmark = pytest.mark.xdist_group("drift")

WHOLE = os.environ.get("SILOLAKE_SOAK") == "whole"
SEED = 2013
MOST_AT_ONCE = 25 if WHOLE else 12


@pytest.fixture(scope="module")
def lake(settled: SmallLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLake]:
    """A copy of one's own."""
    with standing(copy_of(settled, tmp_path_factory.mktemp("drift"))) as made:
        yield made


def drift(lake: SmallLake) -> list[dict[str, Any]]:
    return list(json.loads(lake.silolake("drift", "--json").stdout))


def is_found(edited: Edited, findings: list[dict[str, Any]]) -> bool:
    """Drift names the thing itself, or says that the whole of what it is part of is missing, or waits to be deleted."""
    whole = edited.what.partition(": ")[0]
    return any(
        each["account"] == edited.account
        and (
            edited.what in each["what"]
            or (each["kind"] == "missing" and each["what"].split()[-1] in edited.what)
            or (whole in each["what"] and each["found"] == "PendingDeletion")
        )
        for each in findings
    )


def attempt(edit: Edit, hand: Hand) -> Edited | None:
    """An edit made, unless an earlier one of its round has taken away what it would change."""
    try:
        return edit(hand)
    except (CloudError, LookupError):
        return None


def rounds(chance: random.Random) -> Iterator[list[Edit]]:
    """Edits in rounds, each found and mended together; those that would hide others by themselves."""
    while True:
        chosen = [chance.choice(EDITS) for _ in range(MOST_AT_ONCE)]
        yield [each for each in chosen if each not in ALONE]
        yield from ([each] for each in chosen if each in ALONE)


def test_nothing_has_drifted_in_a_lake_that_was_just_applied(lake: SmallLake) -> None:
    assert lake.silolake("drift", "--exit-code").stdout == "No drift: the lake is what was applied.\n"


@pytest.mark.soak
def test_every_edit_is_found_by_drift_and_mended_by_apply(lake: SmallLake) -> None:
    chance = random.Random(SEED)
    done, wanted = 0, 500 if WHOLE else MOST_AT_ONCE - 4
    for number, edits in enumerate(rounds(chance)):
        hand = Hand(lake, chance, lake.organization)
        edited = [made for each in edits if (made := attempt(each, hand))]
        if not edited:
            continue
        findings = drift(lake)
        unfound = [each for each in edited if not is_found(each, findings)]
        assert not unfound, (number, unfound, findings)
        applied = lake.silolake("apply", "--drift", check=False, timeout=600)
        assert applied.returncode == 0, (number, edited, applied.stdout + applied.stderr)
        assert drift(lake) == [], (number, edited)
        done += len(edited)
        if done >= wanted:
            return


def test_drift_tells_who_did_it_and_a_saved_plan_mends_what_it_was_made_for(lake: SmallLake, tmp_path: Path) -> None:
    """The local cloud's log knows who; what drifted after the plan was made is left to the next one."""
    bucket, saved = lake.bucket("fleet", "raw"), str(tmp_path / "plan.json")
    owner = lake.as_("fleet", "OrganizationAccountAccessRole")
    owner.call("s3", "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    done = lake.silolake("drift", "--exit-code", check=False)
    assert done.returncode == 2
    line = done.stdout.splitlines()[0]
    assert line.startswith(
        f"changed  fleet  bucket {bucket}: versioning is Suspended, declared is Enabled (last written: "
    )
    assert "s3:PutBucketVersioning by arn:aws:sts::" in line and "OrganizationAccountAccessRole" in line
    assert lake.silolake("plan").stdout.startswith("Nothing to do"), "a plan visits no account unless it is told to"
    planned = lake.silolake("plan", "--drift", "--out", saved).stdout
    assert planned.startswith("run provisioning/mend_account account=fleet for platform\n")
    assert f"    put back bucket {bucket}: versioning in fleet, which is Suspended\n" in planned
    lake.as_("analytics", "OrganizationAccountAccessRole").call("athena", "delete_data_catalog", Name="ewr")
    told = lake.silolake("apply", saved).stdout
    assert "1 steps are not in the plan and are left: enroll/ewr" in told
    assert [each["what"] for each in drift(lake)] == ["registered catalog ewr"]
    lake.silolake("apply", "--drift")


def test_what_cannot_be_mended_is_told_and_left(lake: SmallLake) -> None:
    """A neighbour whom the silo itself lets in, a table of analytics' own, and the mender, who cannot mend itself."""
    steward, neighbour = lake.as_("ewr", "steward"), lake.organization.account("fleet").id
    account = lake.organization.account("ewr").id
    before = json.loads(steward.call("glue", "get_resource_policy")["PolicyInJson"])
    friend = {
        "Sid": "Friend", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{neighbour}:root"},
        "Action": "glue:GetTable", "Resource": f"arn:aws:glue:us-east-1:{account}:catalog",
    }  # fmt: skip
    both = {**before, "Statement": [friend, *before["Statement"]]}
    steward.call("glue", "put_resource_policy", PolicyInJson=json.dumps(both), EnableHybrid="TRUE")
    analytics = lake.as_("analytics", "OrganizationAccountAccessRole")
    analytics.call("glue", "create_table", DatabaseName="cross_silo", TableInput={"Name": "scratch"})
    exempt = lake.as_("fleet", "break-glass")
    more = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    exempt.call("iam", "put_role_policy", RoleName="mender", PolicyName="more", PolicyDocument=more)
    try:
        found = drift(lake)
        assert {(each["kind"], each["account"], each["what"]) for each in found} == {
            ("foreign", "ewr", "catalog policy: a way in"),
            ("foreign", "analytics", "view cross_silo.scratch"),
            ("changed", "fleet", "role mender: inline policies"),
        }
        assert [each["mended_by"] for each in found] == [[], [], []]
        with pytest.raises(SilolakeError):
            lake.as_("fleet", "mender").call("iam", "delete_role_policy", RoleName="mender", PolicyName="more")
    finally:
        steward.call("glue", "put_resource_policy", PolicyInJson=json.dumps(before), EnableHybrid="TRUE")
        analytics.call("glue", "delete_table", DatabaseName="cross_silo", Name="scratch")
        exempt.call("iam", "delete_role_policy", RoleName="mender", PolicyName="more")


def test_what_left_the_rooms_is_told_and_pruned_only_when_asked_and_never_with_data(lake: SmallLake) -> None:
    """A view and its tables, a pipeline's, a guard rail, an attachment, a registered catalog, a schedule's state."""
    organization, management = lake.organization, lake.as_("management", "Administrator")
    analytics = lake.as_("analytics", "OrganizationAccountAccessRole")
    view, pipeline = lake.root / "cross_silo_views" / "delay_causes", lake.root / "pipelines" / "planes"
    kept = Path(shutil.move(view, lake.root / "kept")), Path(shutil.move(pipeline, lake.root / "kept-pipeline"))
    lake.declare("  own_catalog_only.scp: [silos, departed]\n", "")
    unit = organization.unit("analytics").text.rstrip("/").rsplit("/", 1)[1]
    isolation = rail(management, "nyc-dev-silo_isolation.rcp")
    management.call("organizations", "attach_policy", PolicyId=isolation, TargetId=unit)
    platform = lake.as_("platform", "runner")
    departed = organization.unit("departed").text.rstrip("/").rsplit("/", 1)[1]
    platform.call(
        "cloudformation", "create_stack_instances", StackSetName="nyc-dev-silo-data", Regions=["us-east-1"],
        DeploymentTargets={"OrganizationalUnitIds": [departed]}, CallAs="DELEGATED_ADMIN",
    )  # fmt: skip
    left_set = {"StackSetName": "nyc-dev-left", "PermissionModel": "SERVICE_MANAGED", "CallAs": "DELEGATED_ADMIN"}
    body = {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    enabled = {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    platform.call(
        "cloudformation", "create_stack_set", TemplateBody=json.dumps(body), AutoDeployment=enabled, **left_set
    )
    gone = {"Name": "gone", "Type": "GLUE", "Description": "the catalog of the silo gone"}
    analytics.call("athena", "create_data_catalog", Parameters={"catalog-id": "123456789012"}, **gone)
    key = "state/schedules/gone/1a2b3c.json"
    platform.call("s3", "put_object", Bucket=lake.bucket("platform", "state"), Key=key, Body=b"")
    tables = {(silo, f"table {zone}.planes") for silo in ("ewr", "fleet") for zone in ("raw", "processed")}
    try:
        lake.silolake("apply")
        assert {(each["account"], each["what"]) for each in drift(lake) if each["kind"] == "extra"} == tables | {
            ("analytics", "view cross_silo.delay_causes"),
            ("analytics", "table cross_silo_sources.flights_in_ou_silos"),
            ("analytics", "table cross_silo_sources.weather_in_ou_silos"),
            ("analytics", "table cross_silo_sources.planes_in_ou_silos"),
            ("management", "guard rail own_catalog_only.scp"),
            ("management", "attachment of the guard rail silo_isolation.rcp to analytics"),
            ("analytics", "registered catalog gone"),
            ("platform", "state of a schedule of gone"),
            ("management", "stack set nyc-dev-silo-data in departed"),
            ("management", "stack set nyc-dev-left"),
        }
        pruned = lake.silolake("apply", "--prune", check=False)
        assert pruned.returncode == 1
        assert "drop the table" in pruned.stdout and "data lies there (s3://nyc-" in pruned.stdout
        left = {(each["account"], each["what"]) for each in drift(lake)}
        assert left == {each for each in tables if each[0] == "fleet"}, "EWR has no planes; the registry has"
    finally:
        shutil.move(kept[0], view)
        shutil.move(kept[1], pipeline)
        lake.declare("guard_rails:\n", "guard_rails:\n  own_catalog_only.scp: [silos, departed]\n")
        lake.silolake("apply")
    assert drift(lake) == []


def rail(management: Cloud, name: str) -> str:
    """The id of a guard rail of either kind."""
    kinds = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
    listed = (
        each for kind in kinds for each in management.pages("organizations", "list_policies", "Policies", Filter=kind)
    )
    return str(next(each["Id"] for each in listed if each["Name"] == name))
