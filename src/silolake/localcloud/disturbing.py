"""Disturbances that the owner asks for: AWS's throttling, and Organizations' slowness to take effect, from a seed.

Off unless ``POST disturb`` at the owner's door turns them on; kept in the store, so that a restart goes on with them.
"""

from __future__ import annotations

import json
import random
import threading
from dataclasses import asdict, dataclass
from datetime import timedelta

from silolake.localcloud.errors import AwsError
from silolake.localcloud.store import Store

_HIGHEST_RATE = 0.9
_LONGEST_DELAY_S = 24 * 3600.0
_QUERY = frozenset({"sts", "iam", "cloudformation"})
_ALL_THE_SAME = "Rate exceeded"


@dataclass(frozen=True)
class Disturbance:
    """What is disturbed.

    Attributes:
        seed: what all of it is drawn from.
        throttle: the share of requests from outside that are throttled, 0 to 0.9.
        delay_s: the longest that an account's move between units takes to be in effect; each takes half of it at least.
    """

    seed: int = 0
    throttle: float = 0.0
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.throttle <= _HIGHEST_RATE:
            raise ValueError(f"throttle is a share of 0 to {_HIGHEST_RATE}, not {self.throttle}")
        if not 0 <= self.delay_s <= _LONGEST_DELAY_S:
            raise ValueError(f"delay_s is 0 to {_LONGEST_DELAY_S:.0f} seconds, not {self.delay_s}")


class Disturbances:
    """Draws what is disturbed now.

    Args:
        store: where it is kept what was asked for.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._turn = store, threading.Lock()
        with store.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'disturbance'").fetchone()
        self.present = Disturbance(**json.loads(row[0])) if row else Disturbance()
        self._chance = random.Random(self.present.seed)

    def begin(self, asked: Disturbance) -> None:
        """Disturb like that from now on; the default disturbs nothing. Writes."""
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('disturbance', ?)", (json.dumps(asdict(asked)),))
        with self._turn:
            self.present, self._chance = asked, random.Random(asked.seed)

    def throttling(self, service: str) -> AwsError | None:
        """The error that a request gets instead of an answer, in its service's words; mostly ``None``.

        https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
        https://docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html#API_MoveAccount_Errors
        https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/CommonErrors.html
        """
        if not self.present.throttle:
            return None
        with self._turn:
            if self._chance.random() >= self.present.throttle:
                return None
        if service == "s3":
            return AwsError("SlowDown", "Please reduce your request rate.", 503)
        if service == "organizations":
            told = "You have sent too many requests in too short a period of time."
            return AwsError("TooManyRequestsException", told, 400, Type="RATE_LIMIT_EXCEEDED")
        code = "Throttling" if service in _QUERY else "ThrottlingException"
        return AwsError(code, _ALL_THE_SAME, 429 if service == "scheduler" else 400)

    def delay_of(self, account: str) -> timedelta:
        """How long a move of an account takes to be in effect; the same for each account under a seed."""
        longest = self.present.delay_s
        if not longest:
            return timedelta()
        return timedelta(seconds=random.Random(f"{self.present.seed}/{account}").uniform(longest / 2, longest))
