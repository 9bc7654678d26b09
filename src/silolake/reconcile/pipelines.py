"""What pipelines must run: for a commit, for deliveries, and for occasions that have come and are not done with.

A run for a commit is planned while what its step reads is not what was applied. Every other run has an occasion of its
own; the occasions that are pending are kept by whoever runs notebooks, and are told here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from silolake import pipelines
from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import CloudError, Denied
from silolake.model import Declared, Delivered, Due, Ended, Occasion, Pending, digest, occasion_json
from silolake.plan import Group, Planned
from silolake.reconcile.steps import ANALYTICS, PROVISION_STEP, Mark, RunNotebook, ValidateDrop
from silolake.rooms import (
    Notebook,
    OnCommit,
    OnDelivery,
    OnEnd,
    Pipeline,
    Rooms,
    Selector,
    Step,
    find_notebook,
    parameters_of,
)

STEP = "step"
"""The kind of mark that a step of a pipeline leaves once it has completed for a commit."""

VALIDATE = "validate"
TO_COME = "to come"


@dataclass(frozen=True)
class Known:
    """What is known of runs besides what the cloud itself shows.

    Attributes:
        applied: (kind, name) → the digest it was applied at.
        pending: occasions that have come and whose runs have not all completed, oldest first.
        is_completed: whether a run has completed for its occasion.
        tags: account id → tags, of accounts that are not to be asked for them.
    """

    applied: Mapping[tuple[str, str], str] = field(default_factory=dict)
    pending: tuple[Pending, ...] = ()
    is_completed: Callable[[RunNotebook], bool] = lambda _: False
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lake:
    """What pipelines are planned on.

    Attributes:
        rooms: the workspace's.
        organization: the tree.
        known: what is known of runs.
        published: the names of the steps that publish views, which come before what runs in analytics.
    """

    rooms: Rooms
    organization: Organization
    known: Known
    published: tuple[str, ...] = ()


def plan_commit(lake: Lake) -> Iterator[Planned[RunNotebook]]:
    """The runs of pipelines that a commit declares and that are not applied as it says."""
    places = tuple(_places(lake.rooms, lake.organization))
    for pipeline in _ours(lake.rooms, OnCommit):
        work = _Work.of(lake, pipeline, places)
        drafts: list[_Draft] = []
        for place, task in work.wanted():
            name = f"{pipeline.name}/{place.name}/{task.step.name}"
            ground = digest([task.reads, place.name, place.id or TO_COME])
            if lake.known.applied.get((STEP, name)) != ground:
                run = task.run(pipeline, place, Declared(ground), (Mark(STEP, name, ground),))
                drafts.append(_Draft(place, task.step, run, ground))
        yield from work.planned(drafts)


def plan_occasions(lake: Lake, arrived: tuple[Pending, ...] = ()) -> Iterator[Planned[RunNotebook]]:
    """The runs that occasions have called for and that have not completed.

    Args:
        lake: what they are planned on.
        arrived: the deliveries that lie in drop zones now, whether or not an occasion is kept of them.
    """
    places = tuple(each for each in _places(lake.rooms, lake.organization) if each.id)
    earlier: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for pending in dict.fromkeys((*lake.known.pending, *arrived)):
        pipeline = lake.rooms.pipelines.get(pending.pipeline)
        if pipeline is None or pipeline.executor != "platform":
            continue
        meant = tuple(each for each in places if pending.account in ("", each.name))
        work = _Work.of(lake, pipeline, meant, f"@{pending.slug}")
        drafts: list[_Draft] = []
        for place, task in work.wanted():
            run = task.run(pipeline, place, pending.occasion)
            # Of a drop that lies there and has no receipt, no record of a run says that it was taken.
            if (pending in arrived and run.beneath) or not lake.known.is_completed(run):
                ground = digest([task.reads, place.name, occasion_json(pending.occasion)])
                drafts.append(_Draft(place, task.step, run, ground))
        found = tuple(work.planned(drafts))
        # Two occasions of one pipeline in one account follow each other.
        for each in found:
            yield replace(each, waits=(*each.waits, *earlier[pipeline.name, each.step.account]))
        for each in found:
            earlier[pipeline.name, each.step.account].append(each.name)


def is_settled(lake: Lake, pending: Pending) -> bool:
    """Whether nothing is left to run for an occasion."""
    known = replace(lake.known, pending=(pending,))
    return not any(True for _ in plan_occasions(replace(lake, known=known)))


def ended_by(rooms: Rooms, pending: Pending) -> tuple[Pending, ...]:
    """The occasions that come when one is settled: of the pipelines that wait for its pipeline's end."""
    return tuple(
        Pending(each.name, Ended(pending.pipeline, pending.key))
        for each in rooms.pipelines.values()
        if OnEnd(pending.pipeline) in each.triggers
    )


def arrivals(cloud: Cloud, rooms: Rooms, organization: Organization) -> Iterator[Pending]:
    """New drops, as occasions: one for each silo and pipeline that has some. Reads each silo's drop zone.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        organization: the tree.

    Raises:
        CloudError: a drop zone cannot be listed, for another reason than that it is yet to come.
    """
    for pipeline in _ours(rooms, OnDelivery):
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
                yield Pending(pipeline.name, Delivered(drops), silo.name)


@dataclass(frozen=True)
class _Place:
    """An account that a pipeline may be for; one that is yet to come has no id."""

    name: str
    id: str
    units: frozenset[str]
    tags: Mapping[str, str]

    def is_meant_by(self, selector: Selector | None) -> bool:
        return selector is None or selector.selects(self.name, self.units, self.tags)


@dataclass(frozen=True)
class _Task:
    """A step with its notebook and the digest of what it reads of the commit."""

    step: Step
    notebook: Notebook
    reads: str

    def run(self, pipeline: Pipeline, place: _Place, occasion: Occasion, marks: tuple[Mark, ...] = ()) -> RunNotebook:
        due = occasion.at if isinstance(occasion, Due) else None
        drops = occasion.versions if isinstance(occasion, Delivered) and self.notebook.verb == VALIDATE else ()
        return RunNotebook(
            self.notebook.name,
            parameters_of(pipeline, self.step, self.notebook, place.name, due),
            place.name,
            occasion,
            tuple(ValidateDrop(each) for each in drops),
            marks,
            self.step.retries,
            self.step.timeout_s,
        )


@dataclass(frozen=True)
class _Draft:
    """A run that is wanted, before it has its place among the others."""

    place: _Place
    step: Step
    run: RunNotebook
    ground: str


@dataclass(frozen=True)
class _Work:
    """One pipeline on one occasion: its tasks, its accounts, and how its runs follow each other."""

    lake: Lake
    pipeline: Pipeline
    tasks: tuple[_Task, ...]
    places: tuple[_Place, ...]
    slug: str

    @classmethod
    def of(cls, lake: Lake, pipeline: Pipeline, places: tuple[_Place, ...], slug: str = "") -> _Work:
        contract = pipeline.promise.contract.digest if pipeline.promise else ""
        tasks: list[_Task] = []
        for step in pipeline.steps:
            notebook = find_notebook(lake.rooms.root, step.notebook)
            tasks.append(_Task(step, notebook, digest([notebook.digest, dict(step.parameters), contract])))
        meant = tuple(each for each in places if each.is_meant_by(pipeline.targets))
        return cls(lake, pipeline, tuple(tasks), meant, slug)

    def wanted(self) -> Iterator[tuple[_Place, _Task]]:
        return ((place, task) for place in self.places for task in self.tasks if place.is_meant_by(task.step.targets))

    def planned(self, drafts: list[_Draft]) -> Iterator[Planned[RunNotebook]]:
        """Each draft after what its step comes after in its account, and its wave after the wave before."""
        names = {(each.place.name, each.step.name): self._name(each) for each in drafts}
        waves: dict[int, list[str]] = {}
        for each in drafts:
            waves.setdefault(self._wave(each.place), []).append(self._name(each))
        group = Group(self.pipeline.name + self.slug, self.pipeline.at_once, self.pipeline.tolerance(len(self.places)))
        before = {wave: waves[previous] for previous, wave in pairwise(sorted(waves))}
        for each in drafts:
            own = (names[each.place.name, name] for name in self._before(each.step) if (each.place.name, name) in names)
            after = (PROVISION_STEP, f"enroll/{each.place.name}", *own)
            if each.place.name == ANALYTICS:
                after = (*after, *self.lake.published)
            waits = tuple(before.get(self._wave(each.place), ()))
            yield Planned(self._name(each), each.run, each.ground, after, waits, group)

    def _name(self, draft: _Draft) -> str:
        return f"{self.pipeline.name}/{draft.place.name}/{draft.step.name}{self.slug}"

    def _before(self, step: Step) -> tuple[str, ...]:
        """The steps that come before, those among them too whose account is not this one's."""
        known = {each.name: each for each in self.pipeline.steps}
        found: dict[str, None] = {}
        left = list(step.after)
        while left:
            name = left.pop()
            if name not in found:
                found[name] = None
                left += known[name].after
        return tuple(found)

    def _wave(self, place: _Place) -> int:
        for number, selector in enumerate(self.pipeline.waves):
            if place.is_meant_by(selector):
                return number
        return len(self.pipeline.waves)


def _ours(rooms: Rooms, trigger: type[OnCommit | OnDelivery]) -> Iterator[Pipeline]:
    """The pipelines with a trigger that the platform's runner runs; a silo's own are run by its second leg."""
    return (p for p in rooms.pipelines.values() if p.executor == "platform" and p.is_triggered(trigger))


def _places(rooms: Rooms, organization: Organization) -> Iterator[_Place]:
    moving = {each.name: each.unit for each in rooms.organization.accounts.values() if each.mode == "managed"}
    for account in organization.accounts.values():
        within = frozenset(organization.units_of(account))
        # What provisioning is about to move is planned for where it will be.
        if account.name in moving and moving[account.name] not in within:
            within = frozenset({moving[account.name]})
        yield _Place(account.name, account.id.text, within, account.tags)
    for declared in rooms.organization.accounts.values():
        if declared.name not in organization.accounts:
            yield _Place(declared.name, "", frozenset({declared.unit}), declared.tags)
