"""The closed union of steps, and a lake brought from what is observed to what a commit declares."""

from silolake.reconcile.applying import Applied, Hearing, Manner, apply
from silolake.reconcile.drifting import Drift, dated, find_drift
from silolake.reconcile.pipelines import Known
from silolake.reconcile.planning import COMMITTED, EVERYTHING, WATCHED, LakePlan, Part, lines_of, plan_lake
from silolake.reconcile.pruning import Shears, find_extras, prune
from silolake.reconcile.steps import NativeStep, RunNotebook, ValidateDrop, explain

__all__ = [
    "COMMITTED",
    "EVERYTHING",
    "WATCHED",
    "Applied",
    "Drift",
    "Hearing",
    "Known",
    "LakePlan",
    "Manner",
    "NativeStep",
    "Part",
    "RunNotebook",
    "Shears",
    "ValidateDrop",
    "apply",
    "dated",
    "explain",
    "find_drift",
    "find_extras",
    "lines_of",
    "plan_lake",
    "prune",
]
