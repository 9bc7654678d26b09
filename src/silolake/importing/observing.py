"""What the cloud answers of an organization, its stack sets, guard rails and catalogs, as rooms would say it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import CloudError, Denied
from silolake.model import Account, Name
from silolake.provisioning import observe
from silolake.provisioning.drift.accounts import as_auditor
from silolake.provisioning.observing import AS_DELEGATE, Observed, ObservedStackSet
from silolake.provisioning.planning import ROOT, SILOS

_FILE = re.compile(r"[a-z][a-z0-9_]*")
_RAIL = re.compile(r"[a-z][a-z0-9_]*\.(scp|rcp)")
_OURS = "Lake"


@dataclass(frozen=True)
class Found:
    """What is written.

    Attributes:
        management: the management account's name.
        units: the units directly under the root.
        accounts: name → e-mail, unit and tags, as ``organization.yaml`` says them.
        delegated: account → service principals.
        guard_rails: ``name.kind`` → the units it is attached to.
        deployments: stack set → its units, what it waits for, whether it is retained.
        templates: stack set → its body, with placeholders for the organization's ids.
        policies: ``name.kind`` → a document, with placeholders.
        told: what does not map, one line each.
    """

    management: str
    units: tuple[str, ...]
    accounts: Mapping[str, Mapping[str, Any]]
    delegated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    guard_rails: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deployments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    templates: Mapping[str, Any] = field(default_factory=dict)
    policies: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()


def find(cloud: Cloud, prefix: str) -> Found:
    """Observe what rooms can declare. Reads only.

    Args:
        cloud: a delegated administrator of the organization, best the platform's runner.
        prefix: what the names of the lake's guard rails and stack sets begin with: ``<lake>-<stage>-``.

    Raises:
        Denied: the identity may not read the organization.
    """
    observed = observe(cloud, prefix)
    return _Reader(cloud, prefix, observed).read()


class _Reader:
    def __init__(self, cloud: Cloud, prefix: str, observed: Observed) -> None:
        self._cloud, self._prefix, self._observed = cloud, prefix, observed
        self._organization = observed.organization
        self._told: list[str] = []

    def read(self) -> Found:
        units = tuple(self._units())
        accounts = dict(self._accounts(units))
        management = self._organization.name_of(self._organization.management.text)
        found = Found(management, units, accounts, dict(self._delegated(accounts)))
        placed = _Placed(self._organization, units, (*accounts, management))
        rails = dict(self._guard_rails(units))
        policies: dict[str, Any] = {
            name: placed.value(self._observed.guard_rails[self._prefix + name].document) for name in rails
        }
        policies |= self._catalog_policy(placed) | self._delegation(placed)
        deployments = dict(self._deployments(units))
        templates = {name: placed.value(self._observed.stack_sets[self._full(name)].body) for name in deployments}
        return replace(
            found,
            guard_rails=rails,
            deployments=deployments,
            templates=templates,
            policies=policies,
            told=tuple(self._told),
        )

    def _units(self) -> Iterator[str]:
        for name in self._organization.units:
            if "/" in name:
                self._told.append(f"the unit {name} hangs in another one; rooms declare units under the root alone")
            elif not _is_name(name):
                self._told.append(f"the unit {name!r} has a name that rooms do not take")
            else:
                yield name

    def _accounts(self, units: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, account in sorted(self._organization.accounts.items()):
            if account.id == self._organization.management:
                continue
            within = self._organization.units_of(account)
            if not _is_name(name):
                self._told.append(f"the account {name!r} has a name that rooms do not take")
            elif not within or within[-1] not in units:
                where = within[-1] if within else "the root"
                self._told.append(f"the account {name} hangs in {where}, which rooms do not declare")
            else:
                tags = {"tags": dict(account.tags)} if account.tags else {}
                yield name, {"email": account.email, "unit": within[-1], "mode": "observed", **tags}

    def _delegated(self, accounts: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
        try:
            listed = list(
                self._cloud.pages("organizations", "list_delegated_administrators", "DelegatedAdministrators")
            )
        except Denied as error:
            self._told.append(f"delegated administrators cannot be listed ({error.code})")
            return
        for each in listed:
            name = self._organization.name_of(each["Id"])
            services = self._cloud.pages(
                "organizations", "list_delegated_services_for_account", "DelegatedServices", AccountId=each["Id"]
            )
            if name in accounts:
                yield name, tuple(sorted(one["ServicePrincipal"] for one in services))
            else:
                self._told.append(f"{name} administers services, and is no account of the rooms")

    def _guard_rails(self, units: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        ids = {self._id_of(name): name for name in units} | {self._organization.root_id: ROOT}
        for full, found in sorted(self._observed.guard_rails.items()):
            name = full.removeprefix(self._prefix)
            beyond = sorted(found.targets - ids.keys())
            targets = tuple(sorted(ids[each] for each in found.targets & ids.keys()))
            if not _RAIL.fullmatch(name):
                self._told.append(f"the policy {full} is not named <name>.scp or <name>.rcp after {self._prefix}")
            elif not targets or (ROOT in targets and len(targets) > 1):
                self._told.append(f"the policy {full} is attached to {', '.join(targets) or 'no unit'}")
            else:
                self._told += (f"the policy {full} is attached to {each}, which is no unit here" for each in beyond)
                yield name, targets

    def _deployments(self, units: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
        ids = {self._id_of(name): name for name in units}
        for full, found in sorted(self._observed.stack_sets.items()):
            name = full.removeprefix(self._prefix).replace("-", "_")
            targets = [ids[each] for each in sorted(found.units) if each in ids]
            if not _FILE.fullmatch(name) or not targets:
                self._told.append(f"the stack set {full} goes to {', '.join(sorted(found.units)) or 'no unit'}")
                continue
            waits = [each for each in self._waits_for(full) if each != name]
            said: dict[str, Any] = {"units": sorted(targets)}
            said |= {"depends_on": waits} if waits else {}
            said |= {"retain": True} if _is_retained(found) else {}
            yield name, said

    def _waits_for(self, full: str) -> list[str]:
        about = self._cloud.call("cloudformation", "describe_stack_set", StackSetName=full, CallAs=AS_DELEGATE)
        arns = about["StackSet"].get("AutoDeployment", {}).get("DependsOn", [])
        names = (each.rsplit("stackset/", 1)[-1].split(":", 1)[0] for each in arns)
        return sorted(each.removeprefix(self._prefix).replace("-", "_") for each in names)

    def _catalog_policy(self, placed: _Placed) -> dict[str, Any]:
        """The lake's statements in the silos' catalog policies, where all silos have the same ones."""
        seen: dict[str, Any] = {}
        silos = self._organization.below(SILOS) if SILOS in self._organization.units else ()
        for silo in silos:
            try:
                listed = as_auditor(self._cloud, silo).call("glue", "get_resource_policy")["PolicyInJson"]
            except CloudError as error:
                self._told.append(f"the catalog policy of {silo.name} cannot be read ({error.code})")
                continue
            statements = [
                each for each in json.loads(listed)["Statement"] if str(each.get("Sid", "")).startswith(_OURS)
            ]
            seen[silo.name] = placed.of(silo).value({"Version": "2012-10-17", "Statement": statements})
        if not seen:
            return {}
        (first, *others) = seen.values()
        if any(each != first for each in others):
            self._told.append(
                f"the catalog policies of {', '.join(seen)} differ: that of {next(iter(seen))} is written"
            )
        return {"silo_catalog.glue": first}

    def _delegation(self, placed: _Placed) -> dict[str, Any]:
        try:
            found = self._cloud.call("organizations", "describe_resource_policy")["ResourcePolicy"]["Content"]
        except CloudError as error:
            self._told.append(f"the organization's own policy cannot be read ({error.code})")
            return {}
        return {"delegation.organizations": placed.value(json.loads(found))}

    def _full(self, name: str) -> str:
        return self._prefix + name.replace("_", "-")

    def _id_of(self, unit: str) -> str:
        return self._organization.units[unit].text.rstrip("/").rsplit("/", 1)[1]


def _is_name(text: str) -> bool:
    try:
        return bool(Name(text).text != ROOT)
    except ValueError:
        return False


def _is_retained(found: ObservedStackSet) -> bool:
    return bool(found.settings.get("kept by accounts that leave"))


class _Placed:
    """Texts with placeholders where the organization's ids stood, so that the rooms name what they mean."""

    def __init__(self, organization: Organization, units: tuple[str, ...], accounts: tuple[str, ...]) -> None:
        self._organization, self._units, self._accounts = organization, units, accounts
        self._own = ""

    def of(self, account: Account) -> _Placed:
        """The same for a policy of one account, which it calls its own."""
        made = _Placed(self._organization, self._units, self._accounts)
        made._own = account.id.text
        return made

    def value(self, value: Any) -> Any:
        """Any value of JSON, its texts and keys changed."""
        match value:
            case str():
                return self._text(value)
            case list():
                return [self.value(each) for each in value]
            case dict():
                return {self._text(key): self.value(inner) for key, inner in value.items()}
            case _:
                return value

    def _text(self, text: str) -> str:
        organization = self._organization
        paths = {organization.units[name].text: f"@{{ou.{name}}}" for name in self._units}
        # Longest first: a unit's path begins with the root's, which begins with the organization's id.
        for path in sorted(paths, key=len, reverse=True):
            text = text.replace(path, paths[path])
        text = text.replace(organization.root.text, "@{org.root}").replace(organization.id, "@{org.id}")
        if self._own:
            text = text.replace(self._own, "@{account}")
        for name in self._accounts:
            text = text.replace(organization.accounts[name].id.text, f"@{{accounts.{name}}}")
        return text
