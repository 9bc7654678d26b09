"""A template as a value that is whole: sections, parameters, resources, outputs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from silolake.localcloud.engines.cloudformation.errors import invalid, malformed
from silolake.localcloud.engines.cloudformation.templates.parameters import Parameter, read_parameter
from silolake.localcloud.engines.cloudformation.templates.text import parse
from silolake.localcloud.errors import NotPlayed

RESOURCE_LIMIT = 500

_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
    }
)
_NOT_PLAYED_SECTIONS = ("Rules", "Hooks")
_RESOURCE_KEYS = frozenset(
    {"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"}
)
_NOT_PLAYED_RESOURCE_KEYS = ("CreationPolicy", "UpdatePolicy")
_POLICIES = {
    "DeletionPolicy": frozenset({"Delete", "Retain", "RetainExceptOnCreate"}),
    "UpdateReplacePolicy": frozenset({"Delete", "Retain"}),
}
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True)
class Declared:
    """One resource as the template declares it; its properties are not evaluated."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    depends_on: tuple[str, ...] = ()
    condition: str = ""
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    metadata: Any = None


@dataclass(frozen=True)
class Output:
    """One output; ``export`` is its name for other stacks, not evaluated, ``None`` for none."""

    name: str
    value: Any
    description: str = ""
    export: Any = None
    condition: str = ""


@dataclass(frozen=True)
class Template:
    """A template that was read; where it stands, its sections are well-formed."""

    body: str
    description: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Declared] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    metadata: Any = None
    transforms: tuple[str, ...] = ()


@functools.lru_cache(maxsize=64)
def read_template(body: str) -> Template:
    """Read a template's text.

    Raises:
        AwsError: ``ValidationError``; the text, a section, or an entry of one is wrong.
        NotPlayed: rules, creation and update policies.
    """
    document = parse(body)
    if not isinstance(document, dict):
        raise malformed("unsupported structure.")
    transforms = _transforms(document.pop("Transform", None))
    for name in _NOT_PLAYED_SECTIONS:
        if name in document:
            raise NotPlayed(f"CloudFormation templates with {name}")
    if unknown := sorted(set(document) - _SECTIONS):
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = document.get("AWSTemplateFormatVersion", "2010-09-09")
    if version != "2010-09-09":
        raise malformed("unsupported value for AWSTemplateFormatVersion.")
    description = document.get("Description", "")
    if not isinstance(description, str):
        raise malformed("Description must be a string.")
    resources = _section(document, "Resources")
    if not resources:
        raise malformed("At least one Resources member must be defined.")
    if len(resources) > RESOURCE_LIMIT:
        raise malformed(f"Number of resources, {len(resources)}, is greater than maximum allowed, {RESOURCE_LIMIT}")
    refuse_nulls(document, "")
    return Template(
        body=body,
        description=description,
        parameters={name: read_parameter(name, each) for name, each in _section(document, "Parameters").items()},
        mappings=_mappings(_section(document, "Mappings")),
        conditions=_section(document, "Conditions"),
        resources={name: _resource(name, each) for name, each in resources.items()},
        outputs={name: _output(name, each) for name, each in _section(document, "Outputs").items()},
        metadata=document.get("Metadata"),
        transforms=transforms,
    )


def refuse_nulls(value: Any, path: str) -> None:
    """Refuse a null anywhere in a template.

    Raises:
        AwsError: ``ValidationError``, with the place.
    """
    if value is None:
        raise malformed(f"[{path}] 'null' values are not allowed in templates")
    if isinstance(value, dict):
        for key, each in value.items():
            refuse_nulls(each, f"{path}/{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            refuse_nulls(each, f"{path}/{number}")


def _transforms(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    given = value if isinstance(value, list) else [value]
    return tuple(each if isinstance(each, str) else str(each.get("Name", "")) for each in given)


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name, {})
    if not isinstance(section, dict):
        raise malformed(f"{name} section must be a map.")
    return section


def _entry(section: str, name: str, entry: Any) -> dict[str, Any]:
    if name.startswith("Fn::ForEach"):
        raise NotPlayed("CloudFormation templates with Fn::ForEach")
    if not isinstance(entry, dict):
        raise malformed(f"Any {section} member must be an object.")
    if not _LOGICAL_ID.fullmatch(name):
        raise malformed(f"{section} name {name} is non alphanumeric.")
    return entry


def _resource(name: str, entry: Any) -> Declared:
    entry = _entry("Resources", name, entry)
    for key in _NOT_PLAYED_RESOURCE_KEYS:
        if key in entry:
            raise NotPlayed(f"CloudFormation resources with {key}")
    if unknown := sorted(set(entry) - _RESOURCE_KEYS):
        raise invalid(f"Invalid template resource property '{unknown[0]}' in resource {name}")
    type_ = entry.get("Type")
    if not isinstance(type_, str):
        raise malformed(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    properties = entry.get("Properties", {})
    if not isinstance(properties, dict):
        raise malformed(f"[/Resources/{name}/Properties] 'Properties' must be an object.")
    depends_on = entry.get("DependsOn", [])
    depends_on = [depends_on] if isinstance(depends_on, str) else depends_on
    if not isinstance(depends_on, list) or not all(isinstance(each, str) for each in depends_on):
        raise malformed(f"[/Resources/{name}/DependsOn] DependsOn must be a string or list of strings.")
    return Declared(
        logical_id=name,
        type=type_,
        properties=properties,
        depends_on=tuple(depends_on),
        condition=_text(entry, "Condition", f"Resources/{name}"),
        deletion_policy=_policy(name, entry, "DeletionPolicy"),
        replace_policy=_policy(name, entry, "UpdateReplacePolicy"),
        metadata=entry.get("Metadata"),
    )


def _policy(name: str, entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key, "Delete")
    if value == "Snapshot":
        raise NotPlayed(f"CloudFormation resources with {key}: Snapshot")
    if value not in _POLICIES[key]:
        raise invalid(f"Template error: unrecognized {key} {value} for resource {name}")
    return str(value)


def _output(name: str, entry: Any) -> Output:
    entry = _entry("Outputs", name, entry)
    if unknown := sorted(set(entry) - {"Value", "Description", "Export", "Condition"}):
        raise malformed(f"Output {name} has an unknown property {unknown[0]}.")
    if "Value" not in entry:
        raise malformed(f"Output {name} is malformed. Every Outputs member must contain a Value object")
    export = entry.get("Export")
    if export is not None and (not isinstance(export, dict) or set(export) != {"Name"}):
        raise malformed(f"Output {name} is malformed: Export must hold a Name and nothing else")
    return Output(
        name=name,
        value=entry["Value"],
        description=_text(entry, "Description", f"Outputs/{name}"),
        export=export["Name"] if export else None,
        condition=_text(entry, "Condition", f"Outputs/{name}"),
    )


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise malformed(f"[/{where}/{key}] {key} must be a string.")
    return value


def _mappings(section: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    for name, tops in section.items():
        if name.startswith("Fn::"):
            raise NotPlayed(f"CloudFormation mappings with {name.split('::')[1]}")
        if not isinstance(tops, dict) or not all(isinstance(seconds, dict) for seconds in tops.values()):
            raise malformed(f"Every Mappings attribute must be a map of maps; {name} is not.")
    return dict(section)
