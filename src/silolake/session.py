"""One hold on the lake: the rooms, the platform's runner, a runner of notebooks, and what is known of runs.

What ``plan``, ``apply``, ``run`` and the service stand on; it plans and performs, and tells nobody anything itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from silolake import cross_silo_views, provisioning, reconcile
from silolake.cloud import Cloud, find_local, sign_in
from silolake.cloud.door import Reach
from silolake.cloud.organization import Organization, read_organization
from silolake.errors import CloudError, CloudUnreachable, GroundMoved, SilolakeError, WrongState
from silolake.model import Account, Pending, read_occasion
from silolake.plan import Planned
from silolake.provisioning.planning import prefix_of
from silolake.reconcile import (
    EVERYTHING,
    Applied,
    Drift,
    Known,
    LakePlan,
    Manner,
    Part,
    RunNotebook,
    dated,
    find_drift,
    plan_lake,
)
from silolake.reconcile.drifting import Log
from silolake.reconcile.pipelines import Lake, ended_by, is_settled
from silolake.rooms import Endpoint, LocalCloud, Profile, Rooms, Settings, find_notebook, find_root, load
from silolake.runner import Request, Runner, RunRecord
from silolake.runner import journal as states
from silolake.runner.commit import commit_of
from silolake.runner.journal import Entry
from silolake.runner.runs import Place, runner_role, source_identity

PLATFORM, RUNNER = "platform", "runner"
DATA = ".silolake"
"""The local cloud's data directory, below the workspace's root."""

ALONE = "apply"
"""The lease that whoever changes the lake holds."""


@dataclass
class Session:
    """One hold on the lake.

    Attributes:
        rooms: the workspace's.
        cloud: the platform's runner.
        runner: runs notebooks.
        organization: the tree, as it was last read.
        commit: the workspace's.
        arrived: the deliveries that the last plan found.
        parts: what the last plan was to have.
        log: the local cloud's log of decisions; none where the cloud is another.
    """

    rooms: Rooms
    cloud: Cloud
    runner: Runner
    organization: Organization
    commit: str
    arrived: tuple[Pending, ...] = field(default=())
    parts: frozenset[Part] = EVERYTHING
    log: Log | None = None

    def plan(self, parts: frozenset[Part] = EVERYTHING, *, known_tags: bool = True) -> LakePlan:
        """What must run now. Reads only; learns the organization's tree anew.

        Args:
            parts: what is planned.
            known_tags: whether accounts whose tags are kept are not asked for them.
        """
        self.parts = parts
        # Who looks for drift looks at the tags too.
        known = self._known(with_tags=known_tags and Part.DRIFT not in parts)
        plan, observed, self.arrived = plan_lake(self._looking("plan"), self.rooms, known, parts)
        self.organization = observed.organization
        self.runner.meet(observed.organization)
        return plan

    def drift(self) -> Drift:
        """What the lake is otherwise than what was applied, and since when, where the cloud is local. Reads only."""
        looking = self._looking("drift")
        observed = provisioning.observe(looking, prefix_of(self.rooms))
        found = find_drift(looking, self.rooms, observed, self.runner.journal.applied())
        return dated(found, self.log) if self.log is not None else found

    def _looking(self, why: str) -> Cloud:
        platform = runner_role(self.organization.account(PLATFORM))
        return self.cloud.as_role(platform, why, source_identity=source_identity(self.commit))

    def _known(self, *, with_tags: bool = True) -> Known:
        return Known(
            self.runner.journal.applied(),
            self.runner.occasions.pending(),
            self._is_completed,
            self.runner.tagged.read() if with_tags else {},
        )

    def _is_completed(self, step: RunNotebook) -> bool:
        entry = self.runner.journal.find(self.request(step).run)
        return entry is not None and entry.status == states.COMPLETED

    def request(self, step: RunNotebook) -> Request:
        """A step as a request to the runner."""
        notebook = find_notebook(self.rooms.root, step.notebook)
        return Request(notebook, step.parameters, step.account, step.occasion, self.commit, step.timeout_s)

    def apply(self, plan: LakePlan, manner: Manner, *, moved: frozenset[str] = frozenset()) -> tuple[Applied, ...]:
        """Perform a plan, and settle the occasions that nothing is left to run for. Writes.

        Hold ``alone`` while you do: two that planned apart would both do what both found missing.

        Args:
            plan: what is to be done.
            manner: how.
            moved: names of steps that are refused, for their ground is not what a reviewer saw.
        """

        def perform(planned: Planned[RunNotebook]) -> RunRecord:
            if planned.name in moved:
                raise GroundMoved(planned.name)
            return self._perform(planned.step)

        wanted = {(each.step.account, each.step.occasion) for each in plan}
        for pending in self.arrived:
            if (pending.account, pending.occasion) in wanted:
                self.runner.occasions.occur(pending)
        manner = replace(manner, cancel=self.runner.cancel)
        # What provisioning has done it may have done to tags.
        again = partial(self.plan, self.parts, known_tags=False)
        ended = reconcile.apply(plan, perform, again=again, manner=manner)
        self.runner.tagged.keep(self.organization)
        self.settle()
        return ended

    def _perform(self, step: RunNotebook) -> RunRecord:
        def mark_all(_: RunRecord) -> None:
            for mark in step.marks:
                self.runner.journal.mark_applied(mark.kind, mark.name, mark.digest)

        # A verb's steps were found missing, so the run is wanted although its like may have completed before.
        return self.runner.run(self.request(step), again=bool(step.beneath), then=mark_all)

    def retry(self, entry: Entry) -> RunRecord:
        """Make a new attempt of a run, as what it was: same notebook, parameters, account and occasion. Writes.

        Raises:
            WrongState: the notebook is not what it was, so it would be another run.
            UnknownName: there is no such notebook any more.
        """
        for planned in self.plan():
            if self.request(planned.step).run == entry.run:
                return self._perform(planned.step)
        facts = entry.facts
        notebook = find_notebook(self.rooms.root, str(facts["notebook"]))
        occasion = read_occasion(facts["occasion"])
        request = Request(notebook, dict(facts["parameters"]), str(facts["account"]), occasion, self.commit)
        if request.run != entry.run:
            told = f"the notebook {notebook.name} has changed since the run {entry.run}"
            raise WrongState(told, f"silolake run {notebook.name} runs it as it is now")
        return self.runner.run(request, again=True)

    def settle(self) -> tuple[Pending, ...]:
        """Take away the occasions that nothing is left to run for, and keep those that they bring about. Writes.

        Returns:
            The occasions that have come by it.
        """
        known = self._known()
        came: list[Pending] = []
        for pending in known.pending:
            if is_settled(Lake(self.rooms, self.organization, known), pending):
                # First what it brings about: a kill between the two leaves one occasion too many, not one too few.
                came += [each for each in ended_by(self.rooms, pending) if self.runner.occasions.occur(each)]
                self.runner.occasions.settle(pending)
        return tuple(came)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lake's lease while the block works; taken over from the dead, their records are read first. Writes.

        Raises:
            WrongState: another living process holds it.
        """
        was_left = self.runner.journal.is_left(ALONE)
        with self.runner.journal.alone(ALONE):
            if was_left:
                self.runner.close_left()
            yield


@contextmanager
def opened(rooms: Rooms, data: Path | None = None, commit: str | None = None) -> Iterator[Session]:
    """A session on a workspace's lake.

    Args:
        rooms: the workspace's.
        data: the local cloud's data directory; ``.silolake`` below the workspace's root by default.
        commit: which commit the rooms are of; asked of Git by default.

    Raises:
        NotBootstrapped: the organization was never bootstrapped.
    """
    data = data or rooms.root / DATA
    try:
        cloud = open_cloud(rooms.settings, data, PLATFORM, RUNNER)
        organization = read_organization(cloud)
    except (WrongState, CloudError) as error:
        raise NotBootstrapped(error) from error

    def bucket(account: Account, zone: str) -> str:
        return rooms.settings.bucket(account.id, zone)

    runner = Runner(cloud, organization, Place(rooms.root, data / "runs", bucket), partial(owner_token, data))
    try:
        said = commit_of(rooms.root) if commit is None else commit
        yield Session(rooms, cloud, runner, organization, said, log=_log(rooms.settings, data))
    finally:
        runner.close()


def owner_token(data: Path) -> tuple[str, ...]:
    """The token of the local cloud's owner, which lies in its data directory; nothing on AWS."""
    try:
        return ((data / "owner.token").read_text().strip(),)
    except OSError:
        return ()


def _log(settings: Settings, data: Path) -> Log | None:
    endpoint = find_local(data) if isinstance(settings.cloud, LocalCloud) else None
    if endpoint is None:
        return None
    return lambda resource: list(endpoint.ask("POST", "decisions", changes_of=resource, limit=1))


class NotBootstrapped(SilolakeError):
    """There is no platform account with a runner yet."""

    def __init__(self, cause: SilolakeError) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return f"the platform's runner cannot be signed in to ({self.cause}) Run silolake bootstrap first."


def load_rooms(start: Path) -> Rooms:
    """The rooms of the workspace that a folder lies in, their views' SQL judged.

    Raises:
        NotAWorkspace: no ``silolake.yaml`` here or above.
        RoomError: a room cannot be understood.
    """
    return load(find_root(start), view_check=cross_silo_views.check_view)


def open_cloud(settings: Settings, data: Path, account: str, role: str) -> Cloud:
    """The cloud that a workspace names, as a role in an account.

    On the local cloud this signs in; on AWS the profile's own identity is taken, which must be that role already.

    Args:
        settings: what ``silolake.yaml`` says.
        data: the local cloud's data directory.
        account: the account's name or id.
        role: the role's name.

    Raises:
        CloudUnreachable: the local cloud is not up.
        WrongState: there is no such account or role.
    """
    match settings.cloud:
        case LocalCloud():
            endpoint = find_local(data)
            if endpoint is None:
                raise CloudUnreachable("the local cloud", f"none is up in {data}")
            return sign_in(endpoint, account, role)
        case Endpoint(url):
            return Cloud(Reach(settings.region.text, url, os.environ.get("AWS_CA_BUNDLE", "")))
        case Profile(name):
            return Cloud(Reach(settings.region.text), profile=name)
