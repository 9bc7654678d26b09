"""AWS CodePipeline: pipelines that fetch, build and deploy, each action as the pipeline's role.

Read ``structure`` first, then ``conducting`` and ``actions``.
"""

from __future__ import annotations

from silolake.localcloud.engines.codepipeline import execution_operations, pipeline_operations, state
from silolake.localcloud.engines.codepipeline.plays import PLAYS
from silolake.localcloud.engines.codepipeline.running import close, resume
from silolake.localcloud.engines.codepipeline.schema import SCHEMA

__all__ = ["PLAYS", "SCHEMA", "close", "execution_operations", "pipeline_operations", "resume", "state"]
