"""Two airports' accounts in a local cloud, and hands to ask its S3 with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from silolake.iam import Principal
from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.iam.roles import NewRole, plant_role
from silolake.localcloud.errors import AwsError

REGION = "us-east-1"


def root(account: str) -> Caller:
    """An account's root user."""
    return Caller(Principal(f"arn:aws:iam::{account}:root", account, "root"))


@dataclass
class World:
    """Two accounts and what their people ask."""

    cloud: LocalCloud
    ewr: str
    jfk: str

    def ask(self, caller: Caller, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.cloud.invoke(caller, "s3", operation, parameters)

    def own(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """EWR's root user asks."""
        return self.ask(root(self.ewr), operation, **parameters)

    def put(self, key: str, body: bytes = b"data", bucket: str = "ewr-data", **more: Any) -> dict[str, Any]:
        return self.own("PutObject", Bucket=bucket, Key=key, Body=body, **more)

    def read(self, key: str, bucket: str = "ewr-data", **more: Any) -> bytes:
        body: bytes = self.own("GetObject", Bucket=bucket, Key=key, **more)["Body"].read()
        return body

    def role(self, account: str, name: str, *statements: dict[str, Any]) -> Caller:
        """A role that may do what the statements say, as a caller."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}],
        }
        with self.cloud.store.write() as connection:
            plant_role(connection, NewRole(account, name, trust))
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            asked = {"RoleName": name, "PolicyName": "may", "PolicyDocument": document}
            self.cloud.invoke(root(account), "iam", "PutRolePolicy", asked)
        return self.cloud.as_role(f"arn:aws:iam::{account}:role/{name}", "work")

    def key(self, account: str, *statements: dict[str, Any]) -> str:
        """A KMS key of an account, with statements beside the account's own; its ARN."""
        own = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})
        made = self.cloud.invoke(root(account), "kms", "CreateKey", {"Policy": document})
        arn: str = made["KeyMetadata"]["Arn"]
        return arn

    def refused(self, code: str, operation: str, caller: Caller | None = None, **parameters: Any) -> AwsError:
        """Ask, and be refused with this code."""
        with pytest.raises(AwsError) as raised:
            self.ask(caller or root(self.ewr), operation, **parameters)
        assert raised.value.code == code, raised.value
        return raised.value

    def blobs(self) -> list[Path]:
        return list((self.cloud.directory / "blobs").glob("??/*"))
