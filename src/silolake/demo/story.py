"""What ``silolake demo`` does besides the ordinary commands: deliveries, the question, and the denials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from silolake.cloud import Cloud, LocalEndpoint, sign_in
from silolake.cloud.door import Reach
from silolake.cloud.organization import Organization
from silolake.cloud.queries import Answer, query
from silolake.demo.source import Delivery, deliveries, files, names
from silolake.errors import Denied, QueryFailed, StepFailed
from silolake.rooms import Rooms

QUESTION = """\
SELECT origin,
       count(*) AS flights,
       count(temp) AS with_weather,
       count(manufacturer) AS with_aircraft,
       round(avg(dep_delay), 2) AS delay_min,
       round(avg(CASE WHEN wind_speed >= 20 THEN dep_delay END), 2) AS delay_in_wind,
       round(avg(CASE WHEN precip > 0 THEN dep_delay END), 2) AS delay_in_rain,
       round(avg(CASE WHEN aircraft_age >= 20 THEN dep_delay END), 2) AS delay_old_aircraft
FROM delay_causes
GROUP BY origin
ORDER BY origin
"""
"""How late do flights leave, by airport, weather and aircraft? Asked once, read from four silos."""


CARRIERS = """\
SELECT carrier, count(*) AS flights, round(avg(dep_delay), 2) AS delay_min
FROM delay_causes
GROUP BY carrier
HAVING count(*) >= 1000
ORDER BY delay_min DESC
LIMIT 5
"""
"""Who leaves latest, of those that fly often?"""


def deliver(endpoint: LocalEndpoint, rooms: Rooms, organization: Organization, told: Callable[[str], None]) -> int:
    """Put every delivery of the example into its silo's drop zone; what lies there already is left. Writes.

    Args:
        endpoint: the local cloud.
        rooms: the workspace's, for the buckets' names.
        organization: for the silos' ids.
        told: hears how far it is.

    Returns:
        How many files were delivered now.
    """
    sent = 0
    clouds: dict[str, Cloud] = {}
    present: dict[str, frozenset[str]] = {}

    def send(each: Delivery) -> None:
        bucket = rooms.settings.bucket(organization.account(each.silo).id, "drop")
        clouds[each.silo].call(
            "s3", "put_object", Bucket=bucket, Key=each.key, Body=each.content, ContentType="text/csv"
        )

    with ThreadPoolExecutor(max_workers=4) as pool:
        under_way = []
        for each in deliveries(files()):
            if each.silo not in clouds:
                clouds[each.silo] = sign_in(endpoint, each.silo, "administrator", "producer")
                bucket = rooms.settings.bucket(organization.account(each.silo).id, "drop")
                listed = clouds[each.silo].pages("s3", "list_objects_v2", "Contents", Bucket=bucket)
                present[each.silo] = frozenset(found["Key"] for found in listed)
            if each.key not in present[each.silo]:
                sent += 1
                told(f"delivering {each.key} to {each.silo}")
                under_way.append(pool.submit(send, each))
        for future in under_way:
            future.result()
    return sent


def ask(endpoint: LocalEndpoint) -> Answer:
    """The question across silos, as head office's analyst."""
    return query(sign_in(endpoint, "analytics", "analyst"), QUESTION, workgroup="lake", database="cross_silo")


def latest_carriers(endpoint: LocalEndpoint) -> Answer:
    """The carriers that leave latest, asked as head office's analyst, with their names from the source's airlines."""
    found = query(sign_in(endpoint, "analytics", "analyst"), CARRIERS, workgroup="lake", database="cross_silo")
    known = names(files().airlines, "carrier")
    rows = tuple((known.get(str(row[0]), "unknown"), *row) for row in found.rows)
    return replace(found, columns=("name", *found.columns), rows=rows)


def airports(answer: Answer) -> str:
    """The names of the airports in an answer's first column, from the source's airports."""
    known = names(files().airports, "faa")
    return "Airports: " + ", ".join(f"{row[0]} is {known.get(str(row[0]), 'unknown')}" for row in answer.rows)


# What Athena puts before Glue's and S3's own words.
_NOT_PERMITTED = "Insufficient permissions to execute the query."


@dataclass(frozen=True)
class Attempt:
    """Something that must not work, and what the cloud said to it."""

    who: str
    what: str
    answer: str


def attempts(endpoint: LocalEndpoint, rooms: Rooms, organization: Organization) -> Iterator[Attempt]:
    """Try what segregation forbids, and tell what was answered.

    Raises:
        StepFailed: one of them was let in.
        SilolakeError: one failed for another reason than IAM's no.
    """
    jfk = organization.account("jfk").id
    processed, raw = rooms.settings.bucket(jfk, "processed"), rooms.settings.bucket(jfk, "raw")
    ewr = sign_in(endpoint, "ewr", "analyst")
    catalog = f'"glue:arn:aws:glue:{rooms.settings.region}:{jfk}:catalog"'
    foreign = f"SELECT count(*) FROM {catalog}.processed.flights"
    yield _attempt("ewr's analyst", "read jfk's flights through Athena", lambda: query(ewr, foreign, workgroup="lake"))
    yield _attempt(
        "ewr's analyst", "list jfk's processed flights",
        lambda: ewr.call("s3", "list_objects_v2", Bucket=processed, Prefix="flights/"),
    )  # fmt: skip
    analyst = sign_in(endpoint, "analytics", "analyst")
    yield _attempt(
        "analytics' analyst", "list jfk's raw objects", lambda: analyst.call("s3", "list_objects_v2", Bucket=raw)
    )
    plain = Cloud(Reach(endpoint.region, endpoint.http), sign_in(endpoint, "jfk", "analyst").frozen())
    yield _attempt(
        "jfk's own analyst", "read its own data over plain HTTP",
        lambda: plain.call("s3", "list_objects_v2", Bucket=processed, Prefix="flights/"),
    )  # fmt: skip


def _attempt(who: str, what: str, act: Callable[[], object]) -> Attempt:
    """Try it; only IAM's own no is a denial, whatever else may go wrong."""
    try:
        act()
    except Denied as error:
        return Attempt(who, what, error.message)
    except QueryFailed as error:
        if not error.reason.startswith(_NOT_PERMITTED):
            raise
        return Attempt(who, what, error.reason)
    raise StepFailed(f"{who} tried to {what}", "and was let in; that must not be")
