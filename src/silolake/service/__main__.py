"""``python -m silolake.service``: the process that ``silolake up --service`` starts."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from silolake.errors import SilolakeError
from silolake.service.places import Places
from silolake.service.server import serve


def main(words: list[str]) -> int:
    """The program: the workspace, its data directory, and how often it looks around in seconds."""
    root, data, every_s = words
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        serve(Places(Path(root), Path(data)), float(every_s))
    except SilolakeError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
