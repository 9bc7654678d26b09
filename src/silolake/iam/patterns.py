"""Wildcards and policy variables, compiled once.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

Lookup = Callable[[str], str | None]
"""The single value of a condition key by its lower-case name; ``None`` where it is absent or has several."""

_VARIABLE = re.compile(r"\$\{\s*(?:([*?$])|([^},]*?)\s*(?:,\s*'([^']*)'\s*)?)\}")
_WILDCARDS = re.compile(r"([*?])")


@dataclass(frozen=True, slots=True)
class Variable:
    """``${key, 'otherwise'}``."""

    key: str
    otherwise: str | None


@dataclass(frozen=True, slots=True)
class Literal:
    """Text in which no wildcard is active: ``${*}`` is one too."""

    text: str


@dataclass(frozen=True, slots=True)
class Wildcards:
    """Text in which ``*`` and ``?`` are active."""

    text: str


Part = Variable | Literal | Wildcards


def parts_of(text: str, variables: bool) -> tuple[Part, ...]:
    """A policy's text, taken apart.

    Args:
        variables: whether the document's version knows variables; without them ``${…}`` is plain text.

    >>> parts_of("home/${aws:username}/*", variables=True)
    (Wildcards(text='home/'), Variable(key='aws:username', otherwise=None), Wildcards(text='/*'))
    """
    if not variables or "${" not in text:
        return (Wildcards(text),)
    found: list[Part] = []
    at = 0
    for match in _VARIABLE.finditer(text):
        if match.start() > at:
            found.append(Wildcards(text[at : match.start()]))
        if match[1]:
            found.append(Literal(match[1]))
        else:
            found.append(Variable(match[2].strip().lower(), match[3]))
        at = match.end()
    if at < len(text):
        found.append(Wildcards(text[at:]))
    return tuple(found)


def unfinished_variable(text: str) -> str:
    """The first ``${`` that begins no variable, for a fault's sentence; empty where there is none."""
    for start in (match.start() for match in re.finditer(r"\$\{", text)):
        match = _VARIABLE.match(text, start)
        if match is None or (not match[1] and not match[2].strip()):
            return text[start : start + 30]
    return ""


@lru_cache(maxsize=8192)
def _expression(pieces: tuple[tuple[bool, str], ...], ignore_case: bool) -> re.Pattern[str]:
    """One regular expression of pieces that are (whether wildcards are active, text).

    Every ``*`` but the last takes the shortest stretch that fits and never gives it back (an atomic group), which
    finds what a backtracking match would find, in linear time, whatever the policy's author wrote.
    """
    segments: list[str] = [""]
    for active, text in pieces:
        for token in _WILDCARDS.split(text) if active else (text,):
            if active and token == "*":
                segments.append("")
            elif active and token == "?":
                segments[-1] += "."
            else:
                segments[-1] += re.escape(token)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    if len(segments) == 1:
        return re.compile(segments[0], flags)
    middle = "".join(f"(?>.*?{segment})" for segment in segments[1:-1] if segment)
    return re.compile(f"{segments[0]}{middle}.*{segments[-1]}", flags)


@dataclass(frozen=True, slots=True)
class Glob:
    """A text with wildcards and variables, matched as a whole.

    Attributes:
        text: as the policy has it.
        exact: the text itself, where it has neither wildcard nor variable.
        fixed: the compiled expression, where it has wildcards and no variable.
        parts: its parts, where it has variables.
    """

    text: str
    exact: str | None = None
    fixed: re.Pattern[str] | None = None
    parts: tuple[Part, ...] = ()
    ignore_case: bool = False

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether a value matches; a variable that has no value, and no default, matches nothing."""
        if self.exact is not None:
            return value == self.exact or (self.ignore_case and value.casefold() == self.exact.casefold())
        if self.fixed is not None:
            return self.fixed.fullmatch(value) is not None
        pieces = resolved(self.parts, lookup)
        return pieces is not None and _expression(pieces, self.ignore_case).fullmatch(value) is not None


def resolved(parts: tuple[Part, ...], lookup: Lookup) -> tuple[tuple[bool, str], ...] | None:
    """Parts with their variables' values put in, as (whether wildcards are active, text).

    What a request says is never read as a wildcard. ``None`` where a variable has neither value nor default.
    """
    pieces: list[tuple[bool, str]] = []
    for part in parts:
        match part:
            case Wildcards(text):
                pieces.append((True, text))
            case Literal(text):
                pieces.append((False, text))
            case Variable(key, otherwise):
                value = lookup(key)
                if value is None:
                    value = otherwise
                if value is None:
                    return None
                pieces.append((False, value))
    return tuple(pieces)


def glob(text: str, *, variables: bool, wildcards: bool = True, ignore_case: bool = False) -> Glob:
    """Compile a text.

    Args:
        variables: whether the document's version knows variables.
        wildcards: whether ``*`` and ``?`` are active, as in ``StringLike`` and not in ``StringEquals``.

    >>> glob("s3:Get*", variables=False, ignore_case=True).matches("S3:GETOBJECT", lambda key: None)
    True
    """
    parts = parts_of(text, variables)
    if not wildcards:
        parts = tuple(Literal(part.text) if isinstance(part, Wildcards) else part for part in parts)
    if any(isinstance(part, Variable) for part in parts):
        return Glob(text, parts=parts, ignore_case=ignore_case)
    pieces = resolved(parts, lambda key: None) or ()
    if not any(active and _WILDCARDS.search(piece) for active, piece in pieces):
        return Glob(text, exact="".join(piece for _, piece in pieces), ignore_case=ignore_case)
    return Glob(text, fixed=_expression(pieces, ignore_case), ignore_case=ignore_case)


@dataclass(frozen=True, slots=True)
class ArnGlob:
    """An ARN pattern: each of its six segments is matched against its own; only the last may hold colons.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """

    text: str
    segments: tuple[Glob, ...] = field(default=())

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether an ARN matches."""
        if self.text == "*":
            return True
        found = value.split(":", 5)
        return len(found) == len(self.segments) == 6 and all(
            segment.matches(part, lookup) for segment, part in zip(self.segments, found, strict=True)
        )


def arn_glob(text: str, *, variables: bool) -> ArnGlob:
    """Compile an ARN pattern. A colon inside ``${…}`` separates nothing.

    >>> arn_glob("arn:aws:iam::*:role/lake/*", variables=False).matches(
    ...     "arn:aws:iam::111111111111:role/lake/run/runner", lambda key: None)
    True
    """
    segments = _split_outside_variables(text) if variables else text.split(":", 5)
    return ArnGlob(text, tuple(glob(segment, variables=variables) for segment in segments))


def _split_outside_variables(text: str) -> list[str]:
    segments: list[str] = []
    start = depth = 0
    for at, character in enumerate(text):
        if text.startswith("${", at):
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and not depth and len(segments) < 5:
            segments.append(text[start:at])
            start = at + 1
    return [*segments, text[start:]]
