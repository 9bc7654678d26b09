"""Where papermill writes a notebook that is under way: to a file of its owner's alone, each time without secrets.

papermill saves a notebook before its first cell, while cells run, and at its end, by itself; a run that is killed
leaves the last of these behind. So what it writes to is ours.
https://papermill.readthedocs.io/en/latest/extending-entry-points.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from silolake.runner.redact import redact_notebook

SCHEME = "silolake-run:"
Secrets = Callable[[], Iterable[str]]


class _Files:
    """papermill's handler of our scheme."""

    def __init__(self) -> None:
        self.secrets: dict[str, Secrets] = {}

    def read(self, path: str) -> str:
        return Path(path.removeprefix(SCHEME)).read_text(encoding="utf-8")

    def listdir(self, path: str) -> list[str]:
        return [str(each) for each in Path(path.removeprefix(SCHEME)).iterdir()]

    def write(self, buf: str, path: str) -> None:
        """Keep a notebook whole or not at all: a kill leaves the one before. Writes."""
        plain = Path(path.removeprefix(SCHEME))
        passing = plain.with_suffix(".new")
        told = redact_notebook(buf, self.secrets[path]())
        with os.fdopen(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(told)
        passing.replace(plain)

    def pretty_path(self, path: str) -> str:
        return path.removeprefix(SCHEME)


_files = _Files()


@cache
def _register() -> None:
    from papermill.iorw import papermill_io

    papermill_io.register(SCHEME, _files)


@contextmanager
def redacted(path: Path, secrets: Secrets) -> Iterator[str]:
    """The address by which papermill writes a file without secrets, while the block lasts.

    Args:
        path: the file.
        secrets: asked at each save: a run's credentials are renewed meanwhile.
    """
    _register()
    address = f"{SCHEME}{path}"
    _files.secrets[address] = secrets
    try:
        yield address
    finally:
        del _files.secrets[address]
