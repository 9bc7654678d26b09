"""Reading the files of a room; every complaint names the file as it is called from the workspace's root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from silolake.contracts.lines import Node, advise, read_yaml
from silolake.errors import RoomError
from silolake.model import Name
from silolake.rooms import selectors
from silolake.rooms.selectors import Selector


def called(root: Path, path: Path) -> str:
    """A file's name in complaints: from the workspace's root, with slashes."""
    return path.relative_to(root).as_posix()


def read_text(root: Path, path: Path, advice: str) -> str:
    """A file's text.

    Args:
        root: the workspace's root.
        path: the file.
        advice: what to do where it is missing.

    Raises:
        RoomError: where it is missing, no file, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RoomError(called(root, path), 0, "there is no such file", advice) from None
    except IsADirectoryError:
        raise RoomError(called(root, path), 0, "this is a folder, not a file", advice) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RoomError(called(root, path), line, "this is not UTF-8", "Save the file as UTF-8 text.") from None


def read_room(root: Path, path: Path, advice: str) -> Node:
    """A YAML file of a room; see :func:`read_text` and :func:`silolake.contracts.lines.read_yaml`."""
    return read_yaml(read_text(root, path, advice), called(root, path))


def folders(root: Path, room: str) -> Iterator[Path]:
    """The folders of a room, by name; a missing room has none."""
    place = root / room
    if place.is_dir():
        yield from sorted(each for each in place.iterdir() if each.is_dir() and not each.name.startswith((".", "__")))


def files(root: Path, room: str, suffix: str, mistaken: tuple[str, ...] = ()) -> Iterator[Path]:
    """The files of a room with a suffix, by name.

    Raises:
        RoomError: for a file with a suffix that is easily mistaken for it.
    """
    place = root / room
    if not place.is_dir():
        return
    for each in sorted(place.iterdir()):
        if each.name.startswith("."):
            continue
        if each.suffix in mistaken:
            advice = f"Call it {each.stem}{suffix}."
            raise RoomError(called(root, each), 0, f"files end in {suffix} here, not in {each.suffix}", advice)
        if each.suffix == suffix and each.is_file():
            yield each


def inside(node: Node, suffix: str) -> str:
    """A node as a file of the workspace: a relative path with a suffix, that leads nowhere else.

    Raises:
        RoomError: where it is none.
    """
    text = node.text("a file")
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or path.suffix != suffix or "\\" in text:
        raise node.fault(
            f"{text!r} is not a {suffix} file of this workspace",
            f"Write a path that ends in {suffix}, without .. in it.",
        )
    return path.as_posix()


def name_of(node: Node, what: str) -> Name:
    """A node as a name.

    Raises:
        RoomError: where it is none.
    """
    text = node.text(what)
    try:
        return Name(text)
    except ValueError as error:
        raise node.fault(str(error), f"Choose {what} like that.") from None


def key_name(node: Node, key: str, what: str) -> str:
    """A mapping's key as a name."""
    try:
        return Name(key).text
    except ValueError as error:
        raise node.fault_at(key, str(error), f"Choose {what} like that.") from None


def selector_of(node: Node) -> Selector:
    """A node as a selector.

    Raises:
        RoomError: where it does not follow the grammar.
    """
    text = node.text("a selector")
    try:
        return selectors.parse(text)
    except ValueError as error:
        problem, _, advice = str(error).partition("; ")
        raise node.fault(
            f"the selector {text!r} is not understood: {problem}", f"{advice[:1].upper()}{advice[1:]}."
        ) from None


def one_of(node: Node, what: str, known: tuple[str, ...]) -> str:
    """A node as one word of a closed set.

    Raises:
        RoomError: naming the nearest known word.
    """
    word = node.text(what)
    if word not in known:
        raise node.fault(f"{word!r} is not {what}", advise(word, known))
    return word
