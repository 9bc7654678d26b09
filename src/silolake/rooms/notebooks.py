"""Notebooks of the workspace: where they are, what they promise, which parameters they take.

Read as plain JSON: to plan a run no kernel is started and nbformat is not opened.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from silolake.errors import BadParameters, RoomError, UnknownName
from silolake.model import digest

FOLDER = "notebooks"
TUTORIALS = "tutorials"
Value = str | int | float | bool | None | list[str]

_KINDS: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list[str]": list}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    Attributes:
        name: the variable.
        kind: its annotation: str, int, float, bool or list[str].
        default: its literal; a run need not give it.
        required: whether a run must give it: its literal is ``...``.
        help: the comment behind it.
    """

    name: str
    kind: str
    default: Value
    required: bool
    help: str


@dataclass(frozen=True)
class Notebook:
    """A run notebook.

    Attributes:
        name: its path below ``notebooks/`` without its ending: ``pipelines/validate_drop``.
        path: the file.
        title: its first heading.
        verb: the library's verb it calls, or empty for an analyst's own.
        target: the account it is for unless the run says another: a name, or ``{silo}`` for a parameter's value.
        html: whether a page of its outputs is kept beside it.
        parameters: in the order they stand.
        digest: of its sources and of what its metadata says of it; outputs do not count.
    """

    name: str
    path: Path
    title: str
    verb: str
    target: str
    html: bool
    parameters: tuple[Parameter, ...]
    digest: str

    def check(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """The values the notebook will run with: what is given, and its own literals for the rest.

        Raises:
            BadParameters: unknown, missing or mistyped ones, all of them at once.
        """
        known = {each.name: each for each in self.parameters}
        problems = [
            f"it takes no parameter {name!r} (it takes {', '.join(known) or 'none'})"
            for name in given
            if name not in known
        ]
        values: dict[str, Value] = {}
        for each in self.parameters:
            if each.name not in given:
                if each.required:
                    problems.append(f"the parameter {each.name!r} must be given: {each.help or each.kind}")
                values[each.name] = each.default
                continue
            value = given[each.name]
            if not fits(value, each.kind):
                problems.append(f"the parameter {each.name!r} is a {each.kind}, not {value!r}")
            values[each.name] = value
        if problems:
            raise BadParameters(self.name, tuple(problems))
        return values

    def read_words(self, words: Mapping[str, str]) -> dict[str, Value]:
        """Values from a command line's words, by each parameter's kind.

        Raises:
            BadParameters: a word that is not of its kind; unknown names are kept for ``check`` to name.
        """
        kinds = {each.name: each.kind for each in self.parameters}
        problems: list[str] = []
        values: dict[str, Value] = {}
        for name, word in words.items():
            try:
                values[name] = _from_word(word, kinds.get(name, "str"))
            except ValueError:
                problems.append(f"the parameter {name!r} is a {kinds[name]}, not {word!r}")
        if problems:
            raise BadParameters(self.name, tuple(problems))
        return values


def fits(value: object, kind: str) -> bool:
    """Whether a value is of an annotation's kind: true is no int, an int is a float."""
    if kind == "list[str]":
        return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
    if kind == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, _KINDS[kind])


def _from_word(word: str, kind: str) -> Value:
    if kind == "int":
        return int(word)
    if kind == "float":
        return float(word)
    if kind == "bool":
        if word.lower() in ("true", "yes", "1"):
            return True
        if word.lower() in ("false", "no", "0"):
            return False
        raise ValueError(word)
    if kind == "list[str]":
        return [part for part in word.split(",") if part]
    return word


def list_notebooks(root: Path) -> dict[str, Notebook]:
    """The run notebooks of a workspace, by name; tutorials are not runs.

    Raises:
        RoomError: one that is not a run notebook.
    """
    folder = root / FOLDER
    found = sorted(path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    names = ((path.relative_to(folder).with_suffix("").as_posix(), path) for path in found)
    return {name: read_notebook(root, name, path) for name, path in names if not name.startswith(f"{TUTORIALS}/")}


def find_notebook(root: Path, name: str) -> Notebook:
    """One notebook, by its name or its path from the workspace's root.

    Raises:
        UnknownName: there is none.
        RoomError: it is not a run notebook.
    """
    plain = name.removeprefix(f"{FOLDER}/").removesuffix(".ipynb")
    path = root / FOLDER / f"{plain}.ipynb"
    if ".." in Path(plain).parts or not path.is_file():
        raise UnknownName("notebook", name, tuple(list_notebooks(root)))
    return read_notebook(root, plain, path)


def read_notebook(root: Path, name: str, path: Path) -> Notebook:
    """A notebook's facts.

    Raises:
        RoomError: it is no notebook, or its parameters are not annotated literals.
    """
    shown = path.relative_to(root).as_posix()
    try:
        node = json.loads(path.read_text(encoding="utf-8"))
        cells = node["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise RoomError(shown, 0, f"it is not a notebook ({error})", "Restore it from Git.") from error
    about = node.get("metadata", {}).get("silolake", {})
    sources = [[cell["cell_type"], source(cell), sorted(tags(cell))] for cell in cells]
    return Notebook(
        name=name,
        path=path,
        title=_title(cells),
        verb=str(about.get("verb", "")),
        target=str(about.get("target", "")),
        html=bool(about.get("html", False)),
        parameters=_parameters(cells, shown),
        digest=digest([sources, about]),
    )


def source(cell: Mapping[str, Any]) -> str:
    """A cell's source, which nbformat keeps as one text or as lines."""
    found = cell.get("source", "")
    return found if isinstance(found, str) else "".join(found)


def tags(cell: Mapping[str, Any]) -> frozenset[str]:
    """A cell's tags."""
    return frozenset(cell.get("metadata", {}).get("tags", ()))


def _title(cells: list[dict[str, Any]]) -> str:
    for cell in cells:
        if cell["cell_type"] == "markdown" and source(cell).startswith("# "):
            return source(cell).splitlines()[0].removeprefix("# ")
    return ""


def _parameters(cells: list[dict[str, Any]], shown: str) -> tuple[Parameter, ...]:
    found = [(number, cell) for number, cell in enumerate(cells, 1) if "parameters" in tags(cell)]
    if not found:
        return ()
    if len(found) > 1:
        raise RoomError(shown, 0, "it has two cells tagged parameters", "Keep one.")
    number, cell = found[0]
    text = source(cell)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise RoomError(shown, 0, f"cell {number} is not Python: {error}", "Mend it.") from error
    return tuple(read_parameter(statement, text.splitlines(), f"cell {number}", shown) for statement in tree.body)


def read_parameter(statement: ast.stmt, lines: list[str], where: str, shown: str) -> Parameter:
    """One statement of a parameters cell.

    Args:
        statement: as parsed.
        lines: the cell's lines, for the comment behind it.
        where: the cell, as an error names it.
        shown: the file, as an error names it.

    Raises:
        RoomError: it is not an annotated literal.
    """
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
            kind = ast.unparse(annotation)
        case _:
            told = f"{where} holds {ast.unparse(statement)!r}, which is no parameter"
            raise RoomError(shown, 0, told, "Write name: kind = literal  # what it means")
    if kind not in _KINDS:
        advice = f"Take one of {', '.join(_KINDS)}."
        raise RoomError(shown, 0, f"parameter {name!r} in {where} is of kind {kind!r}", advice)
    try:
        default = ast.literal_eval(value)
    except ValueError as error:
        raise RoomError(
            shown, 0, f"parameter {name!r} is not a literal", "Give it a literal, or ... to require it."
        ) from error
    required = default is ...
    if not required and not fits(default, kind):
        raise RoomError(shown, 0, f"parameter {name!r} says {kind} and holds {default!r}", "Make the two agree.")
    comment = lines[statement.end_lineno - 1][statement.end_col_offset or 0 :].strip() if statement.end_lineno else ""
    return Parameter(name, kind, None if required else default, required, comment.removeprefix("#").strip())


def as_json(values: Mapping[str, Value]) -> dict[str, object]:
    """Parameter values as JSON has them; dates become ISO text."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
