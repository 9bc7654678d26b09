"""Due times: each is made an occasion once, whether or not the service was up when it came.

How far the schedules have been looked at is kept in the platform's state bucket, so that another machine, or a service
that was killed, goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from silolake import schedules
from silolake.cloud import Cloud, find_local
from silolake.errors import CloudError
from silolake.model import Due, Pending
from silolake.rooms import LocalCloud, OnSchedule, Pipeline, Rooms
from silolake.service.places import Places
from silolake.session import Session

_MISSING = frozenset({"NoSuchKey", "404"})
# EventBridge Scheduler gives a target that cannot be reached up to a day by default.
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
_ON_TIME = timedelta(minutes=1)
_MOST_MISSED = 100


@dataclass(frozen=True)
class Looked:
    """How far a schedule has been looked at.

    Attributes:
        since: when the schedule was first seen; rates count from there.
        until: the last moment that was looked at.
    """

    since: datetime
    until: datetime


def now(places: Places, rooms: Rooms) -> datetime:
    """The time that schedules go by: the local cloud's clock, which tests can advance, or this machine's."""
    if isinstance(rooms.settings.cloud, LocalCloud):
        endpoint = find_local(places.data)
        if endpoint is not None:
            return datetime.fromisoformat(str(endpoint.ask("GET", "status")["now"]))
    return datetime.now(UTC)


def fall_due(session: Session, at: datetime) -> list[Pending]:
    """Make an occasion of every time that has fallen due until a moment. Writes.

    Args:
        session: on the lake.
        at: until when.

    Returns:
        The occasions that have come by it.
    """
    bucket = session.rooms.settings.bucket(session.organization.account("platform").id, "state")
    came: list[Pending] = []
    for pipeline, trigger in scheduled(session.rooms):
        ledger = _Ledger(session.cloud, bucket, f"state/schedules/{pipeline.name}/{trigger.slug}.json")
        looked = ledger.read()
        if looked is None:
            # A rate is due at once when it is first seen, as EventBridge Scheduler's is without a start date.
            looked = Looked(at, at - timedelta(microseconds=1))
        for due in due_times(trigger, looked, at):
            pending = Pending(pipeline.name, Due(due))
            if session.runner.occasions.occur(pending):
                came.append(pending)
        if at > looked.until:
            ledger.write(Looked(looked.since, at))
    return came


def scheduled(rooms: Rooms) -> Iterator[tuple[Pipeline, OnSchedule]]:
    """The pipelines that the platform's runner runs by schedules, with each of those."""
    for pipeline in rooms.pipelines.values():
        if pipeline.executor == "platform":
            yield from ((pipeline, each) for each in pipeline.triggers if isinstance(each, OnSchedule))


def due_times(trigger: OnSchedule, looked: Looked, until: datetime) -> list[datetime]:
    """The times that are to run now: what fell due just now, and of those that were missed what the schedule says.

    Of more than a hundred missed times the last hundred count. Pure.
    """
    schedule = schedules.parse(trigger.when, trigger.time_zone)
    found = list(schedules.due_between(schedule, looked.until, until, looked.since))[-_MOST_MISSED:]
    on_time = [due for due in found if until - due <= _ON_TIME]
    missed = [due for due in found if until - due > _ON_TIME]
    match trigger.missed:
        case "all":
            return found
        case "last":
            return on_time or missed[-1:]
        case _:
            return on_time


class _Ledger:
    """How far one schedule has been looked at, as an object that is changed only by whoever read its last version."""

    def __init__(self, cloud: Cloud, bucket: str, key: str) -> None:
        self._cloud, self._bucket, self._key, self._etag = cloud, bucket, key, ""

    def read(self) -> Looked | None:
        try:
            answer = self._cloud.call("s3", "get_object", Bucket=self._bucket, Key=self._key)
        except CloudError as error:
            if error.code in _MISSING:
                return None
            raise
        self._etag = answer["ETag"]
        said = json.loads(answer["Body"].read())
        return Looked(datetime.fromisoformat(said["since"]), datetime.fromisoformat(said["until"]))

    def write(self, looked: Looked) -> None:
        said = {"since": looked.since.isoformat(), "until": looked.until.isoformat()}
        condition = {"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}
        self._cloud.call(
            "s3", "put_object", Bucket=self._bucket, Key=self._key, Body=json.dumps(said).encode(), **condition
        )
