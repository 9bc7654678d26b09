"""What a notebook holds: the workspace it lies in, the account it runs in, and one word for each act.

lake = Workspace.here()
report = lake.validate("ewr", "flights")
"""

from __future__ import annotations

import html
import os
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from silolake import cross_silo_views, pipelines, provisioning
from silolake.cloud import Cloud
from silolake.cloud.door import Reach
from silolake.cloud.organization import Organization, read_organization
from silolake.cloud.queries import Answer, query
from silolake.cross_silo_views import PublishReport
from silolake.errors import Denied, StepFailed, WrongState
from silolake.model import Account, AccountId, OuPath
from silolake.pipelines import ValidationReport
from silolake.provisioning import ProvisioningReport
from silolake.provisioning.planning import prefix_of
from silolake.reconcile import Shears, find_extras, prune
from silolake.reconcile.pruning import state_bucket
from silolake.rooms import Rooms, find_root, load
from silolake.runner.context import Outcome, RunContext
from silolake.runner.journal import Journal

Report = TypeVar("Report", ProvisioningReport, ValidationReport, PublishReport)


class Workspace:
    """The rooms of a workspace and a cloud to ask; shows itself well.

    Args:
        rooms: as read.
        cloud: whose identity acts.
        context: the run this process is the kernel of, if it is.
    """

    def __init__(self, rooms: Rooms, cloud: Cloud, context: RunContext | None = None) -> None:
        self.rooms, self.cloud, self.context = rooms, cloud, context
        self._outcome = Outcome()

    @classmethod
    def here(cls, start: Path | None = None) -> Workspace:
        """The workspace that this folder lies in, with the credentials that boto3 itself would find.

        Raises:
            NotAWorkspace: no ``silolake.yaml`` here or above.
            RoomError: a room cannot be understood.
        """
        root = find_root(start or Path.cwd())
        rooms = load(root, view_check=cross_silo_views.check_view)
        reach = Reach(
            os.environ.get("AWS_REGION", rooms.settings.region.text),
            os.environ.get("AWS_ENDPOINT_URL", ""),
            os.environ.get("AWS_CA_BUNDLE", ""),
        )
        return cls(rooms, Cloud(reach), RunContext.here())

    @cached_property
    def organization(self) -> Organization:
        """The organization's tree: what the run was told of it, else what the cloud answers.

        Raises:
            WrongState: outside a run this identity may not read the organization.
        """
        said = self.context
        if said is not None:
            accounts = {
                each["name"]: Account(
                    each["name"], AccountId(each["id"]), each["email"], OuPath(each["path"]), dict(each["tags"])
                )
                for each in said.accounts
            }
            units = {name: OuPath(path) for name, path in said.units.items()}
            root = OuPath(said.root)
            root_id = root.text.rstrip("/").rsplit("/", 1)[1]
            return Organization(root.organization, AccountId(said.management), root, root_id, units, accounts)
        try:
            return read_organization(self.cloud)
        except Denied as error:
            raise WrongState(
                f"this identity may not read the organization ({error.code})",
                "Run it with silolake run, which tells a notebook what it needs to know, or sign in as platform/runner",
            ) from error

    def provision(self) -> ProvisioningReport:
        """Bring units, accounts, guard rails and stack sets to what the rooms declare. Writes."""
        return self._did(provisioning.provision(self.cloud, self.rooms))

    def enroll(self, silo: str) -> ProvisioningReport:
        """Share a silo's catalog with analytics, register it there, and probe it from there. Writes."""
        return self._did(provisioning.enroll(self.cloud, self.rooms, self.organization, silo))

    def withdraw(self, silo: str) -> ProvisioningReport:
        """Take an account that left the silos out of what analytics may read; its data stays. Writes."""
        return self._did(provisioning.withdraw(self.cloud, self.rooms, self.organization, silo))

    def mend(self, account: str) -> ProvisioningReport:
        """Put the resources of an account's stacks back to what their templates say. Writes only what is not so."""
        observed = provisioning.observe(self.cloud, prefix_of(self.rooms))
        return self._did(provisioning.mend(self.cloud, observed, self.organization.account(account)))

    def prune(self) -> ProvisioningReport:
        """Take away what is the lake's and declared no more. Writes; what would lose data is refused."""
        observed = provisioning.observe(self.cloud, prefix_of(self.rooms))
        journal = Journal(self.cloud, state_bucket(self.rooms, observed))
        extras = find_extras(self.cloud, self.rooms, observed, journal.applied())

        def forget(view: str) -> None:
            journal.mark_applied("publish", view, "")

        return self._did(prune(Shears(self.cloud, self.rooms, observed, forget), extras))

    def validate(self, silo: str, pipeline: str) -> ValidationReport:
        """Hold a silo's new drops against the contract; promote good rows, quarantine bad ones. Writes."""
        drops = self.context.drops if self.context else ()
        account = self.organization.account(silo)
        pipelines.require_target(self.rooms, pipeline, account, self.organization.units)
        report = pipelines.validate(self.cloud, self.rooms, pipeline, account, drops or None)
        self._outcome.tables_written.append(f"{silo}.processed.{self.rooms.pipelines[pipeline].product}")
        return self._did(report)

    def publish(self, view: str) -> PublishReport:
        """Publish a cross-silo view in analytics. Writes."""
        report = cross_silo_views.publish(self.cloud, self.rooms, view, self.organization)
        self._outcome.tables_written.append(f"analytics.cross_silo.{view}")
        return self._did(report)

    def query(self, sql: str, database: str = "cross_silo") -> Answer:
        """Ask Athena one question in the workgroup ``lake``."""
        return query(self.cloud, sql, workgroup="lake", database=database)

    def _did(self, report: Report) -> Report:
        try:
            report.raise_if_incomplete()
            incomplete = ""
        except StepFailed as error:
            incomplete = str(error)
        self._outcome.verbs.append({**report.to_json(), "incomplete": incomplete})
        if self.context is not None:
            self._outcome.keep(Path(self.context.outcome))
        return report

    def __repr__(self) -> str:
        settings = self.rooms.settings
        return f"<Workspace of the lake {settings.lake} ({settings.stage}, {settings.region}) in {self.rooms.root}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{kind}</td><td style='text-align:left'>{html.escape(', '.join(names))}</td></tr>"
            for kind, names in (
                ("accounts", self.rooms.organization.accounts),
                ("pipelines", self.rooms.pipelines),
                ("views", self.rooms.views),
            )
        )
        settings = self.rooms.settings
        head = f"<p><b>{settings.lake}</b> · {settings.stage} · {settings.region}</p>"
        return f"{head}<table>{rows}</table>"
