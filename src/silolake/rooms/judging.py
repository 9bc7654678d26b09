"""Holding the policies of the provisioning room to IAM's own grammar, before anything is rendered for real.

Those are the files of ``policies/``, and the documents that a template's roles, buckets and keys hold themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import assert_never

from silolake.contracts.lines import Node
from silolake.errors import RoomError
from silolake.iam import PolicyKind as IamKind
from silolake.iam import find_faults
from silolake.rooms.values import PolicyKind, Rooms, Settings

_PLACEHOLDER = re.compile(r"@\{([^{}]*)\}")

# Stand for what only the cloud knows; a policy's grammar does not depend on which organization it is.
_ORGANIZATION = "o-a1b2c3d4e5"
_ROOT = f"{_ORGANIZATION}/r-ab12/"
_UNIT = f"{_ROOT}ou-ab12-11111111/"
_ACCOUNT = "111111111111"
_ARN = f"arn:aws:iam::{_ACCOUNT}:role/stand-in"

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
_DOCUMENTS = ("PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy")


def check_policies(rooms: Rooms) -> None:
    """Every policy is one that IAM would take, with any values for its placeholders.

    Raises:
        RoomError: the first fault of the first policy that has one.
    """
    for policy in rooms.policies.values():
        text = _filled(rooms.settings, policy.text)
        _judge(text, _iam_kind(policy.kind), policy.path)
    for stack_set in rooms.stack_sets.values():
        for resource in stack_set.node.entries("sections")["Resources"].entries("resources").values():
            for kind, document in _documents(resource, resource):
                _judge("".join(_Written(rooms.settings).pieces(document)), kind, stack_set.path)


def _judge(text: str, kind: IamKind, path: str) -> None:
    for fault in find_faults(text, kind, path):
        where = f" ({fault.path})" if fault.path else ""
        advice = fault.advice if fault.advice.endswith((".", "?")) else f"{fault.advice}."
        raise RoomError(path, fault.line, f"{fault.problem}{where}", advice)


def _documents(resource: Node, node: Node) -> Iterator[tuple[IamKind, Node]]:
    """The policy documents within a resource of a template, and what kind each is."""
    if isinstance(node.value, tuple):
        for item in node.value:
            yield from _documents(resource, item)
    elif isinstance(node.value, Mapping):
        for key, inner in node.value.items():
            if key in _DOCUMENTS and isinstance(inner.value, Mapping) and not _is_function(inner):
                yield _kind_of(resource, key), inner
            else:
                yield from _documents(resource, inner)


def _kind_of(resource: Node, key: str) -> IamKind:
    if key == "AssumeRolePolicyDocument":
        return IamKind.TRUST
    kind = resource.entries("a resource").get("Type")
    return IamKind.IDENTITY if kind is not None and str(kind.value).startswith("AWS::IAM::") else IamKind.RESOURCE


def _is_function(node: Node) -> bool:
    if node.tag:
        return True
    return (
        isinstance(node.value, Mapping) and len(node.value) == 1 and next(iter(node.value)).startswith(("Fn::", "Ref"))
    )


class _Written:
    """A document of a template as JSON whose elements stand on the lines they have in the template."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._line = settings, 1

    def pieces(self, node: Node) -> Iterator[str]:
        yield from self._down_to(node.line)
        if _is_function(node):
            yield json.dumps(self._result(node))
        elif isinstance(node.value, tuple):
            yield "["
            for place, item in enumerate(node.value):
                yield "," if place else ""
                yield from self.pieces(item)
            yield "]"
        elif isinstance(node.value, Mapping):
            yield "{"
            for place, (key, inner) in enumerate(node.value.items()):
                yield "," if place else ""
                yield from self._down_to(node.key_lines[key])
                yield f"{json.dumps(_filled(self._settings, key))}:"
                yield from self.pieces(inner)
            yield "}"
        elif isinstance(node.value, str):
            yield json.dumps(_filled(self._settings, node.value))
        else:
            yield json.dumps(node.value)

    def _down_to(self, line: int) -> Iterator[str]:
        yield "\n" * (line - self._line)
        self._line = max(line, self._line)

    def _result(self, node: Node) -> str:
        """What stands for a function's result: a text like the one it would make."""
        said = node.value
        if isinstance(said, Mapping) and "Fn::Sub" in said:
            said = said["Fn::Sub"].value
        elif node.tag != "!Sub":
            return _ARN
        text = said[0].value if isinstance(said, tuple) else said
        return _VARIABLE.sub(_variable, _filled(self._settings, str(text)))


def _variable(found: re.Match[str]) -> str:
    # ${!name} is IAM's ${name}; everything else is CloudFormation's.
    if found[1]:
        return f"${{{found[2]}}}"
    if found[2].endswith(".Arn"):
        return _ARN
    return _ACCOUNT if found[2] == "AWS::AccountId" else "stand-in"


def _filled(settings: Settings, text: str) -> str:
    return _PLACEHOLDER.sub(lambda found: _stand_in(settings, found[1]), text)


def _iam_kind(kind: PolicyKind) -> IamKind:
    match kind:
        case "scp":
            return IamKind.SCP
        case "rcp":
            return IamKind.RCP
        case "glue" | "kms" | "bucket" | "organizations":
            return IamKind.RESOURCE
        case "identity":
            return IamKind.IDENTITY
        case _:
            assert_never(kind)


def _stand_in(settings: Settings, name: str) -> str:
    match name.partition(".")[0]:
        case "lake":
            return settings.lake.text
        case "stage":
            return settings.stage.text
        case "region":
            return settings.region.text
        case "org":
            return _ORGANIZATION if name == "org.id" else _ROOT
        case "ou":
            return _UNIT
        case "zone":
            return "raw"
        case _:
            return _ACCOUNT
