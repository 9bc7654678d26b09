"""Style and types: what `make lint` says of the code, `make test` says too."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from .tree import ROOT


@pytest.mark.parametrize("words", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff_has_nothing_to_say(words: tuple[str, ...]) -> None:
    """Rules and layout, everywhere but in the tutorials."""
    said = subprocess.run(
        [sys.executable, "-m", "ruff", *words, "--no-cache", "."], cwd=ROOT, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_mypy_has_nothing_to_say() -> None:
    """Strictly, in all of src; what it learnt is kept beside the sources, for it and for `make lint`."""
    said = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_no_rule_is_chosen_and_then_ignored() -> None:
    """It would look kept."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert set(rules["select"]) & set(rules["ignore"]) == set()
