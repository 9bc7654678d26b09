"""How the engine keeps what it is given: JSON text, with times and bytes marked."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any


def to_text(value: Any) -> str:
    """A value of an operation's shape as JSON text.

    >>> to_text({"Name": "flights"})
    '{"Name":"flights"}'
    """
    return json.dumps(value, separators=(",", ":"), default=_mark)


def from_text(text: str) -> Any:
    """What ``to_text`` was given.

    >>> from_text(to_text({"At": datetime(2013, 1, 1, tzinfo=UTC)}))
    {'At': datetime.datetime(2013, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)}
    """
    # Looking at each object as it is read doubles the time, and few bodies hold a time or bytes.
    return json.loads(text, object_hook=_unmark) if '"$' in text else json.loads(text)


def _mark(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$time": value.astimezone(UTC).isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is in no shape of Glue")


def _unmark(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        if (time := value.get("$time")) is not None:
            return datetime.fromisoformat(time)
        if (data := value.get("$bytes")) is not None:
            return base64.b64decode(data)
    return value
