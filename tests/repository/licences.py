"""What silolake installs, and under which licences: `make licences` prints it, a test holds it to permissive ones."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .tree import ROOT

PERMISSIVE = {
    "0BSD", "Apache", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0", "CC0-1.0", "CNRI-Python", "ISC",
    "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "PSFL", "Unlicense", "Zlib",
}  # fmt: skip
EXCEPTIONS = {
    "certifi": ("MPL-2.0", "a list of root certificates; the licence's duties end at its own files"),
    "tqdm": ("MPL-2.0", "comes with papermill; the licence's duties end at its own files"),
}
"""Packages that come to a user under a licence that is not permissive, and why they may."""

# How packages that predate SPDX expressions say it, in a classifier or in free words.
_WORDS = {
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD License": "BSD",
    "BSD 3-Clause License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


@dataclass(frozen=True, order=True)
class Licensed:
    """One installed package, its licences, and whether one of them must be chosen or all of them met."""

    name: str
    version: str
    licences: tuple[str, ...]
    any_of: bool

    @property
    def is_permissive(self) -> bool:
        """Whether it may be used without duties beyond naming it."""
        good = [each in PERMISSIVE for each in self.licences]
        return bool(good) and (any(good) if self.any_of else all(good))


def installed(extras: tuple[str, ...]) -> tuple[Licensed, ...]:
    """Everything that `silolake[extras]` brings here, whatever asked for it."""
    names = _needed(Requirement(f"silolake[{','.join(extras)}]"), set())
    return tuple(sorted({_licensed(name) for name in names if name != "silolake"}))


def dependencies() -> dict[str, list[Requirement]]:
    """What pyproject.toml asks for: by extra, by group, and under an empty name what everybody needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = {
        "": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    return {name: [Requirement(each) for each in wanted] for name, wanted in listed.items()}


def _needed(wanted: Requirement, seen: set[tuple[str, str]]) -> Iterator[str]:
    name = canonicalize_name(wanted.name)
    for extra in ("", *sorted(wanted.extras)):
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        yield name
        for line in importlib.metadata.requires(name) or []:
            below = Requirement(line)
            if below.marker is None or below.marker.evaluate({"extra": extra}):
                yield from _needed(below, seen)


def _licensed(name: str) -> Licensed:
    about = importlib.metadata.metadata(name)
    classified = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier", []) if "License ::" in each]
    expression = about.get("License-Expression") or ""
    if not expression and classified:
        # Several classifiers are a choice, as python-dateutil's two are.
        words = tuple(_WORDS.get(each, each) for each in classified)
        return Licensed(name, about["Version"], words, any_of=len(words) > 1)
    expression = expression or about.get("License") or ""
    expression = _WORDS.get(expression, expression)
    parts = tuple(each for each in re.split(r"[()\s]+|\b(?:AND|OR)\b", expression) if each)
    return Licensed(name, about["Version"], parts, any_of=" OR " in expression)


if __name__ == "__main__":
    for package in installed(("local", "run")):
        said = (" or " if package.any_of else " and ").join(package.licences)
        print(f"{package.name:28} {package.version:18} {said}")
