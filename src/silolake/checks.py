"""What a commit is held to before it is applied: the lint of its notebooks, its samples, its views' cases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from silolake.cross_silo_views import play
from silolake.errors import RoomError, SilolakeError
from silolake.pipelines import hold_samples
from silolake.rooms import Case, Rooms, View, check_notebooks
from silolake.runner.lint import lint_workspace


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        problem: what is wrong with it; nothing where it is well.
    """

    name: str
    problem: str = ""

    def __str__(self) -> str:
        return f"failed  {self.name}: {self.problem}" if self.problem else f"passed  {self.name}"


def lint(rooms: Rooms) -> Iterator[Check]:
    """Whether pipelines and notebooks fit together, and the notebooks are in shape. Reads only files."""
    try:
        check_notebooks(rooms)
    except RoomError as error:
        yield Check("steps and their notebooks", str(error))
    else:
        yield Check("steps and their notebooks")
    complaints = [str(each) for each in lint_workspace(rooms.root)]
    yield from (Check("notebooks in shape", each) for each in complaints)
    if not complaints:
        yield Check("notebooks in shape")


def test(rooms: Rooms) -> Iterator[Check]:
    """Every sample against its contract and every view against its cases. Reads only files; takes no cloud."""
    for pipeline in rooms.making:
        for file, problem in hold_samples(pipeline):
            yield Check(f"{pipeline.folder}/samples/{file}", problem)
    for view in rooms.views.values():
        for case in view.cases:
            yield Check(f"{view.name}: {case.name}", _play(rooms, view, case))


def _play(rooms: Rooms, view: View, case: Case) -> str:
    with tempfile.TemporaryDirectory(prefix="silolake-case-") as folder:
        try:
            return play(view, case, rooms.contracts, Path(folder))
        except SilolakeError as error:  # the view cannot answer these rows at all
            return str(error)
