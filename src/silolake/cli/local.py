"""``up``, ``down``, ``status``, ``reset``, ``env``: the local cloud's own commands."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from silolake.cli.terminal import data_directory, directory_option, json_option, print_json, progress, running
from silolake.cloud import LocalEndpoint, find_local
from silolake.errors import LocalCloudError, SilolakeError, WrongState

_PORT = 4650
_PATIENCE_S = 30.0


@click.command()
@directory_option
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True,
              help="For HTTPS; plain HTTP takes the next one. 0 takes any free ports.")  # fmt: skip
@click.option("--region", default="", help="The Region that calls belong to; silolake.yaml's by default.")
@click.option("--foreground", is_flag=True, help="Stay, and log to the terminal.")
@json_option
def up(directory: Path | None, port: int, region: str, foreground: bool, as_json: bool) -> None:
    """Start the local cloud.

    It listens on the loopback address only; an error tells who holds the port or the directory.
    """
    where = data_directory(directory)
    region = region or _region()
    if foreground:
        _serve(where, port, region)
        return
    endpoint = find_local(where)
    if endpoint is not None and _answers(endpoint):
        raise LocalCloudError(
            f"a local cloud already serves {where} at {endpoint.https}", "Use it, or stop it with silolake down"
        )
    endpoint = start(where, port, region)
    if as_json:
        print_json({"https": endpoint.https, "http": endpoint.http, "ca": endpoint.ca, "pid": endpoint.pid})
        return
    click.echo(f"The local cloud is up at {endpoint.https} (plain HTTP at {endpoint.http}), process {endpoint.pid}.")
    click.echo(f"It listens on this machine only and keeps its state in {where}.")
    click.echo("Next: silolake bootstrap, silolake apply; or silolake env --as management/Administrator")


def start(directory: Path, port: int, region: str) -> LocalEndpoint:
    """Start a local cloud in a process of its own and wait until it answers. Writes.

    Raises:
        LocalCloudError: it ended at once; its own words.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "silolake", "up", "--foreground", "--directory", str(directory)]
    log_path = directory / "local-cloud.log"
    with log_path.open("ab") as log, progress("starting the local cloud"):
        begun = log.tell()
        process = subprocess.Popen(
            [*command, "--port", str(port), "--region", region],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            endpoint = find_local(directory)
            if endpoint is not None and endpoint.pid == process.pid and _answers(endpoint):
                # Somebody else's child from now on; no warning about it when this process ends.
                process.returncode = 0
                return endpoint
            if process.poll() is not None:
                said = log_path.read_bytes()[begun:].decode(errors="replace").strip()
                raise _Failed(said.splitlines()[-1].removeprefix("error: ") if said else "it ended without a word")
            time.sleep(0.02)
    process.terminate()
    raise LocalCloudError(f"the local cloud did not answer within {_PATIENCE_S:.0f} s", f"Its log is {log_path}")


class _Failed(LocalCloudError):
    """The process's own words, which already say what to do."""

    def __init__(self, words: str) -> None:
        super().__init__(words, "")

    def __str__(self) -> str:
        return self.problem


def _serve(directory: Path, port: int, region: str) -> None:
    import logging

    from silolake.localcloud.server import Ports, serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    serve(directory, Ports(port, port + 1 if port else 0), region)


def _region() -> str:
    from silolake.errors import NotAWorkspace
    from silolake.rooms import find_root
    from silolake.rooms.organization import read_settings

    try:
        return read_settings(find_root(Path.cwd())).region.text
    except NotAWorkspace:
        return "us-east-1"


def _answers(endpoint: LocalEndpoint) -> bool:
    try:
        endpoint.ask("GET", "status")
    except SilolakeError:
        return False
    return True


@click.command()
@directory_option
def down(directory: Path | None) -> None:
    """Stop the local cloud; what it acknowledged stays."""
    where = data_directory(directory)
    endpoint = find_local(where)
    if endpoint is None:
        click.echo(f"No local cloud is up for {where}.")
        return
    stop(endpoint)
    click.echo("The local cloud is down; silolake up brings it back as it was.")


def stop(endpoint: LocalEndpoint) -> None:
    """Ask a local cloud to end, and wait until it has. Writes."""
    announced = endpoint.directory / "endpoint.json"
    # One that was killed leaves its number behind, which may be another program's by now.
    if not _held(endpoint.directory):
        announced.unlink(missing_ok=True)
        return
    try:
        os.kill(endpoint.pid, signal.SIGTERM)
    except ProcessLookupError:
        announced.unlink(missing_ok=True)
        return
    end = time.monotonic() + _PATIENCE_S
    with progress("stopping the local cloud"):
        while time.monotonic() < end:
            if find_local(endpoint.directory) is None and not _alive(endpoint.pid):
                return
            time.sleep(0.02)
    raise LocalCloudError(f"process {endpoint.pid} did not end within {_PATIENCE_S:.0f} s", "Look at its log")


def _held(directory: Path) -> bool:
    """Whether a process serves a data directory: it holds the directory's lock for as long as it lives."""
    try:
        with (directory / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.is_dir() and Path("/proc/self").exists():
        try:
            return stat.read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@click.command()
@directory_option
@json_option
def status(directory: Path | None, as_json: bool) -> None:
    """Tell whether the local cloud is up, and where it answers.

    Exit code 3 if it is not up.
    """
    where = data_directory(directory)
    endpoint = find_local(where)
    said = endpoint.ask("GET", "status") if endpoint and _answers(endpoint) else None
    if as_json:
        print_json({"up": said is not None, "directory": where, **({"https": endpoint.https, "http": endpoint.http,
                    "pid": endpoint.pid, **said} if endpoint and said else {})})  # fmt: skip
    elif endpoint and said:
        click.echo(f"up at {endpoint.https} (plain HTTP at {endpoint.http}), process {endpoint.pid}, state in {where}")
        click.echo(f"{said['accounts']} accounts, {said['operations']} operations played, its clock says {said['now']}")
    else:
        click.echo(f"down; state in {where}" if (where / "state.sqlite").exists() else f"down; no state in {where}")
    if said is None:
        sys.exit(3)


@click.command()
@directory_option
@click.option(
    "--all", "everything", is_flag=True, help="Remove the data directory as a whole, certificates and log too."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(directory: Path | None, everything: bool, yes: bool) -> None:
    """Remove the local cloud's state.

    Every account, object, table and run in it.
    """
    where = data_directory(directory)
    ours = where / "state.sqlite"
    if not where.exists() or not (ours.exists() or (where / "owner.token").exists()):
        click.echo(f"There is nothing to remove in {where}.")
        return
    if not yes:
        click.confirm(f"Remove every account, object, table and run in {where}?", abort=True)
    endpoint = find_local(where)
    if endpoint is not None:
        stop(endpoint)
    if everything:
        shutil.rmtree(where)
    else:
        for pattern in ("*.sqlite", "*.sqlite-*", "blobs", "runs", "passing"):
            for path in where.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    click.echo(f"Removed {'all of ' if everything else 'the state in '}{where}.")


@click.command()
@click.option("--as", "who", default="management/Administrator", show_default=True, metavar="ACCOUNT/ROLE",
              help="Whose session the profile signs in to: analytics/analyst.")  # fmt: skip
@click.option("--http", "plain", is_flag=True, help="The endpoint without TLS, where aws:SecureTransport is false.")
@click.option("--credentials", is_flag=True, help="Print a session as credential_process wants it.")
@directory_option
@json_option
def env(who: str, plain: bool, credentials: bool, directory: Path | None, as_json: bool) -> None:
    """Print what a shell needs to reach the local cloud as somebody.

    Use it as: eval "$(silolake env --as analytics/analyst)". The profile holds no key: each client asks for a
    session of an hour by credential_process.
    """
    where = data_directory(directory)
    endpoint = running(where)
    account, slash, role = who.partition("/")
    if not slash:
        raise WrongState(f"{who!r} does not say account and role", "Write --as analytics/analyst")
    said = endpoint.ask("POST", "sessions", account=account, role=role, name=_person())
    if credentials:
        print_json(
            {name: said[name] for name in ("Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")}
        )
        return
    config = _profile(where, who)
    variables = {
        "AWS_ENDPOINT_URL": endpoint.http if plain else endpoint.https,
        "AWS_CA_BUNDLE": endpoint.ca,
        "AWS_REGION": endpoint.region,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PROFILE": "silolake",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    # Keys in the environment would win over the profile.
    click.echo("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN")


def _person() -> str:
    import getpass
    import re

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "local"
    return re.sub(r"[^\w+=,.@-]", "-", name)[:60] or "local"


def _profile(where: Path, who: str) -> Path:
    """A shared configuration file whose one profile signs in as somebody. Writes."""
    process = shlex.join(
        [sys.executable, "-m", "silolake", "env", "--credentials", "--as", who, "--directory", str(where)]
    )
    folder = where / "profiles"
    folder.mkdir(exist_ok=True)
    path = folder / f"{who.replace('/', '-')}.ini"
    passing = path.with_suffix(f".{os.getpid()}.new")
    passing.write_text(f"[profile silolake]\ncredential_process = {process}\n")
    passing.replace(path)
    return path
