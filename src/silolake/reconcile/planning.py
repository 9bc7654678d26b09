"""What must run: desired minus observed, without starting a kernel and without visiting what has not changed.

Read once: the organization's tree, the stack instances' pages, the lake's own policies, one listing of what was
applied, and the drop zones of the silos that take deliveries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from silolake import cross_silo_views, pipelines, provisioning
from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import CloudError, Denied, WrongState
from silolake.model import Account, Declared, Delivered, digest
from silolake.plan import Plan, Planned
from silolake.provisioning import Observed
from silolake.provisioning.planning import SILOS, prefix_of
from silolake.provisioning.steps import MoveAccount, WithdrawSilo
from silolake.reconcile.steps import Mark, RunNotebook, ValidateDrop
from silolake.rooms import Rooms

PROVISION, ENROLL, VALIDATE, PUBLISH = (
    "provisioning/provision_organization",
    "provisioning/enroll_silo",
    "pipelines/validate_drop",
    "cross_silo_views/publish_view",
)
PLATFORM, ANALYTICS = "platform", "analytics"
AppliedIndex = Mapping[tuple[str, str], str]
LakePlan = Plan[RunNotebook]


def plan_lake(cloud: Cloud, rooms: Rooms, applied: AppliedIndex) -> tuple[LakePlan, Observed]:
    """The runs that bring the lake to what the rooms declare, and what was observed for it. Reads only.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        applied: (kind, name) → the digest it was applied at.
    """
    observed = provisioning.observe(cloud, prefix_of(rooms))
    provision = tuple(_provision(rooms, observed, applied))
    enroll = tuple(_enroll(rooms, observed.organization, applied))
    validate = tuple(_validate(cloud, rooms, observed.organization))
    publish = tuple(_publish(rooms, observed.organization, applied, bool(provision)))
    return Plan.of((*provision, *enroll, *validate, *publish)), observed


def _provision(rooms: Rooms, observed: Observed, applied: AppliedIndex) -> Iterator[Planned[RunNotebook]]:
    native = provisioning.plan_provision(rooms, observed)
    if not len(native):
        return
    ground = digest([[each.name, each.ground] for each in native])
    steps = tuple(each.step for each in native)
    # A silo that leaves, or comes from elsewhere by whoever's hand, is to be enrolled anew.
    left = [each.silo for each in steps if isinstance(each, WithdrawSilo)]
    left += [each.name for each in steps if isinstance(each, MoveAccount) and each.unit == SILOS]
    marks = tuple(Mark("enroll", each, "") for each in left)
    yield Planned("provision", RunNotebook(PROVISION, {}, PLATFORM, Declared(ground), steps, marks), ground)


def _enroll(rooms: Rooms, organization: Organization, applied: AppliedIndex) -> Iterator[Planned[RunNotebook]]:
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
            found = rooms.pipelines.values()
            made = (p.product for p in found if p.targets.selects(declared.name, frozenset({SILOS}), declared.tags))
            steps = provisioning.steps_of(rooms, declared.name, tuple(sorted(made)))
            yield _enrolling(declared.name, digest([declared.name, "to come"]), steps)


def _enrolment(rooms: Rooms, organization: Organization, silo: Account) -> str:
    try:
        return provisioning.enrolment_of(rooms, organization, silo)
    except WrongState:  # analytics' unit is yet to come
        return ""


def _enrolling(silo: str, ground: str, steps: tuple[provisioning.ProvisioningStep, ...]) -> Planned[RunNotebook]:
    run = RunNotebook(ENROLL, {"silo": silo}, PLATFORM, Declared(ground), steps, (Mark("enroll", silo, ground),))
    return Planned(f"enroll/{silo}", run, ground, ("provision",))


def _validate(cloud: Cloud, rooms: Rooms, organization: Organization) -> Iterator[Planned[RunNotebook]]:
    for pipeline in rooms.pipelines.values():
        for silo in organization.accounts.values():
            if not pipeline.targets.matches(silo, organization.units):
                continue
            try:
                runner = cloud.as_role(f"arn:aws:iam::{silo.id}:role/lake/run/runner", "plan")
                drops = pipelines.new_drops(runner, rooms, pipeline, silo)
            except Denied:  # its baseline is yet to come
                continue
            except CloudError as error:
                if error.code != "NoSuchBucket":
                    raise
                continue
            if drops:
                occasion = Delivered(drops)
                parameters = {"silo": silo.name, "pipeline": pipeline.name}
                beneath = tuple(ValidateDrop(each) for each in drops)
                run = RunNotebook(VALIDATE, parameters, silo.name, occasion, beneath)
                ground = digest([[each.bucket, each.key, each.version_id] for each in drops])
                name = f"validate/{silo.name}/{pipeline.name}"
                yield Planned(name, run, ground, ("provision", f"enroll/{silo.name}"))


def _publish(
    rooms: Rooms, organization: Organization, applied: AppliedIndex, more_to_come: bool
) -> Iterator[Planned[RunNotebook]]:
    enrolling = tuple(f"enroll/{account.name}" for account in organization.accounts.values()) + tuple(
        f"enroll/{name}" for name in rooms.organization.accounts
    )
    for view in rooms.views.values():
        if view.published == "union":  # Athena makes no view over foreign catalogs: there is nothing to publish
            continue
        ground = cross_silo_views.ground_of(rooms, view, organization)
        known = applied.get(("publish", view.name))
        joining = _joining(rooms, organization) if more_to_come else False
        if known == ground and not joining:
            continue
        steps = tuple(each.step for each in cross_silo_views.plan_view(rooms, view, organization))
        marks = (Mark("publish", view.name, ground),)
        run = RunNotebook(PUBLISH, {"view": view.name}, ANALYTICS, Declared(ground), steps, marks)
        yield Planned(f"publish/{view.name}", run, ground, ("provision", *dict.fromkeys(enrolling)))


def _joining(rooms: Rooms, organization: Organization) -> bool:
    """Whether provisioning will change which silos there are, and so every view over them."""
    wanted = {each.name for each in rooms.organization.accounts.values() if each.unit == SILOS}
    here = {each.name for each in organization.below(SILOS)} if SILOS in organization.units else set()
    declared = set(rooms.organization.accounts)
    return wanted != here & declared
