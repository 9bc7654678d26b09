"""Access follows the place: an account that enters a unit gains it, one that leaves loses it; no policy is edited."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from silolake.cloud import Cloud

from .conftest import Lake
from .doors import NOBODY_ALLOWS, allow, document, refused
from .outside import Shell

pytestmark = pytest.mark.xdist_group("lake")

_PATIENCE_S = 60.0


class Visitor:
    """A member account that hangs under the root, with an administrator named like one of analytics'."""

    def __init__(self, lake: Lake, account: str) -> None:
        self._lake, self.account = lake, account
        self._management = lake.as_("management", "Administrator")
        access = lake.as_(account, "OrganizationAccountAccessRole")
        trust = document(allow("sts:AssumeRole", [f"arn:aws:iam::{account}:root"], None))
        asked = {"RoleName": "visitor", "Path": "/lake/analytics/", "AssumeRolePolicyDocument": trust}
        access.call("iam", "create_role", **asked)
        everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
        access.call("iam", "put_role_policy", RoleName="visitor", PolicyName="all", PolicyDocument=everything)

    def move(self, unit: str) -> None:
        """Into a unit, by its name, or under the root."""
        organization = self._lake.organization
        target = organization.unit(unit).text.split("/")[-2] if unit else organization.root_id
        (parent,) = self._management.call("organizations", "list_parents", ChildId=self.account)["Parents"]
        self._management.call(
            "organizations",
            "move_account",
            AccountId=self.account,
            SourceParentId=parent["Id"],
            DestinationParentId=target,
        )

    @property
    def cloud(self) -> Cloud:
        """Its administrator."""
        return self._lake.as_(self.account, "visitor")

    def settle(self, stacks: int) -> None:
        """Wait until the stack sets have brought or withdrawn what they bring."""
        deadline = time.monotonic() + _PATIENCE_S
        platform = self._lake.as_("platform", "runner")
        while time.monotonic() < deadline:
            held = [
                each
                for name in self._lake.rooms.stack_sets
                for each in platform.pages(
                    "cloudformation", "list_stack_instances", "Summaries",
                    StackSetName=stack_set_name(platform, name), CallAs="DELEGATED_ADMIN",
                )
                if each["Account"] == self.account
            ]  # fmt: skip
            if len(held) == stacks and all(each["Status"] == "CURRENT" for each in held):
                return
            time.sleep(0.1)
        raise AssertionError(f"after {_PATIENCE_S} s the account has {held}")


def stack_set_name(platform: Cloud, name: str) -> str:
    """The name in CloudFormation of one of the workspace's stack sets."""
    listed = platform.pages("cloudformation", "list_stack_sets", "Summaries", CallAs="DELEGATED_ADMIN", Status="ACTIVE")
    (found,) = (
        each["StackSetName"] for each in listed if each["StackSetName"].endswith(name.replace("_", "-"))
    )  # fmt: skip
    return str(found)


@pytest.fixture
def visitor(lake: Lake) -> Iterator[Visitor]:
    """Made for one test; closed afterwards."""
    management = lake.as_("management", "Administrator")
    # A closed account keeps its address for good.
    email = f"visitor-{secrets.token_hex(4)}@lake.example"
    made = management.call("organizations", "create_account", AccountName="visitor", Email=email)
    asked = {"CreateAccountRequestId": made["CreateAccountStatus"]["Id"]}
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        status = management.call("organizations", "describe_create_account_status", **asked)["CreateAccountStatus"]
        assert status["State"] != "FAILED", status
        if status["State"] == "SUCCEEDED":
            break
        time.sleep(0.05)
    visitor = Visitor(lake, status["AccountId"])
    yield visitor
    management.call("organizations", "close_account", AccountId=visitor.account)


def test_an_account_gains_access_by_entering_analytics_and_loses_it_by_leaving(lake: Lake, visitor: Visitor) -> None:
    """The same role with the same rights, the same bucket, key and catalog with the same policies."""
    ewr = lake.as_("ewr", "administrator")
    bucket, ewr_id = lake.bucket("ewr", "processed"), lake.id_of("ewr")
    key = ewr.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1)["Contents"][0]["Key"]
    policies_before = policies(lake)

    def read_object() -> bytes:
        return bytes(visitor.cloud.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read(4))

    def read_catalog() -> str:
        table = {"CatalogId": ewr_id, "DatabaseName": "processed", "Name": "flights"}
        return str(visitor.cloud.call("glue", "get_table", **table)["Table"]["Name"])

    refused(read_object)
    assert NOBODY_ALLOWS in refused(read_catalog)

    visitor.move("analytics")
    assert read_object() == b"PAR1"
    assert read_catalog() == "flights"
    visitor.settle(1)
    # The unit's guard rail holds as soon as its grants do.
    trust = document(allow("sts:AssumeRole", [f"arn:aws:iam::{visitor.account}:root"], None))
    asked = {"RoleName": "another", "Path": "/lake/analytics/", "AssumeRolePolicyDocument": trust}
    refused(lambda: visitor.cloud.call("iam", "create_role", **asked))

    visitor.move("")
    refused(read_object)
    assert NOBODY_ALLOWS in refused(read_catalog)
    visitor.settle(0)
    assert policies(lake) == policies_before


def test_a_session_begun_before_the_move_loses_access_too(lake: Lake, visitor: Visitor) -> None:
    """Where an account hangs is looked up when it asks, not when it signed in."""
    bucket = lake.bucket("jfk", "processed")
    visitor.move("analytics")
    session = visitor.cloud
    assert session.call("s3", "list_objects_v2", Bucket=bucket)["KeyCount"] > 0
    visitor.settle(1)
    visitor.move("departed")
    refused(lambda: session.call("s3", "list_objects_v2", Bucket=bucket))
    visitor.settle(0)


def test_an_account_moved_with_the_aws_cli_gains_and_loses_the_same(
    lake: Lake, visitor: Visitor, aws: Path, tmp_path: Path
) -> None:
    """aws organizations move-account by the management account, aws s3 ls by the one that is moved."""
    management = Shell(lake, "management/Administrator", aws, tmp_path)
    moved = Shell(lake, f"{visitor.account}/visitor", aws, tmp_path)
    asked = ("s3", "ls", f"s3://{lake.bucket('lga', 'processed')}/flights/")
    root, unit = lake.organization.root_id, lake.organization.unit("analytics").text.split("/")[-2]

    def move(source: str, destination: str) -> None:
        where = ("--source-parent-id", source, "--destination-parent-id", destination)
        management.text("organizations", "move-account", "--account-id", visitor.account, *where)

    assert "AccessDenied" in moved.complaint(*asked)
    move(root, unit)
    assert "flight_month=" in moved.text(*asked)
    visitor.settle(1)
    move(unit, root)
    assert "AccessDenied" in moved.complaint(*asked)
    visitor.settle(0)


def policies(lake: Lake) -> dict[str, str]:
    """The policies that decide, as their owner reads them."""
    ewr = lake.as_("ewr", "administrator")
    return {
        "bucket": ewr.call("s3", "get_bucket_policy", Bucket=lake.bucket("ewr", "processed"))["Policy"],
        "key": ewr.call("kms", "get_key_policy", KeyId=key_of(ewr), PolicyName="default")["Policy"],
        "catalog": ewr.call("glue", "get_resource_policy")["PolicyHash"],
    }


def key_of(cloud: Cloud) -> str:
    """The ARN of the key of processed data."""
    return str(cloud.call("kms", "describe_key", KeyId="alias/lake-shared")["KeyMetadata"]["Arn"])
