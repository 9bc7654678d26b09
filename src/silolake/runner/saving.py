"""Saves an executed notebook as it goes, but no oftener than it is worth.

papermill's own manager writes the whole file at the start and the end of every cell: 205 times for a hundred cells.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EVERY_S = 2.0
"""A killed run has lost no more than this of what it had put out."""
_SHARE = 20


class Saving:
    """Stands in for a manager's ``save`` while its cells run.

    Args:
        nb_man: papermill's manager of the notebook.
    """

    def __init__(self, nb_man: Any) -> None:
        self._save = nb_man.save
        self._next_at = time.monotonic() + EVERY_S

    @property
    def is_due(self) -> bool:
        """Whether the last save is long enough ago: two seconds, or twenty times what it took."""
        return time.monotonic() >= self._next_at

    def __call__(self, **_: Any) -> None:
        """Save, if it is due."""
        if self.is_due:
            began = time.monotonic()
            self._save()
            ended = time.monotonic()
            self._next_at = ended + max(EVERY_S, _SHARE * (ended - began))


@contextmanager
def throttled(nb_man: Any) -> Iterator[Saving]:
    """Let a manager save now and then only, while the block works."""
    save = nb_man.save
    nb_man.save = saving = Saving(nb_man)
    try:
        yield saving
    finally:
        nb_man.save = save
