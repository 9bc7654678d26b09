"""What Trino does and DuckDB does not: the macros of ``trino.sql``, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

_MACRO = re.compile(r"^(trino_\w+)(\(.*?\) AS\n.*?);$", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"\btrino_\w+(?=\()")


@cache
def definitions() -> Mapping[str, str]:
    """Every macro: its name, and its parameters and body."""
    text = resources.files("silolake.sql.translation").joinpath("trino.sql").read_text(encoding="utf-8")
    return dict(_MACRO.findall(text))


def macros_for(text: str) -> tuple[str, ...]:
    """The statements that make the macros a DuckDB text uses, the innermost first.

    >>> macros_for("SELECT trino_substr(a, 1)")[0].splitlines()[0]
    'CREATE TEMP MACRO trino_substr(s, i) AS'
    """
    known = definitions()
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in ordered and name in known:
            for inner in _NAME.findall(known[name]):
                visit(inner)
            ordered[name] = None

    for name in _NAME.findall(text):
        visit(name)
    return tuple(f"CREATE TEMP MACRO {name}{known[name]}" for name in ordered)
