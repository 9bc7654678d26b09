"""What drift compares, without a cloud: documents by what they say, templates as one account has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from silolake.cloud import Cloud
from silolake.provisioning.drift.documents import canonical, differences, grants_outside
from silolake.provisioning.drift.keys import KEY
from silolake.provisioning.drift.kinds import KINDS
from silolake.provisioning.drift.templates import NotEvaluated, Resource, Stack

ME, OTHER = "111111111111", "222222222222"


def statement(**changes: Any) -> dict[str, Any]:
    said = {"Sid": "Read", "Effect": "Allow", "Principal": {"AWS": ME}, "Action": "s3:GetObject", "Resource": "*"}
    return {**said, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"Action": ["s3:GetObject"]},
        {"Resource": ["*"]},
        {"Principal": {"AWS": f"arn:aws:iam::{ME}:root"}},
        {"Principal": {"AWS": [ME]}},
    ],
    ids=str,
)
def test_spellings_of_one_meaning_are_no_drift(changes: dict[str, Any]) -> None:
    """AWS gives policies back in another spelling than it took them in."""
    assert canonical({"Statement": [statement()]}) == canonical({"Statement": [statement(**changes)]})


@pytest.mark.parametrize(
    "changes",
    [
        {"Action": "s3:*"},
        {"Effect": "Deny"},
        {"Principal": "*"},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Sid": "Other"},
    ],
    ids=str,
)
def test_another_meaning_is_drift_and_told_where_it_differs(changes: dict[str, Any]) -> None:
    wanted, found = {"Statement": [statement()]}, {"Statement": [statement(**changes)]}
    assert canonical(wanted) != canonical(found)
    assert all(differences(wanted, found))


@pytest.mark.parametrize(
    ("changes", "outside"),
    [
        ({}, ()),
        ({"Principal": "*"}, ("*",)),
        ({"Principal": {"AWS": [ME, OTHER]}}, (OTHER,)),
        ({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:role/visitor"}}, (f"arn:aws:iam::{OTHER}:role/visitor",)),
        ({"Principal": {"Service": "glue.amazonaws.com"}}, ()),
        ({"Effect": "Deny", "Principal": "*"}, ()),
    ],
)
def test_whom_outside_a_statement_lets_in(changes: dict[str, Any], outside: tuple[str, ...]) -> None:
    assert grants_outside(statement(**changes), ME) == outside


BODY: dict[str, Any] = {
    "Parameters": {"Zone": {"Type": "String", "Default": "raw"}},
    "Resources": {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": {"Fn::Sub": "${AWS::AccountId}-${Zone}-${!aws:username}"},
                "Key": {"Fn::GetAtt": ["Key", "Arn"]},
                "Joined": {"Fn::Join": ["/", ["a", {"Ref": "Key"}]]},
            },
        },
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/lake/", "Of": {"Fn::Sub": "${Role.Arn}"}}},
        "Odd": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::ImportValue": "there"}}},
    },
}
STACK = Stack(ME, "eu-west-1", BODY, {"Key": "k-1", "Bucket": "b", "Role": "runner", "Odd": "o"})


def test_a_template_is_evaluated_for_its_account() -> None:
    assert STACK.resource("Bucket").properties == {
        "BucketName": f"{ME}-raw-${{aws:username}}",
        "Key": f"arn:aws:kms:eu-west-1:{ME}:key/k-1",
        "Joined": "a/k-1",
    }
    assert STACK.resource("Role").properties["Of"] == f"arn:aws:iam::{ME}:role/lake/runner"


def test_what_is_not_evaluated_is_said_and_not_passed_over() -> None:
    with pytest.raises(NotEvaluated, match="Fn::ImportValue"):
        STACK.resource("Odd")


class Granted:
    """KMS as it answers where a key was granted to somebody."""

    def __init__(self, *whom: str) -> None:
        self._whom = whom

    def pages(self, service: str, operation: str, member: str, **_: Any) -> Iterator[dict[str, Any]]:
        assert (service, operation, member) == ("kms", "list_grants", "Grants")
        for number, each in enumerate(self._whom):
            yield {"GrantId": f"g{number}", "GranteePrincipal": each, "Operations": ["Decrypt"]}


def test_a_grant_to_another_account_is_a_way_in_beside_the_policy() -> None:
    """Services grant themselves the use of keys, and the account its own roles: neither lets anybody in."""
    cloud = cast(
        Cloud,
        Granted(f"arn:aws:iam::{ME}:role/mine", "s3.amazonaws.com", f"arn:aws:iam::{OTHER}:role/theirs"),
    )
    key = Resource(ME, "eu-west-1", "Key", "AWS::KMS::Key", "k-1", {})
    assert list(KEY.outside(cloud, key)) == [f"the grant g2 of Decrypt to arn:aws:iam::{OTHER}:role/theirs"]


def test_every_type_that_the_templates_use_is_read(lake: Any) -> None:
    """Otherwise drift would say of it that it was not looked at."""
    types = {each["Type"] for body in lake.templates.values() for each in body["Resources"].values()}
    assert types <= KINDS.keys()
