"""What runs on a delivery: a drop is held to its contract, promoted or quarantined, and given a receipt."""

from silolake.pipelines.drops import new_drops
from silolake.pipelines.receipts import Receipt, Status
from silolake.pipelines.reports import DropReport, ValidationReport
from silolake.pipelines.samples import hold_samples
from silolake.pipelines.validating import require_target, validate

__all__ = [
    "DropReport",
    "Receipt",
    "Status",
    "ValidationReport",
    "hold_samples",
    "new_drops",
    "require_target",
    "validate",
]
