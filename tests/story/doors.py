"""What an administrator does who means to let somebody in, undone afterwards; and being refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from silolake.cloud import Cloud
from silolake.cloud.queries import query
from silolake.errors import Denied, QueryFailed

BY_RCP = "with an explicit deny in a resource control policy"
BY_SCP = "with an explicit deny in a service control policy"
BY_RESOURCE = "with an explicit deny in a resource-based policy"
NOBODY_ALLOWS = "because no "


def refused(act: Callable[[], object]) -> str:
    """What IAM answered to a call that it denied."""
    with pytest.raises(Denied) as said:
        act()
    return said.value.message


def failed(cloud: Cloud, sql: str) -> str:
    """The reason Athena gives for a query that it took and that then failed."""
    with pytest.raises(QueryFailed) as said:
        query(cloud, sql, workgroup="lake")
    assert said.value.state == "FAILED"
    return said.value.reason


def one(cloud: Cloud, sql: str, database: str = "default") -> int:
    """The one number that a query answers."""
    ((found,),) = query(cloud, sql, workgroup="lake", database=database).rows
    return int(found or 0)


def document(*statements: dict[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, principals: list[str], resource: str | list[str] | None) -> dict[str, Any]:
    """A statement that lets principals in without any condition."""
    statement = {"Sid": "Opened", "Effect": "Allow", "Principal": {"AWS": principals}, "Action": action}
    return statement if resource is None else {**statement, "Resource": resource}


def whole_bucket(bucket: str) -> list[str]:
    """A bucket and all that lies in it."""
    return [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


@contextmanager
def opened_bucket(owner: Cloud, bucket: str, principals: list[str]) -> Iterator[None]:
    """The bucket's policy replaced by one that lets these in, for a while. Writes."""
    before = owner.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"]
    opened = document(allow("s3:*", principals, whole_bucket(bucket)))
    owner.call("s3", "put_bucket_policy", Bucket=bucket, Policy=opened)
    try:
        yield
    finally:
        owner.call("s3", "put_bucket_policy", Bucket=bucket, Policy=before)


@contextmanager
def opened_key(owner: Cloud, alias: str, principals: list[str]) -> Iterator[str]:
    """The key's policy with a statement more that lets these in, for a while; the key's ARN. Writes."""
    key = owner.call("kms", "describe_key", KeyId=alias)["KeyMetadata"]["Arn"]
    before = owner.call("kms", "get_key_policy", KeyId=key, PolicyName="default")["Policy"]
    statements = [*json.loads(before)["Statement"], allow("kms:*", principals, "*")]
    owner.call("kms", "put_key_policy", KeyId=key, PolicyName="default", Policy=document(*statements))
    try:
        yield key
    finally:
        owner.call("kms", "put_key_policy", KeyId=key, PolicyName="default", Policy=before)


@contextmanager
def visitors_role(owner: Cloud, name: str, principals: list[str]) -> Iterator[str]:
    """A role of the account's own that trusts these, for a while; its ARN. Writes."""
    trust = document(allow("sts:AssumeRole", principals, None))
    made = owner.call("iam", "create_role", RoleName=name, Path="/visitors/", AssumeRolePolicyDocument=trust)
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    owner.call("iam", "put_role_policy", RoleName=name, PolicyName="everything", PolicyDocument=everything)
    try:
        yield made["Role"]["Arn"]
    finally:
        owner.call("iam", "delete_role_policy", RoleName=name, PolicyName="everything")
        owner.call("iam", "delete_role", RoleName=name)


@contextmanager
def opened_catalog(steward: Cloud, account: str, principals: list[str]) -> Iterator[None]:
    """The catalog's policy with a statement more that lets these in, for a while. Writes."""
    held = steward.call("glue", "get_resource_policy")
    statement = allow("glue:*", principals, f"arn:aws:glue:us-east-1:{account}:*")
    opened = document(*json.loads(held["PolicyInJson"])["Statement"], statement)
    put = steward.call("glue", "put_resource_policy", PolicyInJson=opened, PolicyHashCondition=held["PolicyHash"])
    try:
        yield
    finally:
        steward.call(
            "glue", "put_resource_policy", PolicyInJson=held["PolicyInJson"], PolicyHashCondition=put["PolicyHash"]
        )
