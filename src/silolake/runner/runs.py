"""One run: a notebook, its parameters, the account it is for, and why now."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from silolake.cloud import Cloud, Credentials
from silolake.cloud.organization import Organization
from silolake.errors import CloudError, SilolakeError
from silolake.model import Account, Delivered, ObjectVersion, Occasion, Region, Target, digest, occasion_json
from silolake.rooms.kinds import Value
from silolake.rooms.notebooks import Notebook, as_json
from silolake.runner import journal as states
from silolake.runner.context import VARIABLE, Outcome, RunContext
from silolake.runner.credentials import CredentialsEndpoint
from silolake.runner.journal import Journal
from silolake.runner.keeping import redacted
from silolake.runner.occasions import Occasions
from silolake.runner.patience import Patience
from silolake.runner.records import RunRecord
from silolake.runner.redact import for_the_platform, redact, redact_notebook, redact_value, secrets_around
from silolake.runner.showing import as_html
from silolake.runner.tagged import Tagged

BEHAVIOUR = 1
"""Part of every run's identity; raised when the engine would make something else of the same notebook."""

_HANDED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "CONDA_PREFIX")


@dataclass(frozen=True)
class Request:
    """What is to be run.

    Attributes:
        notebook: which.
        parameters: as given; ``Notebook.check`` judges them.
        account: the target's name.
        occasion: what makes this run another than the same notebook's last one.
        commit: the workspace's commit.
        timeout_s: the longest it may take in all; 0 is no limit but a cell's hour.
    """

    notebook: Notebook
    parameters: Mapping[str, Value]
    account: str
    occasion: Occasion
    commit: str = ""
    timeout_s: int = 0

    @property
    def run(self) -> str:
        """The run's identity: what has run under it is not run again."""
        return digest(
            [self.notebook.name, self.notebook.digest, as_json(self.notebook.check(self.parameters)), self.account,
             occasion_json(self.occasion), BEHAVIOUR]
        )[:16]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where runs keep their things.

    Attributes:
        root: the workspace; a kernel's working directory.
        work: a folder of this machine for notebooks under way.
        bucket: the name of an account's bucket for a zone.
        platform: the platform account's name.
        cell_timeout_s: the longest that one cell may take.
    """

    root: Path
    work: Path
    bucket: Callable[[Account, str], str]
    platform: str = "platform"
    cell_timeout_s: int = 3600

    def kept_in(self, account: Account) -> tuple[str, str]:
        """Bucket and prefix of an account's executed notebooks: they show its rows, so they stay there."""
        if account.name == self.platform:
            return self.bucket(account, "state"), "runs/"
        return self.bucket(account, "run"), "runs/"


class Runner:
    """Runs notebooks in their targets' credentials.

    Args:
        cloud: the platform's runner, with credentials that can be handed on.
        organization: the accounts there are.
        place: where things are kept.
        hidden: secrets of whoever runs it, which no run's record may show; a run's own are known besides.
    """

    def __init__(
        self, cloud: Cloud, organization: Organization, place: Place, hidden: Callable[[], tuple[str, ...]] = tuple
    ) -> None:
        self._cloud, self._organization, self._place, self._hidden = cloud, organization, place, hidden
        self._platform = organization.account(place.platform)
        self.journal = Journal(cloud, place.bucket(self._platform, "state"))
        self.occasions = Occasions(cloud, place.bucket(self._platform, "state"))
        self.tagged = Tagged(cloud, place.bucket(self._platform, "state"))
        self._endpoint = CredentialsEndpoint()
        self._cancelled = threading.Event()

    def meet(self, organization: Organization) -> None:
        """Learn the accounts there are now."""
        self._organization = organization

    def cancel(self) -> None:
        """End the runs that go on, each as cancelled, and every one that begins from now on."""
        self._cancelled.set()

    def close(self) -> None:
        """End what serves the kernels."""
        self._endpoint.close()

    def run(
        self, request: Request, *, again: bool = False, then: Callable[[RunRecord], None] = lambda _: None
    ) -> RunRecord:
        """Run a notebook and keep its record; what has completed under the same identity is not run again. Writes.

        Args:
            request: what is to be run.
            again: make a new attempt even of what has completed.
            then: done once it has completed and its record is kept, before the journal says so: a kill between the two
                must not leave a run that has completed and whose consequence is missing, for it would be run again.

        Raises:
            BadParameters: before anything is started.
            WrongState: another process holds the run.
            Denied: the target's runner role cannot be assumed.
        """
        values = request.notebook.check(request.parameters)
        run = request.run
        known = self.journal.find(run)
        if known is not None and known.status == states.COMPLETED and not again:
            record = self._record(known.record)
            then(record)
            return record
        facts = {
            "notebook": request.notebook.name,
            "parameters": as_json(values),
            "account": request.account,
            "occasion": occasion_json(request.occasion),
            "commit": request.commit,
        }
        with self.journal.claimed(run, facts) as entry:
            try:
                record, at = self._attempt(request, values, run, entry.attempt)
                if record.completed:
                    then(record)
            except (SilolakeError, KeyboardInterrupt) as error:
                status = states.CANCELLED if isinstance(error, KeyboardInterrupt) else states.FAILED
                reason = redact(str(error) or "interrupted", self._secrets())
                self.journal.finish(run, status=status, reason=reason, ended_at=_now())
                raise
            reason = for_the_platform(record.reason)
            self.journal.finish(run, status=record.status, reason=reason, ended_at=record.ended_at, record=at)
        return record

    def _attempt(self, request: Request, values: Mapping[str, Value], run: str, attempt: int) -> tuple[RunRecord, str]:
        # An executed notebook shows the silo's rows: it is kept in the silo, and on this machine only while it runs.
        # What a killed attempt has left goes when the run is tried again.
        here = self._place.work / run
        shutil.rmtree(here, ignore_errors=True)
        folder = here / str(attempt)
        folder.mkdir(mode=0o700, parents=True)
        try:
            return self._attempt_in(folder, request, values, (run, attempt))
        finally:
            shutil.rmtree(here, ignore_errors=True)

    def _attempt_in(
        self, folder: Path, request: Request, values: Mapping[str, Value], which: tuple[str, int]
    ) -> tuple[RunRecord, str]:
        run, attempt = which
        account = self._organization.account(request.account)
        target = Target(account.id, Region(self._cloud.region))
        outcome_at = folder / "outcome.json"
        drops = request.occasion.versions if isinstance(request.occasion, Delivered) else ()
        self._context(run, attempt, request, drops, str(outcome_at)).write(folder / "context.json")
        vend = self._vending(account, run, request.commit)
        started_at, began = _now(), time.monotonic()
        with self._endpoint.lease(run, vend) as leased:
            status, reason, told, cells = self._execute(
                request, values, folder, {**self._environment(folder), **leased}
            )
            secrets = self._secrets()
        executed = redact_notebook((folder / "notebook.ipynb").read_text(encoding="utf-8"), secrets)
        outcome = Outcome(**redact_value(asdict(Outcome.read(outcome_at)), secrets))
        if status == states.COMPLETED and (fault := outcome.fault(request.notebook.verb)):
            # That no cell raised is not that it did what it says.
            status, reason = states.FAILED, fault
        held = Cloud(self._cloud.reach, vend())
        bucket, prefix = self._place.kept_in(account)
        key = f"{prefix}{run}/{attempt}/notebook.ipynb"
        held.call(
            "s3", "put_object", Bucket=bucket, Key=key, Body=executed.encode(), ContentType="application/x-ipynb+json"
        )
        if status == states.COMPLETED and request.notebook.html:
            page = redact(as_html(executed, with_input=False), secrets)
            held.call(
                "s3",
                "put_object",
                Bucket=bucket,
                Key=key.replace(".ipynb", ".html"),
                Body=page.encode(),
                ContentType="text/html",
            )
        record = RunRecord(
            run=run,
            attempt=attempt,
            notebook=request.notebook.name,
            notebook_digest=request.notebook.digest,
            parameters=as_json(values),
            account=account.name,
            account_id=target.account.text,
            region=target.region.text,
            occasion=occasion_json(request.occasion),
            commit=request.commit,
            identity=runner_role(account),
            status=status,
            reason=redact(reason, secrets),
            started_at=started_at,
            ended_at=_now(),
            wall_s=round(time.monotonic() - began, 3),
            cpu_s=told.get("cpu_s"),
            cells=cells,
            notebook_at=f"s3://{bucket}/{key}",
            outcome=asdict(outcome),
            peak_mb=told.get("peak_mb"),
            kernel=told.get("kernel", ""),
        )
        return record, self._keep(held, record)

    def _secrets(self) -> tuple[str, ...]:
        """All that is known to be secret now: what runs were handed, what this process holds and was told."""
        held = self._cloud.frozen()
        return (*self._endpoint.secrets, held.secret, held.token, *secrets_around(), *self._hidden())

    def _keep(self, held: Cloud, record: RunRecord) -> str:
        bucket = self._place.bucket(self._platform, "records")
        key = f"{record.account_id}/runs/{record.run}/{record.attempt}/run.json"
        kept = replace(record, reason=for_the_platform(record.reason))
        body = json.dumps(asdict(kept), indent=1, default=str).encode()
        held.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, ContentType="application/json")
        return f"s3://{bucket}/{key}"

    def _record(self, at: str) -> RunRecord:
        bucket, _, key = at.removeprefix("s3://").partition("/")
        said = json.loads(self._cloud.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read())
        said["cells"] = tuple(said["cells"])
        return RunRecord(**said)

    def close_left(self) -> None:
        """Say of attempts that were left by a killed process, their records kept, how these say they ended. Writes."""
        for entry in self.journal.entries(1000):
            account = self._organization.accounts.get(str(entry.facts["account"]))
            if entry.status != states.KILLED or account is None:
                continue
            bucket = self._place.bucket(self._platform, "records")
            at = f"s3://{bucket}/{account.id}/runs/{entry.run}/{entry.attempt}/run.json"
            try:
                record = self._record(at)
            except CloudError:  # it was killed before it had ended
                continue
            self.journal.close(entry, record.status, record.reason, (record.ended_at, at))

    def record(self, run: str) -> RunRecord | None:
        """The record of a run's last ended attempt. Reads only."""
        entry = self.journal.find(run)
        return self._record(entry.record) if entry and entry.record else None

    def notebook(self, record: RunRecord) -> str:
        """The executed notebook of a run, as the target's runner reads it where it is kept. Reads only.

        Raises:
            CloudError: it is not there any more.
        """
        return self._kept(record, ".ipynb")

    def page(self, record: RunRecord) -> str:
        """The page that a completed run of a notebook with ``html`` has left, as the target's runner reads it.

        Raises:
            CloudError: the run left none.
        """
        return self._kept(record, ".html")

    def _kept(self, record: RunRecord, ending: str) -> str:
        account = self._organization.account(record.account)
        held = Cloud(self._cloud.reach, self._vending(account, record.run, record.commit)())
        bucket, _, key = record.notebook_at.removeprefix("s3://").partition("/")
        answer = held.call("s3", "get_object", Bucket=bucket, Key=key.removesuffix(".ipynb") + ending)
        return str(answer["Body"].read().decode())

    def _vending(self, account: Account, run: str, commit: str) -> Callable[[], Credentials]:
        # The platform's runner assumes itself too: its own session was named before there was a run. Both the source
        # identity and the tags stay through whatever the run's verbs assume from there.
        tags = {"run": run, "silo": account.name}
        source = source_identity(commit)
        return lambda: self._cloud.assume(runner_role(account), f"run-{run}", source_identity=source, tags=tags)

    def _context(
        self, run: str, attempt: int, request: Request, drops: tuple[ObjectVersion, ...], outcome: str
    ) -> RunContext:
        known = self._organization
        return RunContext(
            run=run,
            attempt=attempt,
            commit=request.commit,
            account=request.account,
            drops=drops,
            accounts=tuple(
                {"name": a.name, "id": a.id.text, "email": a.email, "path": a.path.text, "tags": dict(a.tags)}
                for a in known.accounts.values()
            ),
            units={name: path.text for name, path in known.units.items()},
            root=known.root.text,
            management=known.management.text,
            outcome=outcome,
        )

    def _environment(self, folder: Path) -> dict[str, str]:
        """All that a kernel's environment holds besides its credentials' address: an allow-list, no keys."""
        handed = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
        reach = self._cloud.reach
        found = {
            **handed,
            VARIABLE: str(folder / "context.json"),
            "AWS_REGION": reach.region,
            "AWS_DEFAULT_REGION": reach.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "IPYTHONDIR": str(folder / "ipython"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        if reach.endpoint:
            found |= {"AWS_ENDPOINT_URL": reach.endpoint, "AWS_CA_BUNDLE": reach.ca_bundle}
        return found

    def _execute(
        self, request: Request, values: Mapping[str, Value], folder: Path, environment: Mapping[str, str]
    ) -> tuple[str, str, Mapping[str, Any], tuple[int, int]]:
        """Status, reason, what the engine tells of the kernel, and how many of how many cells ran."""
        import papermill
        from papermill.exceptions import PapermillExecutionError

        out = folder / "notebook.ipynb"
        reason = ""
        try:
            with redacted(out, self._secrets) as address:
                papermill.execute_notebook(
                    str(request.notebook.path),
                    address,
                    parameters=dict(values),
                    engine_name="silolake",
                    kernel_name="python3",
                    progress_bar=False,
                    environment=environment,
                    folder=str(self._place.root),
                    patience=Patience.of(self._place.cell_timeout_s, request.timeout_s, self._cancelled.is_set),
                )
        except PapermillExecutionError as error:
            reason = f"{error.ename}: {error.evalue}"
        node = json.loads(out.read_text(encoding="utf-8"))
        told = node["metadata"].get("silolake_run", {})
        # What papermill puts in to lead to the cell that failed is no cell of the notebook.
        cells = [cell["metadata"]["papermill"] for cell in node["cells"] if "papermill" in cell["metadata"]]
        statuses = [each.get("status") for each in cells]
        ran = (sum(each == "completed" for each in statuses), len(statuses))
        ended = str(told.get("reason", ""))
        if ended:
            known = (each for each in (states.TIMED_OUT, states.CANCELLED) if ended.startswith(each))
            return next(known, states.KERNEL_DIED), ended, told, ran
        if reason or node["metadata"]["papermill"].get("exception") or ran[0] < ran[1]:
            return states.FAILED, reason or "not every cell ran", told, ran
        return states.COMPLETED, "", told, ran


def runner_role(account: Account) -> str:
    """The role that runs notebooks in an account."""
    return f"arn:aws:iam::{account.id}:role/lake/run/runner"


def source_identity(commit: str) -> str:
    """What the cloud keeps of a commit in every session behind it."""
    return commit[:40] or "uncommitted"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
