"""What must run: desired minus observed, without starting a kernel and without visiting what has not changed.

Read once: the organization's tree, the stack instances' pages, the lake's own policies, and what is known of runs. No
account is visited but those whose drop zones are looked into, where the caller asks for new deliveries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from silolake import cross_silo_views, provisioning
from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import WrongState
from silolake.model import Account, Declared, Pending, digest
from silolake.plan import Plan, Planned
from silolake.provisioning import Observed
from silolake.provisioning.planning import SILOS, prefix_of
from silolake.provisioning.steps import MoveAccount, RestoreResource, WithdrawSilo
from silolake.reconcile.drifting import Drift, find_drift
from silolake.reconcile.pipelines import Known, Lake, arrivals, plan_commit, plan_occasions
from silolake.reconcile.pruning import find_extras, plan_prune
from silolake.reconcile.steps import ANALYTICS, PLATFORM, PROVISION_STEP, Mark, RunNotebook, explain
from silolake.rooms import Rooms

PROVISION, ENROLL, WITHDRAW, PUBLISH, MEND = (
    "provisioning/provision_organization",
    "provisioning/enroll_silo",
    "provisioning/withdraw_silo",
    "cross_silo_views/publish_view",
    "provisioning/mend_account",
)


class Part(Enum):
    """The parts that a plan may have."""

    PROVISION = "units, accounts, stack sets and guard rails"
    JOIN = "silos enrolled and withdrawn, and the views over them"
    COMMIT = "runs of pipelines that a commit declares"
    OCCASIONS = "runs for deliveries, due times and pipelines' ends"
    DRIFT = "what the resources themselves are otherwise than was applied"
    PRUNE = "what is the lake's and declared no more"


EVERYTHING = frozenset(Part) - {Part.DRIFT, Part.PRUNE}
"""What costs no visit to each account."""

COMMITTED = EVERYTHING - {Part.OCCASIONS}
"""What a commit is answered by: what it declares, whatever was delivered meanwhile."""

WATCHED = frozenset({Part.JOIN, Part.OCCASIONS})
"""What comes about without a commit: accounts that join and leave, deliveries, due times."""

LakePlan = Plan[RunNotebook]
Applied = Mapping[tuple[str, str], str]


def plan_lake(
    cloud: Cloud, rooms: Rooms, known: Known, parts: frozenset[Part] = EVERYTHING
) -> tuple[LakePlan, Observed, tuple[Pending, ...]]:
    """The runs that bring the lake to what the rooms declare. Reads only.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        known: what is known of runs.
        parts: what is planned; for occasions each silo's drop zone is looked into.

    Returns:
        The plan, what was observed for it, and the deliveries that were found, as occasions.
    """
    observed = provisioning.observe(cloud, prefix_of(rooms), known.tags)
    organization, applied = observed.organization, known.applied
    drift = find_drift(cloud, rooms, observed, applied) if Part.DRIFT in parts else Drift()
    # What has drifted is as if it had never been applied, and the step that mends it makes sure of all it says.
    applied = {which: said for which, said in applied.items() if "/".join(which) not in drift.mended_by}
    provision = tuple(_provision(rooms, observed)) if Part.PROVISION in parts else ()
    mends = tuple(_mend(drift, organization))
    joins = (*_withdraw(rooms, organization, applied), *_enroll(rooms, organization, applied))
    views = tuple(_publish(rooms, organization, applied, bool(provision)))
    if Part.JOIN not in parts:
        joins, views = (), ()
    arrived = tuple(arrivals(cloud, rooms, organization)) if Part.OCCASIONS in parts else ()
    lake = Lake(rooms, organization, known, tuple(each.name for each in views))
    piped = (
        *(plan_occasions(lake, arrived) if Part.OCCASIONS in parts else ()),
        *(plan_commit(lake) if Part.COMMIT in parts else ()),
    )
    planned = (*provision, *mends, *joins, *views, *piped)
    extras = find_extras(cloud, rooms, observed, applied) if Part.PRUNE in parts else ()
    prune = tuple(plan_prune(extras, [each.name for each in planned]))
    return Plan.of((*planned, *prune)), observed, arrived


def lines_of(plan: LakePlan) -> Iterator[str]:
    """A plan as a reviewer reads it: each run, and indented beneath it the native steps of its verb. Pure."""
    for each in plan:
        yield explain(each.step)
        yield from (f"    {explain(step)}" for step in each.step.beneath)


def _provision(rooms: Rooms, observed: Observed) -> Iterator[Planned[RunNotebook]]:
    native = provisioning.plan_provision(rooms, observed)
    if not len(native):
        return
    ground = digest([[each.name, each.ground] for each in native])
    steps = tuple(each.step for each in native)
    # A silo that leaves, or comes from elsewhere by whoever's hand, is to be enrolled anew.
    left = [each.silo for each in steps if isinstance(each, WithdrawSilo)]
    left += [each.name for each in steps if isinstance(each, MoveAccount) and each.unit == SILOS]
    marks = tuple(Mark("enroll", each, "") for each in left)
    yield Planned(PROVISION_STEP, RunNotebook(PROVISION, {}, PLATFORM, Declared(ground), steps, marks), ground)


def _mend(drift: Drift, organization: Organization) -> Iterator[Planned[RunNotebook]]:
    for name in sorted(organization.accounts):
        found = drift.of(f"mend/{name}")
        if found:
            steps = tuple(RestoreResource(each.account, each.what, each.found) for each in found)
            ground = digest([str(each) for each in found])
            run = RunNotebook(MEND, {"account": name}, PLATFORM, Declared(ground), steps)
            yield Planned(f"mend/{name}", run, ground, (PROVISION_STEP,))


def _enroll(rooms: Rooms, organization: Organization, applied: Applied) -> Iterator[Planned[RunNotebook]]:
    staying = {
        account.name: account
        for account in (organization.below(SILOS) if SILOS in organization.units else ())
        if account.name not in rooms.organization.accounts or rooms.organization.accounts[account.name].unit == SILOS
    }
    for silo in staying.values():
        ground = _enrolment(rooms, organization, silo)
        if applied.get(("enroll", silo.name)) != ground:
            makes = provisioning.products_of(rooms, organization, silo)
            yield _enrolling(silo.name, ground, provisioning.steps_of(rooms, silo.name, makes))
    for declared in rooms.organization.accounts.values():
        if declared.unit == SILOS and declared.name not in staying:
            within = frozenset({SILOS})
            made = [p.product for p in rooms.making if p.targets.selects(declared.name, within, declared.tags)]
            steps = provisioning.steps_of(rooms, declared.name, tuple(made))
            yield _enrolling(declared.name, digest([declared.name, "to come"]), steps)


def _withdraw(rooms: Rooms, organization: Organization, applied: Applied) -> Iterator[Planned[RunNotebook]]:
    """What was enrolled, is no silo any more, and nobody declares to be one: moved away by whoever's hand, or gone."""
    here = {account.name for account in organization.below(SILOS)} if SILOS in organization.units else set()
    here |= {each.name for each in rooms.organization.accounts.values() if each.unit == SILOS}
    for kind, silo in applied:
        if kind == "enroll" and silo not in here:
            ground = digest([silo, "withdraw"])
            steps, marks = (WithdrawSilo(silo),), (Mark("enroll", silo, ""),)
            run = RunNotebook(WITHDRAW, {"silo": silo}, PLATFORM, Declared(ground), steps, marks)
            yield Planned(f"withdraw/{silo}", run, ground, (PROVISION_STEP,))


def _enrolment(rooms: Rooms, organization: Organization, silo: Account) -> str:
    try:
        return provisioning.enrolment_of(rooms, organization, silo)
    except WrongState:  # analytics' unit is yet to come
        return ""


def _enrolling(silo: str, ground: str, steps: tuple[provisioning.ProvisioningStep, ...]) -> Planned[RunNotebook]:
    run = RunNotebook(ENROLL, {"silo": silo}, PLATFORM, Declared(ground), steps, (Mark("enroll", silo, ground),))
    return Planned(f"enroll/{silo}", run, ground, (PROVISION_STEP, f"mend/{silo}", f"mend/{ANALYTICS}"))


def _publish(
    rooms: Rooms, organization: Organization, applied: Applied, more_to_come: bool
) -> Iterator[Planned[RunNotebook]]:
    enrolled = (name for kind, name in applied if kind == "enroll")
    names = dict.fromkeys((*organization.accounts, *rooms.organization.accounts, *enrolled))
    joining = tuple(f"{verb}/{name}" for name in names for verb in ("enroll", "withdraw"))
    for view in rooms.views.values():
        if view.published == "union":  # Athena makes no view over foreign catalogs: there is nothing to publish
            continue
        ground = cross_silo_views.ground_of(rooms, view, organization)
        known = applied.get(("publish", view.name))
        if known == ground and not (more_to_come and _joining(rooms, organization)):
            continue
        steps = tuple(each.step for each in cross_silo_views.plan_view(rooms, view, organization))
        marks = (Mark("publish", view.name, ground),)
        run = RunNotebook(PUBLISH, {"view": view.name}, ANALYTICS, Declared(ground), steps, marks)
        yield Planned(f"publish/{view.name}", run, ground, (PROVISION_STEP, f"mend/{ANALYTICS}", *joining))


def _joining(rooms: Rooms, organization: Organization) -> bool:
    """Whether provisioning will change which silos there are, and so every view over them."""
    wanted = {each.name for each in rooms.organization.accounts.values() if each.unit == SILOS}
    here = {each.name for each in organization.below(SILOS)} if SILOS in organization.units else set()
    declared = set(rooms.organization.accounts)
    return wanted != here & declared
