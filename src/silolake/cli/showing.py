"""``demo``: the whole example, by the same commands a person would type."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from silolake.cli.terminal import DATA, console, json_option, load_rooms, print_json, print_table, progress

if TYPE_CHECKING:
    from silolake.reconcile import Applied
    from silolake.session import Session


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="The local cloud's; 0 takes a free one."
)
@json_option
def demo(port: int, as_json: bool) -> None:
    """Show the whole example: provision, deliver, run, ask, deny.

    Exit code 1 if any part of it does not hold. What is there already is not done again. With --json, the story is
    told on standard error.
    """
    from silolake import provisioning
    from silolake.cli.local import start
    from silolake.cli.session import opened
    from silolake.cloud import find_local, sign_in
    from silolake.demo import story
    from silolake.model import Declared
    from silolake.rooms import find_notebook
    from silolake.runner import Request
    from silolake.runner.commit import commit_of

    began = time.monotonic()
    out = console(error=as_json)
    rooms = load_rooms()

    def say(words: str) -> None:
        out.print(f"\n[bold]{words}[/bold]  [dim]{time.monotonic() - began:.0f} s[/dim]")

    say("1. The local cloud")
    endpoint = find_local(rooms.root / DATA)
    if endpoint is None or not endpoint.answers:
        endpoint = start(rooms.root / DATA, port, rooms.settings.region.text)
    out.print(f"up at {endpoint.https}, on this machine only; its state is in {DATA}/")
    say("2. The organization, bootstrapped with the management account's credentials")
    management = sign_in(endpoint, rooms.organization.management, "Administrator")
    with progress("preparing the organization") as tell:
        out.print(str(provisioning.bootstrap(management, rooms, lambda step: (tell(step), None)[1])), markup=False)
    with opened() as session:
        say("3. The lake that this repository declares: accounts, guard rails, stack sets, silos, the view")
        ended = [*_bring(session, quiet=as_json)]
        say("4. Deliveries: what the airports and the registry sent in 2013")
        with progress("delivering") as tell:
            sent = story.deliver(endpoint, rooms, session.organization, lambda words: (tell(words), None)[1])
        out.print(f"{sent} files delivered to the drop zones")
        say("5. What was delivered is held against its contracts and promoted")
        ended += _bring(session, quiet=as_json)
        say("6. The company report")
        found = find_notebook(rooms.root, "cross_silo_views/company_report")
        request = Request(found, {}, found.target, Declared(found.digest), commit_of(rooms.root))
        with progress("running the report"):
            report = session.runner.run(request, again=sent > 0)
        out.print(f"{report.status} in {report.wall_s:.1f} s: {report.notebook_at} {report.reason}", markup=False)
        well = report.completed and all(each.completed for each in ended)
        page = Path(DATA) / "company_report.html"
        if report.completed:
            (rooms.root / page).write_text(session.runner.page(report), encoding="utf-8")
        say("7. One question, four silos, asked by head office's analyst")
        answer = story.ask(endpoint)
        if not as_json:
            print_table(answer.columns, answer.rows)
        out.print(f"[dim]{answer.scanned_bytes:,} bytes scanned in {answer.engine_ms} ms[/dim]")
        out.print(story.airports(answer), markup=False, style="dim")
        carriers = story.latest_carriers(endpoint)
        if not as_json:
            print_table(carriers.columns, carriers.rows, "The carriers that leave latest")
        say("8. And who may not")
        denied = list(story.attempts(endpoint, rooms, session.organization))
        for each in denied:
            out.print(f"[red]denied[/red]  {each.who} tried to {each.what}")
            out.print(f"        {each.answer}", markup=False, style="dim")
    if as_json:
        print_json(
            {
                "endpoint": endpoint.https,
                "delivered": sent,
                "runs": [{"name": each.name, "status": each.status, "reason": each.reason} for each in ended],
                "report": {"status": report.status, "reason": report.reason, "notebook": report.notebook_at},
                "answer": [dict(zip(answer.columns, row, strict=True)) for row in answer.rows],
                "carriers": [dict(zip(carriers.columns, row, strict=True)) for row in carriers.rows],
                "denied": [asdict(each) for each in denied],
            }
        )
    else:
        _look_next(page)
    if not well:
        sys.exit(1)


def _bring(session: Session, *, quiet: bool) -> tuple[Applied, ...]:
    """Apply what the workspace declares, alone, as ``silolake apply`` does. Writes."""
    from silolake.cli.lake import perform

    with session.runner.journal.alone("apply"):
        return perform(session, session.plan(), 2, quiet=quiet)


def _look_next(page: Path) -> None:
    out = console()
    out.print("\n[bold]Where to look next[/bold]")
    if shutil.which("silolake") is None:
        out.print(f". {Path(sys.executable).with_name('activate')}    puts silolake on the path", markup=False)
    out.print(
        "silolake why                                     which statement of which policy denied last\n"
        "silolake runs                                    every notebook that ran, and its record\n"
        'silolake query "SELECT * FROM delay_causes LIMIT 5"\n'
        'eval "$(silolake env --as analytics/analyst)"    then: aws athena …, python, awswrangler\n'
        f"{page}   the report, in a browser\n"
        "silolake down, silolake up                       everything is still there\n"
        "silolake reset --all                             nothing is",
        markup=False,
    )
