"""The process: two loopback ports, one with TLS and one without, until it is told to stop."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from silolake.errors import AlreadyRunning
from silolake.localcloud import belongings, certificates
from silolake.localcloud.cloud import LocalCloud, Reached
from silolake.localcloud.door import Door
from silolake.localcloud.gateway import Gateway
from silolake.localcloud.listening import LOOPBACK, bound, serving


@dataclass(frozen=True)
class Endpoint:
    """Where a running local cloud answers; kept as ``endpoint.json`` in its data directory."""

    https: str
    http: str
    ca: str
    region: str
    pid: int
    started_at: str


@dataclass(frozen=True)
class Ports:
    """The ports to listen on; 0 is any free one."""

    https: int
    http: int


def serve(directory: Path, ports: Ports, region: str) -> None:
    """Run the local cloud in this process until SIGTERM, SIGINT or the owner's word. Writes ``directory``.

    Raises:
        AlreadyRunning: another process serves the same directory.
        PortTaken: another program listens there.
        StateCorrupt: what lies in the directory cannot be read.
        LocalCloudError: the directory cannot be written, or holds other things.
    """
    # What is written here holds sessions' secrets and everybody's rows.
    os.umask(0o077)
    belongings.prepare(directory)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with _sole(directory), running(directory, ports, region, stopping):
        stopping.wait()


@contextmanager
def running(directory: Path, ports: Ports, region: str, stopping: threading.Event) -> Iterator[Endpoint]:
    """A local cloud that serves from threads of this process while the block lasts. Writes ``directory``."""
    cloud = LocalCloud(directory, region)
    try:
        gateway = Gateway(cloud, Door(cloud, _owner_token(directory), stopping.set))
        chain, key = certificates.ensure(directory)
        with bound(gateway, ports.https, (chain, key)) as https, bound(gateway, ports.http, None) as http:
            cloud.reached = Reached(f"https://{LOOPBACK}:{https.bind_addr[1]}", str(directory.absolute() / "ca.pem"))
            # Before anybody is answered: what a client begins now must not be taken for what was left unfinished.
            cloud.resume()
            endpoint = Endpoint(
                https=cloud.reached.https,
                http=f"http://{LOOPBACK}:{http.bind_addr[1]}",
                ca=str(directory / "ca.pem"),
                region=region,
                pid=os.getpid(),
                started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            with serving(https), serving(http):
                _announce(directory, endpoint)
                try:
                    yield endpoint
                finally:
                    (directory / "endpoint.json").unlink(missing_ok=True)
    finally:
        cloud.close()


@contextmanager
def _sole(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the system lets it go when the process ends, however it ends."""
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise AlreadyRunning(
                f"a local cloud already serves {directory} (process {holder})",
                "Use it, or stop it with silolake down",
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _owner_token(directory: Path) -> str:
    path = directory / "owner.token"
    if path.exists():
        return path.read_text()
    token = secrets.token_urlsafe(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    return token


def _announce(directory: Path, endpoint: Endpoint) -> None:
    passing = directory / "endpoint.json.new"
    passing.write_text(json.dumps(asdict(endpoint), indent=2))
    passing.replace(directory / "endpoint.json")
