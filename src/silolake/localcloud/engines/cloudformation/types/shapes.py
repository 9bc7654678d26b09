"""What a resource's properties may be, written as small Python values, and values held to it.

``str``, ``int``, ``float``, ``bool`` are scalars; ``JSON`` is a document; ``[shape]`` a list; ``Keyed(shape)`` a map
with free keys; a ``dict`` a record whose keys are known, those that end in ``!`` required.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from silolake.localcloud.engines.cloudformation.templates.parameters import as_text

JSON: Final = "JSON"
Shape = Any


@dataclass(frozen=True)
class Keyed:
    """A map whose keys are the template's own."""

    member: Shape


TAGS: Final = [{"Key!": str, "Value!": str}]


class PropertiesInvalid(Exception):
    """A resource's properties do not have the type's shape; CloudFormation's own words."""


def conform(properties: Mapping[str, Any], shape: Mapping[str, Shape]) -> dict[str, Any]:
    """A resource's properties as its type wants them: scalars turned into the type's own.

    Raises:
        PropertiesInvalid: a property is unknown, missing, or of another type.

    >>> conform({"Days": "7"}, {"Days!": int})
    {'Days': 7}
    """
    complaints: list[str] = []
    found = _hold(dict(properties), shape, "#", complaints)
    if complaints:
        raise PropertiesInvalid("".join(f"\n[{each}]" for each in complaints))
    return dict(found)


def _hold(value: Any, shape: Shape, path: str, complaints: list[str]) -> Any:
    match shape:
        case dict():
            return _record(value, shape, path, complaints)
        case list():
            if not isinstance(value, list):
                complaints.append(f"{path}: expected type: JSONArray, found: {_kind(value)}")
                return []
            return [_hold(each, shape[0], f"{path}/{number}", complaints) for number, each in enumerate(value)]
        case Keyed(member):
            if not isinstance(value, dict):
                complaints.append(f"{path}: expected type: JSONObject, found: {_kind(value)}")
                return {}
            return {key: _hold(each, member, f"{path}/{key}", complaints) for key, each in value.items()}
        case "JSON":
            if not isinstance(value, dict | str):
                complaints.append(f"{path}: expected type: JSONObject, found: {_kind(value)}")
            return value
        case _:
            return _scalar(value, shape, path, complaints)


def _record(value: Any, shape: Mapping[str, Shape], path: str, complaints: list[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        complaints.append(f"{path}: expected type: JSONObject, found: {_kind(value)}")
        return {}
    known = {key.removesuffix("!"): each for key, each in shape.items()}
    for key in sorted(value.keys() - known.keys()):
        complaints.append(
            f"{path}: extraneous key [{key}] is not permitted; the silolake local cloud plays {', '.join(known)}"
        )
    for key in shape:
        if key.endswith("!") and key[:-1] not in value:
            complaints.append(f"{path}: required key [{key[:-1]}] not found")
    return {key: _hold(each, known[key], f"{path}/{key}", complaints) for key, each in value.items() if key in known}


def _scalar(value: Any, shape: type, path: str, complaints: list[str]) -> Any:
    """CloudFormation turns a scalar of one type into another where nothing is lost."""
    text = as_text(value) if isinstance(value, bool | int | float | str) else None
    if shape is str and text is not None:
        return text
    if shape is bool and text in ("true", "false"):
        return text == "true"
    if shape in (int, float) and text is not None and not isinstance(value, bool):
        try:
            return shape(text)
        except ValueError:
            pass
    expected = {str: "String", bool: "Boolean", int: "Integer", float: "Number"}[shape]
    complaints.append(f"{path}: expected type: {expected}, found: {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case float():
            return "Number"
        case str():
            return "String"
        case list():
            return "JSONArray"
        case _:
            return "JSONObject"


def at(properties: Mapping[str, Any], path: str) -> Any:
    """What lies at a dotted path, ``None`` where nothing does.

    >>> at({"TableInput": {"Name": "flights"}}, "TableInput.Name")
    'flights'
    """
    found: Any = properties
    for key in path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The names of the properties that differ, in order."""
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield key
