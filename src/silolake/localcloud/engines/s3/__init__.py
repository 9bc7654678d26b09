"""S3: an index of its own in SQLite, bytes in files, every change committed before it is answered.

Others find buckets with ``buckets.find_bucket``, current objects with ``objects.list_objects``, what reading one asks
of IAM with ``access.to_read``; they hold a blob with ``holds.holding`` while they read its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from silolake.localcloud.engines.s3 import (
    bucket_plays as _bucket_plays,
)
from silolake.localcloud.engines.s3 import (
    copies as _copies,
)
from silolake.localcloud.engines.s3 import (
    deletes as _deletes,
)
from silolake.localcloud.engines.s3 import (
    lists as _lists,
)
from silolake.localcloud.engines.s3 import (
    parts as _parts,
)
from silolake.localcloud.engines.s3 import (
    reads as _reads,
)
from silolake.localcloud.engines.s3 import (
    settings as _settings,
)
from silolake.localcloud.engines.s3.holds import sweep
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.engines.s3.schema import SCHEMA

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

__all__ = ["PLAYS", "SCHEMA", "resume"]

# Imported for the operations they register.
_PLAYED_IN = (_bucket_plays, _copies, _deletes, _lists, _parts, _reads, _settings)


def resume(cloud: LocalCloud) -> None:
    """Remove the bytes that a killed process left without an object. Writes."""
    sweep(cloud)
