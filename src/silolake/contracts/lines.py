"""Texts read strictly: YAML and JSON whose every value knows the line it stands on.

A plain scalar is null, true, false, a JSON number or a string: no timestamps, no octals, so ``2012-10-17`` and
``012345678901`` stay what they look like. A key that occurs twice, an anchor and an unknown tag are errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, NoReturn

from silolake.errors import RoomError

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node as YamlNode

Scalar = str | int | float | bool | None

_WHOLE = re.compile(r"-?(0|[1-9]\d*)")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_IMPLICIT = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
)
_WORDS: Mapping[str, Scalar] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Node:
    """A value of a text, and where it stands.

    Attributes:
        path: the file, as complaints name it.
        line: counted from 1; a collection's line is its key's.
        value: a scalar, a tuple of nodes, or a mapping of nodes by key.
        tag: a CloudFormation tag such as ``!Ref``, or nothing.
        key_lines: where each key of a mapping stands.
    """

    path: str
    line: int
    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    tag: str = ""
    key_lines: Mapping[str, int] = field(default_factory=dict)

    def fault(self, problem: str, advice: str) -> RoomError:
        """A complaint about this value, to be raised."""
        return RoomError(self.path, self.line, problem, advice)

    def fault_at(self, key: str, problem: str, advice: str) -> RoomError:
        """A complaint about one key of this mapping, to be raised."""
        return RoomError(self.path, self.key_lines.get(key, self.line), problem, advice)

    def text(self, what: str) -> str:
        """This value as a string that says something.

        Args:
            what: what it should be, for the complaint: ``a name``.

        Raises:
            RoomError: for anything else; a number is asked to be quoted.
        """
        if isinstance(self.value, str) and self.value.strip():
            return self.value
        if isinstance(self.value, (bool, int, float)):
            raise self.fault(f"{_shown(self.value)} is not {what}", f'Put it in quotes: "{_shown(self.value)}".')
        raise self.fault(f"{_shown(self.value)} is not {what}", "Write a text here.")

    def flag(self) -> bool:
        """This value as true or false."""
        if isinstance(self.value, bool):
            return self.value
        raise self.fault(f"{_shown(self.value)} is neither true nor false", "Write true or false.")

    def whole(self) -> int:
        """This value as a whole number."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        raise self.fault(
            f"{_shown(self.value)} is not a whole number", "Write a number without quotes, point or exponent."
        )

    def number(self) -> int | float:
        """This value as a number."""
        if isinstance(self.value, (int, float)) and not isinstance(self.value, bool):
            return self.value
        raise self.fault(f"{_shown(self.value)} is not a number", "Write a number without quotes.")

    def items(self, what: str) -> tuple[Node, ...]:
        """This value's items, a list."""
        if isinstance(self.value, tuple):
            return self.value
        raise self.fault(f"{_shown(self.value)} is not a list of {what}", f"Write a list: [{what}, …].")

    def texts(self, what: str) -> tuple[str, ...]:
        """This value as a list of strings, none of them twice."""
        said: dict[str, None] = {}
        for item in self.items(what):
            word = item.text(what)
            if word in said:
                raise item.fault(f"{word!r} is listed twice", "Take one of them away.")
            said[word] = None
        return tuple(said)

    def entries(self, what: str) -> Mapping[str, Node]:
        """This value's entries by key, whatever the keys are."""
        if isinstance(self.value, Mapping):
            return self.value
        raise self.fault(f"{_shown(self.value)} is not a mapping of {what}", "Write keys and values, one to a line.")

    def fields(self, required: Iterable[str], optional: Iterable[str] = ()) -> Mapping[str, Node]:
        """This value's entries, whose keys are a closed set.

        Raises:
            RoomError: for a key that is unknown, naming the nearest known one, or missing.
        """
        must = tuple(required)
        known = (*must, *optional)
        entries = self.entries(", ".join(known))
        for key in entries:
            if key not in known:
                raise self.fault_at(key, f"unknown key {key!r}", advise(key, known))
        for key in must:
            if key not in entries:
                raise self.fault(f"the key {key!r} is missing", f"Add {key}: here.")
        return entries

    def plain(self) -> object:
        """This value as dicts, lists and scalars; a CloudFormation tag becomes its long form."""
        match self.value:
            case tuple() as items:
                inner: object = [item.plain() for item in items]
            case Mapping() as entries:
                inner = {key: node.plain() for key, node in entries.items()}
            case scalar:
                inner = scalar
        return untagged(self.tag, inner)


def advise(word: str, known: Iterable[str]) -> str:
    """What to write instead of a word that is not known: the nearest known one, or all of them.

    >>> advise("reigon", ["lake", "region"])
    'Did you mean region?'
    """
    names = tuple(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Known here: {', '.join(sorted(names))}." if names else "Nothing is known here; take it away."


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
_BARE = ("Ref", "Condition")
_FUNCTIONS = (
    "And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Not", "Or",
    "Select", "Split", "Sub",
)  # fmt: skip
TAGS = frozenset(f"!{name}" for name in (*_BARE, *_FUNCTIONS))


def untagged(tag: str, value: object) -> object:
    """A CloudFormation short form as its long form.

    >>> untagged("!GetAtt", "Key.Arn")
    {'Fn::GetAtt': ['Key', 'Arn']}
    """
    if not tag:
        return value
    name = tag[1:]
    if name == "GetAtt" and isinstance(value, str):
        return {"Fn::GetAtt": value.split(".", 1)}
    return {name if name in _BARE else f"Fn::{name}": value}


def read_yaml(text: str, path: str, *, tags: bool = False) -> Node:
    """Read a YAML text.

    Args:
        text: the whole text, one document.
        path: the file's name in complaints.
        tags: whether CloudFormation's short forms (``!Ref``, ``!Sub``, …) are understood.

    Raises:
        RoomError: where it is not YAML, repeats a key, or uses an anchor or an unknown tag.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        problem = error.problem or error.context or "a fault"
        raise RoomError(
            path, line, f"this is not YAML: {problem}", "Mind the indentation, colons and quotes around this line."
        ) from None
    except YAMLError as error:
        raise RoomError(
            path, 0, f"this is not YAML: {str(error).splitlines()[0]}", "Save it as plain UTF-8 text."
        ) from None
    if root is None:
        raise RoomError(path, 0, "the file is empty", "Write what it should declare, or take the file away.")
    return _node(root, path, 0, tags)


def _node(node: YamlNode, path: str, key_line: int, tags: bool) -> Node:
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    line = node.start_mark.line + 1
    if node.anchor:
        raise RoomError(
            path, line, f"the anchor &{node.anchor} is not understood here", "Write the value out where it is used."
        )
    tag = _tag(str(node.tag or ""), path, line, tags)
    if isinstance(node, ScalarNode):
        # Nothing stands where the next thing begins; its place is its key's.
        is_nothing = node.style is None and node.value == ""
        return Node(path, (key_line or line) if is_nothing else line, _held(partial(_scalar, node), path, line), tag)
    if isinstance(node, SequenceNode):
        return Node(path, key_line or line, tuple(_node(item, path, 0, tags) for item in node.value), tag)
    if not isinstance(node, MappingNode):
        raise RoomError(path, line, "a value of an unknown kind", "Write a text, a number, a list or a mapping.")
    entries: dict[str, Node] = {}
    key_lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        at = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            raise RoomError(
                path, at, "a key is not a text", "Write a plain word as the key; quote it if it holds { or [."
            )
        key = _held(partial(str, key_node.value), path, at)
        assert isinstance(key, str)
        if key == "<<" and key_node.style is None:
            raise RoomError(path, at, "the merge key << is not understood here", "Write the entries out.")
        if key in entries:
            raise RoomError(
                path, at, f"the key {key!r} is here twice", f"Its first place is line {key_lines[key]}; keep one."
            )
        entries[key] = _node(value_node, path, at, tags)
        key_lines[key] = at
    return Node(path, key_line or line, entries, tag, key_lines)


def _tag(tag: str, path: str, line: int, tags: bool) -> str:
    if not tag or tag in _IMPLICIT:
        return ""
    if tags and tag in TAGS:
        return tag
    advice = advise(tag, TAGS) if tags else "Only templates of stack sets have tags; write a plain value."
    raise RoomError(path, line, f"the tag {tag} is not understood", advice)


def _scalar(node: YamlNode) -> Scalar:
    text = str(node.value)
    # A quoted or block scalar, or one marked !!str, is a string, whatever it looks like.
    if getattr(node, "style", None) is not None or str(node.tag).endswith(":str"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _held(read: Callable[[], Scalar], path: str, line: int) -> Scalar:
    """A scalar that can be written down again: neither endless, nor longer than Python reads, nor half a character.

    Raises:
        RoomError: it cannot.
    """
    try:
        value = read()
    except ValueError:  # https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation
        raise RoomError(
            path, line, "a number of thousands of digits", "Write one that a computer counts with."
        ) from None
    if isinstance(value, float) and not isfinite(value):
        raise RoomError(path, line, "a number past all that a computer holds", "Write a smaller exponent.")
    if isinstance(value, str) and _SURROGATE.search(value):
        raise RoomError(path, line, "half a character: an escape that is no text", "Write the character itself.")
    return value


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return repr(value)
        case tuple():
            return "a list"
        case _:
            return "a mapping"


_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null'
)


def read_json(text: str, path: str) -> Node:
    """Read a JSON text; what it does not hold to RFC 8259 is complained about with its line.

    Raises:
        RoomError: where it is not JSON, or a key is there twice.
    """
    reader = _Json(text, path)
    node, end = reader.value(0, 0)
    end = reader.space(end)
    if end != len(text):
        reader.fail(end, "something follows the end of the document", "Close the document once, at its end.")
    return node


class _Json:
    def __init__(self, text: str, path: str) -> None:
        self._text, self._path = text, path

    def space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def line(self, at: int) -> int:
        return self._text.count("\n", 0, at) + 1

    def fail(self, at: int, problem: str, advice: str) -> NoReturn:
        raise RoomError(self._path, self.line(at), f"this is not JSON: {problem}", advice)

    def value(self, at: int, key_line: int) -> tuple[Node, int]:
        at = self.space(at)
        match self._text[at : at + 1]:
            case "{":
                return self._mapping(at, key_line or self.line(at))
            case "[":
                return self._list(at, key_line or self.line(at))
            case "":
                self.fail(
                    at,
                    "the text ends before the document does",
                    "Close what was opened, or restore the end of the file.",
                )
            case _:
                scalar, end = self._scalar(at)
                return Node(self._path, self.line(at), scalar), end

    def _scalar(self, at: int) -> tuple[Scalar, int]:
        import json

        found = _TOKEN.match(self._text, at)
        if not found:
            seen = self._text[at : at + 12].splitlines()[0]
            self.fail(
                at, f"{seen!r} is no value", "Write a text in double quotes, a number, true, false, null, { or [."
            )
        value = _held(partial(json.loads, found.group()), self._path, self.line(at))
        return value, found.end()

    def _list(self, at: int, line: int) -> tuple[Node, int]:
        items: list[Node] = []
        at = self.space(at + 1)
        while self._text[at : at + 1] != "]":
            if items:
                at = self._comma(at, "]")
            item, at = self.value(at, 0)
            items.append(item)
            at = self.space(at)
        return Node(self._path, line, tuple(items)), at + 1

    def _mapping(self, at: int, line: int) -> tuple[Node, int]:
        entries: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        at = self.space(at + 1)
        while self._text[at : at + 1] != "}":
            if entries:
                at = self._comma(at, "}")
            start = at
            if self._text[at : at + 1] != '"':
                self.fail(at, f"{self._text[at : at + 1]!r} where a key should be", 'Write "key": value.')
            key, at = self._scalar(at)
            name = str(key)
            at = self.space(at)
            if self._text[at : at + 1] != ":":
                self.fail(
                    at, f"the key {name!r} has no colon after it", 'Write "key": value; a list of texts stands in [ ].'
                )
            if name in entries:
                problem = f"the key {name!r} is here twice"
                raise RoomError(
                    self._path, self.line(start), problem, f"Its first place is line {key_lines[name]}; keep one."
                )
            key_lines[name] = self.line(start)
            entries[name], at = self.value(at + 1, key_lines[name])
            at = self.space(at)
        return Node(self._path, line, entries, "", key_lines), at + 1

    def _comma(self, at: int, closing: str) -> int:
        if self._text[at : at + 1] != ",":
            seen = self._text[at : at + 1] or "the end of the text"
            self.fail(
                at,
                f"{seen!r} where a comma or {closing} should be",
                f"Separate entries by commas; close with {closing}.",
            )
        after = self.space(at + 1)
        if self._text[after : after + 1] == closing:
            self.fail(at, f"a comma before {closing}", "Take the comma away; JSON has none after the last entry.")
        return after
