"""``up``, ``down``, ``status``, ``reset``, ``env``: the local cloud's own commands."""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
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
@click.option("--foreground", "extent", flag_value="foreground", help="Stay, and log to the terminal.")
@click.option("--service", "extent", flag_value="service",
              help="Also a Git remote whose pushes are applied, schedules and joins.")  # fmt: skip
@json_option
def up(directory: Path | None, port: int, region: str, extent: str | None, as_json: bool) -> None:
    """Start the local cloud.

    It listens on the loopback address only; an error tells who holds the port or the directory. With --service, what is
    pushed to its Git remote is applied, and what falls due, joins or is delivered is seen to by itself; a local cloud
    that is up already is used.
    """
    where = data_directory(directory)
    region = region or _region()
    if extent == "foreground":
        _serve(where, port, region)
        return
    from silolake.cli.serving import places_of, start_service, words_of

    endpoint = find_local(where)
    here = endpoint is not None and endpoint.answers
    if endpoint is not None and here and extent != "service":
        raise LocalCloudError(
            f"a local cloud already serves {where} at {endpoint.https}", "Use it, or stop it with silolake down"
        )
    if endpoint is None or not here:
        endpoint = start(where, port, region)
    service = start_service(places_of(directory)) if extent == "service" else None
    if as_json:
        told = {"https": endpoint.https, "http": endpoint.http, "ca": endpoint.ca, "pid": endpoint.pid}
        print_json({**told, **({"service": service} if service else {})})
        return
    click.echo(f"The local cloud is up at {endpoint.https} (plain HTTP at {endpoint.http}), process {endpoint.pid}.")
    click.echo(f"It listens on this machine only and keeps its state in {where}.")
    if service:
        click.echo("\n".join(words_of(places_of(directory))))
    else:
        click.echo("Next: silolake bootstrap, silolake apply; or silolake env --as management/Administrator")


def start(directory: Path, port: int, region: str) -> LocalEndpoint:
    """Start a local cloud in a process of its own and wait until it answers. Writes.

    Raises:
        LocalCloudError: it ended at once; its own words. Or the directory cannot be one.
    """
    from silolake.localcloud import belongings

    belongings.prepare(directory)
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
            if endpoint is not None and endpoint.pid == process.pid and endpoint.answers:
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


@click.command()
@directory_option
@json_option
def down(directory: Path | None, as_json: bool) -> None:
    """Stop the local cloud; what it acknowledged stays.

    A service beside it is stopped first: what it is at ends, and nothing more begins.
    """
    from silolake.cli.serving import stop_service

    where = data_directory(directory)
    stopped_service = stop_service(where)
    if stopped_service and not as_json:
        click.echo("The service is down.")
    stopped = stop(where)
    if as_json:
        print_json({"stopped": stopped, "service_stopped": stopped_service, "directory": where})
    elif stopped:
        click.echo("The local cloud is down; silolake up brings it back as it was.")
    else:
        click.echo(f"No local cloud is up for {where}.")


def stop(directory: Path) -> bool:
    """End the local cloud that serves a data directory, and wait until it has; ``False`` where none does. Writes.

    Who serves it is said by the lock, which it holds for as long as it lives. ``endpoint.json`` outlives a process
    that is killed, and its number may be another program's by now.
    """
    pid = holder(directory / "lock")
    if pid is None:
        with suppress(OSError):
            (directory / "endpoint.json").unlink()
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + _PATIENCE_S
    with progress("stopping the local cloud"):
        while time.monotonic() < end:
            if holder(directory / "lock") is None and not _alive(pid):
                return True
            time.sleep(0.02)
    raise LocalCloudError(f"process {pid} did not end within {_PATIENCE_S:.0f} s", "Look at its log")


def holder(lock: Path) -> int | None:
    """The process that holds a lock of ours; ``None`` where none does. Reads only."""
    try:
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                said = file.read().strip()
                # It has the lock and has not written its number yet; it does so at once.
                return int(said) if said.isdigit() else 0
    except OSError:
        return None
    return None


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
    from silolake.cli.serving import service_status

    where = data_directory(directory)
    endpoint, said, problem = find_local(where), None, ""
    try:
        said = endpoint.ask("GET", "status") if endpoint else None
    except SilolakeError as error:
        problem = str(error)
    pid = holder(where / "lock")
    if said is None and pid is not None:
        problem = problem or f"{where / 'endpoint.json'} does not say where it answers."
        problem = f"process {pid} serves {where} and cannot be asked: {problem} silolake down, then silolake up"
    else:
        problem = ""
    if as_json:
        told = (
            {"https": endpoint.https, "http": endpoint.http, "pid": endpoint.pid, **said} if endpoint and said else {}
        )
        more = {"problem": problem} if problem else {}
        print_json({"up": said is not None, "directory": where, **more, **told, "service": service_status(where)})
    elif problem:
        click.echo(problem)
    elif endpoint and said:
        click.echo(f"up at {endpoint.https} (plain HTTP at {endpoint.http}), process {endpoint.pid}, state in {where}")
        click.echo(f"{said['accounts']} accounts, {said['operations']} operations played, its clock says {said['now']}")
        if service := service_status(where):
            at = (
                f"is {service['applied'][:12]}, applied {service['applied_at']}"
                if service["applied"]
                else "is empty yet"
            )
            click.echo(f"the service is up, process {service['pid']}; main of {service['remote']} {at}")
    else:
        click.echo(f"down; state in {where}" if (where / "state.sqlite").exists() else f"down; no state in {where}")
    if said is None:
        sys.exit(3)


@click.command()
@directory_option
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Remove certificates, profiles and log too, and the directory if nothing else is in it.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def reset(directory: Path | None, everything: bool, yes: bool, as_json: bool) -> None:
    """Remove the local cloud's state.

    Every account, object, table and run in it; a file that the local cloud has not written stays where it lies.
    """
    from silolake.cli.serving import stop_service
    from silolake.localcloud import belongings

    where = data_directory(directory)
    if not ((where / "state.sqlite").exists() or (where / "owner.token").exists()):
        if as_json:
            print_json({"removed": False, "directory": where, "left": []})
        else:
            click.echo(f"There is nothing to remove in {where}.")
        return
    belongings.require_ours(where)
    if not yes:
        click.confirm(f"Remove every account, object, table and run in {where}?", abort=True, err=as_json)
    stop_service(where)
    stop(where)
    left = belongings.remove(where, everything=everything)
    if as_json:
        print_json({"removed": True, "directory": where, "left": left})
        return
    click.echo(f"Removed {'all that the local cloud kept' if everything else 'the state'} in {where}.")
    if left:
        click.echo(f"Not the local cloud's, and left: {', '.join(left)}")


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
