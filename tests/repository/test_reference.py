"""The pages of docs/reference are what the code says of itself."""

from __future__ import annotations

import runpy

import pytest

from .tree import ROOT

PAGES: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "reference.py"))["pages"]()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    """Where this fails, run `make docs` and look at what has changed."""
    written = ROOT / "docs" / "reference" / name
    assert written.is_file(), "make docs"
    assert written.read_text(encoding="utf-8") == PAGES[name], "make docs"


def test_no_page_is_left_of_code_that_is_gone() -> None:
    """What nobody writes any more is removed."""
    assert {path.name for path in (ROOT / "docs" / "reference").glob("*.md")} == set(PAGES)
