"""Selectors: which accounts something is for."""

from __future__ import annotations

import pytest

from silolake.model import Account, AccountId, OuPath
from silolake.rooms.selectors import parse

ROOT = "o-a1b2c3d4e5/r-ab12/"
UNITS = {
    "silos": OuPath(f"{ROOT}ou-ab12-11111111/"),
    "north": OuPath(f"{ROOT}ou-ab12-11111111/ou-ab12-22222222/"),
    "departed": OuPath(f"{ROOT}ou-ab12-33333333/"),
}
ACCOUNTS = [
    Account("ewr", AccountId("111111111111"), "e@x.example", UNITS["silos"], {"kind": "airport"}),
    Account("oslo", AccountId("222222222222"), "o@x.example", UNITS["north"], {"kind": "airport", "tier": "a=b"}),
    Account("fleet", AccountId("333333333333"), "f@x.example", UNITS["silos"], {"kind": "registry"}),
    Account("gone", AccountId("444444444444"), "g@x.example", UNITS["departed"], {"kind": "airport"}),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", ["ewr", "oslo", "fleet", "gone"]),
        ("ou:silos", ["ewr", "oslo", "fleet"]),
        ("ou:north", ["oslo"]),
        ("ou:nowhere", []),
        ("account:ewr", ["ewr"]),
        ("account:ewr, account:fleet", ["ewr", "fleet"]),
        ("tag:kind=airport", ["ewr", "oslo", "gone"]),
        ("tag:tier=a=b", ["oslo"]),
        ("ou:silos tag:kind=airport", ["ewr", "oslo"]),
        ("ou:silos -account:ewr", ["oslo", "fleet"]),
        ("ou:silos -ou:north -tag:kind=registry", ["ewr"]),
        ("all -ou:silos, account:ewr", ["ewr", "gone"]),
    ],
)
def test_a_selector_means_accounts(text: str, names: list[str]) -> None:
    selector = parse(text)
    assert [account.name for account in ACCOUNTS if selector.matches(account, UNITS)] == names
    assert parse(selector.text) == selector


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no account"),
        ("ou:silos,", "names no account"),
        ("silos", "'silos' is no term"),
        ("ou:", "'ou:' is no term"),
        ("tag:kind", "'tag:kind' is no term"),
        ("ou:Silos", "is no term"),
        ("-ou:silos", "only excludes"),
        ("account:ewr account:jfk", "commas"),
        ("all all", "twice"),
        ("ou:silos - account:x", "'-' is no term"),
    ],
)
def test_what_is_no_selector_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("ou:silos", "ou_silos"),
        ("all", "all"),
        ("ou:silos tag:kind=airport", "ou_silos_tag_kind_airport"),
        ("ou:silos -account:lga", "ou_silos_not_account_lga"),
        ("account:ewr, account:jfk", "account_ewr_or_account_jfk"),
    ],
)
def test_a_selector_has_a_name_for_tables(text: str, slug: str) -> None:
    assert parse(text).slug == slug
