"""Every step there is: runs of notebooks, and the native steps that a run's verb performs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never, cast, get_args

from silolake import cross_silo_views, provisioning
from silolake.cross_silo_views import ViewStep
from silolake.model import Declared, Delivered, Due, Ended, ObjectVersion, Occasion
from silolake.provisioning import ProvisioningStep
from silolake.rooms import Retries

PROVISION_STEP = "provision"
"""The step that everything else comes after."""

PLATFORM, ANALYTICS = "platform", "analytics"


@dataclass(frozen=True)
class ValidateDrop:
    """One delivery is held against its contract: good rows promoted, bad ones quarantined with a receipt."""

    drop: ObjectVersion


@dataclass(frozen=True)
class ForgetSchedule:
    """How far a schedule was looked at that no pipeline has any more is known no more.

    Attributes:
        key: of the object in the platform's state bucket.
    """

    key: str


NativeStep = ProvisioningStep | ViewStep | ValidateDrop | ForgetSchedule


@dataclass(frozen=True)
class Mark:
    """What the index of applied things says once a run has completed; an empty digest says: no more."""

    kind: str
    name: str
    digest: str


@dataclass(frozen=True)
class RunNotebook:
    """A notebook runs with its parameters in an account, once for its occasion.

    Attributes:
        notebook: its name, ``provisioning/enroll_silo``.
        parameters: by name.
        account: the target's name.
        occasion: why now.
        beneath: the native steps its verb will perform; empty for a notebook without a verb.
        marks: what is known to be applied once it has completed.
        retries: how often it is tried.
        timeout_s: the longest it may take; 0 is no limit but the runner's own.
    """

    notebook: str
    parameters: Mapping[str, Any]
    account: str
    occasion: Occasion
    beneath: tuple[NativeStep, ...] = ()
    marks: tuple[Mark, ...] = field(default=(), compare=False)
    retries: Retries = field(default=Retries(), compare=False)
    timeout_s: int = field(default=0, compare=False)


def explain(step: RunNotebook | NativeStep) -> str:
    """One line a reviewer can approve. Reads only."""
    match step:
        case RunNotebook(notebook, parameters, account, occasion):
            said = "".join(f" {name}={value}" for name, value in parameters.items())
            return f"run {notebook}{said} for {account}{_because(occasion)}"
        case ValidateDrop(drop):
            return f"validate {drop.key} (version {drop.version_id[:8]}) of {drop.bucket}"
        case ForgetSchedule(key):
            return f"forget how far the schedule {key} was looked at"
        # Each room explains its own steps; its own match is the one that must be complete.
        case _ if isinstance(step, get_args(ViewStep)):
            return cross_silo_views.explain(cast(ViewStep, step))
        case _:
            return provisioning.explain(cast(ProvisioningStep, step))


def _because(occasion: Occasion) -> str:
    match occasion:
        case Declared():
            return ""
        case Delivered(versions):
            return f", {len(versions)} new drop{'s' if len(versions) != 1 else ''}"
        case Due(at):
            return f", due {at.isoformat(timespec='minutes')}"
        case Ended(pipeline):
            return f", after {pipeline}"
        case _:
            assert_never(occasion)
