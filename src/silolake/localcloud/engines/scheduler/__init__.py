"""Amazon EventBridge Scheduler: schedules fire by the local cloud's clock, as their own role.

Read ``firing`` first, then ``targets``; how times are counted is ``silolake.schedules``.
"""

from __future__ import annotations

from silolake.localcloud.engines.scheduler import groups, operations
from silolake.localcloud.engines.scheduler.firing import close, resume
from silolake.localcloud.engines.scheduler.plays import PLAYS
from silolake.localcloud.engines.scheduler.schema import SCHEMA

__all__ = ["PLAYS", "SCHEMA", "close", "groups", "operations", "resume"]
