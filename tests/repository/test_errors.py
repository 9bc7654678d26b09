"""The tree drawn at the top of errors.py is the tree of its classes, and every error survives a worker's pickle."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Iterator

import pytest

from silolake import errors
from silolake.errors import SilolakeError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if each.__module__ == errors.__name__]


def drawn() -> Iterator[tuple[str, str]]:
    """Child and parent of every line of the drawing."""
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    (?P<branch>[│├└─ ]*)(?P<name>[A-Z][A-Za-z]+)\b", line)
        if found:
            depth = len(found["branch"]) // 4
            above[depth:] = [found["name"]]
            yield found["name"], above[depth - 1] if depth else "Exception"


def test_the_drawing_is_the_tree() -> None:
    """Every class stands under its parent, and no line draws what is not there."""
    assert sorted(drawn()) == sorted((each.__name__, each.__base__.__name__) for each in CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: each.__name__)
def test_an_error_survives_a_workers_pickle(kind: type[SilolakeError]) -> None:
    """With its facts and its words."""
    said = {"str": "text", "int": 3, "tuple[str, ...]": ("one", "two")}
    wanted = [
        each
        for each in list(inspect.signature(kind.__init__).parameters.values())[1:]
        if each.kind.name != "VAR_POSITIONAL"
    ]
    error = kind(*(said[str(each.annotation)] for each in wanted if each.kind.name != "VAR_KEYWORD"))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again), str(again)) == (kind, vars(error), str(error))
