"""Occasions that have come and whose runs have not all completed: objects under ``state/occasions/``.

An occasion is written once, by whoever saw it first, and taken away when nothing is left to run for it; so what a
delivery, a schedule or another pipeline's end called for is gone on with after a kill.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import json

from silolake.cloud import Cloud
from silolake.errors import CloudError
from silolake.model import Pending, occasion_json, read_occasion
from silolake.runner.journal import LOST_RACE

_PREFIX = "state/occasions/"


class Occasions:
    """The pending occasions of one lake.

    Args:
        cloud: the platform's runner.
        bucket: the platform's state bucket.
    """

    def __init__(self, cloud: Cloud, bucket: str) -> None:
        self._cloud, self._bucket = cloud, bucket

    def pending(self) -> tuple[Pending, ...]:
        """What is pending, oldest first. One listing, and one read for each; reads only."""
        listed = self._cloud.pages("s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=_PREFIX)
        found = sorted(listed, key=lambda each: (each["LastModified"], each["Key"]))
        return tuple(self._read(each["Key"]) for each in found)

    def occur(self, pending: Pending) -> bool:
        """Keep an occasion; false where it is kept already. Writes."""
        said = {
            "pipeline": pending.pipeline,
            "account": pending.account,
            "occasion": occasion_json(pending.occasion),
        }
        try:
            self._cloud.call(
                "s3",
                "put_object",
                Bucket=self._bucket,
                Key=self._key(pending),
                Body=json.dumps(said).encode(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except CloudError as error:
            if error.code not in LOST_RACE:
                raise
            return False
        return True

    def settle(self, pending: Pending) -> None:
        """Nothing is left to run for an occasion. Writes."""
        self._cloud.call("s3", "delete_object", Bucket=self._bucket, Key=self._key(pending))

    def _read(self, key: str) -> Pending:
        said = json.loads(self._cloud.call("s3", "get_object", Bucket=self._bucket, Key=key)["Body"].read())
        return Pending(said["pipeline"], read_occasion(said["occasion"]), said["account"])

    def _key(self, pending: Pending) -> str:
        return f"{_PREFIX}{pending.pipeline}/{pending.key}.json"
