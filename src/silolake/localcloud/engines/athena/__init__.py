"""Athena: queries over the Glue catalog, each read and written with its caller's own rights.

Spark workgroups, notebooks, capacity reservations and catalogs behind a Lambda are not played, and are refused by name.
"""

from __future__ import annotations

import shutil

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.athena import (
    data_catalogs,
    executions,
    history,
    metadata,
    results,
    running,
    saved,
    starting,
    tags,
    workgroups,
)
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.schema import SCHEMA

__all__ = [
    "PLAYS",
    "SCHEMA",
    "data_catalogs",
    "executions",
    "metadata",
    "results",
    "resume",
    "saved",
    "starting",
    "tags",
    "workgroups",
]


def resume(cloud: LocalCloud) -> None:
    """End the queries that were under way when the local cloud went down, and remove what they left. Writes."""
    mine = running.begun()
    for directory in (cloud.directory / "athena").glob("*"):
        if directory.name not in mine:
            shutil.rmtree(directory, ignore_errors=True)
    with cloud.store.write() as connection:
        history.end_interrupted(connection, mine, cloud.clock.now())
