"""AWS CodeBuild: builds that truly run, on this machine, with their project's role.

Read ``building`` first, then ``shell`` and ``carrying``. A pipeline starts builds with ``build_operations.begin``.
"""

from __future__ import annotations

from silolake.localcloud.engines.codebuild import build_operations, project_operations
from silolake.localcloud.engines.codebuild.plays import PLAYS
from silolake.localcloud.engines.codebuild.running import close, resume
from silolake.localcloud.engines.codebuild.schema import SCHEMA

__all__ = ["PLAYS", "SCHEMA", "build_operations", "close", "project_operations", "resume"]
