"""Notebooks with signatures drawn at random, what may be given to them, and an own judgement of it."""

from __future__ import annotations

import json
import math
import random
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LITERALS = {
    "str": ("''", "'flights/'", "'é € 漢'"),
    "int": ("0", "-7", "12"),
    "float": ("0.5", "-1e3", "2"),
    "bool": ("True", "False"),
    "list[str]": ("[]", "['a', 'b']"),
}
NAMES = ("silo", "pipeline", "due", "prefix", "limit", "share", "deep", "names", "ñame", "Silo", "most")
LONG = "x" * 10_001
KEY = "AKIA" + "QWERTYUIOPASDFGH"
HUGE = 10**5000

# Each is one thing that may be handed over for any parameter, whatever its kind.
VALUES: tuple[object, ...] = (
    "", "ewr", "1", "true", "nan", "x" * 10_000, LONG, "a\x00b", "a\x1b[31m", "half \ud800", "tab\tand\nline", "é漢🛩",
    KEY, f"key={KEY}", "{silo}", "'); import os", 0, 1, -1, 2**63 - 1, 2**63, -(2**63) - 1, HUGE, 0.0, -0.0, 1.5, 1e308,
    math.nan, math.inf, -math.inf, True, False, None, [], ["a"], ["a", 1], ["a", None], [["a"]], ("a", "b"), ["\udfff"],
    [LONG], ["a"] * 1001, [KEY], [HUGE], {}, {"a": "b"}, {"a"}, b"bytes", bytearray(b"b"), object, 1j, range(3), ...,
)  # fmt: skip
WORDS = (
    "", "ewr", "0", "1", "-1", "+1", "007", "1_000", " 1", "1 ", "1.0", "1e3", "0x10", "١٢", "１", "9" * 19, "9" * 5000,
    "1e999", "nan", "NaN", "inf", "-Infinity", "infinity", ".5", "5.", "1,5", "true", "True", "YES", "no", "on", "y",
    "TRUE ", "None", "null", "a,b", "a,,b", ",", "a,", "a\x00b", "\ud800", LONG, KEY, "é漢", "[]", "a\nb",
)  # fmt: skip
STRANGE_NAMES = ("", " silo", "silo ", "SILO", "silo\x00", "\ud800", "n" * 5000, "sílo", "__class__", "0", "si lo")


@dataclass(frozen=True)
class Declared:
    """One parameter as a test has declared it."""

    name: str
    kind: str
    literal: str

    @property
    def line(self) -> str:
        return f"{self.name}: {self.kind} = {self.literal}  # what {self.name} means"


def draw_signature(chance: random.Random) -> tuple[Declared, ...]:
    """A signature of none to six parameters, some of them required."""
    names = chance.sample(NAMES, chance.randint(0, 6))
    kinds = [chance.choice(list(LITERALS)) for _ in names]
    return tuple(
        Declared(name, kind, "..." if chance.random() < 0.4 else chance.choice(LITERALS[kind]))
        for name, kind in zip(names, kinds, strict=True)
    )


def draw_text(chance: random.Random) -> str:
    """Any characters, strange ones among them."""
    common = string.ascii_letters + string.digits + string.punctuation + " "
    strange = "\x00\x07\x1b\x7f\x85\t\n\r\ud800\udfff\u2028\u202e\ufeffé漢🛩١"
    return "".join(chance.choice(strange if chance.random() < 0.03 else common) for _ in range(chance.randint(0, 40)))


def draw_value(chance: random.Random) -> object:
    """Anything a caller of the library might hand over."""
    match chance.randint(0, 5):
        case 0:
            return draw_text(chance)
        case 1:
            return chance.randint(-(2**70), 2**70)
        case 2:
            return [draw_text(chance) for _ in range(chance.randint(0, 3))]
        case _:
            return chance.choice(VALUES)


def is_right(value: object, kind: str) -> bool:
    """Whether a value is of a kind and can be kept, written without the code that is tested."""
    match kind:
        case "bool":
            return value is True or value is False
        case "int":
            return type(value) is int and -(2**63) <= value < 2**63
        case "float":
            # Of what is endless or no number, the difference from itself is no number either.
            return is_right(value, "int") or (type(value) is float and value - value == 0)
        case "str":
            return type(value) is str and _is_text(value)
        case _:
            return type(value) in (list, tuple) and len(value) <= 1000 and all(is_right(each, "str") for each in value)  # type: ignore[arg-type,union-attr]


def _is_text(text: str) -> bool:
    kept = re.sub("[\t\n\r]", "", text)
    held = not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", kept)
    return held and len(text) <= 10_000 and KEY not in text


def write_run_notebook(root: Path, name: str, signature: tuple[Declared, ...], *cells: str) -> None:
    """A run notebook with a signature. Writes."""
    first = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "\n".join(s.line for s in signature)}
    others = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    path = root / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    about: Mapping[str, Any] = {"silolake": {"target": "platform"}}
    path.write_text(json.dumps({"cells": [first, *others], "metadata": about}), encoding="utf-8")
