"""The kinds of a notebook's parameters: what a value may be, and how a word of a command line is read as one.

What passes here is written into a cell, a journal, a digest and a notebook's JSON, so it is what all of these can hold.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping

from silolake.rooms.secrecy import holds_secret

Value = str | int | float | bool | None | list[str]

KINDS: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list[str]": list}
LONGEST_TEXT, MOST_TEXTS = 10_000, 1_000
"""Of one text, in characters; and of the texts of one list."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_SHOWN = 80
# int() and float() also take other alphabets' digits, underscores, spaces around, "nan" and "infinity".
_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_LAYOUT = "\t\n\r"


def fault_of(value: object, kind: str) -> str:
    """Why a value is not of a kind, behind a parameter's name; nothing where it is: true is no int, an int is a float.

    >>> fault_of(True, "int")
    'is a int, not True'
    >>> fault_of(float("nan"), "float")
    'is a float, not nan: no finite number'
    >>> fault_of(["a", "b"], "list[str]")
    ''
    """
    match value:
        case bool():
            return "" if kind == "bool" else _mismatch(value, kind)
        case int() if kind in ("int", "float"):
            return "" if _LEAST <= value <= _MOST else f"is a {kind}, not a number past 64 bits"
        case float() if kind == "float":
            return "" if math.isfinite(value) else f"is a float, not {value}: no finite number"
        case str() if kind == "str":
            return _fault_of_text(value)
        case list() | tuple() if kind == "list[str]":
            return _fault_of_texts(value)
        case _:
            return _mismatch(value, kind)


def _mismatch(value: object, kind: str) -> str:
    return f"is a {kind}, not {shown(value)}"


def _fault_of_texts(texts: list[object] | tuple[object, ...]) -> str:
    if len(texts) > MOST_TEXTS:
        return f"holds {len(texts)} texts; {MOST_TEXTS} is the most"
    for each in texts:
        if not isinstance(each, str):
            return _mismatch(texts, "list[str]")
        if fault := _fault_of_text(each):
            return fault
    return ""


def _fault_of_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        return f"holds {len(text)} characters; {LONGEST_TEXT} is the most"
    for each in text:
        # A surrogate is no character and no UTF-8; a control character neither is seen in a plan nor safe in a shell.
        if unicodedata.category(each) in ("Cc", "Cs") and each not in _LAYOUT:
            return f"holds the character {ord(each):#06x}, which is no text"
    if holds_secret(text):
        return "holds what looks like a secret, and parameters are written down; give a reference to it"
    return ""


def shown(value: object) -> str:
    """A value as a complaint quotes it: short, and without what looks like a secret."""
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return "a number past 64 bits"
    try:
        told = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits somewhere inside
        return f"a {type(value).__name__}"
    if holds_secret(told):
        return "what looks like a secret"
    told = told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"
    return told.encode("utf-8", "backslashreplace").decode("utf-8")


def read_word(word: str, kind: str) -> Value:
    """A word of a command line as a value of a kind.

    Raises:
        ValueError: it is not of that kind.

    >>> read_word("a,b", "list[str]"), read_word("Yes", "bool"), read_word("-3", "int")
    (['a', 'b'], True, -3)
    """
    match kind:
        case "int" if _WHOLE.fullmatch(word):
            return int(word)
        case "float" if _NUMBER.fullmatch(word):
            return float(word)
        case "bool" if word.lower() in _TRUE | _FALSE:
            return word.lower() in _TRUE
        case "list[str]":
            parts = word.split(",") if word else []
            if not all(parts):
                raise ValueError("a text of the list is empty")
            return list(parts)
        case "str":
            return word
        case _:
            raise ValueError(f"no {kind}")
