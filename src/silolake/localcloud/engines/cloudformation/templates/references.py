"""What a template's values refer to, and the order that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from silolake.localcloud.engines.cloudformation.errors import invalid, malformed, misused
from silolake.localcloud.engines.cloudformation.templates.functions import (
    CONDITION_FUNCTIONS,
    FUNCTIONS,
    PSEUDO,
    SUB_REFERENCE,
    Scope,
    function_of,
    get_att_parts,
    sub_parts,
)
from silolake.localcloud.engines.cloudformation.templates.template import Template
from silolake.localcloud.errors import NotPlayed


@dataclass(frozen=True, order=True)
class Reference:
    """One mention of a parameter, pseudo parameter, resource or condition.

    Attributes:
        attribute: of a resource; empty for ``Ref``.
        is_condition: the name is that of a condition.
    """

    name: str
    attribute: str = ""
    is_condition: bool = False


def references(value: Any, met: Callable[[str], bool] | None = None) -> Iterator[Reference]:
    """Every mention in a value.

    Args:
        met: with it, only the branch that ``Fn::If`` takes is followed.

    Raises:
        AwsError: ``ValidationError``; a function is malformed.
        NotPlayed: a function that is not played.
    """
    if isinstance(value, list):
        for each in value:
            yield from references(each, met)
        return
    if not isinstance(value, dict):
        return
    name = function_of(value)
    if not name:
        for each in value.values():
            yield from references(each, met)
        return
    yield from _of_function(name, value[name], met)


def _of_function(name: str, argument: Any, met: Callable[[str], bool] | None) -> Iterator[Reference]:
    match name:
        case "Ref":
            if not isinstance(argument, str):
                raise misused("every Ref object must have a single String value.")
            yield Reference(argument)
        case "Fn::GetAtt":
            yield Reference(*get_att_parts(argument))
        case "Fn::Sub":
            text, variables = sub_parts(argument)
            for literal, mentioned in SUB_REFERENCE.findall(text):
                if not literal and mentioned.strip() not in variables:
                    yield Reference(*mentioned.strip().split(".", 1))
            yield from references(variables, met)
        case "Fn::If":
            if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
                raise misused("Fn::If requires a list argument with three elements, the first a condition's name")
            yield Reference(argument[0], is_condition=True)
            branches = argument[1:] if met is None else [argument[1] if met(argument[0]) else argument[2]]
            yield from references(branches, met)
        case _:
            if name not in FUNCTIONS and name not in CONDITION_FUNCTIONS:
                raise NotPlayed(f"the CloudFormation function {name}")
            yield from references(argument, met)


def check(template: Template) -> None:
    """Hold every mention in a template against what it declares.

    Raises:
        AwsError: ``ValidationError``; something is mentioned that is not there, or what is there needs itself.
        NotPlayed: a function that is not played.
    """
    _check_conditions(template)
    missing: set[str] = set()
    for each in template.resources.values():
        missing |= {name for name in each.depends_on if name not in template.resources}
        missing |= _missing(template, each.properties)
        _check_condition(template, each.condition)
    if missing:
        raise malformed(
            f"Unresolved resource dependencies [{', '.join(sorted(missing))}] in the Resources block of the template"
        )
    for output in template.outputs.values():
        missing |= _missing(template, [output.value, output.export])
        _check_condition(template, output.condition)
    if missing:
        raise malformed(
            f"Unresolved resource dependencies [{', '.join(sorted(missing))}] in the Outputs block of the template"
        )
    ordered(template, template.resources, None)


def _missing(template: Template, value: Any) -> set[str]:
    found = set()
    for each in references(value):
        if each.is_condition:
            _check_condition(template, each.name)
        elif each.attribute:
            if each.name not in template.resources:
                raise misused(f"instance of Fn::GetAtt references undefined resource {each.name}")
        elif each.name not in PSEUDO and each.name not in template.parameters and each.name not in template.resources:
            found.add(each.name)
    return found


def _check_condition(template: Template, name: str) -> None:
    if name and name not in template.conditions:
        raise malformed(f"Unresolved condition dependency {name} in the Resources block of the template")


def _check_conditions(template: Template) -> None:
    needs: dict[str, set[str]] = {}
    for name, condition in template.conditions.items():
        needs[name] = set()
        for each in _condition_references(condition):
            if each.is_condition:
                _check_condition(template, each.name)
                needs[name].add(each.name)
            elif each.attribute or (each.name not in PSEUDO and each.name not in template.parameters):
                raise malformed(
                    f"Unresolved dependencies [{each.name}]. "
                    "Cannot reference resources in the Conditions block of the template"
                )
    if circle := _circle(needs):
        raise malformed(f"Circular dependency between conditions: [{', '.join(circle)}]")


def _condition_references(value: Any) -> Iterator[Reference]:
    """In the ``Conditions`` block ``Condition`` is a function; elsewhere it is a word like any other."""
    match value:
        case {"Condition": str() as name, **rest} if not rest:
            yield Reference(name, is_condition=True)
        case list():
            for each in value:
                yield from _condition_references(each)
        case dict() if function_of(value) in CONDITION_FUNCTIONS:
            yield from _condition_references(next(iter(value.values())))
        case _:
            yield from references(value)


def dependencies(template: Template, logical_id: str, scope: Scope | None) -> set[str]:
    """The resources that one resource waits for: those it names in ``DependsOn`` and those it refers to."""
    declared = template.resources[logical_id]
    met = scope.holds if scope else None
    found = set(declared.depends_on)
    found |= {each.name for each in references(declared.properties, met) if not each.is_condition}
    return found & template.resources.keys()


def ordered(template: Template, present: Collection[str], scope: Scope | None) -> list[str]:
    """The resources in the order in which they can be made; ties stand as in the template.

    Args:
        present: the resources whose conditions are met.
        scope: what conditions mean; ``None`` follows every branch.

    Raises:
        AwsError: ``ValidationError``; they need one another in a circle.
    """
    needs = {name: dependencies(template, name, scope) & set(present) for name in template.resources if name in present}
    order: list[str] = []
    done: set[str] = set()
    while len(order) < len(needs):
        ready = [name for name in needs if name not in done and needs[name] <= done]
        if not ready:
            raise invalid(f"Circular dependency between resources: [{', '.join(_circle(needs))}]")
        order += ready
        done.update(ready)
    return order


def _circle(needs: Mapping[str, set[str]]) -> list[str]:
    """The names that wait for one another, empty if none do."""
    left = dict(needs)
    while free := [name for name, wanted in left.items() if not wanted & left.keys()]:
        for name in free:
            del left[name]
    return list(left)
