"""Who may import whom is drawn in docs/architecture.md, and the code is held to the drawing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from silolake import limits

from .tree import PACKAGE, ROOT, Import, imports, modules, unit_of

DRAWING = (ROOT / "docs" / "architecture.md").read_text()
BESIDE = {"localcloud": {"cli", "pytest_plugin", "demo"}}
"""What no row may import except these."""
HEAVY = {
    "pandas": set(),
    "awswrangler": set(),
    "matplotlib": set(),
    "pyarrow": set(),
    "papermill": {"runner"},
    "nbclient": {"runner"},
    "duckdb": {"athena"},
    "moto": {"localcloud"},
    "boto3": set(),
}
"""Modules that are slow to load, and the parts of the engine that may do so at the top of a file."""
DOORS = {
    "boto3": "cloud/",
    "papermill": "runner/",
    "moto": "localcloud/wire.py",
    "duckdb": "athena/",
}
"""Modules that are opened in one place, at the top of a file or anywhere else in it."""


def block(name: str) -> list[str]:
    """The lines of one fenced block of the drawing."""
    found = re.search(rf"```{name}\n(.*?)```", DRAWING, re.DOTALL)
    assert found, f"docs/architecture.md has no block {name}"
    return found[1].splitlines()


def rows() -> list[list[str]]:
    """The rows of the drawing, top to bottom; a row's names are siblings."""
    return [[name.strip(" []") for name in re.split(r"\s{2,}", line)[0].split("|")] for line in block("layers")]


def allowed() -> dict[str, set[str]]:
    """What each part of the engine may import of the engine."""
    drawn = rows()
    may = {name: {below for row in drawn[n + 1 :] for below in row} for n, row in enumerate(drawn) for name in row}
    for line in block("imports"):
        name, _, listed = line.partition("->")
        may[name.strip()] = {each.strip() for each in listed.split(",")}
    for name, importers in BESIDE.items():
        for importer in importers:
            may[importer].add(name)
    # The program, and the package itself, which offers Workspace when it is asked for.
    return may | {"__main__": {"cli"}, "__init__": {"workspace"}}


def ours(each: Import) -> str:
    """The part of the engine that is imported, or nothing for somebody else's module."""
    first, _, rest = each.module.partition(".")
    return rest.partition(".")[0] if first == "silolake" else ""


def test_every_part_of_the_engine_has_its_place_in_the_drawing() -> None:
    """Nothing stands under src/silolake that the drawing does not show, and nothing in brackets is there already."""
    there = {unit_of(path) for path in modules()}
    assert there <= set(allowed())
    bracketed = {name for line in block("layers") for name in re.findall(r"\[(\w+)\]", line)}
    assert not there & bracketed


def test_the_drawing_is_read_as_it_is_meant() -> None:
    """Siblings apart, the row above over the row below, the tighter lines over the rows."""
    may = allowed()
    assert "pipelines" not in may["provisioning"] and "plan" in may["provisioning"]
    assert "reconcile" not in may["provisioning"] and "provisioning" in may["reconcile"]
    assert may["iam"] == {"model", "errors"}
    assert "localcloud" in may["cli"] and "localcloud" not in may["runner"]


def test_nobody_imports_upwards_or_sideways() -> None:
    """Every import of ours, also those inside functions."""
    may = allowed()
    wrong = [str(each) for each in imports() if ours(each) not in ("", "__version__", each.unit, *may[each.unit])]
    assert wrong == []


@pytest.mark.parametrize("module", HEAVY)
def test_what_is_slow_to_load_is_loaded_late(module: str) -> None:
    """At the top of a file only in the part of the engine that cannot do without it."""
    early = [
        str(each)
        for each in imports()
        if each.module.split(".")[0] == module and each.at_top and each.unit not in HEAVY[module]
    ]
    assert early == []


@pytest.mark.parametrize("module", DOORS)
def test_there_is_one_door(module: str) -> None:
    """One place opens it, wherever in the file it is imported."""
    elsewhere = [
        str(each)
        for each in imports()
        if each.module.split(".")[0] == module
        and not each.path.relative_to(PACKAGE).as_posix().startswith(DOORS[module])
    ]
    assert elsewhere == []


def test_botocore_is_known_to_the_two_doors_alone() -> None:
    """The door to AWS, and the local cloud's wire, which reads its models."""
    elsewhere = [
        str(each)
        for each in imports()
        if each.module.split(".")[0] == "botocore"
        and not each.path.relative_to(PACKAGE).as_posix().startswith(("cloud/", "localcloud/wire.py"))
    ]
    assert elsewhere == []


def test_what_aws_allows_at_most_is_said_in_one_place() -> None:
    """A size of a policy or a template that stands anywhere else would grow old on its own."""
    sizes = {
        value: name
        for name, value in vars(limits).items()
        if name.endswith(("POLICY", "INLINE_POLICIES", "BODY")) and value > 4_000
    }
    assert len(sizes) > 5
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value} is limits.{sizes[node.value]}"
        for path in modules()
        if unit_of(path) in ("localcloud", "rooms", "provisioning")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in sizes
    ]
    assert wrong == []


def test_help_loads_nothing_heavy() -> None:
    """`silolake --help` costs click and nothing more, so it answers at once."""
    loaded = subprocess.run(
        [sys.executable, "-c", _HELP],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "click" in loaded
    heavy = {*HEAVY, "botocore", "rich", "ruamel", "cheroot", "cryptography", "numpy", "IPython", "nbformat"}
    assert heavy & set(loaded) == set()


_HELP = """
import contextlib, io, sys
from silolake.cli import cli
with contextlib.redirect_stdout(io.StringIO()) as said:
    cli.main(["--help"], standalone_mode=False)
assert "Commands" in said.getvalue()
print(*{name.partition(".")[0] for name in sys.modules})
"""
