"""What ``plan``, ``apply`` and ``run`` stand on: the rooms, the platform's runner, and a runner of notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from silolake.cli.terminal import DATA, load_rooms
from silolake.cloud import Cloud
from silolake.cloud.organization import Organization, read_organization
from silolake.errors import CloudError, SilolakeError, WrongState
from silolake.model import Account
from silolake.reconcile import LakePlan, RunNotebook, plan_lake
from silolake.rooms import Rooms
from silolake.runner import Request, Runner, RunRecord, find_notebook
from silolake.runner.commit import commit_of
from silolake.runner.runs import Place
from silolake.workspace import open_cloud

PLATFORM, RUNNER = "platform", "runner"


@dataclass
class Session:
    """One command's hold on the lake."""

    rooms: Rooms
    cloud: Cloud
    runner: Runner
    organization: Organization

    def plan(self) -> LakePlan:
        """What must run now. Reads only; learns the organization's tree anew."""
        plan, observed = plan_lake(self.cloud, self.rooms, self.runner.journal.applied())
        self.organization = observed.organization
        self.runner.meet(observed.organization)
        return plan

    def request(self, step: RunNotebook) -> Request:
        """A step as a request to the runner."""
        notebook = find_notebook(self.rooms.root, step.notebook)
        return Request(notebook, step.parameters, step.account, step.occasion, commit_of(self.rooms.root))

    def perform(self, step: RunNotebook) -> RunRecord:
        """Run a step's notebook, and once it has completed, keep what is applied by it. Writes."""
        # A verb's steps were found missing, so the run is wanted although its like may have completed before.
        record = self.runner.run(self.request(step), again=bool(step.beneath))
        if record.completed:
            for mark in step.marks:
                self.runner.journal.mark_applied(mark.kind, mark.name, mark.digest)
        return record


@contextmanager
def opened() -> Iterator[Session]:
    """A session in the workspace this folder lies in.

    Raises:
        WrongState: the organization was never bootstrapped, or the workspace is not one.
    """
    rooms = load_rooms()
    try:
        cloud = open_cloud(rooms.settings, rooms.root, PLATFORM, RUNNER)
        organization = read_organization(cloud)
    except (WrongState, CloudError) as error:
        raise NotBootstrapped(error) from error
    place = Place(rooms.root, rooms.root / DATA / "runs", _bucket_of(rooms))
    runner = Runner(cloud, organization, place)
    try:
        yield Session(rooms, cloud, runner, organization)
    finally:
        runner.close()


class NotBootstrapped(SilolakeError):
    """There is no platform account with a runner yet."""

    def __init__(self, cause: SilolakeError) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return f"the platform's runner cannot be signed in to ({self.cause}) Run silolake bootstrap first."


def _bucket_of(rooms: Rooms) -> Any:
    def bucket(account: Account, zone: str) -> str:
        return rooms.settings.bucket(account.id, zone)

    return bucket


def as_json(record: RunRecord) -> Mapping[str, Any]:
    """A run record, as JSON has it."""
    from dataclasses import asdict

    return asdict(record)
