"""Reading ``pipelines/<name>/``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

from silolake.contracts import Contract, read_contract
from silolake.contracts.lines import Node, advise
from silolake.rooms.organization import declared_selector
from silolake.rooms.reading import called, folders, inside, name_of, one_of, read_room, read_text
from silolake.rooms.selectors import Selector
from silolake.rooms.steps import read_steps
from silolake.rooms.triggers import read_triggers
from silolake.rooms.values import OnEnd, Organization, Pipeline, Promise

ROOM = "pipelines"
_AT_ONCE, _MOST_AT_ONCE = 4, 64
_SHARE = re.compile(r"(\d{1,3})%")


def read_pipelines(root: Path, organization: Organization) -> Mapping[str, Pipeline]:
    """Read every pipeline, by name.

    Raises:
        RoomError: for a line that cannot be understood; for two pipelines that make one product or whose drops
            overlap; for pipelines whose ends wait for each other.
    """
    found: dict[str, Pipeline] = {}
    nodes: dict[str, Node] = {}
    for folder in folders(root, ROOM):
        node = read_room(root, folder / "pipeline.yaml", "Declare the pipeline there, or take the folder away.")
        pipeline = _pipeline(root, folder, node, organization)
        for other in found.values():
            _check_apart(node, pipeline, other)
        found[pipeline.name], nodes[pipeline.name] = pipeline, node
    _check_ends(found, nodes)
    return found


def _check_apart(node: Node, pipeline: Pipeline, other: Pipeline) -> None:
    if pipeline.promise is None or other.promise is None:
        return
    if other.product == pipeline.product:
        advice = f"{other.path} makes it already; name the contract's table otherwise."
        raise node.fault_at("contract", f"two pipelines make the product {pipeline.product!r}", advice)
    if other.drop.startswith(pipeline.drop) or pipeline.drop.startswith(other.drop):
        advice = f"{other.path} takes {other.drop}; choose a prefix beside it."
        raise node.fault_at("drop", f"the drop {pipeline.drop!r} overlaps another", advice)


def _check_ends(found: Mapping[str, Pipeline], nodes: Mapping[str, Node]) -> None:
    waits = {
        name: [each.pipeline for each in pipeline.triggers if isinstance(each, OnEnd)]
        for name, pipeline in found.items()
    }
    for name, others in waits.items():
        for other in others:
            if other not in found:
                raise nodes[name].fault_at("triggers", f"no pipeline is called {other!r}", advise(other, found))
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        ring = [str(each) for each in error.args[1]]
        told = f"pipelines wait for each other: {' → '.join(ring)}"
        raise nodes[ring[0]].fault_at("triggers", told, "Take one of these triggers away.") from None


def _pipeline(root: Path, folder: Path, node: Node, organization: Organization) -> Pipeline:
    entry = node.fields(
        ("name", "description", "executor", "targets"),
        (
            *("drop", "contract", "notebook", "steps", "triggers"),
            *("waves", "at_once", "failure_tolerance"),
        ),
    )
    name = name_of(entry["name"], "a pipeline's name").text
    if name != folder.name:
        raise entry["name"].fault(f"the folder is called {folder.name!r}, the pipeline {name!r}", "Call both the same.")
    promise = _promise(root, folder, node, entry)
    return Pipeline(
        name=name,
        description=entry["description"].text("a description"),
        steps=read_steps(node, entry, organization),
        executor=_executor(entry["executor"]),
        targets=declared_selector(entry["targets"], organization),
        triggers=read_triggers(node, entry, delivered=promise is not None),
        waves=_waves(entry, organization),
        at_once=_at_once(entry),
        tolerated=_tolerated(entry),
        promise=promise,
        folder=called(root, folder),
        path=node.path,
        line=node.line or 1,
    )


def _executor(node: Node) -> Literal["platform", "silo"]:
    executor = one_of(node, "an executor", ("platform", "silo"))
    if executor == "silo":
        # The pipeline in each silo that will run them is yet to come; until then nobody would.
        raise node.fault("a silo does not run its own pipelines yet", "Write platform; its runner runs them there.")
    return "platform"


def _promise(root: Path, folder: Path, node: Node, entry: Mapping[str, Node]) -> Promise | None:
    if ("drop" in entry) != ("contract" in entry):
        there, missing = ("drop", "contract") if "drop" in entry else ("contract", "drop")
        told = f"it has a {there} and no {missing}"
        raise node.fault_at(
            there, told, f"Add {missing}: here, or take {there} away: without both it makes no product."
        )
    if "drop" not in entry:
        return None
    samples = folder / "samples"
    return Promise(
        _drop(entry["drop"]), _contract(root, folder, entry["contract"]), samples if samples.is_dir() else None
    )


def _contract(root: Path, folder: Path, node: Node) -> Contract:
    path = folder / inside(node, ".yaml")
    text = read_text(root, path, f"{node.path}:{node.line} names it; write the contract there.")
    return read_contract(text, called(root, path))


def _drop(node: Node) -> str:
    prefix = node.text("a prefix")
    if prefix.startswith("/") or not prefix.endswith("/") or "//" in prefix or ".." in prefix.split("/"):
        raise node.fault(
            f"{prefix!r} is not a prefix of object keys", "Write it like flights/: a slash at its end, none before it."
        )
    return prefix


def _waves(entry: Mapping[str, Node], organization: Organization) -> tuple[Selector, ...]:
    if "waves" not in entry:
        return ()
    found: list[Selector] = []
    for item in entry["waves"].items("selectors"):
        selector = declared_selector(item, organization)
        if selector in found:
            raise item.fault(f"the wave {selector.text!r} is listed twice", "Take one of them away.")
        found.append(selector)
    if not found:
        raise entry["waves"].fault("no wave is listed", "List selectors, first those that come first.")
    return tuple(found)


def _at_once(entry: Mapping[str, Node]) -> int:
    if "at_once" not in entry:
        return _AT_ONCE
    number = entry["at_once"].whole()
    if not 1 <= number <= _MOST_AT_ONCE:
        raise entry["at_once"].fault(f"{number} accounts cannot go on at once", f"Write 1 to {_MOST_AT_ONCE}.")
    return number


def _tolerated(entry: Mapping[str, Node]) -> int | float:
    if "failure_tolerance" not in entry:
        return 0
    node = entry["failure_tolerance"]
    if isinstance(node.value, str):
        share = _SHARE.fullmatch(node.value)
        if not share or int(share[1]) > 100:
            raise node.fault(f"{node.value!r} is no tolerance", "Write a number of accounts, or a share such as 10%.")
        return int(share[1]) / 100
    number = node.whole()
    if number < 0:
        raise node.fault(f"{number} accounts cannot fail", "Write 0 or more, or a share such as 10%.")
    return number
