"""Runs notebooks by papermill in the target's credentials, keeps their records, and goes on after a kill."""

from silolake.runner.context import RunContext
from silolake.runner.records import RunRecord
from silolake.runner.runs import Request, Runner

__all__ = [
    "Request",
    "RunContext",
    "RunRecord",
    "Runner",
]
