"""``bootstrap``, ``plan``, ``apply``: the lake brought to what the workspace declares."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from silolake.cli.terminal import console, json_option, load_rooms, print_json, progress

if TYPE_CHECKING:
    from silolake.cli.session import Session
    from silolake.plan import Planned
    from silolake.reconcile import Applied, LakePlan, RunNotebook


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the steps; change nothing.")
@json_option
def bootstrap(dry_run: bool, as_json: bool) -> None:
    """Prepare the organization once, with the management account's credentials.

    What is prepared already is left; after a failure, the same command goes on.
    """
    from silolake import provisioning
    from silolake.workspace import open_cloud

    rooms = load_rooms()
    cloud = open_cloud(rooms.settings, rooms.root, rooms.organization.management, "Administrator")
    if dry_run:
        steps = [provisioning.explain(each) for each in provisioning.plan_bootstrap(cloud, rooms)]
        print_json(steps) if as_json else click.echo("\n".join(steps) or "Nothing to do.")
        return
    with progress("preparing the organization") as tell:
        report = provisioning.bootstrap(cloud, rooms, lambda step: (tell(step), None)[1])
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(str(report))


@click.command()
@click.option("--exit-code", is_flag=True, help="End with 2 if there is anything to do, for programs.")
@json_option
def plan(exit_code: bool, as_json: bool) -> None:
    """Show what apply would do; change nothing.

    Runs of notebooks, and beneath each the native steps of its verb. With --exit-code, 2 if there is anything to do.
    """
    from silolake.cli.session import opened
    from silolake.reconcile import explain

    with opened() as session:
        with progress("reading the organization"):
            planned = session.plan()
        if as_json:
            print_json(
                [
                    {
                        "name": each.name,
                        "run": explain(each.step),
                        "after": list(each.after),
                        "ground": each.ground,
                        "steps": [explain(step) for step in each.step.beneath],
                    }
                    for each in planned
                ]
            )
        elif not len(planned):
            click.echo("Nothing to do: the lake is what this workspace declares.")
        else:
            show(planned)
            click.echo(f"\n{len(planned)} runs. silolake apply performs them.")
        if exit_code and len(planned):
            sys.exit(2)


def show(planned: LakePlan) -> None:
    """Print a plan: runs, and beneath them the native steps of their verbs."""
    from silolake.reconcile import explain

    out = console()
    for each in planned:
        out.print(explain(each.step), style="bold", markup=False)
        for step in each.step.beneath:
            out.print(f"    {explain(step)}", markup=False)


@click.command()
@click.option("--at-once", type=click.IntRange(1, 32), default=2, show_default=True, help="Runs that go on together.")
@json_option
def apply(at_once: int, as_json: bool) -> None:
    """Bring the lake to what this workspace declares.

    Exit code 1 if any run does not complete; what was done stays, and the same command goes on.

    Exit code 1 if any run does not complete, or any delivery is not taken as it is.
    """
    from silolake.cli.session import opened

    # Two that planned apart would both do what both found missing.
    with opened() as session, session.runner.journal.alone("apply"):
        with progress("planning"):
            planned = session.plan()
        if not len(planned):
            print_json([]) if as_json else click.echo("Nothing to do: the lake is what this workspace declares.")
            return
        ended = perform(session, planned, at_once, quiet=as_json)
        if as_json:
            print_json(
                [
                    {
                        "name": e.name,
                        "status": e.status,
                        "reason": e.reason,
                        "run": e.run,
                        "wall_s": e.wall_s,
                        "concerns": list(e.concerns),
                    }
                    for e in ended
                ]
            )
        if not all(each.completed and not each.concerns for each in ended):
            sys.exit(1)


def perform(session: Session, planned: LakePlan, at_once: int, *, quiet: bool = False) -> tuple[Applied, ...]:
    """Apply a plan and tell each run as it ends. Writes."""
    from rich.markup import escape

    from silolake.reconcile import explain
    from silolake.reconcile.applying import Hearing
    from silolake.reconcile.applying import apply as apply_plan

    out, began = console(), time.monotonic()
    under_way: dict[str, str] = {}
    with progress("applying") as tell:

        def begins(each: Planned[RunNotebook]) -> None:
            under_way[each.name] = explain(each.step)
            tell(" · ".join(under_way.values()))

        def ended(done: Applied) -> None:
            under_way.pop(done.name, None)
            if not quiet:
                colour = "green" if done.completed else "red"
                out.print(f"[{colour}]{done.status:<11}[/{colour}] {escape(explain(done.step))}  {done.wall_s:.1f} s")
                for told in filter(None, (done.reason, *done.concerns)):
                    out.print(f"            {told}", markup=False)

        result = apply_plan(
            planned,
            session.perform,
            again=session.plan,
            hearing=Hearing(begins, ended),
            at_once=at_once,
        )
    if not quiet:
        failed = sum(not each.completed for each in result)
        words = f"{failed} of {len(result)} runs did not complete" if failed else f"{len(result)} runs completed"
        out.print(f"{words} in {time.monotonic() - began:.1f} s")
        if concerned := sum(len(each.concerns) for each in result):
            out.print(
                f"{concerned} drops were not taken as delivered; their receipts lie in each silo's quarantine bucket"
            )
    return result
