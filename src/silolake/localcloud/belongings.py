"""What a data directory holds of ours, by name: nothing else in it is ever removed or written over."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from silolake.errors import LocalCloudError

_TOKEN = "owner.token"
_BEFORE = ("lock", "local-cloud.log", "state.sqlite*", "decisions.sqlite*", "blobs", "athena")
"""What a first start may have left that was killed before it had written its token."""
_STATE = (
    r"(state|decisions)\.sqlite(-wal|-shm|-journal)?",
    r"blobs/[0-9a-f]{2}/[0-9a-f]{32}",
    r"blobs/passing/[0-9a-f]{32}",
    r"athena/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.*",
    # Notebooks under way, by the run's id; what a killed command has left of them.
    r"runs/[0-9a-f]{16}/.*",
    r"builds/.*",
    # The service's: what was pushed, and which commit of it the state is.
    r"lake\.git/.*",
    r"commits/.*",
    r"applied\.(json|new)",
)
_REST = (
    r"owner\.token",
    r"lock",
    r"local-cloud\.log",
    r"endpoint\.json(\.new)?",
    r"(ca|server)\.pem(\.new)?",
    r"server\.key(\.new)?",
    r"profiles/[^/]+\.(ini|new)",
    r"company_report\.html",
    r"pages/[0-9a-z]+\.html",
    r"service\.(log|lock)",
)
_FOLDERS = re.compile(r"(blobs|athena|builds|runs|lake\.git|commits)(/.*)?|profiles|pages")


def is_ours(directory: Path) -> bool:
    """Whether a local cloud keeps its state in a directory. Reads only.

    A database that is damaged beyond reading is ours if our token lies beside it.
    """
    state, token = directory / "state.sqlite", directory / _TOKEN
    if not state.is_file() or not state.stat().st_size:
        return token.is_file()
    try:
        with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            held = "meta" in tables and connection.execute("SELECT 1 FROM meta WHERE name = 'format'").fetchone()
    except sqlite3.DatabaseError:
        return token.is_file()
    return bool(held)


def require_ours(directory: Path) -> None:
    """Refuse to touch what is another program's. Reads only.

    Raises:
        LocalCloudError: no local cloud keeps its state there.
    """
    if not is_ours(directory):
        raise LocalCloudError(
            f"{directory} is no local cloud's data directory: its state.sqlite is not silolake's, or there is none",
            "Nothing was removed. Name the right directory with --directory",
        )


def prepare(directory: Path) -> None:
    """Make a data directory, readable by its owner alone, where it is missing. Writes.

    Raises:
        LocalCloudError: it cannot be made or written, or it holds other things and no local cloud.
    """
    try:
        _require_free(directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Opened as it will be, so that what cannot be written is told before anything is.
        with (directory / "lock").open("a"):
            pass
    except OSError as error:
        raise LocalCloudError(
            f"{directory} cannot be a data directory ({error.strerror})", "Name another with --directory"
        ) from error


def _require_free(directory: Path) -> None:
    if not directory.exists() or (directory / _TOKEN).is_file() or is_ours(directory):
        return
    foreign = sorted(each.name for each in directory.iterdir() if not any(each.match(name) for name in _BEFORE))
    if foreign:
        shown = ", ".join(foreign[:3]) + (", …" if foreign[3:] else "")
        raise LocalCloudError(
            f"{directory} holds other things ({shown}) and no local cloud",
            "Name an empty or a new directory with --directory",
        )


def remove(directory: Path, *, everything: bool) -> list[str]:
    """Remove what the local cloud and its commands have written; folders go when they are empty. Writes.

    Args:
        directory: the data directory.
        everything: certificates, token, profiles and log too, and the directory itself once it is empty.

    Returns:
        What is left in the directory that is not ours, by name; a bystander stays where it lies.

    Raises:
        LocalCloudError: no local cloud keeps its state there.
    """
    require_ours(directory)
    ours = re.compile("|".join((*_STATE, *_REST) if everything else _STATE), re.DOTALL)
    for path in list(_below(directory)):
        name = path.relative_to(directory).as_posix()
        # A link is removed, never what it leads to.
        if (path.is_symlink() or not path.is_dir()) and ours.fullmatch(name):
            path.unlink(missing_ok=True)
    for folder in sorted((each for each in _below(directory) if each.is_dir()), reverse=True):
        if _FOLDERS.fullmatch(folder.relative_to(directory).as_posix()):
            with suppress(OSError):
                folder.rmdir()
    if everything:
        with suppress(OSError):
            directory.rmdir()
    known = re.compile("|".join(_REST))
    if not directory.exists():
        return []
    return sorted(each.name for each in directory.iterdir() if everything or not known.fullmatch(each.name))


def _below(directory: Path) -> Iterator[Path]:
    """Everything in a directory's folders that may be ours; no link is followed."""
    for path in directory.iterdir():
        yield path
        if path.is_dir() and not path.is_symlink() and _FOLDERS.fullmatch(path.name):
            yield from path.rglob("*")
