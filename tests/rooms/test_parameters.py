"""Parameters, drawn at random: what is not right is refused by its name, on every road to a run, and nothing else is.

``make test`` takes a few hundred of them, ``make soak`` ten thousand.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from signatures import (
    KEY,
    STRANGE_NAMES,
    VALUES,
    WORDS,
    Declared,
    draw_signature,
    draw_text,
    draw_value,
    is_right,
    write_run_notebook,
)

from silolake import rooms
from silolake.errors import BadParameters, RoomError
from silolake.model import digest
from silolake.rooms import Notebook, list_notebooks
from silolake.rooms.kinds import shown

REPOSITORY = Path(__file__).parents[2]
CASES = Path(__file__).parents[1] / "cases" / "rooms"
WHOLE = os.environ.get("SILOLAKE_SOAK") == "whole"
MANY = 10_000 if WHOLE else 400
SEED = 1788


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> list[Notebook]:
    """Every run notebook of the workspace, and sixty of generated signatures."""
    root, chance = tmp_path_factory.mktemp("signatures"), random.Random(SEED)
    for number in range(60):
        write_run_notebook(root, f"own/n{number}", draw_signature(chance))
    return [*list_notebooks(REPOSITORY).values(), *list_notebooks(root).values()]


def draw_given(chance: random.Random, notebook: Notebook, value: Callable[[str], Any]) -> dict[str, Any]:
    """Something for most of a notebook's parameters, and now and then for one that it does not take."""
    given = {each.name: value(each.kind) for each in notebook.parameters if chance.random() < 0.8}
    if chance.random() < 0.2:
        given[chance.choice((*STRANGE_NAMES, draw_text(chance)))] = value("str")
    return given


def wrong_in(notebook: Notebook, given: dict[str, Any]) -> set[str]:
    """The names of what is unknown, missing, mistyped or out of its kind."""
    known = {each.name: each for each in notebook.parameters}
    missing = {name for name, each in known.items() if each.required and name not in given}
    return {n for n, value in given.items() if n not in known or not is_right(value, known[n].kind)} | missing


def names_all(error: BadParameters, names: set[str]) -> bool:
    return all(any(shown(name) in problem for problem in error.problems) for name in names)


@pytest.mark.soak
def test_the_library_takes_what_is_right_and_refuses_the_rest_by_name(notebooks: list[Notebook]) -> None:
    chance, refused = random.Random(SEED + 1), 0
    for _ in range(MANY):
        notebook = chance.choice(notebooks)
        given = draw_given(chance, notebook, lambda kind: draw_value(chance))
        wrong = wrong_in(notebook, given)
        try:
            values = notebook.check(given)
        except BadParameters as error:
            assert wrong, f"{notebook.name} refused what is right: {error}"
            assert names_all(error, wrong), (wrong, error)
            assert len(error.problems) == len(wrong)
            json.dumps(str(error)).encode() and str(error).encode("utf-8")
            assert KEY not in str(error)
            refused += 1
        else:
            assert not wrong, f"{notebook.name} took {wrong}"
            # What is taken can be kept: in a digest, in JSON, in UTF-8.
            digest(values)
            assert list(values) == [each.name for each in notebook.parameters]
            assert all(is_right(values[each.name], each.kind) for each in notebook.parameters)
    assert MANY / 10 < refused < MANY


@pytest.mark.soak
def test_the_command_lines_words_are_read_strictly_or_refused_by_name(notebooks: list[Notebook]) -> None:
    chance, taken = random.Random(SEED + 2), 0
    pure = {"int": r"[+-]?[0-9]+", "bool": r"(?i:true|false|yes|no)|[01]"}
    for _ in range(MANY):
        notebook = chance.choice(notebooks)
        words = draw_given(chance, notebook, lambda _: chance.choice((*WORDS, draw_text(chance))))
        try:
            values = notebook.check(notebook.read_words(words))
        except BadParameters as error:
            assert any(shown(each) in error.reason for each in {*words, *(p.name for p in notebook.parameters)})
            str(error).encode("utf-8")
            assert KEY not in str(error)
            continue
        taken += 1
        digest(values)
        for each in notebook.parameters:
            if each.name not in words:
                continue
            word, value = words[each.name], values[each.name]
            assert is_right(value, each.kind)
            match each.kind:
                case "str":
                    assert value == word
                case "list[str]":
                    assert ",".join(value) == word  # type: ignore[arg-type]
                case "float":
                    assert float(word) == value and word.isascii() and word == word.strip() and "_" not in word
                case kind:
                    assert re.fullmatch(pure[kind], word, re.ASCII), (kind, word)
    assert taken > MANY / 50


PIPELINE = """\
name: parcels
description: What an office was handed.
executor: platform
targets: ou:silos
drop: parcels/
contract: contract.yaml
triggers: [delivery]
steps:
  - name: first
    notebook: notebooks/first.ipynb
    parameters: {given}
"""
# As YAML writes them: what is quoted is text, and numbers past all bounds are numbers too.
SCALARS = (
    '""', "ewr", '"1"', "1", "-1", "0", "9223372036854775808", "9" * 5000, "1.5", "1e400", "-1e400", ".nan", ".inf",
    "true", "false", "yes", "null", "~", "", "[]", "[a, b]", "[a, 1]", "[[a]]", "{a: b}", '"a\\0b"', '"\\ud800"',
    "2013-01-01", f'"{KEY}"', f"[{KEY}]", "1_000", "0x1f", "007", '"\\e[31m"', '"tab\\t"', "!!str 1",
)  # fmt: skip


@pytest.mark.soak
def test_a_pipelines_parameters_are_refused_with_file_line_and_name(tmp_path: Path) -> None:
    """From pipeline.yaml, before anything is planned."""
    root = Path(shutil.copytree(CASES / "base", tmp_path / "workspace"))
    chance, refused = random.Random(SEED + 3), 0
    file = root / "pipelines" / "parcels" / "pipeline.yaml"
    for _ in range(MANY // 4 if WHOLE else 60):
        signature = tuple(each for each in draw_signature(chance) if each.name not in ("silo", "pipeline", "due"))
        write_run_notebook(root, "first", signature)
        said = {each.name: chance.choice(SCALARS) for each in signature if chance.random() < 0.8}
        if chance.random() < 0.2:
            said["Unknown"] = chance.choice(SCALARS)
        file.write_text(PIPELINE.format(given="{" + ", ".join(f"{n}: {v}" for n, v in said.items()) + "}"), "utf-8")
        try:
            loaded = rooms.load(root)
            rooms.check_notebooks(loaded)
        except RoomError as error:
            refused += 1
            assert (error.path, KEY in str(error)) == ("pipelines/parcels/pipeline.yaml", False)
            assert 9 <= error.line <= 11
            named = {*said, *(each.name for each in signature)}
            assert (
                any(repr(name) in error.problem for name in named) or "number" in error.problem or "half" in str(error)
            )
            str(error).encode("utf-8")
        else:
            given: dict[str, Any] = dict(loaded.pipelines["parcels"].steps[0].parameters)
            known = {each.name: each for each in signature}
            assert set(given) <= set(known)
            assert all(is_right(value, known[name].kind) for name, value in given.items())
            assert all(each.name in given for each in signature if each.literal == "...")
    assert refused > 20


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("share: float = 1e999", "says float and holds inf"),
        (f"most: int = {2**63}", "holds a number past 64 bits"),
        (f"most: int = {'9' * 5000}", "is not Python"),
        ("name: str = 'a\\x00b'", "says str and holds"),
        ("name: str = {[]: 1}", "is not a literal"),
        ("name: str = 'a'\nname: str = 'b'", "stands twice"),
        ("db_password: str = ...", "is a secret by its name"),
        ("token: str = ''", "is a secret by its name"),
        (f"key: str = '{KEY}'", "holds what looks like a secret"),
        ("most: bool = 1", "says bool and holds 1"),
        ("names: list[str] = ['a', 1]", "says list"),
        ("name: Str = 'a'", "is of kind 'Str'"),
    ],
)
def test_a_signature_that_no_run_could_keep_is_refused(tmp_path: Path, line: str, told: str) -> None:
    write_run_notebook(tmp_path, "own/one", (Declared("silo", "str", "..."),))
    path = tmp_path / "notebooks" / "own" / "one.ipynb"
    node = json.loads(path.read_text("utf-8"))
    node["cells"][0]["source"] = line
    path.write_text(json.dumps(node), "utf-8")
    with pytest.raises(RoomError, match=r"notebooks/own/one\.ipynb") as caught:
        list_notebooks(tmp_path)
    assert told in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"cells": 3}', '{"cells": [1]}', '{"cells": [{}]}', '{"cells": [], "metadata": null}', "\x00"]
)
def test_what_is_no_notebook_is_told_as_that(tmp_path: Path, text: str) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "one.ipynb").write_text(text, "utf-8")
    with pytest.raises(RoomError, match=r"notebooks/one.ipynb: it is not a notebook"):
        list_notebooks(tmp_path)


def test_a_comment_behind_letters_of_two_bytes_is_whole(tmp_path: Path) -> None:
    write_run_notebook(tmp_path, "one", (Declared("name", "str", "'é漢'"),))
    assert list_notebooks(tmp_path)["one"].parameters[0].help == "what name means"


def test_every_value_and_word_of_the_tables_is_judged(notebooks: list[Notebook]) -> None:
    """Each against each kind: a sample of the draws above could leave one out."""
    of_kind = {each.kind: (notebook, each) for notebook in notebooks for each in notebook.parameters}
    assert len(of_kind) == 5
    for notebook, parameter in of_kind.values():
        alone = replace(notebook, parameters=(parameter,))
        for value in VALUES:
            try:
                alone.check({parameter.name: value})  # type: ignore[dict-item]
            except BadParameters:
                assert not is_right(value, parameter.kind)
            else:
                assert is_right(value, parameter.kind), (parameter.kind, value)
        for word in WORDS:
            try:
                values = alone.check(alone.read_words({parameter.name: word}))
            except BadParameters as error:
                assert parameter.name in error.reason
            else:
                assert is_right(values[parameter.name], parameter.kind)


def test_a_parameter_is_given_once_on_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "silolake", "run", "any", "-p", "silo=ewr", "-p", "silo=jfk"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the parameter 'silo' is given twice" in done.stderr
