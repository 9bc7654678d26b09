"""An organization for the tests: units, member accounts, and a platform account that administers stack sets."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from cfn_desk import PATIENCE_S, Desk, administrator

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.organizations import accounts

SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"
REGION = "us-east-1"


class Company:
    """One organization, worked on from its management account and its platform account."""

    def __init__(self, cloud: LocalCloud) -> None:
        with cloud.store.write() as connection:
            management = accounts.born(connection)
        self.cloud = cloud
        self.management = administrator(cloud, management)
        self.units: dict[str, str] = {}
        self.accounts: dict[str, str] = {}

    @staticmethod
    def founded(cloud: LocalCloud) -> Company:
        company = Company(cloud)
        company.management.ask("organizations:CreateOrganization", FeatureSet="ALL")
        company.units["root"] = company.management.ask("organizations:ListRoots")["Roots"][0]["Id"]
        company.management.ask("organizations:EnableAWSServiceAccess", ServicePrincipal=SERVICE)
        for name in ("platform", "silos", "departed"):
            company.unit(name)
        company.account("platform", "platform")
        company.management.ask(
            "organizations:RegisterDelegatedAdministrator",
            AccountId=company.accounts["platform"],
            ServicePrincipal=SERVICE,
        )
        return company

    def reopened(self, cloud: LocalCloud) -> Company:
        """The same organization in the local cloud after a restart."""
        company = Company(cloud)
        company.units, company.accounts = self.units, self.accounts
        return company

    @property
    def platform(self) -> Desk:
        return self.inside("platform")

    def inside(self, name: str) -> Desk:
        return administrator(self.cloud, self.accounts[name], "OrganizationAccountAccessRole")

    def unit(self, name: str, parent: str = "root") -> str:
        made = self.management.ask("organizations:CreateOrganizationalUnit", ParentId=self.units[parent], Name=name)
        self.units[name] = made["OrganizationalUnit"]["Id"]
        return self.units[name]

    def account(self, name: str, unit: str = "root") -> str:
        asked = self.management.ask("organizations:CreateAccount", AccountName=name, Email=f"{name}@cases.example")
        request = asked["CreateAccountStatus"]["Id"]
        end = time.monotonic() + PATIENCE_S
        while True:
            status = self.management.ask("organizations:DescribeCreateAccountStatus", CreateAccountRequestId=request)
            if status["CreateAccountStatus"]["State"] == "SUCCEEDED":
                break
            assert time.monotonic() < end and status["CreateAccountStatus"]["State"] == "IN_PROGRESS", status
            time.sleep(0.005)
        self.accounts[name] = status["CreateAccountStatus"]["AccountId"]
        if unit != "root":
            self.move(name, unit)
        return self.accounts[name]

    def move(self, name: str, unit: str) -> None:
        account = self.accounts[name]
        parent = self.management.ask("organizations:ListParents", ChildId=account)["Parents"][0]["Id"]
        self.management.ask(
            "organizations:MoveAccount", AccountId=account, SourceParentId=parent, DestinationParentId=self.units[unit]
        )

    def sets(self, operation: str, name: str, **more: Any) -> dict[str, Any]:
        """An operation on a stack set, as the delegated administrator."""
        return self.platform.ask(operation, StackSetName=name, CallAs="DELEGATED_ADMIN", **more)

    def stack_set(self, name: str, body: Mapping[str, Any], **more: Any) -> str:
        """Make a stack set that deploys itself; its ARN."""
        more.setdefault("AutoDeployment", {"Enabled": True, "RetainStacksOnAccountRemoval": False})
        self.sets(
            "CreateStackSet",
            name,
            TemplateBody=json.dumps(body),
            PermissionModel="SERVICE_MANAGED",
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **more,
        )
        arn: str = self.sets("DescribeStackSet", name)["StackSet"]["StackSetARN"]
        return arn

    def deploy(self, name: str, *units: str, **more: Any) -> dict[str, Any]:
        """Deploy into units and wait; the operation as it ended."""
        targets = {"OrganizationalUnitIds": [self.units[unit] for unit in units], **more.pop("Filter", {})}
        more.setdefault("Regions", [REGION])
        made = self.sets("CreateStackInstances", name, DeploymentTargets=targets, **more)
        return self.ended(name, made["OperationId"])

    def withdraw(self, name: str, *units: str, **more: Any) -> dict[str, Any]:
        targets = {"OrganizationalUnitIds": [self.units[unit] for unit in units], **more.pop("Filter", {})}
        more.setdefault("Regions", [REGION])
        more.setdefault("RetainStacks", False)
        made = self.sets("DeleteStackInstances", name, DeploymentTargets=targets, **more)
        return self.ended(name, made["OperationId"])

    def ended(self, name: str, operation: str) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while True:
            found = self.sets("DescribeStackSetOperation", name, OperationId=operation)["StackSetOperation"]
            if found["Status"] not in ("QUEUED", "RUNNING", "STOPPING"):
                return dict(found)
            assert time.monotonic() < end, found

    def quiet(self, *names: str) -> None:
        """Wait until no operation of these stack sets is left."""
        for name in names:
            for each in self.sets("ListStackSetOperations", name)["Summaries"]:
                self.ended(name, each["OperationId"])

    def instances(self, name: str) -> dict[str, str]:
        """The status of each instance by its account's name."""
        names = {account: each for each, account in self.accounts.items()}
        found = self.sets("ListStackInstances", name)["Summaries"]
        return {names[each["Account"]]: each["Status"] for each in found}

    def results(self, name: str, operation: str) -> dict[str, tuple[str, str]]:
        names = {account: each for each, account in self.accounts.items()}
        found = self.sets("ListStackSetOperationResults", name, OperationId=operation)["Summaries"]
        return {names[each["Account"]]: (each["Status"], each.get("StatusReason", "")) for each in found}
