"""Runs notebooks by papermill in the target's credentials, keeps their records, and goes on after a kill."""

from silolake.runner.context import RunContext
from silolake.runner.notebooks import Notebook, Parameter, find_notebook, list_notebooks
from silolake.runner.runs import Request, Runner, RunRecord

__all__ = [
    "Notebook",
    "Parameter",
    "Request",
    "RunContext",
    "RunRecord",
    "Runner",
    "find_notebook",
    "list_notebooks",
]
