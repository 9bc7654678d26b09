"""Every step there is: runs of notebooks, and the native steps that a run's verb performs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, get_args

from silolake import cross_silo_views, provisioning
from silolake.cross_silo_views import ViewStep
from silolake.model import Declared, Delivered, Due, ObjectVersion, Occasion
from silolake.provisioning import ProvisioningStep


@dataclass(frozen=True)
class ValidateDrop:
    """One delivery is held against its contract: good rows promoted, bad ones quarantined with a receipt."""

    drop: ObjectVersion


NativeStep = ProvisioningStep | ViewStep | ValidateDrop


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
    """

    notebook: str
    parameters: Mapping[str, Any]
    account: str
    occasion: Occasion
    beneath: tuple[NativeStep, ...] = ()
    marks: tuple[Mark, ...] = field(default=(), compare=False)


def explain(step: RunNotebook | NativeStep) -> str:
    """One line a reviewer can approve. Reads only."""
    match step:
        case RunNotebook(notebook, parameters, account, occasion):
            said = "".join(f" {name}={value}" for name, value in parameters.items())
            return f"run {notebook}{said} for {account}{_because(occasion)}"
        case ValidateDrop(drop):
            return f"validate {drop.key} (version {drop.version_id[:8]}) of {drop.bucket}"
        case _:
            # Each room explains its own steps; its own match is the one that must be complete.
            if _is_view_step(step):
                return cross_silo_views.explain(step)
            if _is_provisioning_step(step):
                return provisioning.explain(step)
            raise TypeError(f"{type(step).__name__} is no step of the union")


def _is_view_step(step: object) -> TypeGuard[ViewStep]:
    return isinstance(step, get_args(ViewStep))


def _is_provisioning_step(step: object) -> TypeGuard[ProvisioningStep]:
    return isinstance(step, get_args(ProvisioningStep))


def _because(occasion: Occasion) -> str:
    match occasion:
        case Declared():
            return ""
        case Delivered(versions):
            return f", {len(versions)} new drop{'s' if len(versions) != 1 else ''}"
        case Due(at):
            return f", due {at.isoformat(timespec='minutes')}"
