"""CloudFormation as boto3 meets it: waiters, paginators, error codes, templates by URL."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import WaiterError
from cfn_desk import a_database, a_role, template

from silolake.cloud import Cloud

NAMED = ["CAPABILITY_NAMED_IAM"]


@pytest.fixture
def cfn(management: Cloud) -> Any:
    return management.client("cloudformation")


@pytest.fixture
def name() -> str:
    """The local cloud is shared by the session's tests."""
    return f"wire-{uuid.uuid4().hex[:8]}"


def test_waiters_come_through_at_once(cfn: Any, name: str) -> None:
    """boto3 looks every thirty seconds; the answer is held back while there is work, so its first look is its last."""
    begun = time.monotonic()
    body = json.dumps(template(Database=a_database(name.replace("-", "_"))))
    cfn.create_stack(StackName=name, TemplateBody=body, Tags=[{"Key": "lake", "Value": "nyc"}])
    cfn.get_waiter("stack_create_complete").wait(StackName=name)
    changed = json.dumps(template(Database=a_database(name.replace("-", "_"), "changed")))
    cfn.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=changed)
    cfn.get_waiter("change_set_create_complete").wait(StackName=name, ChangeSetName="c")
    (change,) = cfn.describe_change_set(StackName=name, ChangeSetName="c")["Changes"]
    assert change["ResourceChange"]["Action"] == "Modify"
    cfn.execute_change_set(StackName=name, ChangeSetName="c")
    cfn.get_waiter("stack_update_complete").wait(StackName=name)
    (stack,) = cfn.describe_stacks(StackName=name)["Stacks"]
    assert stack["Tags"] == [{"Key": "lake", "Value": "nyc"}]
    assert cfn.get_template(StackName=name)["TemplateBody"] == json.loads(changed)
    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=name)
    assert time.monotonic() - begun < 15


def test_a_rolled_back_stack_fails_the_waiter(cfn: Any, name: str) -> None:
    broken = a_role(name, ManagedPolicyArns=["arn:aws:iam::aws:policy/None"])
    cfn.create_stack(StackName=name, TemplateBody=json.dumps(template(Role=broken)), Capabilities=NAMED)
    with pytest.raises(WaiterError, match="ROLLBACK"):
        cfn.get_waiter("stack_create_complete").wait(StackName=name)
    pages = cfn.get_paginator("describe_stack_events").paginate(StackName=name)
    statuses = [event["ResourceStatus"] for page in pages for event in page["StackEvents"]]
    assert statuses[-1] == "CREATE_IN_PROGRESS"
    assert statuses[0] == "ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("create_stack", {"TemplateBody": "{}"}, "ValidationError"),
        ("create_stack", {"TemplateBody": json.dumps(template(Role=a_role()))}, "InsufficientCapabilitiesException"),
        ("describe_stacks", {}, "ValidationError"),
        ("describe_change_set", {"StackName": "none", "ChangeSetName": "none"}, "ChangeSetNotFound"),
        ("set_stack_policy", {}, "NotPlayed"),
        ("list_stack_sets", {"CallAs": "DELEGATED_ADMIN"}, "ValidationError"),
    ],
)
def test_errors_have_the_codes_of_aws(
    cfn: Any, name: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    if operation != "list_stack_sets":
        parameters = {"StackName": name, **parameters}
    with pytest.raises(cfn.exceptions.ClientError) as refused:
        getattr(cfn, operation)(**parameters)
    assert refused.value.response["Error"]["Code"] == code


def test_a_template_over_the_body_limit_comes_by_url(management: Cloud, cfn: Any, name: str) -> None:
    s3 = management.client("s3")
    s3.create_bucket(Bucket=name)
    body = json.dumps({"Description": "large", **template(Database=a_database(name.replace("-", "_")))}) + " " * 60_000
    s3.put_object(Bucket=name, Key="base.json", Body=body.encode())
    url = f"https://{name}.s3.us-east-1.amazonaws.com/base.json"
    assert cfn.validate_template(TemplateURL=url)["Description"] == "large"
    cfn.create_stack(StackName=name, TemplateURL=url)
    cfn.get_waiter("stack_create_complete").wait(StackName=name)
    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=name)
