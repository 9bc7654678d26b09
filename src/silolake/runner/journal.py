"""What is known of runs and of what was applied: objects under ``state/``, written with conditional PUTs.

No database: a run's entry is one object, changed only by whoever read its present version. What was applied is in the
keys themselves, ``state/applied/<kind>/<name>/<digest>``, so that one listing tells it all.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from silolake.cloud import Cloud
from silolake.errors import CloudError, SilolakeError, WrongState

RUNNING, COMPLETED, FAILED, TIMED_OUT, KERNEL_DIED, CANCELLED, KILLED = (
    "running", "completed", "failed", "timed out", "kernel died", "cancelled", "killed",
)  # fmt: skip
LOST_RACE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_MISSING = frozenset({"NoSuchKey", "404"})


@dataclass(frozen=True)
class Entry:
    """What the journal knows of one run.

    Attributes:
        run: the run's id.
        facts: what the run is: notebook, parameters, target, occasion, commit.
        status: in words.
        attempt: counted from 1.
        holder: which process works on it: ``host/pid/when it started``.
        held_until: when others may take it over without asking.
        started_at, ended_at: of the last attempt.
        reason: why it did not complete, or empty.
        record: where its run record lies, ``s3://…``, once it has ended.
        etag: of the version read.
    """

    run: str
    facts: Mapping[str, Any]
    status: str
    attempt: int
    holder: str
    held_until: str
    started_at: str
    ended_at: str = ""
    reason: str = ""
    record: str = ""
    etag: str = field(default="", compare=False)


@dataclass(frozen=True)
class Rhythm:
    """How a run that is worked on is held.

    Attributes:
        lease: for how long each time; then others may take it over.
        renewed_every_s: how often that is put off.
        again_every_s: how often, while the cloud does not answer.
    """

    lease: timedelta = timedelta(seconds=120)
    renewed_every_s: float = 40.0
    again_every_s: float = 5.0


class _Keeper:
    """Holds one run for as long as it is worked on, from a thread of its own."""

    def __init__(self, run: str, renew: Callable[[str], bool], rhythm: Rhythm) -> None:
        self._run, self._renew, self._rhythm = run, renew, rhythm
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name=f"lease-{run}")
        self._thread.start()

    def _keep(self) -> None:
        pause = self._rhythm.renewed_every_s
        while not self._done.wait(pause):
            try:
                if not self._renew(self._run):
                    return
                pause = self._rhythm.renewed_every_s
            except SilolakeError:
                # The cloud is away, or another wrote in between: asked again until it answers. The lease may lapse
                # meanwhile; as long as nobody has taken the run over, it is still this process's to renew.
                pause = self._rhythm.again_every_s

    def stop(self) -> None:
        """Let go; nothing is written any more once this returns."""
        self._done.set()
        self._thread.join()


def process() -> str:
    """This process, in a way that a later one of the same number is not taken for it."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def _started(pid: int) -> str:
    """When a process was started, in the kernel's own ticks; empty where it is not running or /proc is not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_dead(holder: str) -> bool:
    """Whether a holder is surely dead: it was on this machine and is not running any more."""
    host, _, rest = holder.partition("/")
    pid, _, started = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    if started:
        return _started(int(pid)) != started
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class Journal:
    """The runs of one lake, or its leases.

    Args:
        cloud: the platform's runner.
        bucket: the platform's state bucket.
        kind: ``run``; or ``lease``, for what one process at a time may do.
        rhythm: how what is worked on is held.
    """

    def __init__(self, cloud: Cloud, bucket: str, kind: str = "run", rhythm: Rhythm | None = None) -> None:
        self._cloud, self._bucket, self._kind, self._rhythm = cloud, bucket, kind, rhythm or Rhythm()
        self._keepers: dict[str, _Keeper] = {}

    def find(self, run: str) -> Entry | None:
        """A run's entry; ``None`` if it was never begun. Reads only."""
        try:
            answer = self._cloud.call("s3", "get_object", Bucket=self._bucket, Key=self._key(run))
        except CloudError as error:
            if error.code in _MISSING:
                return None
            raise
        return Entry(**json.loads(answer["Body"].read()), etag=answer["ETag"])

    def entries(self, limit: int = 50) -> list[Entry]:
        """The runs that changed last, newest first. Reads only."""
        listed = list(self._cloud.pages("s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix="state/runs/"))
        listed.sort(key=lambda each: each["LastModified"], reverse=True)
        found = (self.find(each["Key"].rsplit("/", 1)[1].removesuffix(".json")) for each in listed[:limit])
        return sorted((_as_it_is(each) for each in found if each), key=lambda each: each.started_at, reverse=True)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold a lease while the block works, so that no other process does the same. Writes.

        Raises:
            WrongState: another living process holds it.
        """
        leases = Journal(self._cloud, self._bucket, "lease", self._rhythm)
        with leases.claimed(name, {}):
            try:
                yield
            finally:
                # One that cannot be given back lapses, at once where this process is seen to be gone.
                with suppress(SilolakeError):
                    leases.finish(name, status=COMPLETED, ended_at=_from_now(timedelta()))

    @contextmanager
    def claimed(self, run: str, facts: Mapping[str, Any]) -> Iterator[Entry]:
        """Hold a run while the block works on it: a first attempt, or the next. Writes.

        Raises:
            WrongState: another living process holds it.
        """
        before = self.find(run)
        at_work = before is not None and before.status == RUNNING and before.holder != process()
        if before is not None and at_work and not _is_left(before):
            raise WrongState(
                f"the {self._kind} {run} is held by {before.holder} until {before.held_until}",
                "Wait for it, or stop that process",
            )
        entry = Entry(
            run=run,
            facts=facts,
            status=RUNNING,
            attempt=before.attempt + 1 if before else 1,
            holder=process(),
            held_until=_from_now(self._rhythm.lease),
            started_at=_from_now(timedelta()),
            etag=before.etag if before else "",
        )
        entry = self._put(entry)
        self._keepers[run] = _Keeper(run, self._renew, self._rhythm)
        try:
            yield entry
        finally:
            self._let_go(run)

    def finish(self, run: str, **changes: Any) -> Entry:
        """Write how a run that this process holds has ended. Writes.

        Raises:
            WrongState: it is not this process's any more.
        """
        # Or its next renewal and this would write over one another.
        self._let_go(run)
        entry = self.find(run)
        if entry is None or entry.holder != process():
            told = f"the {self._kind} {run} is not held by this process any more"
            raise WrongState(told, "silolake runs shows who took it over")
        return self._put(replace(entry, held_until=_from_now(timedelta()), **changes))

    def close(self, entry: Entry, status: str, reason: str, left: tuple[str, str]) -> Entry:
        """Write how an attempt has ended that nobody works on any more. Writes.

        Args:
            entry: as it was read.
            status, reason: how it ended.
            left: when, and where its record lies.

        Raises:
            WrongState: somebody has taken it up meanwhile.
        """
        ended_at, record = left
        return self._put(replace(entry, status=status, reason=reason, ended_at=ended_at, record=record))

    def is_left(self, name: str) -> bool:
        """Whether a lease was held by a process that is gone. Reads only."""
        found = Journal(self._cloud, self._bucket, "lease", self._rhythm).find(name)
        return found is not None and found.status == RUNNING and _is_left(found)

    def _renew(self, run: str) -> bool:
        """Put off when others may take a run over; ``False`` once it is not this process's any more. Writes."""
        entry = self.find(run)
        if entry is None or entry.holder != process() or entry.status != RUNNING:
            return False
        self._put(replace(entry, held_until=_from_now(self._rhythm.lease)))
        return True

    def _let_go(self, run: str) -> None:
        keeper = self._keepers.pop(run, None)
        if keeper is not None:
            keeper.stop()

    def _put(self, entry: Entry) -> Entry:
        said = {name: value for name, value in asdict(entry).items() if name != "etag"}
        condition = {"IfMatch": entry.etag} if entry.etag else {"IfNoneMatch": "*"}
        try:
            answer = self._cloud.call(
                "s3", "put_object", Bucket=self._bucket, Key=self._key(entry.run), ContentType="application/json",
                Body=json.dumps(said, indent=1).encode(), **condition,
            )  # fmt: skip
        except CloudError as error:
            if error.code in LOST_RACE:
                told = f"the {self._kind} {entry.run} was taken by another process just now"
                raise WrongState(told, "Wait for it") from error
            raise
        return replace(entry, etag=answer["ETag"])

    def _key(self, run: str) -> str:
        return f"state/{self._kind}s/{run}.json"

    def applied(self) -> dict[tuple[str, str], str]:
        """What was applied: (kind, name) → the digest it was applied at. One listing; reads only."""
        prefix = "state/applied/"
        listed = self._cloud.pages("s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=prefix)
        found: dict[tuple[str, str], tuple[datetime, str]] = {}
        for each in listed:
            kind, name, said = each["Key"].removeprefix(prefix).split("/")
            at, known = each["LastModified"], found.get((kind, unquote(name)))
            # Between writing the new digest and removing the old one a kill leaves both; the newer counts.
            if known is None or at >= known[0]:
                found[kind, unquote(name)] = (at, said)
        return {which: said for which, (_, said) in found.items()}

    def mark_applied(self, kind: str, name: str, digest: str) -> None:
        """Say that something is applied at a digest; an empty digest says it is applied no more. Writes."""
        prefix = applied_key(kind, name, "")
        if digest:
            self._cloud.call("s3", "put_object", Bucket=self._bucket, Key=prefix + digest, Body=b"")
        for each in list(self._cloud.pages("s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=prefix)):
            if each["Key"] != prefix + digest:
                self._cloud.call("s3", "delete_object", Bucket=self._bucket, Key=each["Key"])


def applied_key(kind: str, name: str, digest: str) -> str:
    """The key that says that something is applied at a digest."""
    return f"state/applied/{kind}/{quote(name, safe='')}/{digest}"


def _is_left(entry: Entry) -> bool:
    """Whether nobody works on a run any more that says it is running."""
    return datetime.fromisoformat(entry.held_until) <= datetime.now(UTC) or is_dead(entry.holder)


def _as_it_is(entry: Entry) -> Entry:
    """An entry, and of one that was killed that it was: its own last word is that it is running."""
    if entry.status != RUNNING or not _is_left(entry):
        return entry
    return replace(entry, status=KILLED, reason="its process ended without a word; what it left is planned anew")


def _from_now(span: timedelta) -> str:
    return (datetime.now(UTC) + span).isoformat(timespec="milliseconds")
