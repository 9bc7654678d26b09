"""``run`` and ``runs``: one notebook, and what is known of all that ran, shown and gone on with."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from silolake.cli.terminal import data_directory, json_option, print_json, print_table, progress
from silolake.errors import WrongState

if TYPE_CHECKING:
    from silolake.runner import RunRecord
    from silolake.runner.journal import Entry
    from silolake.session import Session


@click.command()
@click.argument("notebook")
@click.option("-p", "--parameter", "words", multiple=True, metavar="NAME=VALUE", help="A parameter; repeat for more.")
@click.option("--account", default="", help="The account it is for; the notebook's own target by default.")
@click.option("--again", is_flag=True, help="Make a new attempt although it has completed.")
@json_option
def run(notebook: str, words: tuple[str, ...], account: str, again: bool, as_json: bool) -> None:
    """Run one notebook in its target's credentials.

    NOTEBOOK is its name below notebooks/: cross_silo_views/company_report. Exit code 1 if it does not complete.
    """
    from silolake.cli.session import opened
    from silolake.model import Declared
    from silolake.rooms import find_notebook
    from silolake.runner import Request
    from silolake.runner.commit import commit_of

    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise WrongState(f"{word!r} is no parameter", "Write -p name=value")
        if name in given:
            raise WrongState(f"the parameter {name!r} is given twice", "Give it once")
        given[name] = value
    with opened() as session:
        found = find_notebook(session.rooms.root, notebook)
        values = found.check(found.read_words(given))
        target = account or found.target.format(**{name: value for name, value in values.items() if value is not None})
        if not target:
            raise WrongState(f"{found.name} does not say which account it is for", "Name one with --account")
        # What an analyst asks for runs anew whenever what the commit declares of it has changed.
        request = Request(found, values, target, Declared(found.digest), commit_of(session.rooms.root))
        if found.verb:
            planned = session.plan()
            for each in planned:
                if each.step.notebook == found.name and dict(each.step.parameters) == values:
                    request = replace(request, occasion=each.step.occasion)
        with progress(f"running {found.name} for {target}"):
            record = session.runner.run(request, again=again)
    if as_json:
        print_json(asdict(record))
    else:
        which = f"run {record.run}, attempt {record.attempt}"
        click.echo(f"{record.status}: {found.name} for {target} in {record.wall_s:.1f} s ({which})")
        click.echo(f"notebook: {record.notebook_at}")
        if record.reason:
            click.echo(f"reason: {record.reason}")
        for concern in record.concerns:
            click.echo(concern)
    if not record.completed or record.concerns:
        sys.exit(1)


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def runs(context: click.Context, as_json: bool) -> None:
    """List and show runs.

    Without a further word, the list.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"--json stands behind the word: silolake runs {context.invoked_subcommand} --json")


@runs.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=30, show_default=True)
@json_option
def list_(limit: int = 30, as_json: bool = False) -> None:
    """List the runs that changed last."""
    from silolake.cli.session import opened

    with opened() as session, progress("reading the journal"):
        entries = session.runner.journal.entries(limit)
    if as_json:
        print_json([asdict(each) for each in entries])
        return
    rows = [
        (
            each.run,
            each.status,
            each.facts["notebook"],
            each.facts["account"],
            " ".join(f"{name}={value}" for name, value in each.facts["parameters"].items()),
            each.attempt,
            each.started_at[:19],
        )
        for each in entries
    ]
    print_table(("run", "status", "notebook", "account", "parameters", "attempt", "started"), rows)


def entry_of(session: Session, run_id: str) -> Entry:
    """The run whose id begins like that.

    Raises:
        WrongState: there is none, or several.
    """
    entries = [each for each in session.runner.journal.entries(1000) if each.run.startswith(run_id)]
    if not entries:
        raise WrongState(f"there is no run {run_id!r}", "silolake runs lists those there are")
    if len(entries) > 1:
        shown = ", ".join(each.run for each in entries[:5]) + (", …" if entries[5:] else "")
        raise WrongState(f"{len(entries)} runs begin with {run_id!r}: {shown}", "Give more of the id")
    return entries[0]


def record_of(session: Session, run_id: str) -> RunRecord:
    """The record of the last ended attempt of the run whose id begins like that.

    Raises:
        WrongState: no attempt of it has ended with a record.
    """
    entry = entry_of(session, run_id)
    record = session.runner.record(entry.run)
    if record is None:
        raise WrongState(
            f"the run {entry.run} is {entry.status} and has left no notebook", "silolake runs show tells more"
        )
    return record


@runs.command("show")
@click.argument("run_id")
@json_option
def show(run_id: str, as_json: bool) -> None:
    """Show one run: how it ended, what it did, where its notebook lies. Its id may be shortened."""
    from silolake.cli.session import opened

    with opened() as session:
        entry = entry_of(session, run_id)
        record = session.runner.record(entry.run)
    if as_json:
        print_json({"journal": asdict(entry), "record": asdict(record) if record else None})
        return
    facts: list[tuple[str, object]] = [("run", entry.run), ("status", entry.status), ("reason", entry.reason)]
    facts += [(name, value) for name, value in entry.facts.items()]
    facts += [("attempt", entry.attempt), ("started", entry.started_at), ("ended", entry.ended_at)]
    if record:
        facts += [
            ("identity", record.identity),
            ("wall s", record.wall_s),
            ("kernel", record.kernel),
            ("kernel CPU s", record.cpu_s),
            ("kernel peak MB", record.peak_mb),
            ("cells", f"{record.cells[0]} of {record.cells[1]}"),
            ("notebook", record.notebook_at),
            ("tables written", ", ".join(record.outcome.get("tables_written", []))),
        ]
    print_table(("", ""), [(name, str(value)) for name, value in facts if value not in ("", None)])


@runs.command("logs")
@click.argument("run_id")
@json_option
def logs(run_id: str, as_json: bool) -> None:
    """Print what a run's notebook printed, cell by cell; errors with their traces. Its id may be shortened."""
    from silolake.cli.session import opened
    from silolake.runner.showing import transcript

    with opened() as session:
        lines = list(transcript(session.runner.notebook(record_of(session, run_id))))
    print_json(lines) if as_json else click.echo("\n".join(lines))


@runs.command("open")
@click.argument("run_id")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the page there and open nothing.")
@json_option
def open_(run_id: str, out: Path | None, as_json: bool) -> None:
    """Open a run's executed notebook in the browser. Its id may be shortened."""
    from silolake.cli.session import opened
    from silolake.runner.showing import as_html

    with opened() as session:
        record = record_of(session, run_id)
        page = as_html(session.runner.notebook(record))
    _offer(page, out or _pages() / f"{record.run}.html", opens=out is None and not as_json, as_json=as_json)


@runs.command("page")
@click.option("--limit", type=click.IntRange(1, 10000), default=1000, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the page there and open nothing.")
@json_option
def page(limit: int, out: Path | None, as_json: bool) -> None:
    """Open one page of all runs and accounts: how the last of each ended, and every one."""
    from silolake.cli.session import opened
    from silolake.runner.showing import page_of

    with opened() as session, progress("reading the journal"):
        text = page_of(session.rooms.settings.lake.text, session.runner.journal.entries(limit))
    _offer(text, out or _pages() / "runs.html", opens=out is None and not as_json, as_json=as_json)


def _pages() -> Path:
    folder = data_directory(None) / "pages"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _offer(page: str, path: Path, *, opens: bool, as_json: bool) -> None:
    """Write a page, and open it where nobody said where it goes. It may show rows, so only its owner may read it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(page)
    print_json({"page": path}) if as_json else click.echo(str(path))
    if opens:
        click.launch(str(path))


@runs.command("retry")
@click.argument("run_id")
@json_option
def retry(run_id: str, as_json: bool) -> None:
    """Make a new attempt of a run, as what it was. Its id may be shortened; exit code 1 if it does not complete."""
    from silolake.cli.session import opened

    with opened() as session, session.alone():
        entry = entry_of(session, run_id)
        with progress(f"running {entry.facts['notebook']} for {entry.facts['account']}"):
            record = session.retry(entry)
        session.settle()
    _tell_attempts([record], as_json)


@runs.command("resume")
@json_option
def resume(as_json: bool) -> None:
    """Go on with the runs that were killed or cancelled: a new attempt of each, the oldest first.

    Exit code 1 if any does not complete. What has failed by itself is left to retry, or to the next apply.
    """
    from silolake.cli.session import opened
    from silolake.runner.journal import CANCELLED, KILLED

    records = []
    with opened() as session, session.alone():
        left = [each for each in session.runner.journal.entries(1000) if each.status in (KILLED, CANCELLED)]
        for entry in reversed(left):
            with progress(f"running {entry.facts['notebook']} for {entry.facts['account']}"):
                try:
                    records.append(session.retry(entry))
                except WrongState as error:
                    # The workspace has moved on since; what it declares now is the next apply's.
                    click.echo(f"left: {error}", err=True)
        session.settle()
    if not records and not as_json:
        click.echo("Nothing to go on with.")
    _tell_attempts(records, as_json)


def _tell_attempts(records: list[RunRecord], as_json: bool) -> None:
    if as_json:
        print_json([asdict(each) for each in records])
    else:
        for each in records:
            which = f"run {each.run}, attempt {each.attempt}"
            click.echo(f"{each.status}: {each.notebook} for {each.account} in {each.wall_s:.1f} s ({which})")
            if each.reason:
                click.echo(f"reason: {each.reason}")
    if not all(each.completed for each in records):
        sys.exit(1)
