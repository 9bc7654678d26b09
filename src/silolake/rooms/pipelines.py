"""Reading ``pipelines/<name>/``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Literal, cast

from silolake.contracts import Contract, read_contract
from silolake.contracts.lines import Node
from silolake.rooms.organization import declared_selector
from silolake.rooms.reading import called, folders, name_of, one_of, read_room, read_text
from silolake.rooms.values import Organization, Pipeline, Step

ROOM = "pipelines"


def read_pipelines(root: Path, organization: Organization) -> Mapping[str, Pipeline]:
    """Read every pipeline, by name.

    Raises:
        RoomError: for a line that cannot be understood, and for two pipelines that make one product or whose drops
            overlap.
    """
    found: dict[str, Pipeline] = {}
    for folder in folders(root, ROOM):
        node = read_room(root, folder / "pipeline.yaml", "Declare the pipeline there, or take the folder away.")
        pipeline = _pipeline(root, folder, node, organization)
        for other in found.values():
            if other.product == pipeline.product:
                advice = f"{other.path} makes it already; name the contract's table otherwise."
                raise node.fault_at("contract", f"two pipelines make the product {pipeline.product!r}", advice)
            if other.drop.startswith(pipeline.drop) or pipeline.drop.startswith(other.drop):
                advice = f"{other.path} takes {other.drop}; choose a prefix beside it."
                raise node.fault_at("drop", f"the drop {pipeline.drop!r} overlaps another", advice)
        found[pipeline.name] = pipeline
    return found


def _pipeline(root: Path, folder: Path, node: Node, organization: Organization) -> Pipeline:
    entry = node.fields(("name", "description", "executor", "targets", "drop", "contract"), ("notebook", "steps"))
    name = name_of(entry["name"], "a pipeline's name").text
    if name != folder.name:
        raise entry["name"].fault(f"the folder is called {folder.name!r}, the pipeline {name!r}", "Call both the same.")
    samples = folder / "samples"
    return Pipeline(
        name=name,
        description=entry["description"].text("a description"),
        steps=_steps(node, entry),
        executor=cast(Literal["platform", "silo"], one_of(entry["executor"], "an executor", ("platform", "silo"))),
        targets=declared_selector(entry["targets"], organization),
        drop=_drop(entry["drop"]),
        contract=_contract(root, folder, entry["contract"]),
        samples=samples if samples.is_dir() else None,
        folder=called(root, folder),
        path=node.path,
        line=node.line or 1,
    )


def _contract(root: Path, folder: Path, node: Node) -> Contract:
    path = folder / _inside(node, ".yaml")
    text = read_text(root, path, f"{node.path}:{node.line} names it; write the contract there.")
    return read_contract(text, called(root, path))


def _inside(node: Node, suffix: str) -> str:
    text = node.text("a file")
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or path.suffix != suffix or "\\" in text:
        raise node.fault(
            f"{text!r} is not a {suffix} file of this workspace",
            f"Write a path that ends in {suffix}, without .. in it.",
        )
    return path.as_posix()


def _steps(node: Node, entry: Mapping[str, Node]) -> tuple[Step, ...]:
    if ("notebook" in entry) == ("steps" in entry):
        raise node.fault(
            "a pipeline has either a notebook or steps", "Write notebook: for one, steps: for several in order."
        )
    if "notebook" in entry:
        notebook = _inside(entry["notebook"], ".ipynb")
        return (Step(PurePosixPath(notebook).stem, notebook, {}, node.path, node.key_lines["notebook"]),)
    found: dict[str, Step] = {}
    for item in entry["steps"].items("- name: …"):
        step = item.fields(("name", "notebook"), ("parameters",))
        name = name_of(step["name"], "a step's name").text
        if name in found:
            raise step["name"].fault(f"two steps are called {name!r}", f"The other one is at line {found[name].line}.")
        given = step["parameters"].entries("parameters") if "parameters" in step else {}
        parameters = {key: value.plain() for key, value in given.items()}
        found[name] = Step(name, _inside(step["notebook"], ".ipynb"), parameters, node.path, item.line)
    if not found:
        raise entry["steps"].fault("no step is listed", "List at least one - name: and notebook:.")
    return tuple(found.values())


def _drop(node: Node) -> str:
    prefix = node.text("a prefix")
    if prefix.startswith("/") or not prefix.endswith("/") or "//" in prefix or ".." in prefix.split("/"):
        raise node.fault(
            f"{prefix!r} is not a prefix of object keys", "Write it like flights/: a slash at its end, none before it."
        )
    return prefix
