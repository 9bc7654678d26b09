"""Units, accounts, guard rails and stack sets that are not what the rooms declare.

What differs is what ``plan_provision`` would change, told with both sides: so drift and plan cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from silolake.errors import WrongState
from silolake.model import Finding
from silolake.provisioning.drift.documents import differences
from silolake.provisioning.drift.facets import shortly
from silolake.provisioning.observing import Observed, ObservedStackSet
from silolake.provisioning.planning import ROOT, plan_provision, prefix_of, settings_of
from silolake.provisioning.stack_sets import name_of
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
)
from silolake.rooms import Rooms
from silolake.rooms.render import render_policy, render_template

PROVISION = ("provision",)


def find_in_organization(rooms: Rooms, observed: Observed) -> tuple[Finding, ...]:
    """What the organization and its stack sets are otherwise than declared. Pure."""
    steps = (each.step for each in plan_provision(rooms, observed))
    return (
        *(finding for step in steps for finding in _told(step, rooms, observed)),
        *_undeclared_accounts(rooms, observed),
    )


def _told(step: ProvisioningStep, rooms: Rooms, observed: Observed) -> Iterator[Finding]:
    management = observed.organization.name_of(observed.organization.management.text)
    accounts = observed.organization.accounts
    match step:
        case CreateUnit(name):
            yield Finding("missing", management, f"unit {name}", mended_by=PROVISION, resource="organization")
        case CreateAccount(name, email, unit):
            yield Finding("missing", name, f"account {name}", f"{email} in {unit}", mended_by=PROVISION)
        case MoveAccount(name, source, unit):
            yield Finding("changed", name, "its unit", unit, source, PROVISION, accounts[name].id.text)
        case TagAccount(name, tags):
            present = {key: accounts[name].tags.get(key, "") for key in tags} if name in accounts else {}
            yield Finding("changed", name, "its tags", _words(tags), _words(present), PROVISION, _id(observed, name))
        case PutStackSet(name):
            yield _stack_set(name, rooms, observed, management)
        case DeployStackSet(name, units, missing):
            arn = name_of(rooms, name)
            for account in missing:
                yield Finding("missing", account, f"stack of {name}", mended_by=PROVISION, resource=arn)
            if not missing and name_of(rooms, name) in observed.stack_sets:
                found = observed.stack_sets[name_of(rooms, name)]
                reached = _units(observed, found.units)
                if set(units) - set(reached):
                    what = f"units of the stack set {name}"
                    told = ", ".join(units), ", ".join(reached) or "none"
                    yield Finding("changed", management, what, *told, PROVISION, arn)
        case PutGuardRail(policy, is_new):
            yield _guard_rail(policy, is_new, rooms, observed)
        case AttachGuardRail(policy, target):
            what = f"attachment of the guard rail {policy} to {target}"
            yield Finding("missing", management, what, mended_by=PROVISION, resource=_rail_id(rooms, policy, observed))
        case RequestChange(owner, change):
            yield Finding("changed", management, f"what {owner} keeps", change, "not so")
        case _:
            return  # withdrawing, and what bootstrap does, follow from the others


def _stack_set(name: str, rooms: Rooms, observed: Observed, management: str) -> Finding:
    full = name_of(rooms, name)
    found = observed.stack_sets.get(full)
    if found is None:
        return Finding("missing", management, f"stack set {name}", mended_by=PROVISION, resource=full)
    deployment = next(each for each in rooms.organization.deployments if each.stack_set == name)
    wanted_settings = settings_of(deployment)
    if found.settings != wanted_settings:
        told = _words(wanted_settings), _words(found.settings)
        return Finding("changed", management, f"stack set {name}: settings", *told, PROVISION, full)
    told = _body_difference(rooms, name, observed, found)
    return Finding("changed", management, f"stack set {name}: body", *told, PROVISION, full)


def _body_difference(rooms: Rooms, name: str, observed: Observed, found: ObservedStackSet) -> tuple[str, str]:
    try:
        wanted = json.loads(json.dumps(render_template(rooms, name, observed.ground)))
    except WrongState as error:
        return str(error), ""
    expected: Mapping[str, Any] = wanted.get("Resources", {})
    instead: Mapping[str, Any] = found.body.get("Resources", {})
    differing = [each for each in expected if expected[each] != instead.get(each)]
    beyond = [each for each in instead if each not in expected]
    return (
        shortly(f"{', '.join(differing)} as in the room" if differing else "what is in the room"),
        shortly(f"{', '.join([*differing, *beyond]) or 'its other sections'} otherwise"),
    )


def _guard_rail(policy: str, is_new: bool, rooms: Rooms, observed: Observed) -> Finding:
    management = observed.organization.name_of(observed.organization.management.text)
    if is_new:
        return Finding("missing", management, f"guard rail {policy}", mended_by=PROVISION, resource="policy/")
    found = observed.guard_rails[prefix_of(rooms) + policy]
    told = differences(json.loads(render_policy(rooms, policy, observed.ground)), found.document)
    return Finding("changed", management, f"guard rail {policy}: statements", *told, PROVISION, found.id)


def _undeclared_accounts(rooms: Rooms, observed: Observed) -> Iterator[Finding]:
    """Accounts in the lake's units that nobody declares: joined by hand, or made by others."""
    for name, account in sorted(observed.organization.accounts.items()):
        units = observed.organization.units_of(account)
        if name not in rooms.organization.accounts and any(each in rooms.organization.units for each in units):
            yield Finding(
                "foreign", name, f"account {name}", found=f"it hangs in {units[-1]}", resource=account.id.text
            )


def _rail_id(rooms: Rooms, policy: str, observed: Observed) -> str:
    found = observed.guard_rails.get(prefix_of(rooms) + policy)
    return found.id if found else "policy/"


def _units(observed: Observed, ids: frozenset[str]) -> tuple[str, ...]:
    named = {path.text.rstrip("/").rsplit("/", 1)[1]: name for name, path in observed.organization.units.items()}
    named[observed.organization.root_id] = ROOT
    return tuple(sorted(named.get(each, each) for each in ids))


def _id(observed: Observed, name: str) -> str:
    found = observed.organization.accounts.get(name)
    return found.id.text if found else ""


def _words(said: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(said.items()))
