"""Rendering: policies for an account, templates for accounts nobody knows yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from silolake import limits, rooms
from silolake.errors import RoomError, UnknownName, WrongState
from silolake.model import AccountId, OuPath
from silolake.rooms.render import Ground, logical_id_of, render_body, render_policy, render_template

BASE = Path(__file__).parents[1] / "cases" / "rooms" / "base"
REPOSITORY = Path(__file__).parents[2]
ROOT = "o-a1b2c3d4e5/r-ab12/"
ROME = AccountId("333333333333")


def ground_of(loaded: rooms.Rooms) -> Ground:
    units = {name: OuPath(f"{ROOT}ou-ab12-0000000{place}/") for place, name in enumerate(loaded.organization.units)}
    names = [loaded.organization.management, *loaded.organization.accounts]
    return Ground(OuPath(ROOT), units, {name: AccountId(f"{place + 1:012}") for place, name in enumerate(names)})


@pytest.fixture(scope="module")
def loaded() -> rooms.Rooms:
    return rooms.load(BASE)


@pytest.fixture(scope="module")
def template(loaded: rooms.Rooms) -> Any:
    return render_template(loaded, "base", ground_of(loaded))


def test_a_policy_for_an_account_is_all_literals(loaded: rooms.Rooms) -> None:
    text = render_policy(loaded, "zone.bucket", ground_of(loaded), ROME, {"zone": "raw"})
    (statement,) = json.loads(text)["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::333333333333:root"}
    assert statement["Resource"] == "arn:aws:s3:::post-333333333333-eu-west-1-raw/${aws:PrincipalTag/team}/*"
    assert statement["Condition"]["ForAnyValue:StringLike"]["aws:PrincipalOrgPaths"] == [f"{ROOT}ou-ab12-00000001/*"]
    assert ": " not in text
    assert "\n" not in text


def test_a_guard_rail_needs_no_account(loaded: rooms.Rooms) -> None:
    text = render_policy(loaded, "stay_inside.scp", ground_of(loaded))
    assert json.loads(text)["Statement"][0]["Condition"] == {"StringNotEquals": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}}


def test_what_a_policy_is_not_told_is_said(loaded: rooms.Rooms) -> None:
    ground = ground_of(loaded)
    with pytest.raises(WrongState, match="not told its zone"):
        render_policy(loaded, "zone.bucket", ground, ROME)
    with pytest.raises(WrongState, match="for one account"):
        render_policy(loaded, "zone.bucket", ground, None, {"zone": "raw"})
    with pytest.raises(UnknownName, match="zones"):
        render_policy(loaded, "zones.bucket", ground)
    with pytest.raises(UnknownName, match="base"):
        render_template(loaded, "bass", ground)


def test_a_unit_that_is_declared_and_not_made_yet_is_said(loaded: rooms.Rooms) -> None:
    """On the first plan the organization is empty; nothing is rendered from guesses."""
    empty = Ground(OuPath(ROOT), {}, {})
    with pytest.raises(WrongState, match="no unit 'silos' yet"):
        render_policy(loaded, "zone.bucket", empty, ROME, {"zone": "raw"})


def test_in_a_template_the_account_is_left_to_cloudformation(template: Any) -> None:
    drop = template["Resources"]["Drop"]["Properties"]
    assert drop["BucketName"] == {"Fn::Sub": "post-${AWS::AccountId}-eu-west-1-drop"}
    assert drop["Tags"] == [
        {"Key": "owner", "Value": {"Ref": "AWS::AccountId"}},
        {"Key": "days", "Value": {"Ref": "Days"}},
    ]


def test_in_a_template_a_policy_is_an_object_and_iams_variables_are_kept(template: Any) -> None:
    """CloudFormation makes ${aws:…} of ${!aws:…}; without the mark it would look for a resource of that name."""
    policy = template["Resources"]["DropPolicy"]["Properties"]["PolicyDocument"]
    (statement,) = policy["Statement"]
    assert statement["Resource"] == {
        "Fn::Sub": "arn:aws:s3:::post-${AWS::AccountId}-eu-west-1-drop/${!aws:PrincipalTag/team}/*"
    }
    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    assert statement["Action"] == "s3:GetObject"
    assert statement["Condition"]["ForAnyValue:StringLike"]["aws:PrincipalOrgPaths"] == [f"{ROOT}ou-ab12-00000001/*"]


def test_within_a_sub_of_the_authors_own_nothing_is_escaped_or_nested(template: Any) -> None:
    role = template["Resources"]["Role"]["Properties"]
    assert role["Description"] == {"Fn::Sub": "post in ${AWS::Region}, ${AWS::AccountId}"}
    assert role["ManagedPolicyArns"] == [
        {"Fn::Sub": ["arn:aws:iam::${AWS::AccountId}:policy/${Name}", {"Name": "p-dev"}]}
    ]


def test_short_forms_become_long_ones_and_dates_stay_texts(template: Any) -> None:
    assert template["Outputs"]["DropArn"]["Value"] == {"Fn::GetAtt": ["Drop", "Arn"]}
    assert template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
    assert template["Parameters"]["Days"] == {"Type": "Number", "Default": 30}


def test_every_contract_becomes_a_table_in_each_database(template: Any) -> None:
    resources = template["Resources"]
    assert "@{tables}" not in resources
    raw, processed = resources["RawParcelsTable"], resources["ProcessedParcelsTable"]
    assert raw["Type"] == processed["Type"] == "AWS::Glue::Table"
    # The template makes the database processed, so the table waits for it; raw is made elsewhere.
    assert processed["Properties"]["DatabaseName"] == {"Ref": "Processed"}
    assert raw["Properties"]["DatabaseName"] == "raw"
    location = processed["Properties"]["TableInput"]["StorageDescriptor"]["Location"]
    assert location == {"Fn::Sub": "s3://post-${AWS::AccountId}-eu-west-1-processed/parcels/"}
    assert raw["Properties"]["CatalogId"] == {"Ref": "AWS::AccountId"}


def test_a_tables_logical_id_is_refused_where_it_is_taken(tmp_path: Path) -> None:
    import shutil

    workspace = Path(shutil.copytree(BASE, tmp_path / "w"))
    file = workspace / "provisioning" / "stack_sets" / "base.yaml"
    file.write_text(file.read_text("utf-8").replace("  Role:\n", "  RawParcelsTable:\n"), "utf-8")
    loaded = rooms.load(workspace)
    with pytest.raises(RoomError, match=r"base.yaml:23: the logical id RawParcelsTable is taken"):
        render_template(loaded, "base", ground_of(loaded))


def test_an_account_is_no_part_of_a_key(tmp_path: Path) -> None:
    import shutil

    workspace = Path(shutil.copytree(BASE, tmp_path / "w"))
    file = workspace / "provisioning" / "stack_sets" / "base.yaml"
    file.write_text(file.read_text("utf-8").replace("{Name: processed}", '{"@{account}": processed}'), "utf-8")
    loaded = rooms.load(workspace)
    with pytest.raises(RoomError, match=r"base.yaml:22: the key '@{account}' holds what only the account knows"):
        render_template(loaded, "base", ground_of(loaded))


def test_the_same_rooms_and_ground_make_the_same_body(loaded: rooms.Rooms) -> None:
    assert render_body(loaded, "base", ground_of(loaded)) == render_body(rooms.load(BASE), "base", ground_of(loaded))


def test_logical_ids_are_letters_and_digits() -> None:
    assert logical_id_of("raw", "cargo_flights_2") == "RawCargoFlights2Table"


def test_every_template_and_policy_of_this_repository_renders() -> None:
    """No placeholder is left, and a body fits where CloudFormation takes it whole."""
    loaded = rooms.load(REPOSITORY)
    ground = ground_of(loaded)
    for name in loaded.stack_sets:
        body = render_body(loaded, name, ground)
        assert "@{" not in body
        assert len(body.encode()) <= limits.TEMPLATE_BODY
    for key, policy in loaded.policies.items():
        account = None if policy.kind in ("scp", "rcp", "organizations") else ROME
        assert "@{" not in render_policy(loaded, key, ground, account, {"zone": "raw"})
