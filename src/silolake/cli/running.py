"""``run`` and ``runs``: one notebook, and what is known of all that ran."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace

import click

from silolake.cli.terminal import json_option, print_json, print_table, progress
from silolake.errors import WrongState


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


@runs.command("show")
@click.argument("run_id")
@json_option
def show(run_id: str, as_json: bool) -> None:
    """Show one run: how it ended, what it did, where its notebook lies. Its id may be shortened."""
    from silolake.cli.session import opened

    with opened() as session:
        entries = [each for each in session.runner.journal.entries(1000) if each.run.startswith(run_id)]
        if not entries:
            raise WrongState(f"there is no run {run_id!r}", "silolake runs lists those there are")
        if len(entries) > 1:
            shown = ", ".join(each.run for each in entries[:5]) + (", …" if entries[5:] else "")
            raise WrongState(f"{len(entries)} runs begin with {run_id!r}: {shown}", "Give more of the id")
        (entry,) = entries
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
            ("kernel CPU s", record.cpu_s),
            ("cells", f"{record.cells[0]} of {record.cells[1]}"),
            ("notebook", record.notebook_at),
            ("tables written", ", ".join(record.outcome.get("tables_written", []))),
        ]
    print_table(("", ""), [(name, str(value)) for name, value in facts if value not in ("", None)])
