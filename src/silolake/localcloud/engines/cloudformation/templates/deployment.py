"""A template together with the values that one stack gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from silolake.localcloud.engines.cloudformation.errors import malformed
from silolake.localcloud.engines.cloudformation.templates.functions import NO_VALUE, Scope, evaluate
from silolake.localcloud.engines.cloudformation.templates.references import dependencies, ordered, references
from silolake.localcloud.engines.cloudformation.templates.template import Declared, Output, Template


@dataclass(frozen=True)
class StackName:
    """Where a stack stands and what it is called: what the pseudo parameters answer."""

    id: str
    name: str
    account: str
    region: str


@dataclass(frozen=True)
class Deployment:
    """What one stack shall hold: its template, evaluated with its own parameters.

    Attributes:
        values: the parameters' values, as text.
    """

    template: Template
    values: Mapping[str, str]
    stack: StackName

    @cached_property
    def scope(self) -> Scope:
        """What can be evaluated before any resource is there."""
        declared = self.template.parameters
        return Scope(
            template=self.template,
            parameters={name: declared[name].value(text) for name, text in self.values.items() if name in declared},
            pseudo={
                "AWS::AccountId": self.stack.account,
                "AWS::NotificationARNs": [],
                "AWS::Partition": "aws",
                "AWS::Region": self.stack.region,
                "AWS::StackId": self.stack.id,
                "AWS::StackName": self.stack.name,
                "AWS::URLSuffix": "amazonaws.com",
            },
        )

    @cached_property
    def resources(self) -> dict[str, Declared]:
        """The resources whose conditions are met, in the order in which they can be made."""
        met = {
            name: each
            for name, each in self.template.resources.items()
            if not each.condition or self.scope.holds(each.condition)
        }
        return {name: met[name] for name in ordered(self.template, met, self.scope)}

    @cached_property
    def outputs(self) -> list[Output]:
        """The outputs whose conditions are met."""
        return [
            each for each in self.template.outputs.values() if not each.condition or self.scope.holds(each.condition)
        ]

    def dependencies(self, logical_id: str) -> set[str]:
        """The present resources that one resource waits for."""
        return dependencies(self.template, logical_id, self.scope) & self.resources.keys()

    def check(self) -> None:
        """Hold what is present against what is absent.

        Raises:
            AwsError: ``ValidationError``; something refers to a resource whose condition is not met.
        """
        absent = self.template.resources.keys() - self.resources.keys()
        values: list[Any] = [each.properties for each in self.resources.values()]
        for block, value in (("Resources", values), ("Outputs", [[each.value, each.export] for each in self.outputs])):
            mentioned = {each.name for each in references(value, self.scope.holds) if not each.is_condition}
            if lost := sorted(mentioned & absent):
                raise malformed(
                    f"Unresolved resource dependencies [{', '.join(lost)}] in the {block} block of the template"
                )

    def evaluate(self, value: Any, resources: Resources) -> Any:
        """A value of the template, ``NO_VALUE`` left out of what holds it.

        Args:
            resources: what is known of the resources that are there.
        """
        return evaluate(
            replace(self.scope, refer=resources.refer, attribute=resources.attribute, imported=resources.imported),
            value,
        )

    def properties(self, logical_id: str, resources: Resources) -> dict[str, Any]:
        """One resource's properties with every function evaluated."""
        found = self.evaluate(dict(self.resources[logical_id].properties), resources)
        return {} if found is NO_VALUE or not isinstance(found, dict) else found


@dataclass(frozen=True)
class Resources:
    """How the resources of a stack answer ``Ref``, ``Fn::GetAtt`` and ``Fn::ImportValue``."""

    refer: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    imported: Callable[[str], str]
