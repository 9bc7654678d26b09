"""The accounts' tags as they were last read: one object, so that a plan asks nothing of each account.

AWS lists accounts without their tags, and tells those one account at a time. What is kept here is read by every plan
and written by every apply; an account that is new is asked. A tag that somebody changes by hand is drift's to find.
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTagsForResource.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization, Tags
from silolake.errors import CloudError

_KEY = "state/tags.json"
_MISSING = frozenset({"NoSuchKey", "404"})


class Tagged:
    """The tags that are known of a lake's accounts.

    Args:
        cloud: the platform's runner.
        bucket: the platform's state bucket.
    """

    def __init__(self, cloud: Cloud, bucket: str) -> None:
        self._cloud, self._bucket = cloud, bucket

    def read(self) -> Mapping[str, Tags]:
        """Account id → its tags; nothing where none are kept yet. Reads only."""
        try:
            answer = self._cloud.call("s3", "get_object", Bucket=self._bucket, Key=_KEY)
        except CloudError as error:
            if error.code in _MISSING:
                return {}
            raise
        said: dict[str, Tags] = json.loads(answer["Body"].read())
        return said

    def keep(self, organization: Organization) -> None:
        """Keep the tags of an organization that was read just now. Writes."""
        said = {each.id.text: dict(each.tags) for each in organization.accounts.values()}
        body = json.dumps(said, sort_keys=True).encode()
        # Whoever writes last has read last: two that apply at once hold one lease.
        self._cloud.call("s3", "put_object", Bucket=self._bucket, Key=_KEY, Body=body, ContentType="application/json")
