"""What lies in a drop zone, and which of it is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from silolake.cloud import Cloud
from silolake.errors import CloudError, WrongState
from silolake.model import Account, ObjectVersion
from silolake.pipelines.receipts import Ledger
from silolake.rooms import Pipeline, Rooms


@dataclass(frozen=True)
class Listed:
    """A version of an object in a drop zone.

    Attributes:
        drop: which one.
        is_latest: whether a read of the key answers it; of a key that was deleted, no version is.
        delivered_at: when S3 took it.
    """

    drop: ObjectVersion
    is_latest: bool
    delivered_at: datetime


def new_drops(cloud: Cloud, rooms: Rooms, pipeline: Pipeline, silo: Account) -> tuple[ObjectVersion, ...]:
    """The drops of one pipeline that no run has taken, oldest first. Reads only.

    Only the latest version of a key is new; a key that its producer deleted has none.

    Args:
        cloud: an identity that may list the silo's drop and quarantine buckets.
        rooms: the workspace's.
        pipeline: whose prefix of the drop zone is read.
        silo: whose drop zone.

    Returns:
        Nothing where the silo's buckets are yet to come.

    Raises:
        WrongState: the drop bucket keeps no versions.
        Denied: the identity may not list them.
    """
    settings = rooms.settings
    ledger = Ledger(cloud, settings.bucket(silo.id, "quarantine"), pipeline.name)
    try:
        listed = [each for each in list_drops(cloud, settings.bucket(silo.id, "drop"), pipeline.drop) if each.is_latest]
        taken = ledger.taken() if listed else frozenset()
    except CloudError as error:
        if error.code != "NoSuchBucket":
            raise
        return ()
    return tuple(each.drop for each in listed if each.drop.version_id not in taken)


def list_drops(cloud: Cloud, bucket: str, prefix: str) -> tuple[Listed, ...]:
    """Every version under a prefix, oldest first; delete markers and empty folders aside. Reads only.

    Raises:
        WrongState: the bucket keeps no versions, so a receipt could not tell two deliveries apart.
    """
    found = []
    for each in cloud.pages("s3", "list_object_versions", "Versions", Bucket=bucket, Prefix=prefix):
        if each["Key"].endswith("/") and not each["Size"]:
            continue
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
        if each["VersionId"] == "null":
            raise WrongState(
                f"{bucket} holds {each['Key']} without a version", "Enable versioning there and deliver the file again"
            )
        drop = ObjectVersion(bucket, each["Key"], each["VersionId"])
        found.append(Listed(drop, each["IsLatest"], each["LastModified"]))
    return tuple(sorted(found, key=lambda each: (each.delivered_at, each.drop)))
