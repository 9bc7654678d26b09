"""The pipelines of an AWS Deployment Framework deployment map, as far as they map.

A target becomes a selector, the order of targets becomes waves. What a map's pipelines deploy, from which repository
and by which provider, has nothing that answers to it here: a pipeline runs notebooks, and gets one that only looks.
https://github.com/awslabs/aws-deployment-framework/blob/master/docs/user-guide.md#deployment-map
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from silolake.contracts.lines import read_yaml
from silolake.importing.observing import Found

_ID = re.compile(r"\d{12}")
_SLUG = re.compile(r"[^a-z0-9]+")
_KNOWN = frozenset({"path", "target", "tags", "wave", "exclude"})


@dataclass(frozen=True)
class Mapped:
    """One pipeline.

    Attributes:
        name: as rooms name it.
        said: its name in the map.
        waves: its targets in their order, each a selector.
    """

    name: str
    said: str
    waves: tuple[str, ...]

    def write(self, root: Path) -> None:
        """Write ``pipeline.yaml`` and its notebook. Writes below ``root``."""
        folder = root / "pipelines" / self.name
        folder.mkdir(parents=True)
        waves = f"waves: [{', '.join(json.dumps(each) for each in self.waves)}]\n" if len(self.waves) > 1 else ""
        (folder / "pipeline.yaml").write_text(
            f"name: {self.name}\n"
            f"description: {json.dumps(f'{self.said} of the deployment map: its targets, not what it deployed')}\n"
            "executor: platform\n"
            f"targets: {json.dumps(', '.join(self.waves))}\n"
            f"{waves}"
            "triggers: [commit]\n"
            f"notebook: notebooks/pipelines/{self.name}.ipynb\n",
            encoding="utf-8",
        )
        place = root / "notebooks" / "pipelines" / f"{self.name}.ipynb"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(_notebook(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def map_pipelines(
    text: str, path: str, found: Found, ids: Mapping[str, str]
) -> tuple[tuple[Mapped, ...], tuple[str, ...]]:
    """Read a deployment map. Pure.

    Args:
        text: the map.
        path: its file's name, for complaints.
        found: the units and accounts that selectors may name.
        ids: accounts' names by their ids.

    Returns:
        The pipelines, and what does not map, one line each.

    Raises:
        RoomError: it is not YAML that can be read strictly.
    """
    plain = read_yaml(text, path).plain()
    listed = plain.get("pipelines", []) if isinstance(plain, Mapping) else []
    made: list[Mapped] = []
    told: list[str] = []
    for each in listed:
        reader = _Targets(str(each.get("name", "")), found, ids)
        waves = tuple(dict.fromkeys(reader.selectors(each.get("targets", []))))
        told += reader.told
        further = sorted(key for key in each if key not in ("name", "targets", "description"))
        if further:
            told.append(f"{reader.pipeline}: {', '.join(further)} say what is deployed, which has no answer here")
        name = _SLUG.sub("_", reader.pipeline.lower()).strip("_")
        if not waves or not name[:1].isalpha():
            told.append(f"{reader.pipeline or 'a pipeline without a name'} is left out: none of its targets maps")
        else:
            made.append(Mapped(name, reader.pipeline, waves))
    return tuple(made), tuple(told)


class _Targets:
    """The targets of one pipeline."""

    def __init__(self, pipeline: str, found: Found, ids: Mapping[str, str]) -> None:
        self.pipeline, self._found, self._ids = pipeline, found, ids
        self.told: list[str] = []

    def selectors(self, targets: Sequence[Any]) -> Iterator[str]:
        for each in targets:
            yield from self._one(each)

    def _one(self, target: Any) -> Iterator[str]:
        match target:
            case "approval":
                self.told.append(f"{self.pipeline}: an approval; here a plan is reviewed before it is applied")
            case str() | int():
                yield from self._place(str(target).rjust(12, "0") if isinstance(target, int) else target, ())
            case {"tags": {**tags}}:
                self._tell_rest(target)
                yield " ".join(f"tag:{key}={value}" for key, value in sorted(tags.items()))
            case {"path": place} | {"target": place}:
                self._tell_rest(target)
                excluded = target.get("exclude", [])
                for one in place if isinstance(place, list) else [place]:
                    yield from self._place(str(one), tuple(str(each) for each in excluded))
            case _:
                self.told.append(f"{self.pipeline}: the target {json.dumps(target)} is not understood")

    def _tell_rest(self, target: Mapping[str, Any]) -> None:
        for key in sorted(target.keys() - _KNOWN):
            self.told.append(f"{self.pipeline}: {key} of a target, {json.dumps(target[key])}")
        if "wave" in target:
            self.told.append(f"{self.pipeline}: the size of a wave; at_once says here how many accounts go on together")

    def _place(self, place: str, excluded: tuple[str, ...]) -> Iterator[str]:
        without = "".join(f" -account:{self._ids[each]}" for each in excluded if each in self._ids)
        for each in excluded:
            if each not in self._ids:
                self.told.append(f"{self.pipeline}: {each} is excluded, and is no account here")
        parts = [part for part in place.split("/") if part]
        if _ID.fullmatch(place):
            if place in self._ids:
                yield f"account:{self._ids[place]}"
            else:
                self.told.append(f"{self.pipeline}: the account {place} is none of the organization's")
        elif place.startswith("/") and not parts:
            yield f"all{without}"
        elif place.startswith("/") and len(parts) == 1 and parts[0] in self._found.units:
            yield f"ou:{parts[0]}{without}"
        else:
            self.told.append(f"{self.pipeline}: the path {place} is no unit directly under the root")


_PROMISE = "Show the account that a run is for. Write here what is to be done there."


def _notebook(pipeline: Mapped) -> dict[str, Any]:
    cells: list[tuple[str, str, dict[str, Any]]] = [
        ("markdown", f"# Look at one target of {pipeline.said}\n{_PROMISE}", {}),
        ("code", "silo: str = ...  # the account's name", {"tags": ["parameters"]}),
        ("code", "from silolake import Workspace\n\nlake = Workspace.here()\nlake.organization.account(silo)", {}),
        ("code", "assert silo in lake.organization.accounts", {}),
    ]  # fmt: skip
    return {
        "cells": [
            {"cell_type": kind, "id": f"{pipeline.name.replace('_', '-')[:50]}-{number}", "metadata": metadata,
             "source": source.splitlines(keepends=True),
             **({"execution_count": None, "outputs": []} if kind == "code" else {})}
            for number, (kind, source, metadata) in enumerate(cells, 1)
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "silolake": {"target": "{silo}", "verb": ""},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip
