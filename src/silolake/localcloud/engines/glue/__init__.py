"""The Glue Data Catalog, across accounts by ``CatalogId``, with resource policies enforced.

Other engines ask ``catalog`` and ``access`` directly, without a call. Crawlers, jobs, connections, user-defined
functions and search are not played, and are refused by name.
"""

from __future__ import annotations

from silolake.localcloud.engines.glue import (
    databases,
    indexes,
    partition_reads,
    partitions,
    resource_policy,
    statistics,
    tables,
    tags,
    versions,
)
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.engines.glue.schema import SCHEMA

__all__ = [
    "PLAYS",
    "SCHEMA",
    "databases",
    "indexes",
    "partition_reads",
    "partitions",
    "resource_policy",
    "statistics",
    "tables",
    "tags",
    "versions",
]
