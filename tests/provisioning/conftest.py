"""The lake as its rooms declare it, every policy compiled, so that IAM can be asked without a cloud."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from silolake.iam import (
    Decision,
    Policies,
    Policy,
    PolicyKind,
    Principal,
    Request,
    Resource,
    compile_policy,
    decide,
)
from silolake.model import AccountId, OuPath
from silolake.rooms import Rooms, load
from silolake.rooms.render import Ground, render_policy, render_template

ROOT = Path(__file__).parents[2]
ORGANIZATION = OuPath("o-a1b2c3d4e5/r-ab12/")


def whole(action: str | list[str] = "*") -> dict[str, Any]:
    """A document that allows everything, as ``AdministratorAccess`` and ``FullAWSAccess`` do."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def opened(action: str) -> dict[str, Any]:
    """What an administrator writes who opens a resource to everybody."""
    service = action.split(":")[0]
    statement = {"Sid": "OpenToAll", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": f"{service}:*"}
    if service != "sts":
        statement["Resource"] = "*"
    return {"Version": "2012-10-17", "Statement": [statement]}


def literal(value: Any, account: str) -> Any:
    """A rendered template's value as CloudFormation resolves it in one account."""
    match value:
        case {"Ref": "AWS::AccountId"}:
            return account
        case {"Fn::Sub": str(text)}:
            return text.replace("${AWS::AccountId}", account).replace("${!", "${")
        case dict():
            return {key: literal(inner, account) for key, inner in value.items()}
        case list():
            return [literal(inner, account) for inner in value]
        case _:
            return value


@dataclass
class Lake:
    """The rooms, and an organization for them to stand on.

    Beside the declared accounts: ``gone`` has departed; ``parked`` hangs directly under the root, as one does that was
    just made; ``outsider`` is in no organization; ``stranger`` is in another one.
    """

    rooms: Rooms
    ground: Ground
    where: dict[str, str] = field(default_factory=dict)

    def id_of(self, name: str) -> str:
        return self.ground.accounts[name].text

    def named(self, text: str) -> str:
        """A text with each ``<name>`` replaced by that account's id."""
        for name, found in self.ground.accounts.items():
            text = text.replace(f"<{name}>", found.text)
        return text

    @cached_property
    def templates(self) -> dict[str, Any]:
        return {name: render_template(self.rooms, name, self.ground) for name in self.rooms.stack_sets}

    def stack_set_of(self, account: str) -> str:
        unit = self.where.get(account, "")
        return {"platform": "platform_base", "silos": "silo_base", "analytics": "analytics_base"}.get(unit, "")

    def role(self, account: str, name: str) -> dict[str, Any] | None:
        """The properties of a lake role in an account; ``None`` for one that no template makes."""
        stack_set = self.stack_set_of(account)
        for resource in self.templates.get(stack_set, {"Resources": {}})["Resources"].values():
            found = literal(resource["Properties"], self.id_of(account))
            if resource["Type"] == "AWS::IAM::Role" and f"{found['Path']}{found['RoleName']}".lstrip("/") == name:
                return dict(found)
        return None

    def principal(self, who: str) -> Principal:
        """``ewr/lake/silo/analyst``, ``outsider/spy``, ``ewr:root``, ``anonymous``, ``service:…``."""
        if who == "anonymous":
            return Principal("", "", "anonymous")
        if who.startswith("service:"):
            return Principal(who.removeprefix("service:"), "", "service")
        account, _, name = who.partition("/")
        account_id, path = self.id_of(account), self.path_of(account)
        return Principal(
            f"arn:aws:iam::{account_id}:role/{name}",
            account_id,
            "role",
            session_arn=f"arn:aws:sts::{account_id}:assumed-role/{name.rsplit('/', 1)[-1]}/run",
            org_path=path,
            management_account=self.id_of("management") if path.startswith(ORGANIZATION.text) else "",
            service_linked=name.startswith("aws-service-role/"),
        )

    def path_of(self, account: str) -> str:
        match account:
            case "management" | "parked":
                return ORGANIZATION.text
            case "outsider":
                return ""
            case "stranger":
                return "o-zzzzzzzzzz/r-zz12/ou-zz12-11111111/ou-zz12-22222222/"
            case _:
                return self.ground.units[self.where[account]].text

    def identity(self, who: str) -> tuple[Policy, ...]:
        """What a role's own policies are; a role that no template makes is an administrator."""
        account, _, name = who.partition("/")
        if account not in self.ground.accounts:
            return ()
        role = self.role(account, name)
        if role is None or "ManagedPolicyArns" in role:
            return (compile_policy(whole(), PolicyKind.IDENTITY, "AdministratorAccess"),)
        return tuple(
            compile_policy(each["PolicyDocument"], PolicyKind.IDENTITY, each["PolicyName"]) for each in role["Policies"]
        )

    def guard_rails(self, account: str, kind: str) -> tuple[tuple[Policy, ...], ...]:
        """A tuple for the root, the unit and the account, as AWS evaluates them."""
        if not self.path_of(account).startswith(ORGANIZATION.text):
            return ()
        levels = []
        for level in ("root", self.where.get(account, ""), "account"):
            rails = self.rooms.organization.guard_rails
            attached = [each.policy for each in rails if level in each.targets and each.kind == kind]
            levels.append((self._full_access(kind), *(self.compiled(key) for key in attached)))
        return tuple(levels)

    @staticmethod
    def _full_access(kind: str) -> Policy:
        if kind == "scp":
            return compile_policy(whole(), PolicyKind.SCP, "FullAWSAccess")
        document = whole()
        document["Statement"][0]["Principal"] = "*"
        return compile_policy(document, PolicyKind.RCP, "RCPFullAWSAccess")

    def compiled(self, key: str, account: str = "", zone: str = "") -> Policy:
        policy = self.rooms.policies[key]
        kind = {"scp": PolicyKind.SCP, "rcp": PolicyKind.RCP}.get(policy.kind, PolicyKind.RESOURCE)
        owner = AccountId(self.id_of(account)) if account else None
        text = render_policy(self.rooms, key, self.ground, owner, {"zone": zone} if zone else None)
        return compile_policy(text, kind, key)

    def resource_policy(self, case: dict[str, Any], owner: str) -> Policy | None:
        """``opened``, a policy's key (with ``zone``), or a role's trust."""
        named = case.get("policy", "")
        if named == "opened":
            kind = PolicyKind.TRUST if case["does"].startswith("sts:") else PolicyKind.RESOURCE
            return compile_policy(opened(case["does"]), kind, "opened by hand")
        if named == "trust":
            role = self.role(owner, case["on"].split(":role/", 1)[1])
            assert role is not None, case["on"]
            return compile_policy(role["AssumeRolePolicyDocument"], PolicyKind.TRUST, "trust")
        if named == "born":
            document = opened("sts:AssumeRole")
            document["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{self.id_of('management')}:root"}
            return compile_policy(document, PolicyKind.TRUST, "OrganizationAccountAccessRole")
        return self.compiled(named, owner, case.get("zone", "")) if named else None

    def ask(self, case: dict[str, Any]) -> Decision:
        """IAM's answer to one case of the table."""
        who, owner = case["who"], case.get("of", case["who"].split("/", 1)[0])
        account = who.split("/", 1)[0]
        arn = self.named(case.get("on", "*"))
        there = self.id_of(owner) if owner in self.ground.accounts else ""
        if case.get("owner_unknown"):
            there = ""
        context = {"aws:SecureTransport": ("true",), "aws:RequestedRegion": ("us-east-1",)}
        context |= {key: (self.named(value),) for key, value in case.get("with", {}).items()}
        member = account in self.ground.accounts
        return decide(
            Request(
                self.principal(who),
                case["does"],
                Resource(arn, there, self.path_of(owner) if owner in self.ground.accounts else ""),
                {key: values for key, values in context.items() if values != ("",)},
            ),
            Policies(
                identity=self.identity(who),
                resource=self.resource_policy(case, owner),
                scps=self.guard_rails(account, "scp") if member else (),
                rcps=self.guard_rails(owner, "rcp") if owner in self.ground.accounts else (),
            ),
        )


@pytest.fixture(scope="session")
def lake() -> Lake:
    """The lake of this repository, on an organization with invented ids."""
    rooms = load(ROOT)
    names = ("management", *rooms.organization.accounts, "gone", "parked", "outsider", "stranger")
    units = {name: OuPath(f"{ORGANIZATION}ou-ab12-{str(i) * 8}/") for i, name in enumerate(rooms.organization.units, 1)}
    accounts = {name: AccountId(f"{i:02d}" * 6) for i, name in enumerate(names, 11)}
    where = {each.name: each.unit for each in rooms.organization.accounts.values()}
    return Lake(rooms, Ground(ORGANIZATION, units, accounts), {**where, "gone": "departed"})


@pytest.fixture(scope="session")
def documents(lake: Lake) -> dict[str, Any]:
    """The policies' documents as they stand in the room, by key."""
    return {key: json.loads(policy.text) for key, policy in lake.rooms.policies.items()}
