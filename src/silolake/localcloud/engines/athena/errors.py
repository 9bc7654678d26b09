"""How Athena refuses a call, and how it fails a query.

https://docs.aws.amazon.com/athena/latest/ug/error-reference.html
"""

from __future__ import annotations

from enum import IntEnum

from silolake.localcloud.errors import AwsError

SYSTEM, USER = 1, 2
"""Athena's error categories."""


class ErrorType(IntEnum):
    """Athena's numbers for what went wrong in a query."""

    INTERNAL = 100
    RESULTS_NOT_WRITTEN = 401
    USER = 1000
    DATA = 1001
    DDL_FAILED = 1003
    SYNTAX = 1006
    REJECTED = 1008
    CANCELED = 1011
    INVALID_ARGUMENT = 1100
    INVALID_VIEW = 1107
    NO_SUCH_TABLE = 1110
    NOT_SUPPORTED = 1200
    NOT_FOUND = 1300
    PERMISSION = 1500
    S3_PERMISSION = 1501


class QueryFailed(Exception):
    """A query that ends ``FAILED``.

    Attributes:
        reason: the ``StateChangeReason``.
        kind: the ``ErrorType``.
        category: the ``ErrorCategory``.
    """

    def __init__(self, reason: str, kind: ErrorType = ErrorType.USER, category: int = USER) -> None:
        super().__init__(reason, kind, category)
        self.reason, self.kind, self.category = reason, kind, category

    def __str__(self) -> str:
        return self.reason


def bad_request(message: str, code: str = "INVALID_INPUT") -> AwsError:
    """``InvalidRequestException``, which is nearly all that Athena's calls answer."""
    return AwsError("InvalidRequestException", message, 400, AthenaErrorCode=code)
