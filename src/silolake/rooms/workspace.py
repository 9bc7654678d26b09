"""Reading a whole workspace, and the digests of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from silolake.contracts import Contract
from silolake.contracts.lines import Node, advise
from silolake.errors import BadParameters, NotAWorkspace, RoomError
from silolake.model import digest
from silolake.rooms.judging import check_policies
from silolake.rooms.kinds import Value
from silolake.rooms.notebooks import Notebook, find_notebook
from silolake.rooms.organization import read_organization, read_settings
from silolake.rooms.pipelines import read_pipelines
from silolake.rooms.placeholders import check_placeholders
from silolake.rooms.templates import read_policies, read_stack_sets
from silolake.rooms.values import Organization, Pipeline, Policy, Rooms, Settings, StackSet, Step, View
from silolake.rooms.views import read_views

Part = Settings | Organization | Pipeline | View | Policy | StackSet | Contract
ViewCheck = Callable[[View, Mapping[str, Contract]], None]

_MARKER = "silolake.yaml"
_WHERE = frozenset({"path", "line", "line_of_readers", "sql_path", "cases", "samples"})


def find_root(start: Path) -> Path:
    """The workspace that a folder lies in: the nearest one upwards with a ``silolake.yaml``.

    Raises:
        NotAWorkspace: where there is none.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / _MARKER).is_file():
            return folder
    raise NotAWorkspace(str(start))


def load(root: Path, view_check: ViewCheck | None = None) -> Rooms:
    """Read the rooms of a workspace. Reads only files.

    Args:
        root: the folder of ``silolake.yaml``.
        view_check: judges a view's SQL by the contracts of its products, and raises a RoomError.

    Raises:
        NotAWorkspace: where there is no ``silolake.yaml``.
        RoomError: for the first line that cannot be understood, with what to do.
    """
    if not (root / _MARKER).is_file():
        raise NotAWorkspace(str(root))
    settings = read_settings(root)
    organization = read_organization(root)
    pipelines = read_pipelines(root, organization)
    contracts = {pipeline.product: pipeline.contract for pipeline in pipelines.values() if pipeline.promise}
    rooms = Rooms(
        root=root,
        settings=settings,
        organization=organization,
        pipelines=pipelines,
        views=read_views(root, contracts, organization),
        policies=read_policies(root),
        stack_sets=read_stack_sets(root),
    )
    _check_names(rooms)
    check_placeholders(rooms)
    check_policies(rooms)
    if view_check is not None:
        for view in rooms.views.values():
            view_check(view, rooms.contracts)
    return rooms


def check_notebooks(rooms: Rooms) -> None:
    """Every step's notebook is there, and takes what the step gives it. Reads only.

    Raises:
        RoomError: with the line of the first step that could not run.
    """
    for pipeline in rooms.pipelines.values():
        for step in pipeline.steps:
            if not (rooms.root / step.notebook).is_file():
                advice = "Write its path from the workspace's root."
                raise RoomError(step.path, step.line, f"there is no notebook {step.notebook}", advice)
            notebook = find_notebook(rooms.root, step.notebook)
            try:
                notebook.check(parameters_of(pipeline, step, notebook, ""))
            except BadParameters as error:
                advice = "Correct the step's parameters, or the notebook's."
                raise RoomError(step.path, step.line, f"{step.notebook}: {error.reason}", advice) from None


def parameters_of(
    pipeline: Pipeline, step: Step, notebook: Notebook, account: str, due: datetime | None = None
) -> dict[str, Value]:
    """What a step's notebook is given for an account: the step's parameters, and what a run says itself.

    A notebook that takes ``silo`` or ``pipeline`` is told the account's and the pipeline's name, one that takes ``due``
    the time it was due (empty where no schedule runs it), unless the step says otherwise.
    """
    at = due.isoformat() if due is not None else ""
    told: dict[str, Value] = {"silo": account, "pipeline": pipeline.name, "due": at}
    taken = {each.name for each in notebook.parameters}
    given = cast(Mapping[str, Value], step.parameters)
    return {**{name: value for name, value in told.items() if name in taken}, **given}


def digest_of(part: Part) -> str:
    """What a part of the rooms says, as a digest; comments, layout, samples and cases do not count.

    Args:
        part: the settings, the organization, a pipeline (with its contract), a view, a policy, a stack set, a contract.
    """
    match part:
        case Contract():
            return part.digest
        case Policy() | StackSet():
            return digest([type(part).__name__, part.name, part.node.plain()])
        case _:
            return digest([type(part).__name__, _told(part)])


def _told(value: object) -> object:
    match value:
        case Contract():
            return value.digest
        case Node():
            return value.plain()
        case dict():
            return {str(key): _told(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_told(inner) for inner in value]
        case None | bool() | str() | int() | float():
            return value
        case _ if is_dataclass(value):
            kept = (each.name for each in fields(value) if each.name not in _WHERE)
            return {"is": type(value).__name__} | {name: _told(getattr(value, name)) for name in kept}
        case _:
            return str(value)


def _check_names(rooms: Rooms) -> None:
    organization = rooms.organization
    for rail in organization.guard_rails:
        if rail.policy not in rooms.policies:
            told = f"no policy is called {rail.policy!r}"
            raise RoomError(
                rail.path, rail.line, told, f"{advise(rail.policy, rooms.policies)} They lie in provisioning/policies/."
            )
    for deployment in organization.deployments:
        if deployment.stack_set not in rooms.stack_sets:
            told = f"no template is called {deployment.stack_set!r}"
            advice = f"{advise(deployment.stack_set, rooms.stack_sets)} They lie in provisioning/stack_sets/."
            raise RoomError(deployment.path, deployment.line, told, advice)
    for view in rooms.views.values():
        for reader in view.readers:
            _check_reader(rooms, view, reader)


def _check_reader(rooms: Rooms, view: View, reader: str) -> None:
    """What a view's reader may do is said by the role's own template; a role that none makes reads nothing."""
    account, _, role = reader.partition("/")
    unit = rooms.organization.accounts[account].unit
    sets = [each.stack_set for each in rooms.organization.deployments if unit in each.units]
    made = tuple(name for each in sets for name in _roles_of(rooms.stack_sets[each]))
    if role not in made:
        told = f"no stack set of {account} has a role {role!r}"
        raise RoomError(view.path, view.line_of_readers, told, advise(role, made))


def _roles_of(stack_set: StackSet) -> Iterator[str]:
    resources = stack_set.node.plain()["Resources"]  # type: ignore[index]
    for each in resources.values():
        match each:
            case {"Type": "AWS::IAM::Role", "Properties": {"RoleName": str(name)}}:
                yield name
