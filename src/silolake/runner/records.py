"""How one attempt of a run ended: what ``run.json`` holds, written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silolake.runner import journal as states

# What botocore itself takes for throttling, and for nobody there.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
_THROTTLED = (
    "(Throttling)", "(ThrottlingException)", "(ThrottledException)", "(RequestThrottled)",
    "(RequestThrottledException)", "(TooManyRequestsException)", "(RequestLimitExceeded)", "(SlowDown)",
    "(LimitExceededException)", "(ProvisionedThroughputExceededException)", "(PriorRequestNotComplete)",
    "(BandwidthLimitExceeded)",
)  # fmt: skip
_UNREACHABLE = (
    "CloudUnreachable", "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError",
)  # fmt: skip


@dataclass(frozen=True)
class RunRecord:
    """How one attempt of a run ended; ``run.json``.

    Attributes:
        status: completed, failed, timed out, kernel died, cancelled.
        reason: empty for a completed run.
        wall_s, cpu_s: CPU is the kernel's, where the system tells it.
        peak_mb: the most memory the kernel had resident, where the system tells it.
        kernel: how it came about: forked, or spawned and why.
        cells: how many of how many ran.
        notebook_at: where the executed notebook lies.
        outcome: what its verbs did, which tables they read and wrote.
    """

    run: str
    attempt: int
    notebook: str
    notebook_digest: str
    parameters: Mapping[str, Any]
    account: str
    account_id: str
    region: str
    occasion: Mapping[str, Any]
    commit: str
    identity: str
    status: str
    reason: str
    started_at: str
    ended_at: str
    wall_s: float
    cpu_s: float | None
    cells: tuple[int, int]
    notebook_at: str
    outcome: Mapping[str, Any]
    peak_mb: float | None = None
    kernel: str = ""

    @property
    def completed(self) -> bool:
        """Whether it did what it says, its own checks included."""
        return self.status == states.COMPLETED

    @property
    def failure(self) -> str:
        """The class of failure, for what may be tried again; empty for a completed run."""
        if self.status in (states.COMPLETED, states.TIMED_OUT, states.KERNEL_DIED, states.CANCELLED):
            return "" if self.completed else self.status
        raised = self.reason.partition(":")[0]
        said = f"{raised} {self.reason[:400]}"
        if raised == "Throttled" or any(code in said for code in _THROTTLED):
            return "throttled"
        return "unreachable" if raised in _UNREACHABLE else "failed"

    @property
    def concerns(self) -> tuple[str, ...]:
        """What somebody should hear of although the run did what it says: deliveries not taken as they are."""
        return tuple(each for verb in self.outcome.get("verbs", ()) for each in verb.get("concerns", ()))
