"""The verb ``publish``: a view's tables and partitions kept, its SQL created, and its columns asked for."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.cloud.queries import query
from silolake.cross_silo_views.performing import WORKGROUP, perform
from silolake.cross_silo_views.planning import plan_view
from silolake.cross_silo_views.sources import silos_of
from silolake.cross_silo_views.steps import VIEWS, explain
from silolake.errors import SilolakeError, StepFailed, UnknownName, WrongState
from silolake.rooms import Rooms, View

State = Literal["done", "unchanged", "failed", "not reached"]


@dataclass(frozen=True)
class Performed:
    """One step and how it ended; ``unchanged`` is what was so already."""

    step: str
    state: State
    reason: str = ""


@dataclass(frozen=True)
class PublishReport:
    """What publishing a view did.

    Attributes:
        view: its name.
        steps: in their order; the last one asks Athena for the view.
        silos: which silos each source reads.
    """

    view: str
    steps: tuple[Performed, ...]
    silos: Mapping[str, tuple[str, ...]]

    def raise_if_incomplete(self) -> None:
        """End the run unless the view stands and answers what its room says.

        Raises:
            StepFailed: the first step that did not do what it says.
        """
        for each in self.steps:
            if each.state in ("failed", "not reached"):
                raise StepFailed(each.step, each.reason or each.state)

    def to_json(self) -> dict[str, Any]:
        """As the run's record keeps it."""
        return {
            "verb": "publish",
            "subject": self.view,
            "steps": [{"step": each.step, "state": each.state, "reason": each.reason} for each in self.steps],
            "silos": {source: list(silos) for source, silos in self.silos.items()},
        }

    def __str__(self) -> str:
        steps = (f"  {each.state:<11} {each.step}" + (f": {each.reason}" if each.reason else "") for each in self.steps)
        silos = (f"  {source} reads {', '.join(names) or 'no silo'}" for source, names in self.silos.items())
        return "\n".join((f"publish {self.view}", *steps, *silos))

    def _repr_html_(self) -> str:
        def row(*cells: str) -> str:
            inner = "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in cells)
            return f"<tr>{inner}</tr>"

        steps = "".join(row(each.state, each.step, each.reason) for each in self.steps)
        silos = "".join(row(source, ", ".join(names) or "no silo") for source, names in self.silos.items())
        return (
            f"<p><b>publish {html.escape(self.view)}</b></p>"
            f"<table><tr><th>state</th><th>step</th><th></th></tr>{steps}</table>"
            f"<table><tr><th>source</th><th>silos</th></tr>{silos}</table>"
        )


def publish(cloud: Cloud, rooms: Rooms, view_name: str, organization: Organization) -> PublishReport:
    """Make a view in analytics what its room says; silos that left are read no more. Writes only what is not so.

    Args:
        cloud: the runner of analytics.
        rooms: the workspace's.
        view_name: which view.
        organization: the tree, which says which silos there are.

    Returns:
        Every step and how it ended; a step that fails ends the rest as not reached.

    Raises:
        UnknownName: there is no such view.
        WrongState: it is declared as a union, which Athena does not let be a view.
    """
    if view_name not in rooms.views:
        raise UnknownName("view", view_name, tuple(sorted(rooms.views)))
    view = rooms.views[view_name]
    if view.published == "union":
        raise WrongState(
            f"Athena makes no view over another account's catalog, so the union {view_name} cannot be published as one",
            "Say published: partitioned_table in its view.yaml, or query the text that compile_union gives",
        )
    silos = {
        name: tuple(silo.name for silo in silos_of(rooms, source, organization))
        for name, source in view.sources.items()
    }
    return PublishReport(view_name, tuple(_perform(cloud, rooms, view, organization)), silos)


def _perform(cloud: Cloud, rooms: Rooms, view: View, organization: Organization) -> Iterator[Performed]:
    failed = False
    for planned in plan_view(rooms, view, organization):
        told = explain(planned.step)
        if failed:
            yield Performed(told, "not reached")
            continue
        try:
            yield Performed(told, "done" if perform(planned.step, cloud, rooms) else "unchanged")
        except SilolakeError as error:
            failed = True
            yield Performed(told, "failed", str(error))
    told = f"read the columns of {VIEWS}.{view.name}"
    if failed:
        yield Performed(told, "not reached")
        return
    try:
        asked = f'SELECT * FROM {VIEWS}."{view.name}" LIMIT 0'
        found = query(cloud, asked, workgroup=WORKGROUP, database=VIEWS).columns
    except SilolakeError as error:
        yield Performed(told, "failed", str(error))
        return
    if found != tuple(view.columns):
        yield Performed(told, "failed", f"it answers {', '.join(found)}; view.yaml says {', '.join(view.columns)}")
        return
    yield Performed(told, "done")
