"""The local cloud itself: its memory, its clock, and one way to perform an operation."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from silolake.iam import Decision
from silolake.localcloud import engines, sessions
from silolake.localcloud.authorize import decide_access, refusal
from silolake.localcloud.blobs import Blobs
from silolake.localcloud.call import Access, Call, Caller, Output
from silolake.localcloud.clock import Clock
from silolake.localcloud.decisions import DecisionLog
from silolake.localcloud.disturbing import Disturbances
from silolake.localcloud.engines.iam import roles
from silolake.localcloud.engines.organizations import accounts
from silolake.localcloud.errors import AwsError, NotPlayed
from silolake.localcloud.sessions import Sessions
from silolake.localcloud.store import Store

_log = logging.getLogger(__name__)
_JSON_SERVICES = ("glue", "athena", "organizations", "kms", "codebuild", "codepipeline", "scheduler")


@dataclass(frozen=True, slots=True)
class Reached:
    """Where processes of this machine reach the local cloud.

    Attributes:
        ca: the file that says whom to trust.
    """

    https: str
    ca: str


class LocalCloud:
    """Everything that one data directory holds, and who may do what with it.

    Args:
        directory: the data directory; made by the caller, readable by its owner alone.
        region: where a call belongs that names no Region.

    Attributes:
        reached: where it is reached while it serves; ``None`` for one that lives inside a process only.

    Raises:
        StateCorrupt: what lies there cannot be read.
    """

    reached: Reached | None = None

    def __init__(self, directory: Path, region: str) -> None:
        self.directory, self.region = directory, region
        self.engines = engines.load()
        with ExitStack() as opened:
            self.store = Store(directory, (*self.engines.schemas, sessions.SCHEMA))
            opened.callback(self.store.close)
            self.clock = Clock(self.store)
            with self.store.write() as connection:
                accounts.born(connection, self.clock.now())
            self.blobs = Blobs(directory / "blobs")
            self.decisions = DecisionLog(directory)
            opened.pop_all()
        self.sessions = Sessions(self.store, self.clock)
        self.disturbances = Disturbances(self.store)
        self._workers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine")

    def perform(self, call: Call) -> Output:
        """Authorize one call and let its engine answer it. Writes what the operation writes.

        Raises:
            NotPlayed: no engine plays the operation.
            AwsError: IAM or the engine refused.
        """
        played = self.engines.played.get((call.service, call.operation))
        if played is None:
            raise NotPlayed(f"{call.service}:{call.operation}")
        self.require(call, played.access(call))
        return played.handler(call)

    def invoke(
        self, caller: Caller, service: str, operation: str, parameters: Mapping[str, Any], region: str = ""
    ) -> dict[str, Any]:
        """One operation asked from within, as ``caller``; authorized and logged as one from outside."""
        call = Call(service, operation, parameters, caller, region or self.region, self, new_request_id())
        return self.perform(call) or {}

    def decide(self, caller: Caller, access: Access, region: str = "") -> Decision:
        """IAM's answer to one access; neither refuses nor logs."""
        return decide_access(self.store, caller, access, region or self.region, self.clock.now())

    def require(self, call: Call, accesses: Iterable[Access]) -> None:
        """Refuse the call unless IAM allows every access; log what was decided.

        Raises:
            AwsError: the first access that is denied.
        """
        found: list[Decision] = []
        for access in accesses:
            found.append(self.decide(call.caller, access, call.region))
            if not found[-1]:
                break
        if found:
            operation = f"{call.service}:{call.operation}"
            self.decisions.add(self.clock.now(), call.request_id, operation, found)
            if not found[-1]:
                raise refusal(found[-1], "json" if call.service in _JSON_SERVICES else "query")

    def as_role(self, role_arn: str, session_name: str) -> Caller:
        """The caller that an engine is when it acts as its resource's role.

        Whether the role may be handed to the service is checked where it is handed over (``iam:PassRole``).

        Args:
            role_arn: ``arn:aws:iam::<account>:role/<path><name>``.
            session_name: the session's name, as AWS chooses it for the service.

        Raises:
            AwsError: there is no such role.
        """
        with self.store.read() as connection:
            role = roles.find_role_by_arn(connection, role_arn)
        if role is None:
            raise AwsError("NoSuchEntity", f"The role {role_arn} cannot be found.", 404)
        return Caller(roles.principal_of(role, session_name), issued_at=self.clock.now())

    def in_background(self, work: Callable[[], None]) -> None:
        """Let ``work`` go on after the call is answered; what it raises is a defect, and goes to the log."""

        def watched() -> None:
            try:
                work()
            except Exception:  # noqa: BLE001  nobody waits for its answer, so nobody else would ever hear of it
                _log.exception("work in the background")

        self._workers.submit(watched)

    def resume(self) -> None:
        """Take up what a process that ended left unfinished; once, before anybody is answered. Writes."""
        self.sessions.forget_expired()
        for resume in self.engines.resumes:
            resume(self)

    def close(self) -> None:
        """End what goes on beside the calls, let what runs in the background end, and close the files."""
        # Those that came later use those before them.
        for close in reversed(self.engines.closes):
            close(self)
        self._workers.shutdown(wait=True, cancel_futures=True)
        self.store.close()
        self.decisions.close()


def new_request_id() -> str:
    """An id for one request, as AWS gives each."""
    return str(uuid.uuid4())


def over(caller: Caller, *, secure: bool, source_ip: str) -> Caller:
    """The caller as it came over the wire: with or without TLS, from which address."""
    return replace(caller, secure=secure, source_ip=source_ip)
