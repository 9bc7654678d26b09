"""Vended sessions: access keys, secrets and tokens, and whose they are.

An access key encodes its account, as AWS's do, so that the caller's account is decoded and not searched for.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from silolake.iam import Principal
from silolake.localcloud.call import Caller
from silolake.localcloud.clock import Clock
from silolake.localcloud.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    access_key TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    token TEXT NOT NULL,
    caller TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True)
class Session:
    """Credentials that were vended; they never show themselves.

    Attributes:
        token: what ``X-Amz-Security-Token`` must say.
        expires_at: by the local cloud's clock.
    """

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: datetime
    caller: Caller


def access_key_for(account: str) -> str:
    """A new temporary access key that encodes its account in the way AWS's do.

    Bits 40 to 1 of the first six bytes behind the prefix hold the account's number.

    >>> account_of(access_key_for("111111111111"))
    '111111111111'
    """
    head = (1 << 47 | int(account) << 7 | secrets.randbits(7)).to_bytes(6, "big")
    return "ASIA" + base64.b32encode(head + secrets.token_bytes(4)).decode()


def account_of(access_key: str) -> str:
    """The account that an access key encodes.

    Raises:
        ValueError: it is not an access key.
    """
    if len(access_key) != 20:
        raise ValueError("an access key has twenty characters")
    head = int.from_bytes(base64.b32decode(access_key[4:])[:6], "big")
    return f"{(head & 0x7FFFFFFFFF80) >> 7:012d}"


def _secret_key() -> str:
    """40 characters of base64, as AWS's are: scanners know them by that."""
    return base64.b64encode(secrets.token_bytes(30)).decode()


def _token() -> str:
    """Base64 that begins as a token of STS does, and like it must be escaped in a URL."""
    return base64.b64encode(b"!\n\torigin_ec" + secrets.token_bytes(180)).decode()


class Sessions:
    """Issues sessions and finds them again."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def issue(self, principal: Principal, duration: timedelta, session_policies: tuple[str, ...] = ()) -> Session:
        """Vend a session for a principal. Writes.

        Args:
            principal: as IAM shall see it; its tags and source identity stay with the session.
            duration: how long it lives.
            session_policies: JSON texts that narrow it.
        """
        now = self._clock.now()
        access_key = access_key_for(principal.account)
        caller = Caller(principal, access_key, session_policies, now)
        session = Session(access_key, _secret_key(), _token(), now + duration, caller)
        kept = {"principal": asdict(principal), "session_policies": list(session_policies)}
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)",
                (
                    access_key,
                    session.secret,
                    session.token,
                    json.dumps(kept),
                    now.isoformat(),
                    session.expires_at.isoformat(),
                ),
            )
        return session

    def find(self, access_key: str) -> Session | None:
        """The session of an access key, expired or not; ``None`` if it was never issued."""
        with self._store.read() as connection:
            row = connection.execute("SELECT * FROM sessions WHERE access_key = ?", (access_key,)).fetchone()
        if row is None:
            return None
        kept = json.loads(row["caller"])
        principal = kept["principal"]
        principal["via_services"] = tuple(principal["via_services"])
        caller = Caller(
            Principal(**principal),
            access_key,
            tuple(kept["session_policies"]),
            datetime.fromisoformat(row["issued_at"]),
        )
        return Session(access_key, row["secret"], row["token"], datetime.fromisoformat(row["expires_at"]), caller)

    def forget_expired(self) -> int:
        """Remove sessions that ended more than a day ago; how many. Writes."""
        before = (self._clock.now() - timedelta(days=1)).isoformat()
        with self._store.write() as connection:
            return connection.execute("DELETE FROM sessions WHERE expires_at < ?", (before,)).rowcount
