"""A local cloud in process, and short ways of asking it; for the tests of accounts, rights, sessions and keys."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.errors import AwsError

ACCESS_ROLE = "OrganizationAccountAccessRole"


def document(*statements: Mapping[str, Any]) -> str:
    """A policy's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """A statement of an identity policy."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trusts(
    principal: str | Mapping[str, Any], action: str | list[str] = "sts:AssumeRole", **more: Any
) -> dict[str, Any]:
    """A statement of a trust policy."""
    named = {"AWS": principal} if isinstance(principal, str) and principal != "*" else principal
    return {"Effect": "Allow", "Principal": named, "Action": action, **more}


class House:
    """One local cloud and its management account's administrator."""

    def __init__(self, directory: Path) -> None:
        self.cloud = LocalCloud(directory, "us-east-1")
        with self.cloud.store.read() as connection:
            row = connection.execute("SELECT id FROM accounts WHERE name = 'management'").fetchone()
        self.management_id: str = row["id"]
        self.management = self.role(self.management_id, "Administrator")

    def role(self, account: str, path_and_name: str, session: str = "test") -> Caller:
        """A session of a role."""
        return self.cloud.as_role(f"arn:aws:iam::{account}:role/{path_and_name}", session)

    def admin(self, account: str) -> Caller:
        """A member account's administrator."""
        return self.role(account, ACCESS_ROLE)

    def ask(self, caller: Caller, operation: str, **parameters: Any) -> dict[str, Any]:
        """Ask ``iam:CreateRole`` as a caller."""
        service, name = operation.split(":")
        return self.cloud.invoke(caller, service, name, parameters)

    def refusal(self, caller: Caller, operation: str, **parameters: Any) -> AwsError | None:
        """The error that a call ends with; ``None`` where it is answered."""
        try:
            self.ask(caller, operation, **parameters)
        except AwsError as error:
            return error
        return None

    def code(self, caller: Caller, operation: str, **parameters: Any) -> str:
        """The code of the error that a call ends with; empty where it is answered."""
        error = self.refusal(caller, operation, **parameters)
        return error.code if error else ""

    def assume(self, caller: Caller, role_arn: str, **parameters: Any) -> Caller:
        """Assume a role; the caller that its credentials make."""
        asked = {"RoleArn": role_arn, "RoleSessionName": "next", **parameters}
        answer = self.ask(caller, "sts:AssumeRole", **asked)
        session = self.cloud.sessions.find(answer["Credentials"]["AccessKeyId"])
        assert session is not None
        return session.caller

    def organize(self) -> str:
        """Create the organization with both policy types enabled; its root's id."""
        self.ask(self.management, "organizations:CreateOrganization", FeatureSet="ALL")
        root = self.root
        for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
            self.ask(self.management, "organizations:EnablePolicyType", RootId=root, PolicyType=kind)
        return root

    @property
    def root(self) -> str:
        """The root's id."""
        roots: list[dict[str, Any]] = self.ask(self.management, "organizations:ListRoots")["Roots"]
        return str(roots[0]["Id"])

    def unit(self, name: str, parent: str = "") -> str:
        """A new unit's id."""
        made = self.ask(
            self.management, "organizations:CreateOrganizationalUnit", ParentId=parent or self.root, Name=name
        )
        return str(made["OrganizationalUnit"]["Id"])

    def request_account(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Ask for an account and wait for the end of it."""
        asked = {"AccountName": name, "Email": f"{name}@lake.example", **parameters}
        status = self.ask(self.management, "organizations:CreateAccount", **asked)["CreateAccountStatus"]
        ends = time.monotonic() + 20
        while status["State"] == "IN_PROGRESS" and time.monotonic() < ends:
            time.sleep(0.01)
            status = self.ask(
                self.management, "organizations:DescribeCreateAccountStatus", CreateAccountRequestId=status["Id"]
            )["CreateAccountStatus"]
        return status

    def member(self, name: str, unit: str = "") -> str:
        """A new member account's id, moved into a unit."""
        account = str(self.request_account(name)["AccountId"])
        if unit:
            self.move(account, self.root, unit)
        return account

    def move(self, account: str, source: str, target: str) -> None:
        """Move an account."""
        self.ask(
            self.management,
            "organizations:MoveAccount",
            AccountId=account,
            SourceParentId=source,
            DestinationParentId=target,
        )

    def attach(self, kind: str, target: str, *statements: Mapping[str, Any], name: str = "guard") -> str:
        """Create a control policy, ``SERVICE`` or ``RESOURCE``, and attach it; its id."""
        made = self.ask(
            self.management,
            "organizations:CreatePolicy",
            Type=f"{kind}_CONTROL_POLICY",
            Name=name,
            Description="",
            Content=document(*statements),
        )
        policy = str(made["Policy"]["PolicySummary"]["Id"])
        self.ask(self.management, "organizations:AttachPolicy", PolicyId=policy, TargetId=target)
        return policy

    def make_role(self, caller: Caller, name: str, *statements: Mapping[str, Any], trust: str = "", **more: Any) -> str:
        """A role with one inline policy; its ARN. It trusts its own account where nothing else is said."""
        trusted = trust or document(trusts(f"arn:aws:iam::{caller.account}:root"))
        made = self.ask(caller, "iam:CreateRole", RoleName=name, AssumeRolePolicyDocument=trusted, **more)
        if statements:
            self.ask(
                caller, "iam:PutRolePolicy", RoleName=name, PolicyName="rights", PolicyDocument=document(*statements)
            )
        return str(made["Role"]["Arn"])

    def days_pass(self, days: float) -> None:
        """Move the clock on."""
        self.cloud.clock.advance(timedelta(days=days).total_seconds())
