"""What Git runs when somebody pushes: the pushed commits are handed to the service, and what it tells is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from silolake.errors import SilolakeError
from silolake.service import remote
from silolake.service.places import Places
from silolake.service.talk import ask

_BRANCHES = "refs/heads/"


def receive(places: Places, pushed: Iterable[str], repository: Path) -> int:
    """Judge what is pushed; 0 lets it land.

    ``main`` is applied, and lands if that has completed; another branch is planned and tested, and lands whatever came
    of it, for what is not finished may be kept too; tags land.

    Args:
        places: the service's.
        pushed: Git's lines: old id, new id, name.
        repository: the one that is pushed to.
    """
    updates = [line.split() for line in pushed]
    for old, new, name in updates:
        if name == remote.MAIN and new == remote.NOTHING:
            return _refuse("main is what was applied; it cannot be taken away")
        if name == remote.MAIN and old != remote.NOTHING and not remote.is_ancestor(repository, old, new):
            return _refuse("main only goes forward: git revert what is to be undone, or silolake rollback, then push")
    for _, new, name in updates:
        if not name.startswith(_BRANCHES) or new == remote.NOTHING:
            continue
        verb = "apply" if name == remote.MAIN else "check"
        folder = remote.check_out(places, new, repository)
        said = ask(places, {"verb": verb, "commit": new, "folder": str(folder)}, _say)
        if said["code"] and verb == "apply":
            return int(said["code"])
    return 0


def _refuse(why: str) -> int:
    _say(f"refused: {why}.")
    return 1


def _say(line: str) -> None:
    # Git hands on to the pusher what the hook writes to either stream; it is shown as it comes only if it is sent so.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(words: list[str]) -> int:
    """The program: the workspace and its data directory are its words, Git's lines its input."""
    root, data = (Path(word) for word in words)
    try:
        return receive(Places(root, data), sys.stdin, Path.cwd())
    except SilolakeError as error:
        return _refuse(str(error).rstrip("."))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
