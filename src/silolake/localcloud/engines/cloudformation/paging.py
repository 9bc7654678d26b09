"""Long lists in pages, as the APIs hand them out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from silolake.localcloud.engines.cloudformation.errors import invalid

Item = TypeVar("Item")


def page(items: Sequence[Item], token: str | None, size: int) -> tuple[list[Item], dict[str, Any]]:
    """One page, and ``NextToken`` if there is another.

    Args:
        token: that of the page before.

    Raises:
        AwsError: ``ValidationError``; the token is not one of ours.
    """
    start = 0
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token))
        except (binascii.Error, ValueError):
            raise invalid("The specified NextToken is invalid.") from None
    end = start + size
    more = {"NextToken": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return list(items[start:end]), more
