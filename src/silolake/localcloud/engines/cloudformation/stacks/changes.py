"""What an update would change, before it does: the rows of a change set.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.stacks.records import Resource, Stack, Wanted
from silolake.localcloud.engines.cloudformation.stacks.site import tagged
from silolake.localcloud.engines.cloudformation.templates.deployment import Resources
from silolake.localcloud.engines.cloudformation.types import TYPES
from silolake.localcloud.engines.cloudformation.types.kinds import ResourceType
from silolake.localcloud.engines.cloudformation.types.shapes import PropertiesInvalid, at, changed, conform

LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""CloudFormation's own word for what only the making of a resource will tell."""


def changes(
    stack: Stack, wanted: Wanted, resources: Mapping[str, Resource], exported: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The changes of resources that ``wanted`` means for a stack, in the order in which they would be made.

    Args:
        resources: those the stack has.
        exported: the exports of its account and Region.

    Raises:
        AwsError: ``ValidationError``; a resource would become one of another type.
    """
    deployment = wanted.deployment(stack.named)
    present = {name: each for name, each in resources.items() if not each.is_gone}
    retyped = [
        name for name, each in deployment.resources.items() if name in present and present[name].type != each.type
    ]
    if retyped:
        raise invalid(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(retyped)}]"
        )
    preview = _Preview(present, exported)
    found = []
    for name, declared in deployment.resources.items():
        type_ = TYPES[declared.type]
        properties = deployment.properties(name, preview.known)
        # Properties of the wrong shape are compared as they stand: the update itself will fail of them.
        with suppress(PropertiesInvalid):
            properties = conform(properties, type_.shape)
        properties = tagged(properties, type_, wanted.tags, stack, name)
        if name not in present:
            preview.moving.add(name)
            found.append(_change("Add", name, type_.name))
        elif present[name].properties != properties:
            found.append(_modification(preview, type_, present[name], properties))
    for name, each in present.items():
        if name not in deployment.resources:
            policy = "Retain" if each.deletion_policy.startswith("Retain") else "Delete"
            found.append(_change("Remove", name, each.type, PhysicalResourceId=each.physical_id, PolicyAction=policy))
    return found


class _Preview:
    """References to what is there answer as they do; those to what is yet to be made answer ``LATER``."""

    def __init__(self, present: Mapping[str, Resource], exported: Mapping[str, str]) -> None:
        self._present, self._exported = present, exported
        self.moving: set[str] = set()

    @property
    def known(self) -> Resources:
        return Resources(self._refer, self._attribute, lambda name: self._exported.get(name, LATER))

    def _refer(self, logical_id: str) -> str:
        return LATER if logical_id in self.moving else self._present[logical_id].physical_id

    def _attribute(self, logical_id: str, name: str) -> Any:
        return LATER if logical_id in self.moving else self._present[logical_id].attributes.get(name, LATER)


def _modification(
    preview: _Preview, type_: ResourceType, present: Resource, properties: Mapping[str, Any]
) -> dict[str, Any]:
    replacing = [path for path in type_.replaced_by if at(present.properties, path) != at(properties, path)]
    unsure = [path for path in replacing if LATER in str(at(properties, path))]
    replacement = "False" if not replacing else "Conditional" if len(unsure) == len(replacing) else "True"
    if replacement == "True":
        preview.moving.add(present.logical_id)
    details, scope = [], set()
    for name in changed(present.properties, properties):
        recreates = any(path.split(".")[0] == name for path in replacing)
        recreation = "Never" if not recreates else "Conditionally" if replacement == "Conditional" else "Always"
        target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
        if name == "Tags":
            target = {"Attribute": "Tags", "RequiresRecreation": "Never"}
        is_later = LATER in str(properties.get(name))
        source = "ResourceReference" if is_later else "DirectModification"
        scope.add(target["Attribute"])
        details.append({"Target": target, "Evaluation": "Dynamic" if is_later else "Static", "ChangeSource": source})
    return _change(
        "Modify",
        present.logical_id,
        type_.name,
        PhysicalResourceId=present.physical_id,
        Replacement=replacement,
        Scope=sorted(scope),
        Details=details,
    )


def _change(action: str, logical_id: str, type_name: str, **more: Any) -> dict[str, Any]:
    change = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": type_name, **more}
    change.setdefault("Scope", [])
    change.setdefault("Details", [])
    return {"Type": "Resource", "ResourceChange": change}
