"""``python -m silolake.service``: the process that ``silolake up --service`` starts."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from silolake.errors import SilolakeError
from silolake.runner.redact import redact
from silolake.service.places import Places
from silolake.service.server import serve


class _Redacting(logging.Formatter):
    """Writes no secret of a known shape, whatever it is asked to write: the log outlives what it tells of."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), ())


def main(words: list[str]) -> int:
    """The program: the workspace, its data directory, and how often it looks around in seconds."""
    root, data, every_s = words
    told = logging.StreamHandler()
    told.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[told])
    try:
        serve(Places(Path(root), Path(data)), float(every_s))
    except SilolakeError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
