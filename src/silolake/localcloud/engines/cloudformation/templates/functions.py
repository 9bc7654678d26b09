"""CloudFormation's intrinsic functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from silolake.localcloud.engines.cloudformation.errors import misused
from silolake.localcloud.engines.cloudformation.templates.parameters import as_text
from silolake.localcloud.engines.cloudformation.templates.template import Template
from silolake.localcloud.errors import NotPlayed

NO_VALUE: Final = object()
"""What ``AWS::NoValue`` is: the property that holds it is as if it were not there."""

PSEUDO = frozenset(
    {
        "AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition",
        "AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
    }
)  # fmt: skip
CONDITION_FUNCTIONS = frozenset({"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals"})
SUB_REFERENCE = re.compile(r"\$\{(!?)([^${}]*)\}")


def _nowhere(name: str, *_: str) -> Any:
    raise misused(f"unresolved reference {name}")


@dataclass(frozen=True)
class Scope:
    """What the names in a template mean while it is evaluated.

    Attributes:
        parameters: by name; a list for list types.
        pseudo: by name, ``AWS::Region``.
        refer: what ``Ref`` of a resource answers.
        attribute: what ``Fn::GetAtt`` of a resource and attribute answers.
        imported: what ``Fn::ImportValue`` of an export's name answers.
    """

    template: Template
    parameters: Mapping[str, str | list[str]]
    pseudo: Mapping[str, Any]
    refer: Callable[[str], Any] = _nowhere
    attribute: Callable[[str, str], Any] = _nowhere
    imported: Callable[[str], str] = _nowhere
    _met: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is met.

        Raises:
            AwsError: ``ValidationError``; there is no such condition.
        """
        if condition not in self._met:
            if condition not in self.template.conditions:
                raise misused(f"unresolved condition dependency {condition} in the Conditions block of the template")
            self._met[condition] = _is_met(self, self.template.conditions[condition])
        return self._met[condition]


def evaluate(scope: Scope, value: Any) -> Any:
    """A value of the template with every function in it evaluated.

    Returns:
        ``NO_VALUE`` where the whole value is ``AWS::NoValue``.

    Raises:
        AwsError: ``ValidationError``; a function is misused.
        NotPlayed: a function, or a dynamic reference, that is not played.
    """
    if isinstance(value, dict):
        name = function_of(value)
        if name:
            return _function(name)(scope, value[name])
        evaluated = {key: evaluate(scope, each) for key, each in value.items()}
        return {key: each for key, each in evaluated.items() if each is not NO_VALUE}
    if isinstance(value, list):
        members = [evaluate(scope, each) for each in value]
        return [each for each in members if each is not NO_VALUE]
    if isinstance(value, str) and "{{resolve:" in value:
        raise NotPlayed("CloudFormation dynamic references, {{resolve:…}}")
    return value


def function_of(value: Mapping[str, Any]) -> str:
    """The name of the function that a map is, empty if it is just a map.

    Raises:
        AwsError: ``ValidationError``; a function with something beside it.
    """
    named = [key for key in value if key == "Ref" or key.startswith("Fn::")]
    if not named or (len(value) > 1 and named == ["Ref"]):
        return ""
    if len(value) > 1:
        raise misused(f"every {named[0]} object must have exactly one key")
    return named[0]


def _function(name: str) -> Callable[[Scope, Any], Any]:
    if name not in FUNCTIONS:
        raise NotPlayed(
            f"the CloudFormation function {name}" + (" in properties" if name in CONDITION_FUNCTIONS else "")
        )
    return FUNCTIONS[name]


def _is_met(scope: Scope, condition: Any) -> bool:
    if not isinstance(condition, dict) or len(condition) != 1:
        raise misused("every Conditions member must be one condition function")
    ((name, argument),) = condition.items()
    if name == "Condition":
        return scope.holds(str(argument))
    if not isinstance(argument, list):
        raise misused(f"every {name} object requires a list of parameters")
    match name:
        case "Fn::And" | "Fn::Or":
            if not 2 <= len(argument) <= 10:
                raise misused(f"every {name} object requires a list of at least 2 and at most 10 boolean parameters")
            met = [_is_met(scope, each) for each in argument]
            return all(met) if name == "Fn::And" else any(met)
        case "Fn::Not":
            if len(argument) != 1:
                raise misused("every Fn::Not object requires a list of exactly one boolean parameter")
            return not _is_met(scope, argument[0])
        case "Fn::Equals":
            if len(argument) != 2:
                raise misused("every Fn::Equals object requires a list of 2 string parameters.")
            left, right = (evaluate(scope, each) for each in argument)
            return bool(_comparable(left) == _comparable(right))
        case _:
            raise misused(f"{name} cannot be used as a condition")


def _comparable(value: Any) -> Any:
    return [as_text(each) for each in value] if isinstance(value, list) else as_text(value)


def _ref(scope: Scope, name: Any) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in PSEUDO:
        return scope.pseudo[name]
    if name in scope.parameters:
        return scope.parameters[name]
    return scope.refer(_string(name, "Ref"))


def _get_att(scope: Scope, argument: Any) -> Any:
    logical_id, attribute = get_att_parts(argument)
    return scope.attribute(logical_id, attribute)


def get_att_parts(argument: Any) -> tuple[str, str]:
    """The resource and the attribute that an ``Fn::GetAtt`` names.

    >>> get_att_parts("Data.Arn")
    ('Data', 'Arn')
    """
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(each, str) for each in parts):
        raise misused(
            "every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"
        )
    return parts[0], parts[1]


def sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    """The text of an ``Fn::Sub`` and the variables that it brings along."""
    match argument:
        case str():
            return argument, {}
        case [str() as text, dict() as variables]:
            return text, variables
        case _:
            raise misused(
                "One or more Fn::Sub intrinsic functions don't specify expected arguments. "
                "Specify a string as first argument, and an optional second argument to specify a mapping of values "
                "to replace in the string"
            )


def _sub(scope: Scope, argument: Any) -> str:
    text, variables = sub_parts(argument)
    known = {name: evaluate(scope, value) for name, value in variables.items()}

    def replacement(found: re.Match[str]) -> str:
        literal, name = found[1], found[2].strip()
        if literal:
            return "${" + found[2] + "}"
        if name in known:
            value = known[name]
        elif "." in name:
            value = scope.attribute(*name.split(".", 1))
        else:
            value = _ref(scope, name)
        return as_text(value) if not isinstance(value, list | dict) else _refuse_sub(name)

    return SUB_REFERENCE.sub(replacement, text)


def _refuse_sub(name: str) -> str:
    raise misused(f"variable {name} in Fn::Sub expression does not resolve to a string")


def _join(scope: Scope, argument: Any) -> str:
    match argument:
        case [str() as delimiter, members]:
            values = evaluate(scope, members)
        case _:
            values = None
    if not isinstance(values, list) or any(isinstance(each, list | dict) for each in values):
        raise misused(
            "every Fn::Join object requires two parameters, (1) a string delimiter and "
            "(2) a list of strings to be joined"
        )
    return delimiter.join(as_text(each) for each in values)


def _select(scope: Scope, argument: Any) -> Any:
    if not isinstance(argument, list) or len(argument) != 2:
        raise misused("every Fn::Select object requires two parameters, an index and a list")
    index, values = as_text(evaluate(scope, argument[0])), evaluate(scope, argument[1])
    if not index.isdigit() or not isinstance(values, list):
        raise misused("Fn::Select requires a list argument and a whole number as its index")
    if int(index) >= len(values):
        raise misused(f"Fn::Select cannot select nonexistent value at index {index}")
    return values[int(index)]


def _split(scope: Scope, argument: Any) -> list[str]:
    match argument:
        case [str() as delimiter, source] if delimiter:
            text = evaluate(scope, source)
            if isinstance(text, str):
                return text.split(delimiter)
    raise misused("every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split")


def _find_in_map(scope: Scope, argument: Any) -> Any:
    if not isinstance(argument, list) or len(argument) != 3:
        raise misused("every Fn::FindInMap object requires three parameters, the map name, map key and the attribute")
    name, top, second = (as_text(evaluate(scope, each)) for each in argument)
    if name not in scope.template.mappings:
        raise misused(f"Mapping named '{name}' is not present in the 'Mappings' section of template.")
    try:
        return scope.template.mappings[name][top][second]
    except KeyError:
        raise misused(f"Unable to get mapping for {name}::{top}::{second}") from None


def _base64(scope: Scope, argument: Any) -> str:
    return base64.b64encode(_string(evaluate(scope, argument), "Fn::Base64").encode()).decode()


def _if(scope: Scope, argument: Any) -> Any:
    match argument:
        case [str() as condition, then, otherwise]:
            return evaluate(scope, then if scope.holds(condition) else otherwise)
        case _:
            raise misused("Fn::If requires a list argument with three elements, the first a condition's name")


def _import_value(scope: Scope, argument: Any) -> str:
    return scope.imported(_string(evaluate(scope, argument), "Fn::ImportValue"))


def _string(value: Any, function: str) -> str:
    if isinstance(value, list | dict) or value is NO_VALUE:
        raise misused(f"every {function} object must have a single String value.")
    return as_text(value)


FUNCTIONS: Mapping[str, Callable[[Scope, Any], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
}
