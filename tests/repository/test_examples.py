"""Every example in a docstring does what it shows."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from .tree import PACKAGE, modules

WITH_EXAMPLES = [path for path in modules() if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_examples_of_a_module_hold(path: Path) -> None:
    """As printed."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
