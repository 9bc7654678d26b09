"""A share by condition, and the same share by a list of accounts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from silolake.errors import RoomError, WrongState
from silolake.model import AccountId, OuPath
from silolake.rooms import load
from silolake.rooms.render import Ground, render_policy
from silolake.rooms.sharing import share_by_accounts

REPOSITORY = Path(__file__).parents[2]
ROOT = OuPath("o-a1b2c3d4e5/r-ab12/")
ROOMS = load(REPOSITORY)
UNITS = {name: OuPath(f"{ROOT}ou-ab12-{place:08}/") for place, name in enumerate(ROOMS.organization.units)}
OWNER, HEAD_OFFICE, NEIGHBOUR = AccountId("1" * 12), AccountId("2" * 12), AccountId("3" * 12)
DEEPER = AccountId("4" * 12)
PLACES = {
    OWNER: UNITS["silos"],
    HEAD_OFFICE: UNITS["analytics"],
    DEEPER: OuPath(f"{UNITS['analytics']}ou-ab12-99999999/"),
    NEIGHBOUR: UNITS["silos"],
}


def rendered(sharing: str, places: dict[AccountId, OuPath] = PLACES) -> dict[str, Any]:
    """The catalog's policy of the owner."""
    names = {name: AccountId(f"{place + 500:012}") for place, name in enumerate(ROOMS.organization.accounts)}
    ground = Ground(ROOT, UNITS, names, places)
    rooms = replace(ROOMS, settings=replace(ROOMS.settings, sharing=sharing))  # type: ignore[arg-type]
    return dict(json.loads(render_policy(rooms, "silo_catalog.glue", ground, OWNER)))


def test_a_list_admits_every_account_below_the_unit_and_no_other() -> None:
    (statement,) = rendered("account-list")["Statement"]
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{each}:root" for each in (HEAD_OFFICE, DEEPER)]}
    assert "ForAnyValue:StringLike" not in statement["Condition"]
    assert set(statement["Condition"]) == {"StringEquals", "ArnLike"}


def test_by_condition_it_stays_as_it_is_written_and_as_large(tmp_path: Path) -> None:
    """However many accounts there are below the unit."""
    many = {**PLACES, **{AccountId(f"{number:012}"): UNITS["analytics"] for number in range(5000)}}
    assert rendered("ou-condition") == rendered("ou-condition", many)
    assert rendered("ou-condition")["Statement"][0]["Principal"] == {"AWS": "*"}


def test_a_unit_without_accounts_is_shared_with_nobody() -> None:
    assert rendered("account-list", {OWNER: UNITS["silos"]})["Statement"] == []


def test_what_is_denied_and_what_names_no_unit_is_not_touched() -> None:
    denied = {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "glue:*", "Resource": "*",
              "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [f"{UNITS['silos']}*"]}}}  # fmt: skip
    plain = {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "glue:Get*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [denied, plain]}
    assert share_by_accounts(document, PLACES) == document


def test_a_list_beyond_what_glue_takes_is_refused_with_the_way_out() -> None:
    many = {AccountId(f"{number:012}"): UNITS["analytics"] for number in range(300)}
    with pytest.raises(WrongState, match=r"Glue takes 10,240. Write sharing: ou-condition"):
        rendered("account-list", many)


def test_the_setting_is_one_of_two_words(tmp_path: Path) -> None:
    (tmp_path / "silolake.yaml").write_text((REPOSITORY / "silolake.yaml").read_text() + "sharing: acount-list\n")
    with pytest.raises(
        RoomError, match=r"silolake.yaml:\d+: 'acount-list' is not a way of sharing. Did you mean account-list"
    ):
        load(tmp_path)
