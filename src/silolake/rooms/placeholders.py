"""Placeholders: what a policy or a template may leave open, as ``@{…}``; ``${…}`` is IAM's and ``Fn::Sub``'s.

@{lake} @{stage} @{region}          the settings'
@{account}                          the account deployed to
@{zone}                             an argument that the policy is given where it is used
@{org.id} @{org.root}               the organization's id, and its root's path o-…/r-…/
@{ou.<unit>}                        a unit's path o-…/r-…/ou-…/
@{accounts.<name>}                  a declared account's id, or the management account's
@{policies.<name>.<kind>}           as a whole value: that policy; with arguments: (zone=raw)
@{tables}                           as a key of Resources: a Glue table for every contract, in raw and in processed
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from silolake.contracts.lines import Node, advise
from silolake.rooms.templates import TABLES
from silolake.rooms.values import Policy, Rooms, StackSet

ZONES = ("drop", "raw", "processed", "quarantine", "run", "results", "code", "state", "records")
ARGUMENTS = ("zone",)

_PLACEHOLDER = re.compile(r"@\{([^{}]*)\}")
_USE = re.compile(r"policies\.([a-z][a-z0-9_]*\.[a-z]+)(?:\(([^()]*)\))?")
_BARE = ("lake", "stage", "region", "account", "org.id", "org.root")


@dataclass(frozen=True)
class Use:
    """A policy used as a whole value, and the arguments it is given."""

    key: str
    arguments: Mapping[str, str]


def parts(text: str) -> tuple[str, ...]:
    """A text cut at its placeholders: literal, name, literal, name, …, literal.

    >>> parts("@{lake}-raw")
    ('', 'lake', '-raw')
    """
    return tuple(_PLACEHOLDER.split(text))


def use_of(node: Node) -> Use | None:
    """The policy that a value is replaced by as a whole, if it is such a value.

    Raises:
        RoomError: for arguments that cannot be read.
    """
    if not isinstance(node.value, str) or not node.value.startswith("@{policies."):
        return None
    found = _PLACEHOLDER.fullmatch(node.value)
    said = _USE.fullmatch(found[1]) if found else None
    if said is None:
        raise node.fault(
            f"{node.value!r} does not use a policy",
            "Write @{policies.<name>.<kind>} or …(zone=raw)} as the whole value.",
        )
    arguments: dict[str, str] = {}
    for word in filter(None, (part.strip() for part in (said[2] or "").split(","))):
        name, equals, value = word.partition("=")
        if not equals or name.strip() not in ARGUMENTS or value.strip() not in ZONES:
            raise node.fault(f"the argument {word!r} is not understood", f"Write zone= and one of {', '.join(ZONES)}.")
        arguments[name.strip()] = value.strip()
    return Use(said[1], arguments)


def check_placeholders(rooms: Rooms) -> None:
    """Every placeholder of every policy and template names something there is.

    Raises:
        RoomError: with the line of the first that does not.
    """
    for policy in rooms.policies.values():
        own = policy.kind not in ("scp", "rcp", "organizations")
        for node, name in _placeholders(policy.node):
            _check(rooms, node, name, (*(ARGUMENTS if own else ()), *(_BARE if own else _without_account())))
            if name == "policies":
                raise node.fault("a policy does not hold another one", "Write its statements out.")
    for stack_set in rooms.stack_sets.values():
        for node, name in _placeholders(stack_set.node):
            if name == "policies":
                _check_use(rooms, node)
            else:
                _check(rooms, node, name, _BARE)
        _check_places(stack_set)


def needed(policy: Policy) -> frozenset[str]:
    """The arguments a policy must be given where it is used."""
    return frozenset(name for _, name in _placeholders(policy.node) if name in ARGUMENTS)


def _without_account() -> tuple[str, ...]:
    return tuple(name for name in _BARE if name != "account")


def _placeholders(node: Node) -> Iterator[tuple[Node, str]]:
    """Each placeholder and the value it is in; a whole policy's is called ``policies``."""
    value = node.value
    if isinstance(value, tuple):
        for item in value:
            yield from _placeholders(item)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            at = Node(node.path, node.key_lines.get(key, node.line), key)
            if key != TABLES:
                yield from _in_text(at, key)
            yield from _placeholders(inner)
    elif isinstance(value, str):
        yield from _in_text(node, value)


def _in_text(node: Node, text: str) -> Iterator[tuple[Node, str]]:
    cut = parts(text)
    if any("@{" in literal for literal in cut[::2]):
        raise node.fault(f"a placeholder in {text!r} is not closed", "Write it as @{name}.")
    if text.startswith("@{policies."):
        yield node, "policies"
    else:
        yield from ((node, name) for name in cut[1::2])


def _check(rooms: Rooms, node: Node, name: str, bare: tuple[str, ...]) -> None:
    if name in bare or name == "policies":
        return
    group, _, which = name.partition(".")
    organization = rooms.organization
    known: tuple[str, ...]
    match group:
        case "ou":
            known = tuple(organization.units)
        case "accounts":
            known = (organization.management, *organization.accounts)
        case _:
            listed = (*bare, *(f"ou.{unit}" for unit in organization.units))
            raise node.fault(f"the placeholder @{{{name}}} is not known here", advise(name, listed))
    if which not in known:
        raise node.fault(f"the placeholder @{{{name}}} names what is not declared", advise(which, known))


def _check_use(rooms: Rooms, node: Node) -> None:
    use = use_of(node)
    if use is None:
        return
    if use.key not in rooms.policies:
        raise node.fault(f"no policy is called {use.key!r}", advise(use.key, rooms.policies))
    policy = rooms.policies[use.key]
    wanted = needed(policy)
    if wanted != set(use.arguments):
        listed = ", ".join(sorted(wanted)) or "no argument"
        raise node.fault(f"the policy {use.key} takes {listed}", f"Write @{{policies.{use.key}{_shown(wanted)}}}.")


def _shown(wanted: frozenset[str]) -> str:
    return f"({', '.join(f'{name}=…' for name in sorted(wanted))})" if wanted else ""


def _check_places(stack_set: StackSet) -> None:
    """CloudFormation takes functions in resources and outputs only, and keys are never functions."""
    for section, node in stack_set.node.entries("sections").items():
        if section in ("Resources", "Outputs"):
            continue
        for value, name in _placeholders(node):
            if name in ("account", "policies"):
                raise value.fault(f"@{{{name}}} cannot be used in {section}", "Use it in a resource's properties.")
