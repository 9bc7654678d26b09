"""What is asked for is what is used, is pinned, is permissively licensed, and is the same for pip and for conda."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from .licences import EXCEPTIONS, dependencies, installed
from .tree import ROOT, imports

OURS = (*dependencies()[""], *dependencies()["local"], *dependencies()["run"])
NEVER_IMPORTED = {
    "pytz": "DuckDB imports it to hand over a TIMESTAMP WITH TIME ZONE",
    "awswrangler": "notebooks import it",
    "pandas": "notebooks import it",
    "matplotlib": "notebooks import it",
    "nbconvert": "notebooks write reports with it",
}
"""What is asked for and stands in no import of the engine."""


def pins(name: str) -> dict[str, str]:
    """The versions of a constraints file."""
    lines = (line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#"))
    split = (line.partition("==") for line in lines)
    return {canonicalize_name(package): version for package, _, version in split}


def imported() -> set[str]:
    """The distributions whose modules the engine imports."""
    where = importlib.metadata.packages_distributions()
    names = {each.module.partition(".")[0] for each in imports()} - set(sys.stdlib_module_names) - {"silolake"}
    assert names <= set(where), f"not installed: {names - set(where)}"
    return {canonicalize_name(package) for name in names for package in where[name]}


def test_what_is_imported_is_asked_for() -> None:
    """By silolake itself: what another library happens to bring may be gone tomorrow."""
    assert imported() <= {canonicalize_name(each.name) for each in OURS} | {"botocore"}  # boto3 is botocore


def test_what_is_asked_for_is_used() -> None:
    """Each is imported, or its reason not to be is written here."""
    unused = {canonicalize_name(each.name) for each in OURS} - imported()
    assert unused <= set(NEVER_IMPORTED)


@pytest.mark.parametrize("group", ["", "local", "run", "dev", "demo"])
def test_every_requirement_has_a_pin_that_meets_it(group: str) -> None:
    """constraints.txt is what make installs."""
    pinned = pins("constraints.txt")
    for each in dependencies()[group]:
        assert pinned[canonicalize_name(each.name)] in each.specifier, each


def test_pins_are_exact_and_name_no_place() -> None:
    """A version each: no link, no path, no range."""
    for name in ("constraints.txt", "constraints-aws.txt"):
        versions = pins(name)
        assert versions
        for package, version in versions.items():
            assert SpecifierSet(f"=={version}").contains(version), package
            assert not set("/@;") & set(package + version), package


def test_conda_gets_what_pip_gets() -> None:
    """environment.yml asks for the packages of the card, at pyproject's versions, and for the engine."""
    listed = YAML(typ="safe").load((ROOT / "environment.yml").read_text())["dependencies"]
    (by_pip,) = (each["pip"] for each in listed if isinstance(each, dict))
    assert by_pip == ["-e .[local,run]"]
    conda = {
        canonicalize_name(each.name): each.specifier
        for each in map(Requirement, (e for e in listed if isinstance(e, str)))
    }
    said = {canonicalize_name(each.name): each.specifier for listed in dependencies().values() for each in listed}
    card = {"jupyterlab", "awswrangler", "papermill", "boto3", "sqlalchemy-redshift", "pytest", "nbval"}
    assert card | {"sqlalchemy"} == set(conda) - {"python", "pip"}
    assert {name: conda[name] for name in conda if name not in ("python", "pip")} == {
        name: said[name] for name in conda if name in said
    }


def test_the_runner_brings_no_jupyterlab() -> None:
    """Importing papermill beside JupyterLab costs a second."""
    brought = {each.name for each in installed(("local", "run"))}
    assert "papermill" in brought and not {"jupyterlab", "jupyter-server", "notebook"} & brought


def test_everything_a_user_gets_is_permissively_licensed() -> None:
    """Or stands among the exceptions, with its reason, and is what the exception says."""
    there = installed(("local", "run"))
    assert len(there) > 50
    wrong = {each.name: each.licences for each in there if not each.is_permissive}
    assert set(wrong) == set(EXCEPTIONS)
    assert all(EXCEPTIONS[name][0] in licences for name, licences in wrong.items())


def test_each_direct_dependency_has_its_line_in_the_decision() -> None:
    """docs/decisions/0011 says why each was taken."""
    said = (Path(ROOT) / "docs" / "decisions" / "0011-what-we-stand-on.md").read_text()
    rows = "\n".join(line for line in said.splitlines() if line.startswith("|"))
    assert [each.name for each in OURS if each.name not in rows] == []
