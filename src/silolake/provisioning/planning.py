"""From what is observed to what is declared: pure, and in the order that AWS needs.

Units, accounts, stack sets, and guard rails last: a rail attached first would stop what builds behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from silolake.errors import WrongState
from silolake.model import digest
from silolake.plan import Plan, Planned
from silolake.provisioning.observing import Observed
from silolake.provisioning.steps import (
    AttachGuardRail,
    CreateAccount,
    CreateUnit,
    DeployStackSet,
    MoveAccount,
    ProvisioningStep,
    PutGuardRail,
    PutStackSet,
    RequestChange,
    TagAccount,
    WithdrawSilo,
)
from silolake.rooms import Rooms, digest_of
from silolake.rooms.render import render_policy, render_template
from silolake.rooms.values import DeclaredAccount, Deployment, GuardRail

Step = Planned[ProvisioningStep]
ROOT = "root"
SILOS = "silos"


def prefix_of(rooms: Rooms) -> str:
    """What the names of the lake's policies and stack sets begin with."""
    return f"{rooms.settings.lake}-{rooms.settings.stage}-"


def plan_provision(rooms: Rooms, observed: Observed) -> Plan[ProvisioningStep]:
    """The steps from what is observed to what the rooms declare; empty when nothing differs. Pure."""
    units = tuple(_units(rooms, observed))
    accounts = tuple(_accounts(rooms, observed))
    before = tuple(each.name for each in (*units, *accounts))
    stack_sets = tuple(_stack_sets(rooms, observed, before))
    rails = tuple(_guard_rails(rooms, observed, (*before, *(each.name for each in stack_sets))))
    return Plan.of((*units, *accounts, *stack_sets, *rails))


def _units(rooms: Rooms, observed: Observed) -> Iterator[Step]:
    for unit in rooms.organization.units.values():
        if unit.name in observed.organization.units:
            continue
        if unit.mode == "observed":
            yield _ask(f"unit/{unit.name}", f"create the unit {unit.name}")
        else:
            yield Planned(f"unit/{unit.name}", CreateUnit(unit.name), digest(["unit", unit.name]))


def _accounts(rooms: Rooms, observed: Observed) -> Iterator[Step]:
    for account in rooms.organization.accounts.values():
        yield from _account(account, observed)


def _account(wanted: DeclaredAccount, observed: Observed) -> Iterator[Step]:
    after: tuple[str, ...] = (f"unit/{wanted.unit}",)
    ground = digest([wanted.name, wanted.email, wanted.unit, dict(wanted.tags)])
    name = f"account/{wanted.name}"
    found = observed.organization.accounts.get(wanted.name)
    if found is None:
        if wanted.mode == "observed":
            yield _ask(name, f"create the account {wanted.name} <{wanted.email}> in {wanted.unit}")
        else:
            step = CreateAccount(wanted.name, wanted.email, wanted.unit, dict(wanted.tags))
            yield Planned(name, step, ground, after)
        return
    if wanted.id is not None and wanted.id != found.id:
        raise WrongState(
            f"the account {wanted.name} is {found.id}, and organization.yaml says {wanted.id}", "Correct the file"
        )
    if found.email != wanted.email:
        raise WrongState(
            f"the account {wanted.name} belongs to {found.email}, and organization.yaml says {wanted.email}",
            "An account's e-mail is changed by its root user; correct the file or the account",
        )
    here = observed.organization.units_of(found)
    source = here[-1] if here else ROOT
    if source != wanted.unit:
        if wanted.mode == "observed":
            yield _ask(name, f"move the account {wanted.name} from {source} to {wanted.unit}")
        else:
            if source == SILOS:
                yield Planned(f"withdraw/{wanted.name}", WithdrawSilo(wanted.name), ground)
                after = (*after, f"withdraw/{wanted.name}")
            yield Planned(name, MoveAccount(wanted.name, source, wanted.unit), ground, after)
    if any(found.tags.get(key) != value for key, value in wanted.tags.items()):
        yield Planned(f"tags/{wanted.name}", TagAccount(wanted.name, dict(wanted.tags)), ground, (name,))


def _stack_sets(rooms: Rooms, observed: Observed, before: tuple[str, ...]) -> Iterator[Step]:
    for deployment in rooms.organization.deployments:
        full = prefix_of(rooms) + deployment.stack_set.replace("_", "-")
        found = observed.stack_sets.get(full)
        ground = digest([digest_of(rooms.stack_sets[deployment.stack_set]), deployment.units, deployment.retain,
                         [digest_of(each) for each in rooms.policies.values()],
                         [each.digest for each in rooms.contracts.values()]])  # fmt: skip
        put, deploy = f"stack_set/{deployment.stack_set}", f"deploy/{deployment.stack_set}"
        needs = tuple(f"deploy/{each}" for each in deployment.depends_on)
        is_same = found is not None and found.body == _body(rooms, deployment, observed)
        if found is None or not is_same or found.settings != settings_of(deployment):
            yield Planned(put, PutStackSet(deployment.stack_set, found is None), ground, (*before, *needs))
        wanted = _wanted(rooms, observed, deployment)
        current = {account for account, state in (found.instances if found else {}).items() if state == "CURRENT"}
        missing = tuple(name for name, account in wanted if account not in current)
        reached = found.units if found else frozenset()
        unreached = any(target_id_of(observed, unit) not in reached for unit in deployment.units)
        if not is_same or missing or unreached:
            step = DeployStackSet(deployment.stack_set, deployment.units, missing)
            yield Planned(deploy, step, ground, (*before, *needs, put))


def settings_of(deployment: Deployment) -> dict[str, bool]:
    """A stack set's settings as they are wanted, in the words of ``ObservedStackSet``."""
    return {"deployed to new accounts": True, "kept by accounts that leave": deployment.retain}


def _wanted(rooms: Rooms, observed: Observed, deployment: Deployment) -> list[tuple[str, str]]:
    """The accounts that are to have it: names and ids; an account to come has no id yet."""
    moving = {each.name: each.unit for each in rooms.organization.accounts.values() if each.mode == "managed"}
    found: list[tuple[str, str]] = []
    for name, account in sorted(observed.organization.accounts.items()):
        here = observed.organization.units_of(account)
        unit = moving.get(name, here[-1] if here else ROOT)
        if unit in deployment.units and account.id != observed.organization.management:
            found.append((name, account.id.text))
    known = {name for name, _ in found}
    return found + [
        (name, "")
        for name, unit in sorted(moving.items())
        if unit in deployment.units and name not in known and name not in observed.organization.accounts
    ]


def _body(rooms: Rooms, deployment: Deployment, observed: Observed) -> Any:
    """The body as data; ``None`` while units or accounts that it names are yet to come."""
    try:
        return json.loads(json.dumps(render_template(rooms, deployment.stack_set, observed.ground)))
    except WrongState:
        return None


def _guard_rails(rooms: Rooms, observed: Observed, before: tuple[str, ...]) -> Iterator[Step]:
    for rail in rooms.organization.guard_rails:
        full = rail_name(rooms, rail)
        found = observed.guard_rails.get(full)
        ground = digest([digest_of(rooms.policies[rail.policy]), rail.targets])
        put = f"guard_rail/{rail.policy}"
        if found is None or found.document != _document(rooms, rail, observed):
            yield Planned(put, PutGuardRail(rail.policy, found is None), ground, before)
        attached = found.targets if found else frozenset()
        wanted = {target: target_id_of(observed, target) for target in rail.targets}
        for target, target_id in wanted.items():
            if not target_id or target_id not in attached:
                name = f"attach/{rail.policy}/{target}"
                yield Planned(name, AttachGuardRail(rail.policy, target), ground, (*before, put))


def rail_name(rooms: Rooms, rail: GuardRail) -> str:
    """A guard rail's name in the organization: ``nyc-dev-silo_isolation.rcp``."""
    return prefix_of(rooms) + rail.policy


def _document(rooms: Rooms, rail: GuardRail, observed: Observed) -> Any:
    try:
        return json.loads(render_policy(rooms, rail.policy, observed.ground))
    except WrongState:
        return None


def target_id_of(observed: Observed, target: str) -> str:
    """The id of a unit, or of the root; nothing for one that is not there."""
    if target == ROOT:
        return observed.organization.root_id
    path = observed.organization.units.get(target)
    return path.text.rstrip("/").rsplit("/", 1)[1] if path else ""


def target_name(observed: Observed, target_id: str) -> str:
    """The name of what a policy is attached to: a unit's, else the id."""
    if target_id == observed.organization.root_id:
        return ROOT
    for name, path in observed.organization.units.items():
        if path.text.rstrip("/").endswith(f"/{target_id}"):
            return name
    return target_id


def _ask(name: str, change: str) -> Step:
    return Planned(name, RequestChange("the organization's owner", change), digest(change))
