"""A workspace and an organization as values: what pipelines must run is worked out without a cloud."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from silolake import rooms
from silolake.cloud.organization import Organization
from silolake.model import Account, AccountId, OuPath
from silolake.reconcile.pipelines import Known, Lake

BASE = Path(__file__).parents[1] / "cases" / "rooms" / "base"
ROOT = OuPath("o-a1b2c3d4e5/r-ab12/")
UNITS = {
    "platform": OuPath(f"{ROOT}ou-ab12-11111111/"),
    "silos": OuPath(f"{ROOT}ou-ab12-22222222/"),
    "shared": OuPath(f"{ROOT}ou-ab12-33333333/"),
}
NOTEBOOKS = {
    "validate": ("silo: str = ...  # whose\npipeline: str = ...  # which", "validate"),
    "count": ("deep: bool = False  # how\nlimit: int = 1  # how many", ""),
    "report": ('due: str = ""  # when', ""),
}


def account(name: str, unit: str, number: int, **tags: str) -> Account:
    """An account where it hangs."""
    return Account(name, AccountId(f"{number:012}"), f"{name}@post.example", UNITS[unit], tags)


def organization(*accounts: Account) -> Organization:
    """An organization of those accounts, and its management account."""
    management = Account("management", AccountId("9" * 12), "m@post.example", ROOT)
    here = {each.name: each for each in (management, *accounts)}
    return Organization("o-a1b2c3d4e5", management.id, ROOT, "r-ab12", UNITS, here)


OFFICES = (
    account("platform", "platform", 1),
    account("rome", "silos", 2, kind="office"),
    account("oslo", "silos", 3, kind="office"),
    account("depot", "silos", 4, kind="store"),
)


@dataclass
class Desk:
    """A workspace whose pipelines are written one by one."""

    root: Path

    def write(self, name: str, text: str) -> None:
        """One pipeline's declaration, beside its contract where it names one."""
        folder = self.root / "pipelines" / name
        folder.mkdir(exist_ok=True)
        (folder / "pipeline.yaml").write_text(f"name: {name}\ndescription: A pipeline.\nexecutor: platform\n{text}")

    def notebook(self, name: str, parameters: str, verb: str = "", body: str = "print(1)") -> None:
        """A run notebook."""
        cells = [
            {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": parameters},
            {"cell_type": "code", "metadata": {}, "source": body},
        ]
        metadata = {"silolake": {"verb": verb, "target": ""}}
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))

    def lake(self, *accounts: Account, known: Known | None = None) -> Lake:
        """What is planned on."""
        return Lake(rooms.load(self.root), organization(*(accounts or OFFICES)), known or Known())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The rooms' small workspace, with notebooks and without its view."""
    root = Path(shutil.copytree(BASE, tmp_path / "workspace"))
    shutil.rmtree(root / "cross_silo_views")
    made = Desk(root)
    for name, (parameters, verb) in NOTEBOOKS.items():
        made.notebook(name, parameters, verb)
    return made


@pytest.fixture
def write(desk: Desk) -> Callable[[str, str], None]:
    """Writes a pipeline."""
    return desk.write
