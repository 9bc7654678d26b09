"""The steps of provisioning: one small value each, and one line that a reviewer can approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never


@dataclass(frozen=True)
class PrepareOrganization:
    """All features, policy types, trusted access: what only the management account can switch on."""

    services: tuple[str, ...]


@dataclass(frozen=True)
class PutOrganizationRole:
    """The one role of ours in the management account, which may make and move accounts."""

    name: str


@dataclass(frozen=True)
class DelegateAdministration:
    """A member account administers services for the organization, under the delegation policy."""

    account: str
    services: tuple[str, ...]


@dataclass(frozen=True)
class CreateUnit:
    """An organizational unit directly under the root."""

    name: str


@dataclass(frozen=True)
class CreateAccount:
    """A new member account, in its unit, with its tags."""

    name: str
    email: str
    unit: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MoveAccount:
    """An account moves to another unit; stack sets and guard rails follow by themselves."""

    name: str
    source: str
    unit: str


@dataclass(frozen=True)
class TagAccount:
    """An account's tags in the organization, which selectors read."""

    name: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class WithdrawSilo:
    """A silo that leaves: its catalog is no longer registered nor shared; its data stays."""

    silo: str


@dataclass(frozen=True)
class PutStackSet:
    """A stack set's body and settings; accounts that have it are updated."""

    name: str
    is_new: bool


@dataclass(frozen=True)
class DeployStackSet:
    """Every account of the units has the stack set, and is current."""

    name: str
    units: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class PutGuardRail:
    """A service or resource control policy's document."""

    policy: str
    is_new: bool


@dataclass(frozen=True)
class AttachGuardRail:
    """A guard rail holds for a unit, or for the root."""

    policy: str
    target: str


@dataclass(frozen=True)
class DetachGuardRail:
    """A guard rail of the lake's holds for a unit no more."""

    policy: str
    target: str


@dataclass(frozen=True)
class RequestChange:
    """What another team owns and would have to change; never applied by us."""

    owner: str
    change: str


@dataclass(frozen=True)
class PutCatalogPolicy:
    """A silo's Glue catalog admits analytics; other teams' statements stay."""

    silo: str


@dataclass(frozen=True)
class RegisterCatalog:
    """Analytics knows a silo's catalog by the silo's name."""

    silo: str


@dataclass(frozen=True)
class RestorePartitions:
    """The partitions that a silo's data has are in its catalog; a silo that left lost its tables, not its data."""

    silo: str
    products: tuple[str, ...]


@dataclass(frozen=True)
class ProbeSilo:
    """Analytics has read each product of the silo by the paths the policies open."""

    silo: str
    products: tuple[str, ...]


@dataclass(frozen=True)
class RestoreResource:
    """One aspect of a resource is again what its stack's template says of it.

    Attributes:
        account: whose it is.
        what: the resource, and which aspect.
        found: what it is instead.
    """

    account: str
    what: str
    found: str = ""


@dataclass(frozen=True)
class DeleteGuardRail:
    """A guard rail that left the rooms holds nowhere and is no more."""

    name: str


@dataclass(frozen=True)
class DeleteStackSet:
    """A stack set that left the rooms is withdrawn from every account and is no more; what its template retains stays.

    Attributes:
        name: its name in the organization.
        unit: the one unit that it is withdrawn from, where it stays in others.
    """

    name: str
    unit: str = ""


@dataclass(frozen=True)
class UnregisterCatalog:
    """Analytics knows a catalog by this name no more."""

    name: str


@dataclass(frozen=True)
class DropTable:
    """The table of a product that no pipeline makes any more is there no more, if no data lies where it points.

    Attributes:
        account: the account's name.
        database: ``raw`` or ``processed``.
        table: its name.
        location: ``s3://…/``.
    """

    account: str
    database: str
    table: str
    location: str


ProvisioningStep = (
    PrepareOrganization
    | PutOrganizationRole
    | DelegateAdministration
    | CreateUnit
    | CreateAccount
    | MoveAccount
    | TagAccount
    | WithdrawSilo
    | PutStackSet
    | DeployStackSet
    | PutGuardRail
    | AttachGuardRail
    | DetachGuardRail
    | RequestChange
    | PutCatalogPolicy
    | RegisterCatalog
    | RestorePartitions
    | ProbeSilo
    | RestoreResource
    | DeleteGuardRail
    | DeleteStackSet
    | UnregisterCatalog
    | DropTable
)


def explain(step: ProvisioningStep) -> str:
    """One line a reviewer can approve. Reads only."""
    match step:
        case PrepareOrganization(services):
            return f"prepare the organization: all features, SCPs and RCPs, trusted access for {', '.join(services)}"
        case PutOrganizationRole(name):
            return f"put the role {name} into the management account"
        case DelegateAdministration(account, services):
            return f"let {account} administer {', '.join(services)} for the organization"
        case CreateUnit(name):
            return f"create the unit {name}"
        case CreateAccount(name, email, unit):
            return f"create the account {name} <{email}> in {unit}"
        case MoveAccount(name, source, unit):
            return f"move the account {name} from {source} to {unit}"
        case TagAccount(name, tags):
            return f"tag the account {name}: {', '.join(f'{key}={value}' for key, value in sorted(tags.items()))}"
        case WithdrawSilo(silo):
            return f"withdraw {silo}: unregister and unshare its catalog, keep its data"
        case PutStackSet(name, is_new):
            return f"{'create' if is_new else 'update'} the stack set {name}"
        case DeployStackSet(name, units, missing):
            of = f" (missing in {', '.join(missing)})" if missing else ""
            return f"deploy the stack set {name} to {', '.join(units)}{of}"
        case PutGuardRail(policy, is_new):
            return f"{'create' if is_new else 'update'} the guard rail {policy}"
        case AttachGuardRail(policy, target):
            return f"attach the guard rail {policy} to {target}"
        case DetachGuardRail(policy, target):
            return f"detach the guard rail {policy} from {target}"
        case RequestChange(owner, change):
            return f"ask {owner}: {change}"
        case PutCatalogPolicy(silo):
            return f"share the catalog of {silo} with analytics"
        case RegisterCatalog(silo):
            return f"register the catalog of {silo} in analytics"
        case RestorePartitions(silo, products):
            return f"register the partitions that {silo}'s data has: {', '.join(products) or 'none'}"
        case ProbeSilo(silo, products):
            return f"probe {silo} from analytics: {', '.join(products) or 'its catalog'}"
        case DeleteGuardRail(name):
            return f"delete the guard rail {name}"
        case DeleteStackSet(name, unit) if unit:
            return f"withdraw the stack set {name} from {unit}; what its stacks retain stays"
        case DeleteStackSet(name):
            return f"delete the stack set {name} and its stacks; what they retain stays"
        case UnregisterCatalog(name):
            return f"unregister the catalog {name} in analytics"
        case DropTable(account, database, table):
            return f"drop the table {database}.{table} of {account}, if it has no data"
        case RestoreResource(account, what, found):
            return f"put back {what} in {account}" + (f", which is {found}" if found else "")
        case _:
            assert_never(step)
