"""What is the lake's and declared no more, and the run that takes it away: only where somebody says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from silolake.cloud import Cloud
from silolake.cross_silo_views import DropView, ViewStep, apply_step
from silolake.cross_silo_views.drifting import Desk
from silolake.cross_silo_views.drifting import find_extras as find_view_extras
from silolake.errors import Denied, SilolakeError
from silolake.model import Declared, Finding, digest
from silolake.plan import Extra, Planned
from silolake.provisioning import Observed, ProvisioningReport, drift
from silolake.provisioning.drift.accounts import as_auditor
from silolake.provisioning.reports import Done
from silolake.provisioning.steps import ProvisioningStep
from silolake.provisioning.verbs import Hands, perform
from silolake.reconcile.steps import (
    ANALYTICS,
    PLATFORM,
    PROVISION_STEP,
    ForgetSchedule,
    NativeStep,
    RunNotebook,
    explain,
)
from silolake.rooms import OnSchedule, Rooms

PRUNE, NOTEBOOK = "prune", "provisioning/prune_lake"
_SCHEDULES = "state/schedules/"


def find_extras(
    cloud: Cloud, rooms: Rooms, observed: Observed, applied: Mapping[tuple[str, str], str]
) -> tuple[Extra[NativeStep], ...]:
    """Everything of the lake's that is declared no more. Reads only.

    Args:
        cloud: the platform's runner, which assumes auditors.
        rooms: the workspace's.
        observed: the organization, its guard rails and stack sets.
        applied: the index of what was applied.
    """
    found: list[Extra[NativeStep]] = []
    found += (_widened(each) for each in drift.find_extras(cloud, rooms, observed))
    found += (_widened(each) for each in _views(cloud, rooms, observed, applied))
    found += _schedules(cloud, rooms, observed)
    return tuple(found)


def _widened(extra: Extra[ProvisioningStep] | Extra[ViewStep]) -> Extra[NativeStep]:
    return Extra(extra.finding, extra.step)


def _views(
    cloud: Cloud, rooms: Rooms, observed: Observed, applied: Mapping[tuple[str, str], str]
) -> tuple[Extra[ViewStep], ...]:
    desk = desk_of(cloud, rooms, observed, applied)
    return find_view_extras(desk) if desk is not None else ()


def desk_of(cloud: Cloud, rooms: Rooms, observed: Observed, applied: Mapping[tuple[str, str], str]) -> Desk | None:
    """What views are held against; ``None`` while analytics is yet to come, or its auditor cannot be assumed."""
    if ANALYTICS not in observed.organization.accounts:
        return None
    published = frozenset(name for kind, name in applied if kind == "publish")
    try:
        auditor = as_auditor(cloud, observed.organization.account(ANALYTICS))
    except Denied:
        return None  # told already, as a role that cannot be assumed
    return Desk(auditor, rooms, observed.organization, published)


def _schedules(cloud: Cloud, rooms: Rooms, observed: Observed) -> Iterator[Extra[NativeStep]]:
    """How far schedules were looked at that no pipeline has any more."""
    wanted = {
        f"{_SCHEDULES}{pipeline.name}/{each.slug}.json"
        for pipeline in rooms.pipelines.values()
        for each in pipeline.triggers
        if isinstance(each, OnSchedule)
    }
    bucket = state_bucket(rooms, observed)
    for each in cloud.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=_SCHEDULES):
        key = str(each["Key"])
        if key not in wanted:
            what = f"state of a schedule of {key.removeprefix(_SCHEDULES).partition('/')[0]}"
            yield Extra(Finding("extra", PLATFORM, what, "", key, (PRUNE,), key), ForgetSchedule(key))


def state_bucket(rooms: Rooms, observed: Observed) -> str:
    """Where the lake keeps what is known of runs and schedules."""
    return rooms.settings.bucket(observed.organization.account(PLATFORM).id, "state")


def plan_prune(extras: Sequence[Extra[NativeStep]], after: Sequence[str]) -> Iterator[Planned[RunNotebook]]:
    """The one run that takes away all of it, after everything else. Pure."""
    if not extras:
        return
    steps = tuple(each.step for each in extras)
    ground = digest([explain(each) for each in steps])
    run = RunNotebook(NOTEBOOK, {}, PLATFORM, Declared(ground), steps)
    yield Planned(PRUNE, run, ground, (PROVISION_STEP,), tuple(after))


@dataclass(frozen=True)
class Shears:
    """What prunes.

    Attributes:
        cloud: the platform's runner.
        rooms: the workspace's.
        observed: as just read.
        forget: lets the index of what was applied forget a view that is there no more.
    """

    cloud: Cloud
    rooms: Rooms
    observed: Observed
    forget: Callable[[str], None]


def prune(shears: Shears, extras: Sequence[Extra[NativeStep]]) -> ProvisioningReport:
    """Take away what is declared no more. Writes; what would lose data is refused, and the rest done all the same.

    Args:
        shears: what prunes.
        extras: what was found.

    Returns:
        Each thing and how it ended.
    """
    done: list[Done] = []
    for step in (each.step for each in extras):
        try:
            _take_away(shears, step)
            done.append(Done(explain(step), "done"))
        except SilolakeError as error:
            done.append(Done(explain(step), "failed", getattr(error, "reason", "") or str(error)))
    return ProvisioningReport(PRUNE, "", tuple(done))


def _take_away(shears: Shears, step: NativeStep) -> None:
    if isinstance(step, ForgetSchedule):
        bucket = state_bucket(shears.rooms, shears.observed)
        shears.cloud.call("s3", "delete_object", Bucket=bucket, Key=step.key)
    elif isinstance(step, get_args(ViewStep)):
        account = shears.observed.organization.account(ANALYTICS)
        runner = shears.cloud.as_role(f"arn:aws:iam::{account.id}:role/lake/run/runner", "prune")
        apply_step(cast(ViewStep, step), runner, shears.rooms)
        if isinstance(step, DropView):
            # Here and not once the run has completed: another thing that is refused ends the run as failed.
            shears.forget(step.view)
    else:
        hands = Hands(shears.cloud, shears.rooms, shears.observed.organization, shears.cloud)
        perform(cast(ProvisioningStep, step), hands)
