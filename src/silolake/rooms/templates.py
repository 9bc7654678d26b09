"""Reading ``provisioning/policies/*.json`` and ``provisioning/stack_sets/*.yaml``, placeholders and all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from silolake.contracts.lines import Node, advise, read_json, read_yaml
from silolake.errors import RoomError
from silolake.rooms.organization import POLICY_KINDS
from silolake.rooms.reading import called, files, read_text
from silolake.rooms.values import Policy, PolicyKind, StackSet

POLICIES = "provisioning/policies"
STACK_SETS = "provisioning/stack_sets"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
_SECTIONS = (
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Outputs",
)  # fmt: skip
_RESOURCE = (
    "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy",
    "Metadata",
)  # fmt: skip
_TYPE = re.compile(r"[A-Za-z0-9]+::[A-Za-z0-9]+::[A-Za-z0-9]+|Custom::[\w@-]+")
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")
TABLES = "@{tables}"


def read_policies(root: Path) -> Mapping[str, Policy]:
    """Read every policy, by its key ``<name>.<kind>``.

    Raises:
        RoomError: where a file's name is not ``<name>.<kind>.json``, or it is not a policy document.
    """
    found = {}
    for path in files(root, POLICIES, ".json", (".yaml", ".yml")):
        name, _, kind = path.stem.partition(".")
        if not _NAME.fullmatch(name) or kind not in POLICY_KINDS:
            told = f"{path.name!r} does not say what kind of policy it is"
            raise RoomError(
                called(root, path), 0, told, f"Call it <name>.<kind>.json; kinds: {', '.join(POLICY_KINDS)}."
            )
        text = read_text(root, path, "Write the policy there.")
        policy = Policy(name, cast(PolicyKind, kind), read_json(text, called(root, path)), text, called(root, path))
        policy.node.fields(("Version", "Statement"), ("Id",))
        found[policy.key] = policy
    return found


def read_stack_sets(root: Path) -> Mapping[str, StackSet]:
    """Read every stack set's template, by name.

    Raises:
        RoomError: for a section or a resource's key that CloudFormation does not have, and for transforms and loops,
            which service-managed stack sets do not take.
    """
    found = {}
    for path in files(root, STACK_SETS, ".yaml", (".yml", ".json")):
        text = read_text(root, path, "Write the template there.")
        node = read_yaml(text, called(root, path), tags=True)
        if not _NAME.fullmatch(path.stem):
            told = f"{path.stem!r} is not a stack set's name"
            raise RoomError(node.path, 0, told, "Use lower-case letters, digits and _.")
        _check_template(node)
        found[path.stem] = StackSet(path.stem, node, text, node.path)
    return found


def _check_template(node: Node) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
    if "Transform" in node.entries("sections"):
        advice = "Write what it would make."
        raise node.fault_at("Transform", "a service-managed stack set takes no transforms", advice)
    sections = node.fields(("Resources",), _SECTIONS)
    resources = sections["Resources"]
    for key, resource in resources.entries("resources").items():
        if key == TABLES:
            continue
        if key.startswith("Fn::ForEach"):
            raise resources.fault_at(key, "a service-managed stack set takes no loops", "Write each resource out.")
        if not _LOGICAL_ID.fullmatch(key):
            raise resources.fault_at(key, f"{key!r} is not a logical id", "Use letters and digits only.")
        entry = resource.fields(("Type",), _RESOURCE)
        kind = entry["Type"].text("a resource type")
        if not _TYPE.fullmatch(kind):
            raise entry["Type"].fault(f"{kind!r} is not a resource type", "It looks like AWS::S3::Bucket.")
    _check_references(node, frozenset(resources.entries("")) | frozenset(_named(sections, "Parameters")))
    declared = _named(sections, "Parameters")
    for key in declared:
        # Automatic deployment cannot give a new account parameters of its own.
        if "Default" not in declared[key].entries("a parameter"):
            told = f"the parameter {key} has no default, and automatic deployment gives none"
            raise sections["Parameters"].fault_at(key, told, "Add Default:, or use a placeholder.")


def _named(sections: Mapping[str, Node], section: str) -> Mapping[str, Node]:
    return sections[section].entries(section) if section in sections else {}


def _check_references(node: Node, known: frozenset[str]) -> None:
    """Every Ref and GetAtt names something of the template; made tables are named by no one."""
    value = node.value
    if isinstance(value, tuple):
        for item in value:
            _check_references(item, known)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("Ref", "Fn::GetAtt") and len(value) == 1:
                _check_reference(inner, known)
            _check_references(inner, known)
    if node.tag in ("!Ref", "!GetAtt"):
        _check_reference(node, known)


def _check_reference(node: Node, known: frozenset[str]) -> None:
    value = node.value[0].value if isinstance(node.value, tuple) and node.value else node.value
    if not isinstance(value, str) or value.startswith("AWS::"):
        return
    name = value.split(".", 1)[0]
    if name not in known:
        raise node.fault(f"the template has no resource or parameter {name!r}", advise(name, known - {TABLES}))
