"""The lint of notebooks says in plain words what is out of shape, and stripping changes nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from silolake.errors import RoomError
from silolake.runner import lint

CASES = YAML(typ="safe").load((Path(__file__).parents[1] / "cases" / "notebooks" / "lint.yaml").read_text())


def cell(number: int, said: str | dict[str, str]) -> dict[str, Any]:
    """A cell: markdown, parameters or code, as the cases tell them apart."""
    if isinstance(said, dict):
        return code(number, said["parameters"], ["parameters"])
    if said.startswith("#"):
        return {"cell_type": "markdown", "id": f"c{number}", "metadata": {}, "source": said}
    return code(number, said, [])


def code(number: int, text: str, tags: list[str]) -> dict[str, Any]:
    metadata = {"tags": tags} if tags else {}
    about = {"cell_type": "code", "id": f"c{number}", "metadata": metadata, "execution_count": None, "outputs": []}
    return {**about, "source": text.splitlines(keepends=True)}


def notebook(cells: list[Any]) -> dict[str, Any]:
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    made = [cell(number, said) for number, said in enumerate(cells, 1)]
    return {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}


def good() -> dict[str, Any]:
    """A notebook of which the lint says nothing."""
    return notebook(
        [
            "# Validate a drop\n\nHold one silo's newest files against its contract.",
            {"parameters": 'silo: str = "ewr"  # whose drop zone\nmonths: list[str] = ...  # which months'},
            "from silolake import Workspace\n\nlake = Workspace.here()\nreport = lake.validate(silo)\nreport",
            "report.raise_if_broken()",
        ]
    )


def save(root: Path, node: Any, name: str = "pipelines/one.ipynb") -> Path:
    path = root / "notebooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(node, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return path


def said(root: Path, node: Any, name: str = "pipelines/one.ipynb") -> list[str]:
    return [complaint.problem for complaint in lint.lint_notebook(root, save(root, node, name))]


def test_a_notebook_in_shape_is_not_complained_of(tmp_path: Path) -> None:
    """Title and promise; literals; calls; the thing to look at; the check. nbformat agrees that it is a notebook."""
    nbformat.validate(nbformat.from_dict(good()))
    assert said(tmp_path, good()) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_the_lint_says(case: dict[str, Any], tmp_path: Path) -> None:
    """Every complaint of the table, word for word, and no other."""
    node = notebook(case["cells"]) if "cells" in case else good()
    for number, changes in case.get("cell", {}).items():
        node["cells"][number - 1] |= changes
    node["metadata"] |= case.get("metadata", {})
    assert said(tmp_path, node) == case["says"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("an access key", "AKIA" + "A1B2" * 4),
        ("an access key", "ASIA" + "Z9Y8" * 4),
        ("a secret key", "aws_secret_access_key = '" + "x" * 40 + "'"),
        ("a session token", '{"SessionToken": "' + "y" * 60 + '"}'),
        ("a private key", "-----BEGIN EC PRIVATE" + " KEY-----"),
    ],
)
def test_secrets_are_found_in_sources_and_in_kept_outputs(kind: str, text: str, tmp_path: Path) -> None:
    """In a run notebook, and in a tutorial, whose outputs are kept."""
    told = f"cell 3 holds {kind}; take it out, and revoke it if it was real"
    node = good()
    node["cells"][2]["source"] = f"key = {text!r}\nkey"
    assert told in said(tmp_path, node)

    tutorial = good()
    tutorial["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text.replace('"', "'")}]
    assert said(tmp_path, tutorial, "tutorials/01_first.ipynb") == [told]


def test_an_old_notebook_is_sent_to_be_saved_again(tmp_path: Path) -> None:
    """Cell ids came with nbformat 4.5."""
    node = good() | {"nbformat_minor": 4}
    assert said(tmp_path, node) == ["its format is older than 4.5 and has no cell ids; save it again in JupyterLab"]


@pytest.mark.parametrize("text", ["", "[]", '{"metadata": {}}', '{"cells": [1]}'])
def test_what_is_no_notebook_is_told(text: str, tmp_path: Path) -> None:
    """By the lint as a complaint, by stripping as an error that leaves the file as it was."""
    path = save(tmp_path, {})
    path.write_text(text)
    (complaint,) = lint.lint_notebook(tmp_path, path)
    assert str(complaint).startswith("notebooks/pipelines/one.ipynb: it is not a notebook (")
    with pytest.raises(RoomError, match="Restore it from Git"):
        lint.strip(path)
    assert path.read_text() == text


def test_a_tutorial_keeps_its_outputs_and_its_own_shape(tmp_path: Path) -> None:
    """Neither complained of nor stripped."""
    node = notebook(["## Not a title", "def f():\n    pass"])
    node["cells"][1] |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": "kept"}], "execution_count": 1}
    path = save(tmp_path, node, "tutorials/02_second.ipynb")
    before = path.read_bytes()
    assert lint.lint_notebook(tmp_path, path) == ()
    assert lint.strip(path) is False
    assert path.read_bytes() == before


def test_stripping_takes_what_a_run_left_and_nothing_else(tmp_path: Path) -> None:
    """Sources, ids, tags and what the notebook says of itself stay; a second stripping finds nothing to do."""
    clean = good()
    clean["metadata"] |= {"silolake": {"verb": "validate"}, "language_info": {"name": "python"}}
    run = json.loads(json.dumps(clean))
    run["metadata"]["papermill"] = {"duration": 1.5}
    run["metadata"]["language_info"]["version"] = "3.11.7"
    for number, each in enumerate(run["cells"]):
        each["metadata"]["papermill"] = {"status": "completed"}
        if each["cell_type"] == "code":
            each["execution_count"] = number
            each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "12 flights é"}]
    path = save(tmp_path, run)
    assert lint.strip(path) is True
    clean["cells"][0]["source"] = clean["cells"][0]["source"].splitlines(keepends=True)
    assert json.loads(path.read_text()) == clean
    assert lint.strip(path) is False
    assert [each.name for each in path.parent.iterdir()] == ["one.ipynb"]


def test_a_stripped_notebook_is_what_nbformat_would_save(tmp_path: Path) -> None:
    """Opening and saving in JupyterLab makes no difference that Git would show."""
    path = save(tmp_path, good())
    lint.strip(path)
    once = path.read_text()
    nbformat.write(nbformat.read(path, as_version=4), path)
    assert path.read_text() == once


def test_the_command_complains_with_one_and_strips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `make lint` and `make strip` call it."""
    monkeypatch.chdir(tmp_path)
    node = good()
    node["cells"][2]["execution_count"] = 3
    path = save(tmp_path, node)
    refused = CliRunner().invoke(lint._main, [])
    assert (refused.exit_code, refused.output) == (
        1,
        "notebooks/pipelines/one.ipynb: cell 3 keeps its number; run make strip\n",
    )
    stripped = CliRunner().invoke(lint._main, ["--strip", str(path.relative_to(tmp_path))])
    assert (stripped.exit_code, stripped.output) == (0, "stripped notebooks/pipelines/one.ipynb\n")
    assert CliRunner().invoke(lint._main, []).output == "1 notebooks are in shape\n"
