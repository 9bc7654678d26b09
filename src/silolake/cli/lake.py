"""``bootstrap``, ``plan``, ``apply``: the lake brought to what the workspace declares."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silolake.cli.terminal import console, json_option, load_rooms, print_json, progress
from silolake.errors import WrongState

if TYPE_CHECKING:
    from silolake.plan import Planned
    from silolake.reconcile import Applied, LakePlan, Part, RunNotebook
    from silolake.reconcile.saved import Standing
    from silolake.session import Session


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the steps; change nothing.")
@json_option
def bootstrap(dry_run: bool, as_json: bool) -> None:
    """Prepare the organization once, with the management account's credentials.

    What is prepared already is left; after a failure, the same command goes on.
    """
    from silolake import provisioning
    from silolake.session import DATA, open_cloud

    rooms = load_rooms()
    cloud = open_cloud(rooms.settings, rooms.root / DATA, rooms.organization.management, "Administrator")
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


deliveries_option = click.option(
    "--deliveries/--no-deliveries",
    "with_deliveries",
    default=True,
    show_default=True,
    help="Also what deliveries, due times and pipelines' ends call for; looks into each silo's drop zone.",
)


drift_option = click.option(
    "--drift",
    "with_drift",
    is_flag=True,
    help="Also what mends drift; reads the resources themselves, in every account.",
)


prune_option = click.option(
    "--prune",
    "with_prune",
    is_flag=True,
    help="Also take away what is the lake's and declared no more; never a bucket or a table with data in it.",
)


@dataclass(frozen=True)
class Wanted:
    """What a plan is to have beside what a commit declares; its names are the options'."""

    with_deliveries: bool
    with_drift: bool
    with_prune: bool

    @property
    def parts(self) -> frozenset[Part]:
        """The plan's parts."""
        from silolake.reconcile import COMMITTED, EVERYTHING, Part

        further = ((self.with_drift, Part.DRIFT), (self.with_prune, Part.PRUNE))
        return (EVERYTHING if self.with_deliveries else COMMITTED) | {part for wanted, part in further if wanted}


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan, for apply to perform.")
@deliveries_option
@drift_option
@prune_option
@click.option("--exit-code", is_flag=True, help="End with 2 if there is anything to do, for programs.")
@json_option
def plan(out: Path | None, exit_code: bool, as_json: bool, **further: bool) -> None:
    """Show what apply would do; change nothing.

    Runs of notebooks, and beneath each the native steps of its verb. With --exit-code, 2 if there is anything to do.
    """
    from silolake.cli.session import opened
    from silolake.reconcile import saved

    with opened() as session:
        with progress("reading the organization"):
            planned = session.plan(Wanted(**further).parts)
        if out is not None:
            said = saved.to_json(planned, session.rooms.settings, session.commit) | {"options": further}
            text = json.dumps(said, indent=1)
            passing = out.with_name(f"{out.name}.new")
            passing.write_text(text + "\n", encoding="utf-8")
            passing.replace(out)
        if as_json:
            print_json([saved.step_json(each) for each in planned])
        elif not len(planned):
            click.echo("Nothing to do: the lake is what this workspace declares.")
        else:
            show(planned)
            how = f"silolake apply {out}" if out else "silolake apply"
            click.echo(f"\n{size_of(planned)}. {how} performs them.")
        if exit_code and len(planned):
            sys.exit(2)


def show(planned: LakePlan) -> None:
    """Print a plan: runs, and beneath them the native steps of their verbs."""
    from silolake.reconcile import lines_of

    out = console()
    for line in lines_of(planned):
        out.print(line, style="" if line.startswith(" ") else "bold", markup=False)


def size_of(planned: LakePlan) -> str:
    """How large a plan is, in words: ``7 runs in 5 accounts``."""
    accounts = {each.step.account for each in planned}
    runs = f"{len(planned)} run{'s' if len(planned) != 1 else ''}"
    return f"{runs} in {len(accounts)} account{'s' if len(accounts) != 1 else ''}"


@click.command()
@click.argument("plan_file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--at-once", type=click.IntRange(1, 32), default=2, show_default=True, help="Runs that go on together.")
@deliveries_option
@drift_option
@prune_option
@json_option
def apply(plan_file: Path | None, at_once: int, as_json: bool, **further: bool) -> None:
    """Bring the lake to what this workspace declares.

    PLAN_FILE is a plan that silolake plan --out has saved: then that is performed and nothing else, and a step whose
    ground has moved since is refused. Exit code 1 if any run does not complete, or any delivery is not taken as it is;
    what was done stays, and the same command goes on.
    """
    from silolake.cli.session import opened
    from silolake.reconcile import saved

    reviewed = _read_plan(plan_file) if plan_file is not None else {}
    # Two that planned apart would both do what both found missing.
    with opened() as session, session.alone():
        with progress("planning"):
            planned = session.plan(Wanted(**{**further, **saved.options_of(reviewed, further)}).parts)
        moved: frozenset[str] = frozenset()
        if plan_file is not None:
            stands = saved.standing(reviewed, planned, session.rooms.settings)
            planned, moved = stands.plan, stands.moved
            if not as_json:
                _tell_standing(stands)
        if not len(planned):
            session.settle()
            print_json([]) if as_json else click.echo("Nothing to do: the lake is what this workspace declares.")
            return
        ended = perform(session, planned, at_once, quiet=as_json, moved=moved)
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


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongState(f"{path} is no plan: {error}", "Make one with silolake plan --out") from None
    return said if isinstance(said, dict) else {}


def _tell_standing(stands: Standing) -> None:
    if stands.done:
        click.echo(f"{len(stands.done)} of the plan's steps have nothing left to do: {', '.join(stands.done)}")
    if stands.unseen:
        click.echo(f"{len(stands.unseen)} steps are not in the plan and are left: {', '.join(stands.unseen)}")


def perform(
    session: Session, planned: LakePlan, at_once: int, *, quiet: bool = False, moved: frozenset[str] = frozenset()
) -> tuple[Applied, ...]:
    """Apply a plan and tell each run as it ends. Writes."""
    from rich.markup import escape

    from silolake.reconcile import Hearing, Manner
    from silolake.reconcile import explain as explain_step

    out, began = console(), time.monotonic()
    under_way: dict[str, str] = {}
    with progress("applying") as tell:

        def begins(each: Planned[RunNotebook]) -> None:
            under_way[each.name] = each.name
            tell(" · ".join(under_way.values()))

        def waits(tried: Applied, wait_s: float) -> None:
            under_way[tried.name] = f"{tried.name} tries again in {wait_s:.0f} s"
            tell(" · ".join(under_way.values()))

        def ended(done: Applied) -> None:
            under_way.pop(done.name, None)
            if not quiet:
                colour = "green" if done.completed else "red"
                words = escape(explain_step(done.step))
                out.print(f"[{colour}]{done.status:<11}[/{colour}] {words}  {done.wall_s:.1f} s")
                for told in filter(None, (done.reason, *done.concerns)):
                    out.print(f"            {told}", markup=False)

        result = session.apply(planned, Manner(at_once, Hearing(begins, waits, ended)), moved=moved)
    if not quiet:
        failed = sum(not each.completed for each in result)
        words = f"{failed} of {len(result)} runs did not complete" if failed else f"{len(result)} runs completed"
        out.print(f"{words} in {time.monotonic() - began:.1f} s")
        if concerned := sum(len(each.concerns) for each in result):
            out.print(
                f"{concerned} drops were not taken as delivered; their receipts lie in each silo's quarantine bucket"
            )
    return result
