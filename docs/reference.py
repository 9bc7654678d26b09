"""Writes the pages of docs/reference from the code: `make docs`. A test fails where a page and the code disagree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import botocore.session
import click

from silolake.cli import COMMANDS, cli
from silolake.localcloud.engines import load
from silolake.rooms.notebooks import Notebook, list_notebooks

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "docs" / "reference"
_ON_REQUEST = """\
`POST /_silolake/disturb` with `{"seed": 1, "throttle": 0.2, "delay_s": 10}` and the owner's token disturbs from a
seed. A share of the requests is throttled in each service's own words: `SlowDown` with `Retry-After` in S3,
`TooManyRequestsException` in Organizations, `Throttling` or `ThrottlingException` elsewhere. An account's move
between units takes effect only after half of the delay to all of it, by the local cloud's clock: in what policies
decide and in what stack sets deploy by themselves; Organizations' own answers show the move at once. `{}` ends
both. Unasked, nothing is throttled, and moves are in effect at once, which on AWS they are not. Attachments of
policies and new accounts are never delayed.""".splitlines()
_MADE = "<!-- Written by make docs; change the code instead. -->"


def pages() -> dict[str, str]:
    """Every generated page: its file name and its text."""
    made = {"commands.md": commands(), "notebooks.md": notebooks(), "local-cloud.md": local_cloud()}
    return {name: "\n".join([_MADE, *lines, ""]) for name, lines in made.items()}


def commands() -> Iterator[str]:
    """Each command's own help."""
    yield from ("# Commands", "", "What `silolake COMMAND --help` says.")
    context = click.Context(cli, info_name="silolake", max_content_width=100, terminal_width=100)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context, max_content_width=100, terminal_width=100)
        yield from ("", f"## {name}", "", "```", command.get_help(inner).rstrip(), "```")


def notebooks() -> Iterator[str]:
    """Each run notebook's promise, verb, target and parameters."""
    yield from (
        "# Run notebooks",
        "",
        "`silolake run NOTEBOOK name=value …` runs one; `plan` and `apply` run them for you.",
    )
    for name, each in list_notebooks(ROOT).items():
        yield from ("", f"## {name}", "", f"{each.title}.")
        yield from _notebook(each)


def _notebook(notebook: Notebook) -> Iterator[str]:
    verb = f"Its verb is `{notebook.verb}`" if notebook.verb else "It has no verb"
    yield from ("", f"{verb}; its target is `{notebook.target or 'said by the run'}`.")
    if notebook.parameters:
        yield from ("", "| parameter | kind | unless said | |", "|---|---|---|---|")
    for each in notebook.parameters:
        default = "must be said" if each.required else f"`{each.default!r}`"
        yield f"| `{each.name}` | {each.kind} | {default} | {each.help} |"


def local_cloud() -> Iterator[str]:
    """Each service's operations: those played, their stated differences, and how many are refused by name."""
    yield from ("# What the local cloud plays", "")
    yield "An operation that is not listed is refused by name, with an error that says so; so is a parameter or a mode"
    yield "that a played one does not have. Beneath each service stand the differences from AWS that are known."
    yield from ("", "## What it does on request", "", *_ON_REQUEST)
    models, played = botocore.session.get_session(), load().played
    for service in dict.fromkeys(service for service, _ in sorted(played)):
        plays = [each for _, each in sorted(played.items()) if each.service == service]
        known = models.get_service_model(service).operation_names
        yield from ("", f"## {service}", "", f"{len(plays)} of {len(known)} operations.", "")
        yield ", ".join(f"`{each.operation}`" for each in plays) + "."
        differing = [f"- `{each.operation}`: {each.differs}" for each in plays if each.differs]
        if differing:
            yield from ("", *differing)


def main() -> None:
    """Write every page. Writes docs/reference."""
    PLACE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (PLACE / name).write_text(text, encoding="utf-8")
        click.echo(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
