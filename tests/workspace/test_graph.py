"""The pipelines of a workspace, drawn: what makes them run, their steps in order, what they make, who reads that."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from silolake import rooms
from silolake.errors import UnknownName
from silolake.graph import draw, graph_of

BASE = Path(__file__).parents[1] / "cases" / "rooms" / "base"
REPORT = """\
name: report
description: A report.
executor: platform
targets: account:platform
triggers: [{after: parcels}, {schedule: rate(1 day), time_zone: Europe/Rome}]
steps:
  - {name: "left", notebook: notebooks/count.ipynb}
  - {name: "right", notebook: notebooks/count.ipynb, after: [], targets: "account:platform"}
  - {name: "both", notebook: notebooks/count.ipynb, after: [left, right]}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> rooms.Rooms:
    root = Path(shutil.copytree(BASE, tmp_path / "workspace"))
    (root / "pipelines" / "report").mkdir()
    (root / "pipelines" / "report" / "pipeline.yaml").write_text(REPORT)
    return rooms.load(root)


def test_a_person_reads_it_as_a_tree(loaded: rooms.Rooms) -> None:
    assert (
        draw(graph_of(loaded), "text")
        == """\
parcels: ou:silos tag:kind=office -account:oslo
  on a delivery into parcels/
  · validate
  · count  after validate
  makes parcels

report: account:platform
  on the end of parcels
  on rate(1 day) Europe/Rome
  · left
  · right (account:platform)
  · both  after left, right (account:platform)

parcels_everywhere reads parcels"""
    )


@pytest.mark.parametrize(("form", "edge"), [("mermaid", " --> "), ("dot", " -> ")])
def test_a_drawing_has_every_edge_once_and_names_no_node_that_is_not_there(
    loaded: rooms.Rooms, form: str, edge: str
) -> None:
    graph = graph_of(loaded)
    lines = [line.strip(" ;") for line in draw(graph, form).splitlines()]
    edges = [tuple(line.split(edge)) for line in lines if edge in line]
    assert len(edges) == len(set(edges)) == len(graph.edges)
    # In Mermaid a node's shape follows its name at once; in DOT its name is in quotes.
    named = {re.match(r'"[^"]*"|[^\[({]*', line)[0].strip() for line in lines if edge not in line}  # type: ignore[index]
    assert {end for pair in edges for end in pair} <= named


def test_some_pipelines_are_drawn_alone(loaded: rooms.Rooms) -> None:
    """What another one brings about is told still."""
    assert "parcels_everywhere" not in draw(graph_of(loaded, ("report",)), "text")
    assert "  on the end of parcels" in draw(graph_of(loaded, ("report",)), "text")
    with pytest.raises(UnknownName, match="'parcel'"):
        graph_of(loaded, ("parcel",))
