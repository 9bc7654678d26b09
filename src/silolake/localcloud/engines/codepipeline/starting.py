"""Beginning an execution."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codepipeline.records import IN_PROGRESS, Execution, Pipeline, insert_execution


def keep_new(
    connection: sqlite3.Connection, cloud: LocalCloud, pipeline: Pipeline, trigger: tuple[str, str], **more: object
) -> Execution:
    """Keep a new execution of a pipeline; it is begun once the transaction is committed. Writes.

    Args:
        trigger: the type of what set it off, and who or what.
        more: members of the execution: ``variables``, ``revisions``, ``token``.
    """
    now = cloud.clock.now()
    usual: Mapping[str, str] = {
        each["name"]: each["defaultValue"] for each in pipeline.body.get("variables") or () if "defaultValue" in each
    }
    made: dict[str, object] = {"variables": usual, "revisions": {}, **more}
    execution = Execution(
        id=str(uuid.uuid4()),
        pipeline=pipeline.arn,
        version=pipeline.version,
        mode=pipeline.mode,
        status=IN_PROGRESS,
        trigger={"triggerType": trigger[0], "triggerDetail": trigger[1]},
        started_at=now,
        updated_at=now,
        **made,  # type: ignore[arg-type]
    )
    insert_execution(connection, execution)
    return execution
