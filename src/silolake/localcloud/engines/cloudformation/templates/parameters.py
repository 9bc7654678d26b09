"""A template's parameters, and the values that a stack gives them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from silolake.localcloud.engines.cloudformation.errors import invalid, malformed
from silolake.localcloud.errors import NotPlayed

MASKED = "****"
_KEYS = frozenset(
    {
        "Type", "Default", "AllowedValues", "AllowedPattern", "ConstraintDescription", "Description",
        "MinLength", "MaxLength", "MinValue", "MaxValue", "NoEcho",
    }
)  # fmt: skip
_LISTS = ("CommaDelimitedList", "List<String>", "List<Number>")
_TYPES = ("String", "Number", *_LISTS)


@dataclass(frozen=True)
class Parameter:
    """One parameter as its template declares it."""

    name: str
    type: str
    default: str | None = None
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str = ""
    constraint: str = ""
    description: str = ""
    min_length: int | None = None
    max_length: int | None = None
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    no_echo: bool = False

    @property
    def is_list(self) -> bool:
        """Whether ``Ref`` answers a list."""
        return self.type in _LISTS

    def value(self, text: str) -> str | list[str]:
        """What ``Ref`` answers for a value that was given as text."""
        if not self.is_list:
            return text
        return [each.strip() for each in text.split(",")] if text else []


def as_text(value: Any) -> str:
    """A scalar as CloudFormation spells it: booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_text(each) for each in value)
    return str(value)


def read_parameter(name: str, entry: Any) -> Parameter:
    """Read one member of the ``Parameters`` section.

    Raises:
        AwsError: ``ValidationError``; it is malformed.
        NotPlayed: a type whose values AWS would look up.
    """
    if not isinstance(entry, dict):
        raise malformed("Any Parameters member must be an object.")
    if not name.isalnum():
        raise malformed(f"Parameter name {name} is non alphanumeric.")
    if unknown := sorted(set(entry) - _KEYS):
        raise invalid(f"Invalid template parameter property '{unknown[0]}'")
    type_ = entry.get("Type")
    if not isinstance(type_, str):
        raise malformed("Every Parameters object must contain a Type member.")
    if type_.startswith(("AWS::", "List<AWS::")):
        raise NotPlayed(f"CloudFormation parameters of type {type_}")
    if type_ not in _TYPES:
        raise malformed(f"Unrecognized parameter type: {type_}")
    allowed = entry.get("AllowedValues", [])
    if not isinstance(allowed, list):
        raise malformed(f"Parameter {name}: AllowedValues must be a list.")
    parameter = Parameter(
        name=name,
        type=type_,
        default=as_text(entry["Default"]) if "Default" in entry else None,
        allowed_values=tuple(as_text(each) for each in allowed),
        allowed_pattern=str(entry.get("AllowedPattern", "")),
        constraint=str(entry.get("ConstraintDescription", "")),
        description=str(entry.get("Description", "")),
        min_length=_whole(name, entry, "MinLength"),
        max_length=_whole(name, entry, "MaxLength"),
        min_value=_number(name, entry, "MinValue"),
        max_value=_number(name, entry, "MaxValue"),
        no_echo=as_text(entry.get("NoEcho", False)) == "true",
    )
    if parameter.default is not None:
        _hold(parameter, parameter.default)
    return parameter


def _whole(name: str, entry: Mapping[str, Any], key: str) -> int | None:
    number = _number(name, entry, key)
    return None if number is None else int(number)


def _number(name: str, entry: Mapping[str, Any], key: str) -> Decimal | None:
    if key not in entry:
        return None
    try:
        return Decimal(as_text(entry[key]))
    except InvalidOperation:
        raise malformed(f"Parameter {name}: {key} must be a number.") from None


def settle(
    declared: Mapping[str, Parameter], given: list[Mapping[str, Any]], previous: Mapping[str, str]
) -> dict[str, str]:
    """Every parameter's value, as text, for a stack that is created or updated.

    Args:
        declared: what the template declares.
        given: the request's ``Parameters``.
        previous: the values the stack has, for ``UsePreviousValue``; empty for a new stack.

    Raises:
        AwsError: ``ValidationError``; a value is missing, unknown, or breaks what the template declares.
    """
    values = {name: each.default for name, each in declared.items() if each.default is not None}
    names = [str(each.get("ParameterKey", "")) for each in given]
    if unknown := [name for name in names if name not in declared]:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    for each in given:
        name = str(each.get("ParameterKey", ""))
        if each.get("UsePreviousValue"):
            if "ParameterValue" in each:
                raise invalid(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true "
                    "and non empty value for a parameter"
                )
            if name not in previous:
                raise invalid(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true "
                    "for a parameter key not in the previous template"
                )
            values[name] = previous[name]
        elif "ParameterValue" not in each:
            raise invalid(f"Parameter {name} must have a value")
        else:
            values[name] = str(each["ParameterValue"])
    if missing := [name for name in declared if name not in values]:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, text in values.items():
        _hold(declared[name], text)
    return values


def _hold(parameter: Parameter, text: str) -> None:
    """Hold one value against what its parameter declares."""
    for each in parameter.value(text) if parameter.is_list else [text]:
        if complaint := _complaint(parameter, each):
            if parameter.constraint:
                complaint = f"Parameter {parameter.name} failed to satisfy constraint: {parameter.constraint}"
            raise invalid(complaint)


def _complaint(parameter: Parameter, text: str) -> str:
    name = parameter.name
    if parameter.allowed_values and text not in parameter.allowed_values:
        return f"Parameter '{name}' must be one of AllowedValues"
    if parameter.type in ("Number", "List<Number>"):
        return _number_complaint(parameter, text)
    if parameter.allowed_pattern and not re.fullmatch(parameter.allowed_pattern, text):
        return f"Parameter '{name}' must match pattern {parameter.allowed_pattern}"
    if parameter.min_length is not None and len(text) < parameter.min_length:
        return f"Parameter '{name}' must contain at least {parameter.min_length} characters"
    if parameter.max_length is not None and len(text) > parameter.max_length:
        return f"Parameter '{name}' must contain at most {parameter.max_length} characters"
    return ""


def _number_complaint(parameter: Parameter, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return f"Parameter '{parameter.name}' must be a number"
    if parameter.min_value is not None and number < parameter.min_value:
        return f"Parameter '{parameter.name}' must be a number not less than {parameter.min_value}"
    if parameter.max_value is not None and number > parameter.max_value:
        return f"Parameter '{parameter.name}' must be a number not greater than {parameter.max_value}"
    return ""


def listed(declared: Mapping[str, Parameter], values: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters as ``DescribeStacks`` shows them: those with ``NoEcho`` masked."""
    return [
        {"ParameterKey": name, "ParameterValue": MASKED if name in declared and declared[name].no_echo else text}
        for name, text in values.items()
    ]
