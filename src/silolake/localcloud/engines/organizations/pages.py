"""List operations of Organizations answer in pages of at most twenty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.errors import AwsError
from silolake.localcloud.paging import page

_LARGEST = 20


def paged(call: Call, name: str, entries: Iterable[dict[str, Any]], key: str = "Id") -> dict[str, Any]:
    """A list operation's output.

    Args:
        call: with ``NextToken`` and ``MaxResults``.
        name: the output's member.
        key: what orders the entries.

    Raises:
        AwsError: ``InvalidInputException``.
    """
    size = int(call.parameters.get("MaxResults", _LARGEST))
    if not 1 <= size <= _LARGEST:
        reason = "MAX_VALUE_EXCEEDED" if size > _LARGEST else "MIN_VALUE_EXCEEDED"
        raise AwsError("InvalidInputException", f"MaxResults must be between 1 and {_LARGEST}.", Reason=reason)
    try:
        shown, token = page(entries, lambda entry: str(entry[key]), call.parameters.get("NextToken"), size)
    except ValueError as error:
        raise AwsError(
            "InvalidInputException", "You specified an invalid next token.", Reason="INVALID_NEXT_TOKEN"
        ) from error
    return {name: shown, "NextToken": token} if token else {name: shown}
