"""STS: assuming roles, and saying who one is."""

from __future__ import annotations

from silolake.localcloud.engines.sts import assuming, operations
from silolake.localcloud.engines.sts.plays import PLAYS
from silolake.localcloud.engines.sts.schema import SCHEMA

__all__ = ["PLAYS", "SCHEMA", "assuming", "operations"]
