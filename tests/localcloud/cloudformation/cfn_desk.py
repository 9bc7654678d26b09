"""Hands for the tests: an account's caller, and the few calls that every test makes."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silolake.localcloud.call import Call, Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.organizations import accounts
from silolake.localcloud.errors import AwsError

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Desk:
    """Somebody in one account, at work."""

    cloud: LocalCloud
    caller: Caller

    @property
    def account(self) -> str:
        return self.caller.account

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        service, name = operation.split(":") if ":" in operation else ("cloudformation", operation)
        return self.cloud.invoke(self.caller, service, name, parameters)

    def refused(self, operation: str, **parameters: Any) -> AwsError:
        try:
            answer = self.ask(operation, **parameters)
        except AwsError as error:
            return error
        raise AssertionError(f"{operation} was not refused; it answered {answer}")

    def create(self, name: str, template: Mapping[str, Any] | str, **more: Any) -> dict[str, Any]:
        """Create a stack and wait for it."""
        more.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM"])
        stack_id = self.ask("CreateStack", StackName=name, TemplateBody=text(template), **more)["StackId"]
        return self.settled(stack_id)

    def update(self, name: str, template: Mapping[str, Any] | str, **more: Any) -> dict[str, Any]:
        more.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM"])
        stack_id = self.ask("UpdateStack", StackName=name, TemplateBody=text(template), **more)["StackId"]
        return self.settled(stack_id)

    def delete(self, name: str, **more: Any) -> dict[str, Any]:
        stack_id = self.ask("DescribeStacks", StackName=name)["Stacks"][0]["StackId"]
        self.ask("DeleteStack", StackName=name, **more)
        return self.settled(stack_id)

    def settled(self, stack_id: str) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while True:
            stack: dict[str, Any] = self.ask("DescribeStacks", StackName=stack_id)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            assert time.monotonic() < end, f"{stack_id} is still in {stack['StackStatus']}"

    def resources(self, name: str) -> dict[str, str]:
        """The physical ids by logical id."""
        found = self.ask("ListStackResources", StackName=name)["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in found}

    def statuses(self, name: str) -> dict[str, str]:
        found = self.ask("ListStackResources", StackName=name)["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each["ResourceStatus"] for each in found}

    def reasons(self, stack_id: str) -> list[str]:
        events = self.ask("DescribeStackEvents", StackName=stack_id)["StackEvents"]
        return [each["ResourceStatusReason"] for each in events if "ResourceStatusReason" in each]

    def roles(self) -> set[str]:
        return {each["RoleName"] for each in self.ask("iam:ListRoles")["Roles"]}

    def buckets(self) -> set[str]:
        return {each["Name"] for each in self.ask("s3:ListBuckets").get("Buckets", [])}

    def keys(self) -> set[str]:
        """The keys that are not on their way out."""
        found = [each["KeyId"] for each in self.ask("kms:ListKeys")["Keys"]]
        described = [self.ask("kms:DescribeKey", KeyId=each)["KeyMetadata"] for each in found]
        return {each["KeyId"] for each in described if each["KeyState"] != "PendingDeletion"}


def text(template: Mapping[str, Any] | str) -> str:
    return template if isinstance(template, str) else json.dumps(template)


def standalone(cloud: LocalCloud, name: str) -> Desk:
    """The administrator of a new account outside any organization."""
    with cloud.store.write() as connection:
        account = accounts.create_standalone(connection, name, f"{name}@cases.example")
    return administrator(cloud, account)


def administrator(cloud: LocalCloud, account: str, role: str = "Administrator") -> Desk:
    return Desk(cloud, cloud.as_role(f"arn:aws:iam::{account}:role/{role}", "tests"))


def a_role(name: str | None = "worker", **more: Any) -> dict[str, Any]:
    """A role as a template declares it."""
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    named = {"RoleName": name} if name else {}
    properties = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", **trust}, **named, **more}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def a_bucket(name: str | None = "cases-bucket", **more: Any) -> dict[str, Any]:
    named = {"BucketName": name} if name else {}
    return {"Type": "AWS::S3::Bucket", "Properties": {**named, **more}}


def a_database(name: str = "raw", description: str = "") -> dict[str, Any]:
    given = {"Name": name, **({"Description": description} if description else {})}
    properties = {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": given}
    return {"Type": "AWS::Glue::Database", "Properties": properties}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def put_object(desk: Desk, bucket: str, key: str, content: bytes) -> None:
    parameters = {"Bucket": bucket, "Key": key, "Body": io.BytesIO(content)}
    call = Call(
        "s3", "PutObject", parameters, desk.caller, "us-east-1", desk.cloud, "request", body=io.BytesIO(content)
    )
    desk.cloud.perform(call)
