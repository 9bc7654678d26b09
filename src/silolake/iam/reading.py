"""JSON, read with its lines: where each element of a document stands, and everything that breaks it."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]

_DEEPEST = 40
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_SCALAR = re.compile(r"-?(?:0|[1-9]\d{0,300})(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?|true|false|null")
_WORD = re.compile(r'"[^"\n]{0,80}"|\S{1,20}')


@dataclass(frozen=True)
class Breach:
    """A place where the text is not JSON."""

    line: int
    path: Path
    problem: str
    advice: str


@dataclass
class Reading:
    """What a text says.

    Attributes:
        value: its value as far as it could be read; ``None`` where nothing could.
        lines: the line on which each element begins, by its path.
        breaches: where it is not JSON, in order; after a missing comma reading goes on as if it were there.
    """

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)

    def line_of(self, path: Path) -> int:
        """The line of an element, or of the nearest element around it; 0 where there is no text."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 0)


class _Broken(Exception):
    """Reading cannot go on."""


def read_json(text: str) -> Reading:
    """Read a text. Never raises: what is wrong is in ``breaches``.

    >>> read_json('{"a": [1,\\n 2]}').lines[("a", 1)]
    2
    """
    reader = _Reader(text)
    try:
        reader.reading.value = reader.value((), 0)
        if reader.skip_space() < len(text):
            reader.stop((), f"{reader.next_word()} follows the end of the document", "Remove it")
    except _Broken:
        pass
    return reader.reading


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.reading = Reading()
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line(self, at: int) -> int:
        return bisect_right(self._starts, min(at, len(self.text)))

    def skip_space(self) -> int:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def next_word(self) -> str:
        match = _WORD.match(self.text, self.at)
        return match[0] if match else "the end of the text"

    def note(self, at: int, path: Path, problem: str, advice: str) -> None:
        self.reading.breaches.append(Breach(self.line(at), path, problem, advice))

    def stop(self, path: Path, problem: str, advice: str) -> None:
        self.note(self.at, path, problem, advice)
        raise _Broken

    def value(self, path: Path, depth: int) -> Any:
        self.skip_space()
        self.reading.lines.setdefault(path, self.line(self.at))
        if depth > _DEEPEST:
            self.stop(path, f"elements are nested more than {_DEEPEST} deep", "No policy needs that")
        match self.text[self.at : self.at + 1]:
            case "{":
                return self._members(path, depth)
            case "[":
                return self._items(path, depth)
            case '"':
                return self._string(path)
        scalar = _SCALAR.match(self.text, self.at)
        if scalar is None:
            self.stop(path, f"a value is missing before {self.next_word()}", "Write the value, or remove the comma")
            return None
        self.at = scalar.end()
        return json.loads(scalar[0])

    def _string(self, path: Path) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            self.stop(path, "a string does not end on its line, or holds a bad escape", 'Close it with a "')
            return ""
        self.at = match.end()
        return str(json.loads(match[0]))

    def _members(self, path: Path, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        previous = ""
        self.at += 1
        while True:
            self.skip_space()
            if self.text[self.at : self.at + 1] == "}":
                self.at += 1
                return members
            start = self.at
            if self.text[start : start + 1] != '"':
                self.stop(path, f"an element's name or }} is missing before {self.next_word()}", 'Names stand in "…"')
            name = self._string(path)
            self.skip_space()
            if self.text[self.at : self.at + 1] != ":":
                self.stop(path, f"a colon is missing after {name!r}", "Write it")
            self.at += 1
            here = (*path, name)
            if name in members:
                self.note(start, here, f"{name!r} stands twice", "Join the two; a reader would see the last one only")
            self.reading.lines.setdefault(here, self.line(start))
            members[name] = self.value(here, depth + 1)
            previous = name
            self._comma(path, "}", previous)

    def _items(self, path: Path, depth: int) -> list[Any]:
        items: list[Any] = []
        self.at += 1
        while True:
            self.skip_space()
            if self.text[self.at : self.at + 1] == "]":
                self.at += 1
                return items
            items.append(self.value((*path, len(items)), depth + 1))
            self._comma(path, "]", len(items) - 1)

    def _comma(self, path: Path, close: str, previous: str | int) -> None:
        """What must stand between two elements. Where nothing does, the fault lies where the first one ended."""
        end = self.at
        self.skip_space()
        match self.text[self.at : self.at + 1]:
            case ",":
                comma = self.at
                self.at += 1
                self.skip_space()
                if self.text[self.at : self.at + 1] == close:
                    self.note(comma, (*path, previous), f"a comma stands before {close}", "Remove it")
            case found if found == close:
                pass
            case '"' if close == "}" or self.text[end - 1] in '"]}':
                self._missing_comma(end, path, previous)
            case "{" | "[":
                self._missing_comma(end, path, previous)
            case _:
                self.stop(
                    path, f"a comma or {close} is missing before {self.next_word()}", f"Write it after {previous!r}"
                )

    def _missing_comma(self, end: int, path: Path, previous: str | int) -> None:
        after = self.next_word()
        if self.text[end - 1] == "}":
            problem = (
                f"a brace closes {previous!r} here, and {after} follows it on line {self.line(self.at)} without a comma"
            )
            advice = f"If {after} belongs inside, move the stray brace behind it; if not, write the comma"
        else:
            problem = f"a comma is missing here, before {after} on line {self.line(self.at)}"
            advice = "Write it"
        self.note(end - 1, (*path, previous), problem, advice)
