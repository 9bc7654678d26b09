"""Reading ``silolake.yaml`` and ``provisioning/organization.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import cast, get_args
from urllib.parse import urlsplit

from silolake.contracts.lines import Node, advise
from silolake.model import AccountId, Region
from silolake.rooms.reading import key_name, name_of, one_of, read_room, selector_of
from silolake.rooms.selectors import Selector
from silolake.rooms.values import (
    CloudChoice,
    DeclaredAccount,
    Delegation,
    Deployment,
    Endpoint,
    GuardRail,
    LocalCloud,
    Mode,
    Organization,
    PolicyKind,
    Profile,
    Settings,
    Sharing,
    Unit,
)

MODES = ("managed", "observed")
POLICY_KINDS = ("scp", "rcp", "glue", "kms", "bucket", "organizations", "identity")
ATTACHABLE = ("scp", "rcp")

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html: 6 to 64 characters
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")


def read_settings(root: Path) -> Settings:
    """Read ``silolake.yaml``.

    Raises:
        RoomError: for a line that cannot be understood.
    """
    node = read_room(root, root / "silolake.yaml", "Run silolake init to lay out a workspace.")
    entry = node.fields(("lake", "stage", "region", "cloud"), ("sharing",))
    region = entry["region"].text("a Region")
    try:
        chosen = Region(region)
    except ValueError as error:
        raise entry["region"].fault(str(error), "Write a Region's code.") from None
    lake, stage = name_of(entry["lake"], "a lake's name"), name_of(entry["stage"], "a stage's name")
    # A bucket's name has 63 characters: <lake>-<12 digits>-<region>-quarantine.
    if len(lake.text) + len(region) > 39 or "_" in lake.text:
        raise entry["lake"].fault(
            f"{lake.text!r} makes bucket names S3 does not take", "Choose a shorter name without _."
        )
    known = get_args(Sharing)
    sharing = cast(Sharing, one_of(entry["sharing"], "a way of sharing", known)) if "sharing" in entry else known[0]
    return Settings(lake, stage, chosen, _cloud(entry["cloud"]), sharing, node.path)


def _cloud(node: Node) -> CloudChoice:
    entry = node.fields((), ("local", "endpoint", "profile"))
    if len(entry) != 1:
        raise node.fault(
            f"the cloud is said in {len(entry)} ways", "Write one of local: true, endpoint: https://… or profile: name."
        )
    if "local" in entry:
        if not entry["local"].flag():
            raise entry["local"].fault(
                "local: false says no cloud", "Write endpoint: https://… or profile: name instead."
            )
        return LocalCloud()
    if "profile" in entry:
        return Profile(entry["profile"].text("a profile's name"))
    url = entry["endpoint"].text("a URL")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise entry["endpoint"].fault(f"{url!r} is not an endpoint", "Write a URL such as https://127.0.0.1:4650.")
    return Endpoint(url)


def read_organization(root: Path) -> Organization:
    """Read ``provisioning/organization.yaml``, by itself.

    Raises:
        RoomError: for a line that cannot be understood, or names a unit, account or stack set that is not declared.
    """
    path = root / "provisioning" / "organization.yaml"
    node = read_room(root, path, "Declare the units and accounts of the organization there.")
    entry = node.fields(("management", "units", "accounts"), ("delegated_administrators", "guard_rails", "stack_sets"))
    management = name_of(entry["management"], "an account's name").text
    units = _units(entry["units"])
    accounts = _accounts(entry["accounts"], units, management)
    return Organization(
        management=management,
        units=units,
        accounts=accounts,
        delegations=_delegations(entry.get("delegated_administrators"), accounts),
        guard_rails=_guard_rails(entry.get("guard_rails"), units),
        deployments=_deployments(entry.get("stack_sets"), units),
        path=node.path,
    )


def _units(node: Node) -> Mapping[str, Unit]:
    units: dict[str, Unit] = {}
    for key, value in node.entries("units").items():
        name = key_name(node, key, "a unit's name")
        if name == "root":
            raise node.fault_at(key, "root is the organization's root, not a unit", "Choose another name.")
        units[name] = Unit(
            name, cast(Mode, one_of(value, "managed or observed", MODES)), node.path, node.key_lines[key]
        )
    return units


def _accounts(node: Node, units: Mapping[str, Unit], management: str) -> Mapping[str, DeclaredAccount]:
    accounts: dict[str, DeclaredAccount] = {}
    for key, value in node.entries("accounts").items():
        name = key_name(node, key, "an account's name")
        account = _account(name, value, units)
        if name == management:
            raise node.fault_at(key, f"{name} is the management account, which runs nothing", "Take it away here.")
        for other in accounts.values():
            if other.email.lower() == account.email.lower():
                told = f"the e-mail address {account.email} is already {other.name}'s, line {other.line}"
                raise value.fault_at("email", told, "Give each account an address of its own.")
            if account.id is not None and other.id == account.id:
                told = f"the id {account.id} is already {other.name}'s, line {other.line}"
                raise value.fault_at("id", told, "Keep it where it belongs.")
        accounts[name] = account
    return accounts


def _account(name: str, node: Node, units: Mapping[str, Unit]) -> DeclaredAccount:
    entry = node.fields(("email", "unit"), ("tags", "mode", "id"))
    email = entry["email"].text("an e-mail address")
    if not _EMAIL.fullmatch(email) or not 6 <= len(email) <= 64:
        raise entry["email"].fault(
            f"{email!r} is not an e-mail address of 6 to 64 characters", "Write the account's own."
        )
    unit = _declared(entry["unit"], "unit", units)
    mode = cast(Mode, one_of(entry["mode"], "managed or observed", MODES)) if "mode" in entry else "managed"
    tags = {}
    if "tags" in entry:
        tags = {key: value.text("a tag's value") for key, value in entry["tags"].entries("tags").items()}
    account_id = None
    if "id" in entry:
        text = entry["id"].text("an account id")
        try:
            account_id = AccountId(text)
        except ValueError as error:
            advice = "Copy it from the organization, in quotes; or leave it out, and it is discovered."
            raise entry["id"].fault(str(error), advice) from None
    return DeclaredAccount(name, email, unit, tags, mode, account_id, node.path, node.line)


def _declared(node: Node, what: str, known: Iterable[str]) -> str:
    word = node.text(f"a {what}'s name")
    names = tuple(known)
    if word not in names:
        raise node.fault(f"no {what} is called {word!r}", advise(word, names))
    return word


def _all_declared(node: Node, what: str, known: Iterable[str]) -> tuple[str, ...]:
    words = node.texts(f"a {what}'s name")
    names = tuple(known)
    if not words:
        raise node.fault(f"no {what} is listed", f"List at least one, or take the entry away. {advise('', names)}")
    return tuple(_declared(item, what, names) for item in node.items(what))


def _delegations(node: Node | None, accounts: Mapping[str, DeclaredAccount]) -> tuple[Delegation, ...]:
    if node is None:
        return ()
    found = []
    for key, value in node.entries("accounts and service principals").items():
        if key not in accounts:
            raise node.fault_at(key, f"no account is called {key!r}", advise(key, accounts))
        services = value.texts("a service principal")
        for item in value.items("a service principal"):
            if not _SERVICE.fullmatch(str(item.value)):
                advice = "It looks like member.org.stacksets.cloudformation.amazonaws.com."
                raise item.fault(f"{item.value!r} is not a service principal", advice)
        found.append(Delegation(key, services, node.path, node.key_lines[key]))
    return tuple(found)


def _guard_rails(node: Node | None, units: Mapping[str, Unit]) -> tuple[GuardRail, ...]:
    if node is None:
        return ()
    found = []
    for key, value in node.entries("policies and where they are attached").items():
        name, _, kind = key.rpartition(".")
        if not name or kind not in ATTACHABLE:
            advice = "Name a file of provisioning/policies without .json: name.scp or name.rcp."
            raise node.fault_at(key, f"{key!r} is not a policy that is attached to units", advice)
        targets = _all_declared(value, "unit", ("root", *units))
        if "root" in targets and len(targets) > 1:
            raise value.fault("the root holds every unit already", "Write [root] alone.")
        found.append(GuardRail(key, cast(PolicyKind, kind), targets, node.path, node.key_lines[key]))
    return tuple(found)


def _deployments(node: Node | None, units: Mapping[str, Unit]) -> tuple[Deployment, ...]:
    if node is None:
        return ()
    entries = node.entries("stack sets")
    found: dict[str, Deployment] = {}
    for key, value in entries.items():
        name = key_name(node, key, "a stack set's name")
        entry = value.fields(("units",), ("depends_on", "retain"))
        depends = _all_declared(entry["depends_on"], "stack set", entries) if "depends_on" in entry else ()
        found[name] = Deployment(
            stack_set=name,
            units=_all_declared(entry["units"], "unit", units),
            depends_on=depends,
            retain="retain" in entry and entry["retain"].flag(),
            path=node.path,
            line=node.key_lines[key],
        )
    sorter = TopologicalSorter({name: each.depends_on for name, each in found.items()})
    try:
        return tuple(found[name] for name in sorter.static_order())
    except CycleError as error:
        ring = " → ".join(reversed(error.args[1]))
        advice = "Take one depends_on of the ring away."
        raise node.fault_at(error.args[1][0], f"these stack sets wait for each other: {ring}", advice) from None


def declared_selector(node: Node, organization: Organization) -> Selector:
    """A node as a selector, whose units and accounts are declared.

    Raises:
        RoomError: where it does not follow the grammar, or names what is not declared.
    """
    selector = selector_of(node)
    for unit in selector.units:
        if unit not in organization.units:
            raise node.fault(f"no unit is called {unit!r}", advise(unit, organization.units))
    for account in selector.accounts:
        if account not in organization.accounts:
            raise node.fault(f"no account is called {account!r}", advise(account, organization.accounts))
    return selector
