"""The closed union of steps, and a lake brought from what is observed to what a commit declares."""

from silolake.reconcile.applying import Applied, apply
from silolake.reconcile.planning import LakePlan, plan_lake
from silolake.reconcile.steps import NativeStep, RunNotebook, ValidateDrop, explain

__all__ = [
    "Applied",
    "LakePlan",
    "NativeStep",
    "RunNotebook",
    "ValidateDrop",
    "apply",
    "explain",
    "plan_lake",
]
