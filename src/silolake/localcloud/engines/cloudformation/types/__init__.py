"""Every resource type that is played, by its name."""

from __future__ import annotations

from silolake.localcloud.engines.cloudformation.types.athena import DATA_CATALOG, WORKGROUP
from silolake.localcloud.engines.cloudformation.types.codebuild import PROJECT
from silolake.localcloud.engines.cloudformation.types.codepipeline import PIPELINE
from silolake.localcloud.engines.cloudformation.types.glue import DATABASE, TABLE
from silolake.localcloud.engines.cloudformation.types.iam import MANAGED_POLICY, ROLE, ROLE_POLICY
from silolake.localcloud.engines.cloudformation.types.kinds import ResourceType
from silolake.localcloud.engines.cloudformation.types.kms import ALIAS, KEY
from silolake.localcloud.engines.cloudformation.types.s3 import BUCKET, BUCKET_POLICY
from silolake.localcloud.engines.cloudformation.types.scheduler import SCHEDULE, SCHEDULE_GROUP
from silolake.localcloud.engines.cloudformation.types.waiting import WAIT_CONDITION_HANDLE

TYPES: dict[str, ResourceType] = {
    each.name: each
    for each in (
        BUCKET,
        BUCKET_POLICY,
        KEY,
        ALIAS,
        ROLE,
        MANAGED_POLICY,
        ROLE_POLICY,
        DATABASE,
        TABLE,
        WORKGROUP,
        DATA_CATALOG,
        PROJECT,
        PIPELINE,
        SCHEDULE_GROUP,
        SCHEDULE,
        WAIT_CONDITION_HANDLE,
    )
}
