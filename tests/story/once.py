"""What was done once: completed attempts of runs, and versions of the objects that a promotion writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from silolake.cloud import Cloud
from silolake.errors import CloudError, UnknownName, WrongState

from .observed import ADMINISTRATOR, journal
from .small_lakes import SmallLake


@dataclass(frozen=True)
class Finished:
    """What was finished at a moment and must not be done again.

    Attributes:
        runs: those that the journal calls completed.
        drops: the version ids of those that have a receipt.
    """

    runs: frozenset[str] = field(default_factory=frozenset)
    drops: frozenset[str] = field(default_factory=frozenset)


def finished(lake: SmallLake) -> Finished:
    """What is finished in a lake that is up; parts of it may not be there yet."""
    runs = frozenset(each["run"] for each in journal(lake) if each["status"] == "completed")
    return Finished(runs, frozenset(receipt["drop"]["version_id"] for _, _, receipt in _receipts(lake)))


def completed_attempts(lake: SmallLake) -> Counter[str]:
    """How many attempts of each run have completed, by the records they left: the journal knows the last one only."""
    platform, bucket = lake.as_("platform", ADMINISTRATOR), lake.bucket("platform", "records")
    found: Counter[str] = Counter()
    for each in platform.pages("s3", "list_objects_v2", "Contents", Bucket=bucket):
        body = platform.call("s3", "get_object", Bucket=bucket, Key=each["Key"])["Body"].read()
        record = json.loads(body)
        found[record["run"]] += record["status"] == "completed"
    return found


def did_nothing_twice(lake: SmallLake, before: Finished | None) -> None:
    """No run completed twice and no object of a promotion was written twice.

    Args:
        lake: as it is in the end.
        before: what was finished when something was killed. What was not may have been begun once more, and only
            once; with ``None`` nothing was killed, and nothing may be there twice.
    """
    for run, completed in completed_attempts(lake).items():
        redone = before is not None and run not in before.runs
        assert completed <= (2 if redone else 1), f"the run {run} completed {completed} times"
    versions: dict[str, Counter[str]] = {}
    for silo, cloud, receipt in _receipts(lake):
        redone = before is not None and receipt["drop"]["version_id"] not in before.drops
        if silo not in versions:
            versions[silo] = _versions(cloud, lake.bucket(silo, "processed"))
        written = versions[silo]
        assert set(receipt["files"]) <= set(written)
        for key in receipt["files"]:
            assert written[key] <= (2 if redone else 1), f"{silo}'s {key} was written {written[key]} times"


def _versions(cloud: Cloud, bucket: str) -> Counter[str]:
    listed = cloud.pages("s3", "list_object_versions", "Versions", Bucket=bucket)
    return Counter(str(each["Key"]) for each in listed)


def _receipts(lake: SmallLake) -> Iterator[tuple[str, Cloud, dict[str, Any]]]:
    """Every drop's receipt, with its silo and who may read there."""
    organization = lake.organization
    try:
        silos = organization.below("silos")
    except UnknownName:
        return
    for silo in silos:
        try:
            cloud, bucket = lake.as_(silo.name, ADMINISTRATOR), lake.bucket(silo.name, "quarantine")
            listed = list(cloud.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix="receipts/"))
        except (CloudError, WrongState):  # its buckets are yet to come
            continue
        for key in (str(each["Key"]) for each in listed):
            if key.count("/") == 2 and key.endswith(".json"):
                yield (
                    silo.name,
                    cloud,
                    json.loads(cloud.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read()),
                )
