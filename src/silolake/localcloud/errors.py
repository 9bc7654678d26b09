"""Errors as AWS words them, on their way to a client."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An error that a client is to see, with AWS's own code and words.

    Attributes:
        code: the error code of the service's own reference, ``NoSuchBucket``.
        message: the sentence.
        status: the HTTP status.
        members: further members of the error's shape, by their API names.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(code, message, status)
        self.code, self.message, self.status, self.members = code, message, status, members
        for name, value in members.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class NotPlayed(AwsError):
    """An operation, or a way of using it, that the local cloud does not play."""

    def __init__(self, what: str, status: int = 501) -> None:
        super().__init__("NotPlayed", f"The silolake local cloud does not play {what}.", status)
        self.what = what
