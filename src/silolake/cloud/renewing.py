"""Credentials that are asked for anew before they end, so that an apply may last longer than a session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_RENEWED_BEFORE = timedelta(minutes=5)
# S3 and STS say the first, JSON services the second.
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})


@dataclass(frozen=True)
class Credentials:
    """A session's credentials; they never show themselves.

    Attributes:
        expires_at: when they end, aware of its zone; ``None`` for those that do not say.
    """

    access_key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: datetime | None = None


class Renewing:
    """Holds a session's credentials for many threads.

    Args:
        first: those there are.
        renew: asks for the next ones.
    """

    def __init__(self, first: Credentials, renew: Callable[[], Credentials]) -> None:
        self._held, self._renew = first, renew
        self._turn = threading.Lock()

    def present(self) -> Credentials:
        """Credentials that live for some minutes yet."""
        held = self._held
        if held.expires_at is not None and held.expires_at - datetime.now(UTC) < _RENEWED_BEFORE:
            return self._replace(held)
        return held

    def _replace(self, stale: Credentials) -> Credentials:
        with self._turn:
            if self._held is stale:
                self._held = self._renew()
            return self._held

    def try_again(self, *, response: tuple[Any, Any] | None, attempts: int, **_: Any) -> int | None:
        """Botocore's question ``needs-retry``: once more, in a new session, where the cloud says this one has ended.

        Its clock decides, whatever the credentials said of their end.
        """
        if response is None or attempts > 1 or not isinstance(response[1], dict):
            return None
        if response[1].get("Error", {}).get("Code") not in _EXPIRED:
            return None
        self._replace(self._held)
        return 0

    def resolver(self) -> Any:
        """For botocore's component ``credential_provider``: every request is signed with what is present then."""
        from botocore.credentials import CredentialProvider, CredentialResolver, ReadOnlyCredentials
        from botocore.credentials import Credentials as Keys

        renewing = self

        class _Live(Keys):
            def get_frozen_credentials(self) -> ReadOnlyCredentials:
                now = renewing.present()
                return ReadOnlyCredentials(now.access_key, now.secret, now.token)

        class _Provider(CredentialProvider):
            METHOD = "silolake"

            def load(self) -> Keys:
                now = renewing.present()
                return _Live(now.access_key, now.secret, now.token, method=self.METHOD)

        return CredentialResolver([_Provider()])
