"""The service of a workspace: started with ``up --service``, ended with ``down``; ``rollback``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silolake.cli.terminal import data_directory, json_option, print_json, progress
from silolake.errors import LocalCloudError, WrongState

if TYPE_CHECKING:
    from silolake.service.places import Places

_PATIENCE_S = 60.0
_EVERY_S = "10"
"""Seconds between two looks for joins, deliveries and due times; SILOLAKE_WATCH_EVERY_S says otherwise."""


def places_of(directory: Path | None) -> Places:
    """The places of the service of the workspace this folder lies in."""
    from silolake.rooms import find_root
    from silolake.service.places import Places

    return Places(find_root(Path.cwd()), data_directory(directory))


def start_service(places: Places) -> dict[str, Any]:
    """Start the service in a process of its own, and wait until it answers. Writes.

    Raises:
        LocalCloudError: it ended at once, in its own words, or does not answer.
    """
    every_s = os.environ.get("SILOLAKE_WATCH_EVERY_S", _EVERY_S)
    command = [sys.executable, "-m", "silolake.service", str(places.root), str(places.data), every_s]
    with places.log.open("ab") as log, progress("starting the service"):
        begun = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=places.root
        )
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            said = _ask_status(places)
            if said is not None and said["pid"] == process.pid:
                # Somebody else's child from now on; no warning about it when this process ends.
                process.returncode = 0
                return said
            if process.poll() is not None:
                words = places.log.read_bytes()[begun:].decode(errors="replace").strip().splitlines()
                told = words[-1].removeprefix("error: ").rstrip(".") if words else "the service ended without a word"
                raise LocalCloudError(told, f"Its log is {places.log}")
            time.sleep(0.02)
    process.terminate()
    raise LocalCloudError(f"the service did not answer within {_PATIENCE_S:.0f} s", f"Its log is {places.log}")


def _ask_status(places: Places) -> dict[str, Any] | None:
    from silolake.service.talk import ask

    try:
        return ask(places, {"verb": "status"})
    except WrongState:
        return None


def service_status(data: Path) -> dict[str, Any] | None:
    """What the service of a data directory says of itself; ``None`` if none is up."""
    from silolake.service.places import Places

    return _ask_status(Places(data.parent, data))


def stop_service(data: Path) -> bool:
    """Have the service of a data directory end, what it is at included, and wait until it has. Writes.

    Returns:
        Whether one was up.

    Raises:
        LocalCloudError: it does not end; what it is at takes longer than patience lasts.
    """
    from silolake.cli.local import holder
    from silolake.service.places import Places

    places = Places(data.parent, data)
    pid = holder(places.lock)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + _PATIENCE_S
    with progress("stopping the service"):
        while time.monotonic() < end:
            if holder(places.lock) is None:
                return True
            time.sleep(0.02)
    raise LocalCloudError(f"the service, process {pid}, is at something still", f"Wait for it; its log is {places.log}")


def words_of(places: Places) -> list[str]:
    """What a person does with a service that is up."""
    return [
        f"The service is up: a Git remote at {places.remote}, schedules, joins and deliveries.",
        f"Next: git remote add lake {places.remote}; git push lake main",
    ]


@click.command()
@click.argument("commit")
@json_option
def rollback(commit: str, as_json: bool) -> None:
    """Bring the lake back to what an earlier commit declares.

    COMMIT is one that was pushed, by any name Git knows: HEAD~1, an id. Its files become a new commit on main, which
    is applied like a push. Needs the service. Exit code 1 if it is not applied.
    """
    from silolake.service.talk import ask

    lines: list[str] = []
    said = ask(places_of(None), {"verb": "roll back", "commit": commit}, lines.append if as_json else click.echo)
    if as_json:
        print_json({"applied": said["code"] == 0, "lines": lines})
    if said["code"]:
        sys.exit(1)
