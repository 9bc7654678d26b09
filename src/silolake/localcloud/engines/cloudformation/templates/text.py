"""From a template's text, YAML or JSON, to plain values with every function in its long form.

CloudFormation reads YAML 1.1 without aliases, hash merges and timestamps:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from silolake.localcloud.engines.cloudformation.errors import malformed
from silolake.localcloud.errors import AwsError

_TAG = "tag:yaml.org,2002:"
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_BARE_TAGS = {"!Ref": "Ref", "!Condition": "Condition"}


def parse(text: str) -> Any:
    """The value a template's text spells.

    Raises:
        AwsError: ``ValidationError``; it is neither well-formed JSON nor well-formed YAML.

    >>> parse("Bucket: !GetAtt Data.Arn")
    {'Bucket': {'Fn::GetAtt': ['Data', 'Arn']}}
    """
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_object)
        except json.JSONDecodeError as error:
            # A YAML flow mapping starts with a brace too.
            if ":" not in text or text.lstrip().startswith('{"'):
                raise malformed(f"JSON not well-formed. (line {error.lineno}, column {error.colno})") from None
    try:
        _refuse_aliases(text)
        node = _reader().compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise malformed(f"YAML not well-formed.{where}") from None
    except YAMLError:
        raise malformed("YAML not well-formed.") from None
    return None if node is None else _value(node)


def _reader() -> YAML:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    return reader


def _refuse_aliases(text: str) -> None:
    if "*" not in text:
        return
    for event in _reader().parse(text):
        if isinstance(event, AliasEvent):
            raise malformed("YAML aliases are not allowed in CloudFormation templates")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise malformed(f"Duplicate key {key}")
        found[key] = value
    return found


def _value(node: Node) -> Any:
    tag = str(node.tag)
    if tag.startswith("!") and tag != "!":
        return _function(tag, node)
    return _plain(node)


def _plain(node: Node) -> Any:
    match node:
        case MappingNode():
            return _mapping(node)
        case SequenceNode():
            return [_value(each) for each in node.value]
        case ScalarNode():
            return _scalar(node)
        case _:
            raise _badly_placed(node, "unexpected node")


def _mapping(node: MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode):
            raise _badly_placed(key_node, "map keys must be strings; received a collection instead")
        key = str(key_node.value)
        if key == "<<" and not key_node.style:
            raise _badly_placed(key_node, "YAML merge keys are not allowed in CloudFormation templates")
        if key in found:
            raise _badly_placed(key_node, f"Duplicate key {key}")
        found[key] = _value(value_node)
    return found


def _scalar(node: ScalarNode) -> Any:
    text = str(node.value)
    match str(node.tag).removeprefix(_TAG):
        case "null":
            return None
        case "bool" if text.lower() in _TRUE | _FALSE:
            # Like most readers of YAML 1.1, CloudFormation's takes a lone y or n as text.
            return text.lower() in _TRUE
        case "int":
            return _integer(text)
        case "float":
            try:
                return float(text.replace("_", ""))
            except ValueError:
                return text
        case _:
            return text


def _integer(text: str) -> int | str:
    digits = text.replace("_", "")
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits.removeprefix("+"))
    for prefix, base in (("0x", 16), ("0b", 2)):
        if digits.lower().startswith(prefix):
            return sign * int(digits[2:], base)
    if not digits.isdigit():
        return text
    return sign * int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)


def _function(tag: str, node: Node) -> dict[str, Any]:
    name = _BARE_TAGS.get(tag) or f"Fn::{tag[1:]}"
    if isinstance(node, ScalarNode):
        # A tagged scalar has lost what its own text would have been: it is read as a string.
        argument: Any = str(node.value)
        if name == "Fn::GetAtt":
            argument = argument.split(".", 1)
    else:
        argument = _plain(node)
    return {name: argument}


def _badly_placed(node: Node, message: str) -> AwsError:
    mark = node.start_mark
    return malformed(f"{message} (line {mark.line + 1}, column {mark.column + 1})")
