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
from silolake.rooms.kinds import KINDS, Value, fault_of, read_word, shown
from silolake.rooms.secrecy import is_secret

FOLDER = "notebooks"
TUTORIALS = "tutorials"

_REFER = "parameters are written down, so give a reference to it, such as its name in Secrets Manager"


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

    def fault(self, given: Mapping[str, Value]) -> str:
        """Why a run cannot have what is given for this parameter; nothing where it can."""
        if is_secret(self.name):
            return f"the parameter {self.name!r} is a secret by its name, and {_REFER}"
        if self.name not in given:
            return f"the parameter {self.name!r} must be given: {self.help or self.kind}" if self.required else ""
        found = fault_of(given[self.name], self.kind)
        return f"the parameter {self.name!r} {found}" if found else ""


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
        known = [each.name for each in self.parameters]
        problems = [
            f"it takes no parameter {shown(name)} (it takes {', '.join(known) or 'none'})"
            for name in given
            if name not in known
        ]
        values: dict[str, Value] = {}
        for each in self.parameters:
            if fault := each.fault(given):
                problems.append(fault)
            else:
                value = given.get(each.name, each.default)
                values[each.name] = list(value) if isinstance(value, (list, tuple)) else value
        if problems:
            raise BadParameters(self.name, tuple(problems))
        return values

    def read_words(self, words: Mapping[str, str]) -> dict[str, Value]:
        """Values from a command line's words, by each parameter's kind.

        Raises:
            BadParameters: a word that is not of its kind; unknown names are kept for ``check`` to name.
        """
        known = {each.name: each for each in self.parameters}
        problems: list[str] = []
        values: dict[str, Value] = {}
        for name, word in words.items():
            if name not in known:
                values[name] = word
                continue
            try:
                values[name] = read_word(word, known[name].kind)
            except ValueError:
                told = "a secret" if is_secret(name) else shown(word)
                problems.append(f"the parameter {name!r} is a {known[name].kind}, not {told}")
        if problems:
            raise BadParameters(self.name, tuple(problems))
        return values


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
    shown_as = path.relative_to(root).as_posix()
    try:
        node = json.loads(path.read_text(encoding="utf-8"))
        cells = node["cells"]
        about = dict(node.get("metadata", {}).get("silolake", {}))
        sources = [[cell["cell_type"], source(cell), sorted(tags(cell))] for cell in cells]
        said = digest([sources, about])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RoomError(shown_as, 0, f"it is not a notebook ({error})", "Restore it from Git.") from error
    return Notebook(
        name=name,
        path=path,
        title=_title(cells),
        verb=str(about.get("verb", "")),
        target=str(about.get("target", "")),
        html=bool(about.get("html", False)),
        parameters=_parameters(cells, shown_as),
        digest=said,
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


def _parameters(cells: list[dict[str, Any]], shown_as: str) -> tuple[Parameter, ...]:
    found = [(number, cell) for number, cell in enumerate(cells, 1) if "parameters" in tags(cell)]
    if not found:
        return ()
    if len(found) > 1:
        raise RoomError(shown_as, 0, "it has two cells tagged parameters", "Keep one.")
    number, cell = found[0]
    text = source(cell)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # ValueError for a NUL or a surrogate, the others for brackets within brackets without end.
        raise RoomError(shown_as, 0, f"cell {number} is not Python: {error}", "Mend it.") from error
    parameters = tuple(read_parameter(each, lines_of(text), f"cell {number}", shown_as) for each in tree.body)
    names = [each.name for each in parameters]
    for name in names:
        if names.count(name) > 1:
            raise RoomError(shown_as, 0, f"parameter {name!r} stands twice in cell {number}", "Keep one of them.")
    return parameters


def lines_of(text: str) -> list[str]:
    """Lines as Python counts them; ``str.splitlines`` breaks at form feeds and other separators too."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_parameter(statement: ast.stmt, lines: list[str], where: str, shown_as: str) -> Parameter:
    """One statement of a parameters cell.

    Args:
        statement: as parsed.
        lines: the cell's lines, for the comment behind it.
        where: the cell, as an error names it.
        shown_as: the file, as an error names it.

    Raises:
        RoomError: it is not an annotated literal.
    """
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
            kind = ast.unparse(annotation)
        case _:
            told = f"{where} holds {ast.unparse(statement)!r}, which is no parameter"
            raise RoomError(shown_as, 0, told, "Write name: kind = literal  # what it means")
    if kind not in KINDS:
        advice = f"Take one of {', '.join(KINDS)}."
        raise RoomError(shown_as, 0, f"parameter {name!r} in {where} is of kind {kind!r}", advice)
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise RoomError(
            shown_as, 0, f"parameter {name!r} is not a literal", "Give it a literal, or ... to require it."
        ) from error
    required = default is ...
    if not required and fault_of(default, kind):
        told = f"parameter {name!r} says {kind} and holds {shown(default)}"
        raise RoomError(shown_as, 0, told, "Make the two agree.")
    if is_secret(name):
        raise RoomError(
            shown_as, 0, f"parameter {name!r} in {where} is a secret by its name", f"{_REFER.capitalize()}."
        )
    # Columns are counted in bytes of UTF-8. https://docs.python.org/3/library/ast.html#ast.AST.end_col_offset
    last = lines[statement.end_lineno - 1].encode() if statement.end_lineno else b""
    comment = last[statement.end_col_offset or 0 :].decode().strip()
    return Parameter(name, kind, None if required else default, required, comment.removeprefix("#").strip())


def as_json(values: Mapping[str, Value]) -> dict[str, object]:
    """Parameter values as JSON has them; dates become ISO text."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
