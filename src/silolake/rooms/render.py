"""Policies and templates as they are sent to the cloud: placeholders filled in, policies and tables put in place.

In a policy for one account every placeholder is a literal. In a template, which goes to accounts it does not know, what
only the account knows becomes ``AWS::AccountId``, and IAM's own variables are kept from ``Fn::Sub``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from silolake.contracts.glue import Zone, glue_table
from silolake.contracts.lines import Node, untagged
from silolake.errors import UnknownName, WrongState
from silolake.model import AccountId, OuPath
from silolake.rooms.placeholders import needed, parts, use_of
from silolake.rooms.sharing import share_by_accounts
from silolake.rooms.templates import TABLES
from silolake.rooms.values import Rooms

T = TypeVar("T")

_ACCOUNT = "account"
_ZONES: tuple[Zone, ...] = ("raw", "processed")


@dataclass(frozen=True)
class Ground:
    """What the cloud answered about the organization, which placeholders stand for.

    Attributes:
        root: the root's path, ``o-…/r-…/``.
        units: where each unit hangs, by name.
        accounts: ids by name, the management account among them.
        places: where each account hangs, by its id.
    """

    root: OuPath
    units: Mapping[str, OuPath]
    accounts: Mapping[str, AccountId]
    places: Mapping[AccountId, OuPath] = field(default_factory=dict)


def render_policy(
    rooms: Rooms, key: str, ground: Ground, account: AccountId | None = None, arguments: Mapping[str, str] | None = None
) -> str:
    """A policy's text for one account, or for units; without blanks, which count towards AWS's limits.

    Args:
        rooms: the workspace's.
        key: ``<name>.<kind>``.
        ground: what the placeholders stand for.
        account: the account it is for; none for what is attached to units.
        arguments: what the policy is given: ``{"zone": "raw"}``.

    Raises:
        UnknownName: where there is no such policy.
        WrongState: where the organization has no such unit or account yet, or the account or an argument is missing.
    """
    if key not in rooms.policies:
        raise UnknownName("policy", key, tuple(rooms.policies))
    policy = rooms.policies[key]
    given = dict(arguments or {})
    if missing := needed(policy) - set(given):
        raise WrongState(
            f"the policy {key} is not told its {', '.join(sorted(missing))}", "Hand it over as an argument."
        )
    document = _Literal(rooms, ground, given, account).value(policy.node)
    if policy.kind == "glue" and rooms.settings.sharing == "account-list":
        document = share_by_accounts(document, ground.places)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def render_template(rooms: Rooms, name: str, ground: Ground) -> dict[str, object]:
    """A stack set's template as it is deployed, in JSON's values.

    Args:
        rooms: the workspace's.
        name: the stack set's.
        ground: what the placeholders stand for.

    Raises:
        UnknownName: where there is no such template.
        WrongState: where the organization has no such unit or account yet.
        RoomError: where an account's own placeholder is a key, or a made table's logical id is taken.
    """
    if name not in rooms.stack_sets:
        raise UnknownName("stack set", name, tuple(rooms.stack_sets))
    rendered = _Embedded(rooms, ground).value(rooms.stack_sets[name].node)
    if not isinstance(rendered, dict):
        raise TypeError(f"the template {name} is not a mapping")
    return rendered


def render_body(rooms: Rooms, name: str, ground: Ground) -> str:
    """A stack set's template as it is deployed, as text: the same rooms and ground, the same text.

    It has no blanks, as a body that is handed over whole has at most 51,200 bytes.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    return json.dumps(render_template(rooms, name, ground), separators=(",", ":"), ensure_ascii=False)


def _there(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        advice = "It is declared; provision the organization first, which makes it."
        raise WrongState(f"the organization has no {kind} {name!r} yet", advice)
    return known[name]


@dataclass(frozen=True)
class _Literal:
    """Fills a document with literals."""

    rooms: Rooms
    ground: Ground
    arguments: Mapping[str, str] = field(default_factory=dict)
    account: AccountId | None = None

    def value(self, node: Node) -> object:
        match node.value:
            case str() as text:
                return self.text(node, text)
            case tuple() as items:
                return untagged(node.tag, [self.value(item) for item in items])
            case Mapping() as entries:
                return untagged(node.tag, {self.key(node, key): self.value(inner) for key, inner in entries.items()})
            case scalar:
                return untagged(node.tag, scalar)

    def key(self, node: Node, key: str) -> str:
        return "".join(self.cut(node, key))

    def text(self, node: Node, text: str) -> object:
        return untagged(node.tag, "".join(self.cut(node, text)))

    def cut(self, node: Node, text: str) -> tuple[str, ...]:
        """The text's pieces: what is not a placeholder, and what a placeholder stands for, in turn."""
        return tuple(self.named(name, node) if odd % 2 else name for odd, name in enumerate(parts(text)))

    def named(self, name: str, node: Node) -> str:
        group, _, which = name.partition(".")
        match group:
            case "lake" | "stage" | "region":
                return str(getattr(self.rooms.settings, group))
            case "org":
                return self.ground.root.organization if which == "id" else self.ground.root.text
            case "ou":
                return _there("unit", which, self.ground.units).text
            case "accounts":
                return _there("account", which, self.ground.accounts).text
            case "account" if self.account is not None:
                return self.account.text
            case "account":
                raise WrongState(f"{node.path} is for one account, and none is given", "Render it for an account.")
            case _:
                return self.arguments[name]


@dataclass(frozen=True)
class _Embedded(_Literal):
    """Fills a template: what only the account knows is left to CloudFormation.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-sub.html
    """

    in_sub: bool = False

    def value(self, node: Node) -> object:
        use = use_of(node)
        if use is not None:
            return replace(self, arguments=use.arguments, in_sub=False).value(self.rooms.policies[use.key].node)
        if node.tag == "!Sub" and not self.in_sub:
            return untagged(node.tag, self._sub(replace(node, tag="")))
        if isinstance(node.value, Mapping):
            if not node.tag and set(node.value) == {"Fn::Sub"}:
                return {"Fn::Sub": self._sub(node.value["Fn::Sub"])}
            if TABLES in node.value:
                return self._with_tables(node, node.value)
        return super().value(node)

    def key(self, node: Node, key: str) -> str:
        if _ACCOUNT in parts(key)[1::2]:
            told = f"the key {key!r} holds what only the account knows"
            raise node.fault_at(key, told, "Keys are literals; put the placeholder into a value.")
        return super().key(node, key)

    def text(self, node: Node, text: str) -> object:
        names = parts(text)[1::2]
        pieces = self.cut(node, text)
        if self.in_sub:
            return "".join("${AWS::AccountId}" if piece == _MARK else piece for piece in pieces)
        if _ACCOUNT not in names:
            return untagged(node.tag, "".join(pieces))
        if text == _MARK:
            return untagged(node.tag, {"Ref": "AWS::AccountId"})
        # Within Fn::Sub, ${!name} is what ${name} is elsewhere: here, a variable of IAM.
        escaped = ("${AWS::AccountId}" if piece == _MARK else piece.replace("${", "${!") for piece in pieces)
        return untagged(node.tag, {"Fn::Sub": "".join(escaped)})

    def named(self, name: str, node: Node) -> str:
        return _MARK if name == _ACCOUNT else super().named(name, node)

    def _sub(self, node: Node) -> object:
        inside = replace(self, in_sub=True)
        if isinstance(node.value, tuple) and len(node.value) == 2:
            return [inside.value(node.value[0]), self.value(node.value[1])]
        return inside.value(node)

    def _with_tables(self, node: Node, entries: Mapping[str, Node]) -> dict[str, object]:
        made: dict[str, object] = {}
        for key, inner in entries.items():
            if key != TABLES:
                made[self.key(node, key)] = self.value(inner)
                continue
            for logical_id, table in self._tables(entries).items():
                if logical_id in entries or logical_id in made:
                    told = f"the logical id {logical_id} is taken, and a table of a contract needs it"
                    raise node.fault_at(key, told, "Give the other resource another logical id.")
                made[logical_id] = table
        return made

    def _tables(self, resources: Mapping[str, Node]) -> dict[str, object]:
        settings = self.rooms.settings
        made: dict[str, object] = {}
        for zone in _ZONES:
            for pipeline in self.rooms.making:
                folder = pipeline.name if zone == "raw" else pipeline.product
                bucket = f"{settings.lake}-${{AWS::AccountId}}-{settings.region}-{zone}"
                table = glue_table(pipeline.contract, zone, {"Fn::Sub": f"s3://{bucket}/{folder}/"})
                made[logical_id_of(zone, pipeline.product)] = {
                    "Type": "AWS::Glue::Table",
                    # A pipeline that leaves Git leaves its table and data to whoever says --prune.
                    "DeletionPolicy": "Retain",
                    "UpdateReplacePolicy": "Retain",
                    "Properties": {
                        "CatalogId": {"Ref": "AWS::AccountId"},
                        "DatabaseName": _database(resources, zone),
                        "TableInput": table,
                    },
                }
        return made


# Stands for the account's id among a text's pieces; no other piece can be that, as texts are cut at placeholders.
_MARK = "@{account}"


def logical_id_of(zone: str, table: str) -> str:
    """The logical id of a made table.

    >>> logical_id_of("raw", "cargo_flights")
    'RawCargoFlightsTable'
    """
    return "".join(word.capitalize() for word in (zone, *table.split("_"), "table"))


def _database(resources: Mapping[str, Node], zone: str) -> object:
    for logical_id, node in resources.items():
        entry = node.plain()
        match entry:
            case {"Type": "AWS::Glue::Database", "Properties": {"DatabaseInput": {"Name": name}}} if name == zone:
                return {"Ref": logical_id}
    return zone
