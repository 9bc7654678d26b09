"""The shape of a notebook in Git, and the stripping that restores half of it.

A run notebook is a thin hand on the library: a title and its promise, literals, calls, the thing to look at, the
check. Notebooks are read as plain JSON, so that looking at all of them takes milliseconds. Tutorials keep their
outputs and tell their own story: of them only ids, kernel and secrets are judged.

    python -m silolake.runner.lint            says what is wrong, and ends with 1 if anything is
    python -m silolake.runner.lint --strip    takes outputs out
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from silolake.errors import RoomError
from silolake.rooms.notebooks import FOLDER, TUTORIALS, lines_of, read_parameter, source, tags

KERNEL = "python3"
IMPORTS = frozenset(
    {"silolake", "awswrangler", "boto3", "pandas", "numpy", "pyarrow", "matplotlib", "sqlalchemy", "IPython"}
    | {"__future__", "calendar", "collections", "dataclasses", "datetime", "decimal", "html", "itertools", "json"}
    | {"math", "pathlib", "re", "statistics", "textwrap", "typing", "zoneinfo"}
)
"""What a run notebook may import: the library, what an analyst works with on AWS, and pure parts of Python."""

_ACCOUNT = re.compile(r"(?<![\w.])\d{12}(?![\w.])")
# The prefixes of AWS's access keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_SECRETS = {
    "an access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a secret key": re.compile(r"(?i)secret_?access_?key[\"']?\s*[:=]\s*[\"'][^\"']{16,}"),
    "a session token": re.compile(r"(?i)session_?token[\"']?\s*[:=]\s*[\"'][^\"']{16,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARKS_OF_A_RUN = frozenset({"papermill", "execution", "collapsed", "scrolled", "ExecuteTime"})


@dataclass(frozen=True)
class Complaint:
    """One thing that is not as it should be.

    Attributes:
        path: the notebook, from the workspace's root.
        problem: what is wrong, and what to do, in plain words.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


def lint_notebook(root: Path, path: Path) -> tuple[Complaint, ...]:
    """What is wrong with one notebook's shape. Reads only.

    Args:
        root: the workspace.
        path: the notebook, below ``root/notebooks``.
    """
    shown = path.relative_to(root).as_posix()
    try:
        node = json.loads(path.read_text(encoding="utf-8"))
        cells = [dict(cell) for cell in node["cells"]]
    except (ValueError, KeyError, TypeError) as error:
        return (Complaint(shown, f"it is not a notebook ({error}); restore it from Git"),)
    rules = _ANY if is_tutorial(path) else _ANY + _RUN
    return tuple(Complaint(shown, problem) for rule in rules for problem in rule(node, cells))


def lint_workspace(root: Path) -> tuple[Complaint, ...]:
    """What is wrong with the shape of all notebooks of a workspace. Reads only."""
    return tuple(complaint for path in notebook_files(root) for complaint in lint_notebook(root, path))


def notebook_files(root: Path) -> tuple[Path, ...]:
    """Every notebook of a workspace, tutorials too."""
    return tuple(sorted(path for path in (root / FOLDER).rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts))


def is_tutorial(path: Path) -> bool:
    """Whether a notebook lies under ``notebooks/tutorials``, where outputs are kept."""
    return (FOLDER, TUTORIALS) in zip(path.parts, path.parts[1:], strict=False)


def strip(path: Path) -> bool:
    """Take the outputs and a run's marks out of a notebook, keeping cell ids. Writes ``path``, unless it is a tutorial.

    Returns:
        whether the file changed.

    Raises:
        RoomError: it is not a notebook; nothing was written.
    """
    if is_tutorial(path):
        return False
    before = path.read_text(encoding="utf-8")
    try:
        node: dict[str, Any] = json.loads(before)
        for cell in node["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
            cell["metadata"] = _kept(cell.get("metadata", {}))
            cell["source"] = source(cell).splitlines(keepends=True)
        node["metadata"] = _kept(node.get("metadata", {}))
        # The patch release of whoever saved last.
        node["metadata"].get("language_info", {}).pop("version", None)
    except (ValueError, KeyError, TypeError) as error:
        raise RoomError(str(path), 0, f"it is not a notebook ({error})", "Restore it from Git.") from error
    # As nbformat writes it, so that saving in JupyterLab changes nothing.
    after = json.dumps(node, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if after == before:
        return False
    written = path.with_name(f".{path.name}.stripped")
    written.write_text(after, encoding="utf-8")
    written.replace(path)
    return True


def _kept(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in _MARKS_OF_A_RUN}


Cells = list[dict[str, Any]]


def _ids(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    if (node.get("nbformat"), node.get("nbformat_minor", 0)) < (4, 5):
        yield "its format is older than 4.5 and has no cell ids; save it again in JupyterLab"
        return
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        given = cell.get("id", "")
        if not isinstance(given, str) or not _ID.fullmatch(given):
            yield f"cell {number} has no id that lasts; save the notebook again in JupyterLab"
        elif given in seen:
            yield f"cell {number} has the id {given!r} of an earlier cell; give it one of its own"
        seen.add(given)


def _kernel(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    name = node.get("metadata", {}).get("kernelspec", {}).get("name", "")
    if name != KERNEL:
        yield f"its kernel is {name or 'not said'}; choose {KERNEL}"


def _secrets(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    for number, cell in enumerate(cells, 1):
        text = source(cell) + json.dumps(cell.get("outputs", []))
        for kind, pattern in _SECRETS.items():
            if pattern.search(text):
                yield f"cell {number} holds {kind}; take it out, and revoke it if it was real"
        if _ACCOUNT.search(source(cell)):
            yield f"cell {number} names an account by its id; name it as organization.yaml does"


def _title(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    first = source(cells[0]).strip() if cells else ""
    heading, _, promise = first.partition("\n")
    if not cells or cells[0]["cell_type"] != "markdown" or not re.match(r"# \S", heading):
        yield "it does not begin with a title; let cell 1 be markdown: # Title"
    elif not promise.strip():
        yield "cell 1 has a title and no promise; say beneath it what the notebook does"


def _stripped(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    for number, cell in enumerate(cells, 1):
        if cell.get("outputs"):
            yield f"cell {number} keeps its output; run make strip"
        elif cell.get("execution_count") is not None:
            yield f"cell {number} keeps its number; run make strip"
        if "injected-parameters" in tags(cell):
            yield f"cell {number} holds the parameters of a run; delete it"
    if _MARKS_OF_A_RUN & set(node.get("metadata", {})):
        yield "it keeps the marks of a run; run make strip"


def _parameters(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    tagged = [number for number, cell in enumerate(cells, 1) if "parameters" in tags(cell)]
    for number in tagged[1:]:
        yield f"cell {number} is a second cell of parameters; keep one"
    if not tagged:
        return
    number = tagged[0]
    if any(cell["cell_type"] == "code" for cell in cells[: number - 1]):
        yield f"cell {number} holds the parameters and comes after code; let it be the first"
    text = source(cells[number - 1])
    for statement in _parsed(text):
        try:
            parameter = read_parameter(statement, lines_of(text), f"cell {number}", "")
        except RoomError as error:
            yield error.problem
        else:
            if not parameter.help:
                yield f"parameter {parameter.name!r} has no comment; say what it means"


def _code(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] != "code":
            continue
        text = source(cell)
        if not text.strip():
            yield f"cell {number} is empty; delete it"
            continue
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            yield f"cell {number} is not plain Python ({error.msg}, line {error.lineno}); mend it"
            continue
        for found in ast.walk(tree):
            match found:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    yield f"cell {number} defines {name}; move it to the library"
                case ast.Import(names=names):
                    yield from _foreign(number, (each.name for each in names))
                case ast.ImportFrom(module=module):
                    yield from _foreign(number, (module or ".",))
                case _:
                    pass


def _foreign(number: int, modules: Iterable[str]) -> Iterator[str]:
    for module in modules:
        if module.partition(".")[0] not in IMPORTS:
            yield f"cell {number} imports {module}; call the library for what you need of it"


def _ending(node: dict[str, Any], cells: Cells) -> Iterator[str]:
    code = [(number, cell) for number, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
    if not code:
        yield "it runs nothing; a run notebook has code"
        return
    number, cell = code[-1]
    statements = _parsed(source(cell))
    if statements and not _shows_or_checks(statements[-1]):
        yield f"cell {number} is the last and neither checks nor shows anything; end with one of the two"


def _shows_or_checks(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Expr() | ast.Assert() | ast.Raise():
            return True
        case ast.If() | ast.For() | ast.With():
            return any(isinstance(found, (ast.Assert, ast.Raise, ast.Call)) for found in ast.walk(statement))
        case _:
            return False


def _parsed(text: str) -> list[ast.stmt]:
    """The statements of a cell; none where it is no Python, which another rule tells."""
    try:
        return ast.parse(text).body
    except SyntaxError:
        return []


_ANY = (_ids, _kernel, _secrets)
_RUN = (_title, _parameters, _code, _stripped, _ending)


@click.command()
@click.option("--strip", "stripping", is_flag=True, help="Take outputs out instead of complaining.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def _main(stripping: bool, paths: tuple[Path, ...]) -> None:
    """Look at the notebooks of the workspace in this folder, or at those named."""
    root = Path.cwd()
    chosen = tuple(path.absolute() for path in paths) or notebook_files(root)
    for path in chosen:
        if not path.is_relative_to(root):
            raise click.BadParameter(f"{path} lies outside {root}; stand in its workspace's root")
    if stripping:
        for path in chosen:
            if strip(path):
                click.echo(f"stripped {os.path.relpath(path, root)}")
        return
    complaints = [complaint for path in chosen for complaint in lint_notebook(root, path)]
    for complaint in complaints:
        click.echo(str(complaint), err=True)
    if complaints:
        raise SystemExit(1)
    click.echo(f"{len(chosen)} notebooks are in shape")


if __name__ == "__main__":
    _main()
