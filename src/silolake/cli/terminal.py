"""What the commands share: tables and progress for people, JSON for programs, and the workspace they stand in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silolake.cloud import LocalEndpoint, find_local
from silolake.errors import CloudUnreachable

if TYPE_CHECKING:
    from rich.console import Console

    from silolake.rooms import Rooms

DATA = ".silolake"
_PIPED_COLUMNS = 240

directory_option = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SILOLAKE_DIRECTORY",
    help="The local cloud's data directory; .silolake in the workspace by default.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def console(*, error: bool = False) -> Console:
    """A console that colours only on terminals."""
    from rich.console import Console

    shown = Console(stderr=error, highlight=False, soft_wrap=True)
    if not shown.is_terminal:
        shown.width = _PIPED_COLUMNS
    return shown


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=1, default=str, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table; numbers to the right."""
    from rich import box
    from rich.table import Table

    table = Table(title=title or None, box=box.SIMPLE, title_justify="left")
    for number, column in enumerate(columns):
        numeric = all(isinstance(row[number], (int, float)) for row in rows) and bool(rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)


@contextmanager
def progress(what: str) -> Iterator[Any]:
    """A line that moves while something lasts, on terminals only; call what it yields to change the words."""
    shown = console(error=True)
    if not shown.is_terminal:
        yield lambda words: None
        return
    with shown.status(what) as status:
        yield lambda words: status.update(words)


def data_directory(directory: Path | None) -> Path:
    """Where the local cloud keeps its state: as said, else in the workspace, else in this folder."""
    from silolake.errors import NotAWorkspace
    from silolake.rooms import find_root

    if directory is not None:
        return directory.resolve()
    try:
        return find_root(Path.cwd()) / DATA
    except NotAWorkspace:
        return Path.cwd() / DATA


def running(directory: Path) -> LocalEndpoint:
    """The local cloud that is up.

    Raises:
        CloudUnreachable: none is.
    """
    endpoint = find_local(directory)
    if endpoint is None:
        raise CloudUnreachable("the local cloud", f"none is up for {directory}")
    return endpoint


def load_rooms() -> Rooms:
    """The rooms of the workspace this folder lies in."""
    from silolake import cross_silo_views
    from silolake.rooms import find_root, load

    return load(find_root(Path.cwd()), view_check=cross_silo_views.check_view)
