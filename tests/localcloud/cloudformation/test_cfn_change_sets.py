"""Change sets: what an update would do, before it does it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_desk import Desk, a_role, template

NAMED = ["CAPABILITY_NAMED_IAM"]


def _changes(desk: Desk, stack: str, name: str, body: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    desk.ask(
        "CreateChangeSet",
        StackName=stack,
        ChangeSetName=name,
        TemplateBody=json.dumps(body),
        Capabilities=NAMED,
        **more,
    )
    described = desk.ask("DescribeChangeSet", StackName=stack, ChangeSetName=name)
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    return [each["ResourceChange"] for each in described["Changes"]]


def _row(change: dict[str, Any]) -> tuple[str, str, str | None]:
    return change["LogicalResourceId"], change["Action"], change.get("Replacement")


def test_a_change_set_says_what_is_added_modified_replaced_and_removed_and_does_nothing(desk: Desk) -> None:
    policy = {"PolicyName": "p", "RoleName": {"Ref": "Swapped"}, "PolicyDocument": {"Statement": []}}
    follower = {"Type": "AWS::IAM::RolePolicy", "Properties": policy}
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    follower["Properties"]["PolicyDocument"] = document  # type: ignore[index]
    desk.create(
        "s",
        template(
            Same=a_role("same"), Kept=a_role("kept"), Swapped=a_role("one"), Gone=a_role("gone"), Follows=follower
        ),
    )
    before = desk.roles()
    wanted = template(
        Same=a_role("same"),
        Kept=a_role("kept", Description="d"),
        Swapped=a_role("two"),
        New=a_role("new"),
        Follows=follower,
    )
    rows = {_row(each) for each in _changes(desk, "s", "c", wanted)}
    assert rows == {
        ("Kept", "Modify", "False"),
        ("Swapped", "Modify", "True"),
        ("New", "Add", None),
        ("Gone", "Remove", None),
        ("Follows", "Modify", "Conditional"),
    }
    assert desk.roles() == before
    desk.ask("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    assert desk.settled("s")["StackStatus"] == "UPDATE_COMPLETE"
    assert desk.roles() == (before - {"one", "gone"}) | {"two", "new"}


def test_a_change_names_the_properties_that_change(desk: Desk) -> None:
    desk.create("s", template(Role=a_role("one", Description="a")))
    (change,) = _changes(desk, "s", "c", template(Role=a_role("one", Description="b")))
    assert change["Scope"] == ["Properties"]
    assert [each["Target"] for each in change["Details"]] == [
        {"Attribute": "Properties", "Name": "Description", "RequiresRecreation": "Never"}
    ]


def test_executing_one_change_set_deletes_the_others(desk: Desk) -> None:
    """Of two writers who prepared a change, the second finds its change set gone."""
    desk.create("s", template(Role=a_role("one")))
    _changes(desk, "s", "mine", template(Role=a_role("one", Description="mine")))
    _changes(desk, "s", "yours", template(Role=a_role("one", Description="yours")))
    desk.ask("ExecuteChangeSet", StackName="s", ChangeSetName="mine", ClientRequestToken="t")
    desk.settled("s")
    assert desk.refused("ExecuteChangeSet", StackName="s", ChangeSetName="yours").code == "ChangeSetNotFound"
    listed = desk.ask("ListChangeSets", StackName="s")["Summaries"]
    assert [(each["ChangeSetName"], each["ExecutionStatus"]) for each in listed] == [("mine", "EXECUTE_COMPLETE")]
    assert desk.refused("ExecuteChangeSet", StackName="s", ChangeSetName="mine").code == "InvalidChangeSetStatus"
    assert desk.ask("ExecuteChangeSet", StackName="s", ChangeSetName="mine", ClientRequestToken="t") == {}


def test_a_change_set_without_changes_fails_and_cannot_be_executed(desk: Desk) -> None:
    body = template(Role=a_role("one"))
    desk.create("s", body)
    desk.ask("CreateChangeSet", StackName="s", ChangeSetName="c", TemplateBody=json.dumps(body), Capabilities=NAMED)
    described = desk.ask("DescribeChangeSet", StackName="s", ChangeSetName="c")
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in described["StatusReason"]
    assert desk.refused("ExecuteChangeSet", StackName="s", ChangeSetName="c").code == "InvalidChangeSetStatus"


def test_a_stack_can_begin_with_a_change_set(desk: Desk) -> None:
    changes = _changes(desk, "new", "c", template(Role=a_role("one")), ChangeSetType="CREATE")
    assert [_row(each) for each in changes] == [("Role", "Add", None)]
    assert desk.ask("ListStacks")["StackSummaries"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert "one" not in desk.roles()
    desk.ask("ExecuteChangeSet", StackName="new", ChangeSetName="c")
    assert desk.settled("new")["StackStatus"] == "CREATE_COMPLETE"
    assert "one" in desk.roles()


def test_a_change_set_is_found_by_its_arn_and_can_be_deleted(desk: Desk) -> None:
    desk.create("s", template(Role=a_role("one")))
    body = json.dumps(template(Role=a_role("one", Description="b")))
    made = desk.ask("CreateChangeSet", StackName="s", ChangeSetName="c", TemplateBody=body, Capabilities=NAMED)
    assert desk.ask("DescribeChangeSet", ChangeSetName=made["Id"])["StackName"] == "s"
    assert desk.ask("GetTemplate", ChangeSetName=made["Id"])["TemplateBody"] == body
    desk.ask("DeleteChangeSet", ChangeSetName=made["Id"])
    assert desk.refused("DescribeChangeSet", ChangeSetName=made["Id"]).code == "ChangeSetNotFound"


@pytest.mark.parametrize(
    "given", [{"ChangeSetType": "IMPORT"}, {"ImportExistingResources": True}, {"IncludeNestedStacks": True}]
)
def test_ways_of_making_one_that_are_not_played_are_refused_by_name(desk: Desk, given: dict[str, Any]) -> None:
    desk.create("s", template(Role=a_role("one")))
    body = json.dumps(template(Role=a_role("one", Description="b")))
    error = desk.refused(
        "CreateChangeSet", StackName="s", ChangeSetName="c", TemplateBody=body, Capabilities=NAMED, **given
    )
    assert error.code == "NotPlayed"
