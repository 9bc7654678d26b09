"""What the lake is otherwise than what was applied, in both directions, and since when, where that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from silolake.cloud import Cloud
from silolake.cross_silo_views import find_in_views
from silolake.model import Finding
from silolake.plan import Extra
from silolake.provisioning import Observed, drift
from silolake.reconcile.pruning import desk_of, find_extras
from silolake.reconcile.steps import NativeStep
from silolake.rooms import Rooms


@dataclass(frozen=True)
class Drift:
    """What was found.

    Attributes:
        findings: each thing that is not as declared.
        unseen: what was not looked at, and why.
        extras: those of the findings that are the lake's and declared no more, with what takes them away.
    """

    findings: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()
    extras: tuple[Extra[NativeStep], ...] = ()

    @property
    def mended_by(self) -> frozenset[str]:
        """The names of the steps that mend what can be mended without taking anything away."""
        return frozenset(name for each in self.findings for name in each.mended_by if each.kind != "extra")

    def of(self, step: str) -> tuple[Finding, ...]:
        """What a step mends."""
        return tuple(each for each in self.findings if step in each.mended_by)


def find_drift(cloud: Cloud, rooms: Rooms, observed: Observed, applied: Mapping[tuple[str, str], str]) -> Drift:
    """Read every resource of the lake and hold it against what is declared. Reads only.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        observed: the organization, its guard rails and stack sets, just read.
        applied: the index of what was applied.
    """
    looked = drift.find_in_accounts(cloud, observed)
    desk = desk_of(cloud, rooms, observed, applied)
    extras = find_extras(cloud, rooms, observed, applied)
    findings = (
        *drift.find_in_organization(rooms, observed),
        *looked.findings,
        *drift.find_in_sharing(cloud, rooms, observed.organization),
        *(find_in_views(desk) if desk is not None else ()),
        *(each.finding for each in extras),
    )
    return Drift(findings, looked.unseen, extras)


Log = Callable[[str], Sequence[Mapping[str, Any]]]
"""Answers the decisions that let settings of a resource be written whose ARN has a part, newest first."""


def dated(found: Drift, log: Log) -> Drift:
    """Findings with the last call that wrote to what they are about: when, and who made it. Reads only.

    Args:
        found: what was found.
        log: the log of decisions.
    """
    asked: dict[str, str] = {}

    def since(resource: str) -> str:
        if resource not in asked:
            asked[resource] = next(filter(None, map(_told, log(resource))), "")
        return asked[resource]

    return replace(
        found,
        findings=tuple(replace(each, since=since(each.resource)) if each.resource else each for each in found.findings),
    )


def _told(decision: Mapping[str, Any]) -> str:
    return f"last written: {decision['action']} by {decision['caller']} at {str(decision['at'])[:19]}"
