"""``init``: the rooms of a company's own workspace."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import click

from silolake.cli.terminal import json_option, print_json
from silolake.errors import WrongState
from silolake.model import Name, Region

_SETTINGS = """\
# Marks the root of this workspace. One lake is one Region and one stage.
lake: {lake}
stage: {stage}
region: {region}
cloud:
  local: true
"""

_ORGANIZATION = """\
# What must exist in the organization. Accounts are keyed by name and e-mail; their ids are discovered.
# What is `managed` is made and changed by the lake; what is `observed` belongs to another team and is only verified.

management: management

units:
  platform: managed
  silos: managed
  analytics: managed
  departed: managed

accounts:
  platform:
    email: platform@{domain}
    unit: platform
  analytics:
    email: analytics@{domain}
    unit: analytics
  # A silo is an account in the unit silos; add one, then silolake apply:
  # sales:
  #   email: sales@{domain}
  #   unit: silos
  #   tags: {{kind: project}}

delegated_administrators:
  platform: [member.org.stacksets.cloudformation.amazonaws.com]

guard_rails:
  protect_lake.scp: [platform, silos, analytics, departed]
  own_catalog_only.scp: [silos, departed]
  organization_perimeter.rcp: [root]
  silo_isolation.rcp: [silos, departed]

stack_sets:
  platform_base:
    units: [platform]
  silo_data:
    units: [silos]
    depends_on: [platform_base]
  silo_base:
    units: [silos]
    depends_on: [silo_data]
  analytics_base:
    units: [analytics]
    depends_on: [platform_base]
"""

_WORKFLOWS = {"github": ".github/workflows/silolake.yml", "gitlab": ".gitlab-ci.yml"}
_IGNORED = ".silolake/\n.ipynb_checkpoints/\n"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--lake", required=True, help="The lake's name; it begins every bucket's name.")
@click.option("--stage", default="dev", show_default=True)
@click.option("--region", default="us-east-1", show_default=True)
@click.option(
    "--domain", default="lake.example", show_default=True, help="Whose addresses the accounts' root users get."
)
@click.option("--ci", type=click.Choice(list(_WORKFLOWS)), help="Also a workflow that says the plan on each request.")
@json_option
def init(folder: Path, *, as_json: bool, ci: str | None, **said: str) -> None:
    """Lay out the rooms of a new workspace.

    In FOLDER; what is there already is never overwritten.
    """
    try:
        named = {
            "lake": Name(said["lake"]).text,
            "stage": Name(said["stage"]).text,
            "region": Region(said["region"]).text,
            "domain": said["domain"],
        }
    except ValueError as error:
        raise WrongState(str(error), "Choose another") from error
    if (folder / "silolake.yaml").exists():
        raise WrongState(f"{folder} is a workspace already", "Choose an empty folder")
    for room in ("provisioning", "pipelines", "cross_silo_views", "notebooks"):
        if (folder / room).exists():
            raise WrongState(f"{folder / room} is there already", "Choose an empty folder")
    workflow = folder / _WORKFLOWS[ci] if ci is not None else None
    if workflow is not None and workflow.exists():
        raise WrongState(f"{workflow} is there already", "Take it away, or leave --ci out")
    with as_file(files("silolake") / "starter") as starter:
        for source, target in (
            ("stack_sets", "provisioning/stack_sets"),
            ("policies", "provisioning/policies"),
            ("notebooks", "notebooks"),
        ):
            shutil.copytree(starter / source, folder / target, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        if workflow is not None:
            workflow.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(starter / "ci" / f"{ci}.yml", workflow)
    for room in ("pipelines", "cross_silo_views"):
        (folder / room).mkdir(parents=True)
        (folder / room / ".gitkeep").touch()
    (folder / "provisioning" / "organization.yaml").write_text(_ORGANIZATION.format(**named))
    (folder / "silolake.yaml").write_text(_SETTINGS.format(**named))
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text(_IGNORED)
    if as_json:
        print_json({"folder": folder.resolve(), **named})
        return
    click.echo(
        f"Laid out the lake {named['lake']} in {folder}. "
        f"Next: cd {folder}; silolake up; silolake bootstrap; silolake plan"
    )
