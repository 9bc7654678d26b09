"""A local cloud that is killed in the middle of a stack ends, after a restart, where it would have ended."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from cfn_desk import Desk, a_bucket, a_database, a_role, administrator, standalone, template
from mortality import Killed, Mortal

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines import cloudformation
from silolake.localcloud.engines.cloudformation.stacks import running
from silolake.localcloud.errors import AwsError

NAMED = ["CAPABILITY_NAMED_IAM"]
READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
LISTS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}

FIRST = template(
    Key={"Type": "AWS::KMS::Key", "Properties": {"Description": "one", "EnableKeyRotation": True}},
    Alias={"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/lake", "TargetKeyId": {"Ref": "Key"}}},
    Bucket=a_bucket("zone", VersioningConfiguration={"Status": "Enabled"}),
    Role=a_role("worker", Policies=[{"PolicyName": "reads", "PolicyDocument": READS}]),
    Unnamed=a_role(None, Description={"Ref": "Key"}),
    Database=a_database("raw"),
    Swapped=a_role("swap-one"),
)
SECOND = copy.deepcopy(FIRST)
SECOND["Resources"]["Key"]["Properties"]["Description"] = "two"
SECOND["Resources"]["Role"]["Properties"]["Policies"] = [{"PolicyName": "lists", "PolicyDocument": LISTS}]
SECOND["Resources"]["Swapped"]["Properties"]["RoleName"] = "swap-two"
SECOND["Resources"]["Added"] = {"Type": "AWS::KMS::Key", "Properties": {}}
del SECOND["Resources"]["Database"]
BROKEN = {**a_role("broken", ManagedPolicyArns=["arn:aws:iam::aws:policy/None"])}
SECOND_BROKEN = copy.deepcopy(SECOND)
SECOND_BROKEN["Resources"]["Last"] = {**BROKEN, "DependsOn": list(SECOND["Resources"])}
FIRST_BROKEN = copy.deepcopy(FIRST)
FIRST_BROKEN["Resources"]["Last"] = {**BROKEN, "DependsOn": list(FIRST["Resources"])}

Open = Callable[[], LocalCloud]


def _state(desk: Desk) -> dict[str, Any]:
    """Everything that is in the account, names of chance left out."""
    roles = {}
    living = desk.keys()
    keys = sorted(desk.ask("kms:DescribeKey", KeyId=key)["KeyMetadata"]["Description"] for key in living)
    for name in desk.roles():
        described = desk.ask("iam:GetRole", RoleName=name)["Role"].get("Description", "")
        inline = desk.ask("iam:ListRolePolicies", RoleName=name)["PolicyNames"]
        roles[name.rsplit("-", 1)[0] if name.startswith("s-") else name] = (bool(described), inline)
    stacks = [(each["StackName"], each["StackStatus"]) for each in desk.ask("ListStacks")["StackSummaries"]]
    databases = [each["Name"] for each in desk.ask("glue:GetDatabases")["DatabaseList"]]
    resources = [desk.statuses(name) for name, status in stacks if status != "DELETE_COMPLETE"]
    return {
        "roles": roles, "keys": keys, "stacks": stacks, "databases": databases, "buckets": desk.buckets(),
        "resources": resources, "aliases": [each["AliasName"] for each in desk.ask("kms:ListAliases")["Aliases"]],
    }  # fmt: skip


def _begin(desk: Desk, operation: str, body: dict[str, Any] | None) -> None:
    parameters = {"TemplateBody": json.dumps(body), "Capabilities": NAMED} if body else {}
    desk.ask(operation, StackName="s", **parameters)


def _wait(cloud: LocalCloud) -> None:
    """Until nothing is being done to any stack."""

    def is_quiet() -> bool:
        with cloud.store.read() as connection:
            return connection.execute("SELECT 1 FROM cfn_stacks WHERE work IS NOT NULL").fetchone() is None

    for _ in range(6):
        running.floor(cloud).wait_until(is_quiet)
    assert is_quiet()


def _history(
    open_cloud: Open, operation: str, before: dict[str, Any] | None, body: dict[str, Any] | None
) -> tuple[Desk, LocalCloud]:
    cloud = open_cloud()
    desk = standalone(cloud, "ewr")
    if before:
        desk.create("s", before)
    return desk, cloud


HISTORIES = {
    "create": ("CreateStack", None, FIRST),
    "a creation that fails": ("CreateStack", None, FIRST_BROKEN),
    "update": ("UpdateStack", FIRST, SECOND),
    "an update that fails": ("UpdateStack", FIRST, SECOND_BROKEN),
    "delete": ("DeleteStack", FIRST, None),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_kill_at_any_commit_changes_nothing_in_the_end(
    name: str, tmp_path_factory: pytest.TempPathFactory, open_cloud: Open, open_at: Callable[[Any], LocalCloud]
) -> None:
    """Killed after every commit in turn, taken up again: the same account as if nothing had happened."""
    operation, before, body = HISTORIES[name]
    desk, cloud = _history(open_cloud, operation, before, body)
    counted = Mortal(cloud, None)
    _begin(desk, operation, body)
    _wait(cloud)
    expected, commits = _state(desk), counted.commits
    assert commits > 10
    for death in range(0, commits + 1):
        directory = tmp_path_factory.mktemp(f"death-{death}")
        first = open_at(directory)
        victim = standalone(first, "ewr")
        if before:
            victim.create("s", before)
        Mortal(first, death)
        try:
            _begin(victim, operation, body)
        except (Killed, AwsError):
            assert death <= 2
        first.close()
        second = open_at(directory)
        revived = administrator(second, victim.account)
        cloudformation.resume(second)
        _wait(second)
        if not _was_begun(revived, operation, before):
            _begin(revived, operation, body)
            _wait(second)
        assert _state(revived) == expected, f"killed after {death} of {commits} commits"
        second.close()


def _was_begun(desk: Desk, operation: str, before: dict[str, Any] | None) -> bool:
    """Whether the kill came after the request had been taken."""
    with desk.cloud.store.read() as connection:
        row = connection.execute("SELECT status FROM cfn_stacks").fetchone()
    return row is not None and (operation == "CreateStack" or row["status"] != "CREATE_COMPLETE")


def test_a_kill_while_taking_up_a_retained_resource_leaves_it_in_place(
    tmp_path_factory: pytest.TempPathFactory, open_at: Callable[[Any], LocalCloud]
) -> None:
    kept = template(
        Bucket={**a_bucket("zone", VersioningConfiguration={"Status": "Enabled"}), "DeletionPolicy": "Retain"},
        Key={"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain", "Properties": {}},
    )
    for death in range(0, 9):
        directory = tmp_path_factory.mktemp(f"adopt-{death}")
        first = open_at(directory)
        desk = standalone(first, "ewr")
        desk.create("s", kept)
        physical = desk.resources("s")
        desk.delete("s")
        Mortal(first, death)
        try:
            _begin(desk, "CreateStack", kept)
        except Killed:
            assert death <= 1
        first.close()
        second = open_at(directory)
        revived = administrator(second, desk.account)
        cloudformation.resume(second)
        _wait(second)
        if not [
            each for each in revived.ask("ListStacks")["StackSummaries"] if each["StackStatus"] != "DELETE_COMPLETE"
        ]:
            _begin(revived, "CreateStack", kept)
            _wait(second)
        assert revived.ask("DescribeStacks", StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
        assert revived.resources("s") == physical
        assert (revived.buckets(), len(revived.keys())) == ({"zone"}, 1)
        second.close()
