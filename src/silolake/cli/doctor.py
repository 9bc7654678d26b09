"""``doctor``: what is missing on this machine or in this workspace."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click

from silolake.cli.terminal import DATA, json_option, print_json
from silolake.errors import SilolakeError
from silolake.kernels import forks

Finding = tuple[str, bool, str]


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Tell what is missing on this machine or in this workspace.

    Exit code 1 if anything is.
    """
    findings = list(_look())
    if as_json:
        print_json([{"what": what, "well": well, "told": told} for what, well, told in findings])
    else:
        for what, well, told in findings:
            mark = click.style("well   ", fg="green") if well else click.style("missing", fg="red")
            click.echo(f"{mark}  {what}: {told}")
    if not all(well for _, well, _ in findings):
        sys.exit(1)


def _look() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield (
        "Python",
        sys.version_info >= (3, 11),
        version if sys.version_info >= (3, 11) else f"{version}; 3.11 is needed",
    )
    for extra, modules in (
        ("local", ("cheroot", "cryptography", "duckdb", "moto")),
        ("run", ("papermill", "ipykernel", "awswrangler", "pandas", "matplotlib")),
    ):
        absent = [name for name in modules if find_spec(name) is None]
        told = f"without {', '.join(absent)}: pip install 'silolake[{extra}]'" if absent else "installed"
        yield f"silolake[{extra}]", not absent, told
    refused = forks.refused()
    yield "kernels", True, f"spawned, each afresh: {refused}" if refused else "forked from a preloaded process"
    yield from _workspace()


def _workspace() -> Iterator[Finding]:
    from silolake.cli.terminal import load_rooms
    from silolake.cloud import find_local

    try:
        rooms = load_rooms()
    except SilolakeError as error:
        yield "workspace", False, str(error)
        return
    yield "workspace", True, f"{rooms.root}: {len(rooms.organization.accounts)} accounts, {len(rooms.views)} views"
    endpoint = find_local(rooms.root / DATA)
    if endpoint is None:
        yield "local cloud", False, "it is not up; silolake up"
        return
    try:
        said = endpoint.ask("GET", "status")
    except SilolakeError as error:
        yield "local cloud", False, str(error)
        return
    yield "local cloud", True, f"{endpoint.https}, {said['accounts']} accounts"
    yield "certificates", Path(endpoint.ca).exists(), endpoint.ca
