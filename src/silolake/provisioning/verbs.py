"""Provisioning performed: each step by the API calls it names, safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization, read_organization
from silolake.errors import CloudError, SilolakeError, StepFailed, WrongState
from silolake.provisioning import enrolling, pruning, stack_sets
from silolake.provisioning.observing import ground_of, observe
from silolake.provisioning.planning import ROOT, SILOS, plan_provision, prefix_of
from silolake.provisioning.reports import Done, ProvisioningReport
from silolake.provisioning.steps import (
    AttachGuardRail,
    CreateAccount,
    CreateUnit,
    DelegateAdministration,
    DeleteGuardRail,
    DeleteStackSet,
    DeployStackSet,
    DetachGuardRail,
    DropTable,
    MoveAccount,
    PrepareOrganization,
    ProbeSilo,
    ProvisioningStep,
    PutCatalogPolicy,
    PutGuardRail,
    PutOrganizationRole,
    PutStackSet,
    RegisterCatalog,
    RequestChange,
    RestorePartitions,
    RestoreResource,
    TagAccount,
    UnregisterCatalog,
    WithdrawSilo,
    explain,
)
from silolake.provisioning.waiting import until
from silolake.rooms import Rooms
from silolake.rooms.render import render_body, render_policy

ORGANIZATION_ROLE = "lake-organization"
Tell = Callable[[str], None]


@dataclass
class Hands:
    """What the steps are performed with.

    Attributes:
        cloud: the platform's runner.
        rooms: the workspace's.
        organization: as it is now; read again after a step that changes it.
        management: the role in the management account that may make and move accounts.
    """

    cloud: Cloud
    rooms: Rooms
    organization: Organization
    management: Cloud

    def read_again(self) -> None:
        """Read the organization's tree anew."""
        self.organization = read_organization(self.cloud)


def provision(cloud: Cloud, rooms: Rooms, tell: Tell = lambda _: None) -> ProvisioningReport:
    """Bring units, accounts, stack sets and guard rails to what the rooms declare. Writes.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        tell: hears each step before it is performed.

    Returns:
        Every step and how it ended; a step that fails ends the rest as not reached.
    """
    observed = observe(cloud, prefix_of(rooms))
    plan = plan_provision(rooms, observed)
    role = f"arn:aws:iam::{observed.organization.management}:role/{ORGANIZATION_ROLE}"
    hands = Hands(cloud, rooms, observed.organization, cloud)
    if any(_is_organizational(each.step) for each in plan):
        hands.management = cloud.as_role(role, "provision")
    return perform_all("provision", "", [each.step for each in plan], hands, tell)


def enroll(cloud: Cloud, rooms: Rooms, organization: Organization, silo: str) -> ProvisioningReport:
    """Share a silo's catalog with analytics, register it there, and probe it from there. Writes.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        organization: the tree.
        silo: the silo's name.

    Raises:
        UnknownName: there is no such account.
        WrongState: the account is no silo.
    """
    account = organization.account(silo)
    if SILOS not in organization.units_of(account):
        raise WrongState(f"{silo} is no silo: it does not hang in the unit {SILOS}", "Name one that does, or move it")
    plan = enrolling.plan_enroll(rooms, organization, account)
    hands = Hands(cloud, rooms, organization, cloud)
    return perform_all("enroll", silo, [each.step for each in plan], hands, lambda _: None)


def withdraw(cloud: Cloud, rooms: Rooms, organization: Organization, silo: str) -> ProvisioningReport:
    """Take an account that left the silos out of what analytics may read; its data stays. Writes.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        organization: the tree.
        silo: the name the silo was enrolled by; the account may have left the organization.

    Raises:
        WrongState: the account is a silo still.
    """
    units = organization.units_of(organization.accounts[silo]) if silo in organization.accounts else ()
    if SILOS in units:
        raise WrongState(f"{silo} is a silo still", f"Move its account out of the unit {SILOS} first")
    return perform_all("withdraw", silo, [WithdrawSilo(silo)], Hands(cloud, rooms, organization, cloud), lambda _: None)


def perform_all(verb: str, subject: str, steps: list[ProvisioningStep], hands: Hands, tell: Tell) -> ProvisioningReport:
    """Perform steps in their order until one fails. Writes."""
    done: list[Done] = []
    for number, step in enumerate(steps):
        tell(explain(step))
        try:
            asked = perform(step, hands)
        except SilolakeError as error:
            done.append(Done(explain(step), "failed", str(error)))
            done += (Done(explain(each), "not reached") for each in steps[number + 1 :])
            break
        done.append(Done(explain(step), "asked" if asked else "done"))
    return ProvisioningReport(verb, subject, tuple(done))


def _is_organizational(step: ProvisioningStep) -> bool:
    return isinstance(step, (CreateUnit, CreateAccount, MoveAccount, TagAccount))


def perform(step: ProvisioningStep, hands: Hands) -> bool:
    """Perform one step; ``True`` if it is another team's to do. Writes.

    Raises:
        SilolakeError: the step did not do what it says.
    """
    match step:
        case CreateUnit(name):
            _create_unit(name, hands)
        case CreateAccount():
            _create_account(step, hands)
        case MoveAccount(name, _, unit):
            _move(name, unit, hands)
        case TagAccount(name, tags):
            _tag(hands.organization.account(name).id.text, dict(tags), hands)
        case PutStackSet(name):
            stack_sets.put(
                hands.cloud, hands.rooms, name, render_body(hands.rooms, name, ground_of(hands.organization))
            )
        case DeployStackSet(name):
            stack_sets.deploy(hands.cloud, hands.rooms, name, hands.organization)
        case PutGuardRail(policy):
            _put_guard_rail(policy, hands)
        case AttachGuardRail(policy, target):
            _attach(policy, target, hands)
        case DetachGuardRail(policy, target):
            _detach(policy, target, hands)
        case RequestChange():
            return True
        case WithdrawSilo(silo):
            enrolling.withdraw(hands.cloud, hands.rooms, hands.organization, silo)
        case PutCatalogPolicy(silo):
            enrolling.put_catalog_policy(hands.cloud, hands.rooms, hands.organization, silo)
        case RegisterCatalog(silo):
            enrolling.register(hands.cloud, hands.organization, silo)
        case RestorePartitions(silo, products):
            enrolling.restore(hands.cloud, hands.organization, silo, products)
        case ProbeSilo(silo, products):
            enrolling.probe(hands.cloud, hands.rooms, hands.organization, (silo, products))
        case PrepareOrganization() | PutOrganizationRole() | DelegateAdministration():
            raise StepFailed(explain(step), "it belongs to silolake bootstrap")
        case RestoreResource():
            raise StepFailed(explain(step), "mending an account performs it, with all that drifted there")
        case DeleteGuardRail() | DeleteStackSet() | UnregisterCatalog() | DropTable():
            pruning.perform(step, hands.cloud, hands.organization)
        case _:
            assert_never(step)
    return False


def _create_unit(name: str, hands: Hands) -> None:
    try:
        hands.management.call(
            "organizations", "create_organizational_unit", ParentId=hands.organization.root_id, Name=name
        )
    except CloudError as error:
        if error.code != "DuplicateOrganizationalUnitException":
            raise
    hands.read_again()


def _create_account(step: CreateAccount, hands: Hands) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html"""
    hands.read_again()
    if step.name not in hands.organization.accounts:
        started = hands.management.call(
            "organizations",
            "create_account",
            AccountName=step.name,
            Email=step.email,
            Tags=[{"Key": key, "Value": value} for key, value in step.tags.items()],
        )["CreateAccountStatus"]

        def ended() -> Any:
            status = hands.management.call(
                "organizations", "describe_create_account_status", CreateAccountRequestId=started["Id"]
            )["CreateAccountStatus"]
            if status["State"] == "FAILED":
                raise StepFailed(explain(step), str(status.get("FailureReason")))
            return status["State"] == "SUCCEEDED"

        until(ended, f"account {step.name} is made", 600)
        hands.read_again()
    _move(step.name, step.unit, hands)


def _move(name: str, unit: str, hands: Hands) -> None:
    account = hands.organization.account(name)
    source = account.path.text.rstrip("/").rsplit("/", 1)[1]
    target = hands.organization.unit(unit).text.rstrip("/").rsplit("/", 1)[1]
    if source != target:
        hands.management.call(
            "organizations",
            "move_account",
            AccountId=account.id.text,
            SourceParentId=source,
            DestinationParentId=target,
        )
        hands.read_again()


def _tag(account: str, tags: dict[str, str], hands: Hands) -> None:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    hands.management.call("organizations", "tag_resource", ResourceId=account, Tags=listed)
    hands.read_again()


_TYPES = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}


def _put_guard_rail(policy: str, hands: Hands) -> None:
    name = prefix_of(hands.rooms) + policy
    content = render_policy(hands.rooms, policy, ground_of(hands.organization))
    found = _find_policy(name, policy, hands)
    if found:
        hands.cloud.call("organizations", "update_policy", PolicyId=found, Content=content)
        return
    settings = hands.rooms.settings
    created = hands.cloud.call(
        "organizations",
        "create_policy",
        Name=name,
        Description=f"guard rail of the lake {settings.lake}",
        Type=_TYPES[policy.rsplit(".", 1)[1]],
        Content=content,
    )["Policy"]["PolicySummary"]
    # Tagged once it has an ARN: the runner may tag the organization's policies, not whatever is yet to be made.
    tags = [{"Key": "lake", "Value": settings.lake.text}, {"Key": "stage", "Value": settings.stage.text}]
    hands.cloud.call("organizations", "tag_resource", ResourceId=created["Id"], Tags=tags)


def _find_policy(name: str, policy: str, hands: Hands) -> str:
    kind = _TYPES[policy.rsplit(".", 1)[1]]
    for found in hands.cloud.pages("organizations", "list_policies", "Policies", Filter=kind):
        if found["Name"] == name:
            return str(found["Id"])
    return ""


def _attach(policy: str, target: str, hands: Hands) -> None:
    found = _find_policy(prefix_of(hands.rooms) + policy, policy, hands)
    try:
        hands.cloud.call("organizations", "attach_policy", PolicyId=found, TargetId=_id_of(target, hands))
    except CloudError as error:
        if error.code != "DuplicatePolicyAttachmentException":
            raise


def _detach(policy: str, target: str, hands: Hands) -> None:
    found = _find_policy(prefix_of(hands.rooms) + policy, policy, hands)
    try:
        hands.cloud.call("organizations", "detach_policy", PolicyId=found, TargetId=_id_of(target, hands))
    except CloudError as error:
        if error.code != "PolicyNotAttachedException":
            raise


def _id_of(target: str, hands: Hands) -> str:
    if target == ROOT:
        return hands.organization.root_id
    if target in hands.organization.units:
        return hands.organization.units[target].text.rstrip("/").rsplit("/", 1)[1]
    return target
