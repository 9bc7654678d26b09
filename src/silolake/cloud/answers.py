"""What a service answers, held against what was asked of it."""

from __future__ import annotations

from typing import Any


def covers(found: Any, wanted: Any) -> bool:
    """Whether what is there says all that is wanted; services add members of their own.

    >>> covers({"Name": "raw", "CreateTime": 1}, {"Name": "raw"})
    True
    """
    match wanted:
        case dict():
            return isinstance(found, dict) and all(covers(found.get(key), wanted[key]) for key in wanted)
        case list():
            return (
                isinstance(found, list)
                and len(found) == len(wanted)
                and all(covers(one, other) for one, other in zip(found, wanted, strict=True))
            )
        case _:
            return bool(found == wanted)
