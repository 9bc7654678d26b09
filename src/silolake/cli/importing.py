"""``import``: a workspace's rooms written from what is observed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from silolake.cli.terminal import data_directory, directory_option, json_option, print_json, progress, running
from silolake.errors import WrongState
from silolake.model import Name, Region

_SETTINGS = """\
# Marks the root of this workspace. One lake is one Region and one stage.
lake: {lake}
stage: {stage}
region: {region}
cloud:
  {cloud}
"""


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--lake", required=True, help="The lake's name; guard rails and stack sets are named <lake>-<stage>-….")
@click.option("--stage", default="dev", show_default=True)
@click.option("--region", default="us-east-1", show_default=True)
@click.option(
    "--profile",
    default="",
    help="A delegated administrator's profile of AWS to read as; without it the local cloud's platform/runner reads.",
)
@click.option(
    "--deployment-map",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A deployment map of the AWS Deployment Framework, whose targets become pipelines'.",
)
@directory_option
@json_option
def import_(folder: Path, deployment_map: Path | None, directory: Path | None, as_json: bool, **said: str) -> None:
    """Write a workspace's rooms from what is observed.

    Into FOLDER, which has none yet: units, accounts and their tags, delegated administrators, guard rails, stack sets,
    the silos' catalog policies. What does not map is told. Where the lake's runner has applied before, this workspace
    takes over what it knows, so that its first plan is empty.
    """
    from silolake import importing
    from silolake.cloud import sign_in
    from silolake.cloud.door import Cloud, Reach

    try:
        named = {
            "lake": Name(said["lake"]).text,
            "stage": Name(said["stage"]).text,
            "region": Region(said["region"]).text,
        }
    except ValueError as error:
        raise WrongState(str(error), "Choose another") from error
    data = data_directory(directory)
    profile = said["profile"]
    reach = Reach(named["region"])
    cloud = Cloud(reach, profile=profile) if profile else sign_in(running(data), "platform", "runner")
    settings = _SETTINGS.format(**named, cloud=f"profile: {profile}" if profile else "local: true")
    with progress("reading the organization"):
        found = importing.find(cloud, f"{named['lake']}-{named['stage']}-")
        pipelines, unmapped = _mapped(deployment_map, found, cloud)
        rooms = importing.write(folder, settings, found, pipelines)
    told = (*found.told, *unmapped)
    taken = _take_over(rooms.root, data, local=not profile)
    if as_json:
        print_json({"folder": folder.resolve(), "not_mapped": told, "taken_over": taken})
        return
    for line in told:
        click.echo(f"not mapped: {line}")
    click.echo(
        f"Wrote {len(found.accounts)} accounts in {len(found.units)} units, {len(found.guard_rails)} guard rails, "
        f"{len(found.templates)} stack sets and {len(pipelines)} pipelines into {folder}."
    )
    if taken:
        click.echo(f"Took over what was applied: {', '.join(taken)}.")


def _mapped(deployment_map: Path | None, found: Any, cloud: Any) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    from silolake import importing
    from silolake.cloud.organization import read_organization

    if deployment_map is None:
        return (), ()
    ids: Mapping[str, str] = {
        each.id.text: name for name, each in read_organization(cloud).accounts.items() if name in found.accounts
    }
    text = deployment_map.read_text(encoding="utf-8")
    return importing.map_pipelines(text, str(deployment_map), found, ids)


def _take_over(root: Path, data: Path, *, local: bool) -> list[str]:
    """Let the index of what was applied say what the new rooms call it, where it was applied before. Writes.

    A silo that was enrolled stays enrolled: the policy that was read from it is the one that is declared now.
    """
    from silolake.cross_silo_views import check_view
    from silolake.reconcile import COMMITTED
    from silolake.rooms import load
    from silolake.session import NotBootstrapped, opened

    rooms = load(root, view_check=check_view)
    try:
        with opened(rooms, data if local else None) as session:
            known = session.runner.journal.applied()
            taken = [
                each
                for each in session.plan(COMMITTED)
                if each.step.marks and all((mark.kind, mark.name) in known for mark in each.step.marks)
            ]
            for each in taken:
                for mark in each.step.marks:
                    session.runner.journal.mark_applied(mark.kind, mark.name, mark.digest)
            return [each.name for each in taken]
    except NotBootstrapped:
        return []
