"""What the tests of the repository read of it: its files as Git knows them, and the imports of its modules."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "silolake"


@cache
def tracked() -> tuple[Path, ...]:
    """The files that Git tracks or would add: what is ignored is nobody's business."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(sorted({path for path in paths if path.is_file()}))


@cache
def linked() -> tuple[Path, ...]:
    """The folders that are links to others of the repository's: the starter is made of the rooms themselves."""
    listed = subprocess.run(["git", "ls-files", "--stage", "-z"], cwd=ROOT, capture_output=True, check=True)
    # https://git-scm.com/docs/index-format: 120000 is the mode of a symbolic link.
    entries = (entry.split("\t", 1) for entry in listed.stdout.decode().split("\0") if entry.startswith("120000"))
    return tuple(sorted(ROOT / name for _, name in entries if (ROOT / name).is_dir()))


def modules() -> tuple[Path, ...]:
    """The engine's modules."""
    return tuple(path for path in tracked() if path.suffix == ".py" and path.is_relative_to(PACKAGE))


@dataclass(frozen=True)
class Import:
    """One imported module.

    Attributes:
        path: the file that imports.
        line: where.
        module: what, with all its dots.
        at_top: whether it is imported as soon as the file is; imports for type checkers alone are not.
    """

    path: Path
    line: int
    module: str
    at_top: bool

    @property
    def unit(self) -> str:
        """The part of the engine the file belongs to: the package or module right below ``silolake``."""
        return unit_of(self.path)

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def unit_of(path: Path) -> str:
    """The part of the engine a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports() -> tuple[Import, ...]:
    """Every import in the engine, those inside functions too."""
    return tuple(each for path in modules() for each in _imports(path))


def _imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(_at_top(tree.body))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for each in names:
                    yield Import(path, node.lineno, each.name, node in top)
            case ast.ImportFrom(module="silolake", names=names):
                for each in names:
                    yield Import(path, node.lineno, f"silolake.{each.name}", node in top)
            case ast.ImportFrom(module=str(module), level=0):
                yield Import(path, node.lineno, module, node in top)
            case ast.ImportFrom():
                raise AssertionError(f"{path}:{node.lineno} imports by dots; name the module in full")
            case _:
                pass


def _at_top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        match statement:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.If(body=inner, orelse=other) | ast.Try(body=inner, orelse=other):
                yield from _at_top([*inner, *other])
            case _:
                pass
