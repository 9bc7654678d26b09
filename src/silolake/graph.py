"""The pipelines of a workspace as a graph: triggers, steps, products, views; drawn as text, Mermaid or DOT. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from silolake.errors import UnknownName
from silolake.rooms import OnCommit, OnDelivery, OnEnd, OnSchedule, Pipeline, Rooms, Trigger

Kind = Literal["trigger", "pipeline", "step", "product", "view"]


@dataclass(frozen=True)
class Node:
    """One thing in the graph.

    Attributes:
        key: unique, and the same whenever the graph is made.
        kind: what it is.
        words: what is written on it.
        within: the pipeline that a step belongs to.
    """

    key: str
    kind: Kind
    words: str
    within: str = ""


@dataclass(frozen=True)
class Graph:
    """Things, and what comes after what."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


def graph_of(rooms: Rooms, wanted: tuple[str, ...] = ()) -> Graph:
    """The graph of some pipelines, or of all, with the views that read what they make. Pure.

    Raises:
        UnknownName: there is no such pipeline.
    """
    for name in wanted:
        if name not in rooms.pipelines:
            raise UnknownName("pipeline", name, tuple(sorted(rooms.pipelines)))
    pipelines = [rooms.pipelines[name] for name in sorted(wanted or rooms.pipelines)]
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], None] = {}
    for pipeline in pipelines:
        for node in _nodes(pipeline):
            nodes[node.key] = node
        edges |= dict.fromkeys(_edges(pipeline))
    for view in rooms.views.values():
        read = sorted({f"product:{source.product}" for source in view.sources.values()} & set(nodes))
        if read:
            nodes[f"view:{view.name}"] = Node(f"view:{view.name}", "view", view.name)
            edges |= dict.fromkeys((product, f"view:{view.name}") for product in read)
    return Graph(tuple(nodes.values()), tuple(edges))


def _nodes(pipeline: Pipeline) -> Iterator[Node]:
    for trigger in pipeline.triggers:
        if not isinstance(trigger, OnEnd):
            yield Node(_trigger_key(pipeline, trigger), "trigger", words_of(pipeline, trigger))
    yield Node(f"pipeline:{pipeline.name}", "pipeline", f"{pipeline.name}: {pipeline.targets}")
    for step in pipeline.steps:
        only = f" ({step.targets})" if step.targets else ""
        yield Node(f"step:{pipeline.name}/{step.name}", "step", f"{step.name}{only}", pipeline.name)
    if pipeline.product:
        yield Node(f"product:{pipeline.product}", "product", pipeline.product)


def _edges(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    for trigger in pipeline.triggers:
        yield _trigger_key(pipeline, trigger), f"pipeline:{pipeline.name}"
    followed = {name for step in pipeline.steps for name in step.after}
    for step in pipeline.steps:
        here = f"step:{pipeline.name}/{step.name}"
        yield from ((f"step:{pipeline.name}/{name}", here) for name in step.after)
        if not step.after:
            yield f"pipeline:{pipeline.name}", here
        if pipeline.product and step.name not in followed:
            yield here, f"product:{pipeline.product}"


def _trigger_key(pipeline: Pipeline, trigger: Trigger) -> str:
    return f"pipeline:{trigger.pipeline}" if isinstance(trigger, OnEnd) else f"trigger:{words_of(pipeline, trigger)}"


def words_of(pipeline: Pipeline, trigger: Trigger) -> str:
    """What makes a pipeline run, in words."""
    match trigger:
        case OnCommit():
            return "a commit"
        case OnDelivery():
            return f"a delivery into {pipeline.drop}"
        case OnSchedule(when=when, time_zone=zone):
            return f"{when} {zone}"
        case OnEnd(pipeline=other):
            return f"the end of {other}"
        case _:
            assert_never(trigger)


def draw(graph: Graph, form: str) -> str:
    """A graph as ``text``, ``mermaid`` or ``dot``. Pure."""
    match form:
        case "mermaid":
            return _mermaid(graph)
        case "dot":
            return _dot(graph)
        case _:
            return _text(graph)


# https://mermaid.js.org/syntax/flowchart.html
_SHAPES: Mapping[Kind, tuple[str, str]] = {
    "trigger": ("([", "])"),
    "pipeline": ("{{", "}}"),
    "step": ("[", "]"),
    "product": ("[(", ")]"),
    "view": ("[/", "/]"),
}


def _mermaid(graph: Graph) -> str:
    number = {node.key: f"n{place}" for place, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        left, right = _SHAPES[node.kind]
        words = node.words.replace('"', "#quot;")
        lines.append(f'  {number[node.key]}{left}"{words}"{right}')
    lines += [f"  {number[a]} --> {number[b]}" for a, b in graph.edges if a in number and b in number]
    return "\n".join(lines)


# https://graphviz.org/doc/info/shapes.html
_DOT_SHAPES: Mapping[Kind, str] = {
    "trigger": "oval", "pipeline": "hexagon", "step": "box", "product": "cylinder", "view": "parallelogram",
}  # fmt: skip


def _dot(graph: Graph) -> str:
    here = {node.key for node in graph.nodes}
    lines = ["digraph pipelines {", "  rankdir=LR;"]
    lines += [f"  {_quoted(n.key)} [label={_quoted(n.words)}, shape={_DOT_SHAPES[n.kind]}];" for n in graph.nodes]
    lines += [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in graph.edges if a in here and b in here]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(graph: Graph) -> str:
    """Each pipeline with what makes it run above it, its steps in order beneath it, and what comes of it."""
    words = {node.key: node.words for node in graph.nodes}
    before: dict[str, list[str]] = {node.key: [] for node in graph.nodes}
    for a, b in graph.edges:
        if b in before:
            before[b].append(words.get(a, a.partition(":")[2]))
    lines: list[str] = []
    for node in graph.nodes:
        match node.kind:
            case "pipeline":
                lines += ["", node.words] if lines else [node.words]
                lines += [f"  on {each}" for each in _causes(graph, node, words)]
            case "step":
                after = [each for each in before[node.key] if each != words[f"pipeline:{node.within}"]]
                lines.append(f"  · {node.words}" + (f"  after {', '.join(after)}" if after else ""))
            case "product":
                lines.append(f"  makes {node.words}")
            case "view":
                lines += ["", f"{node.words} reads {', '.join(before[node.key])}"]
            case "trigger":
                pass
    return "\n".join(lines) or "There are no pipelines."


def _causes(graph: Graph, node: Node, words: Mapping[str, str]) -> Iterator[str]:
    for a, b in graph.edges:
        if b == node.key:
            kind, _, name = a.partition(":")
            yield f"the end of {name}" if kind == "pipeline" else words[a]
