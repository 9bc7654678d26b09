"""How the service is spoken to: over a socket that only its user can open, one question, then lines, then an end.

A question is one line of JSON; an answer is lines of JSON, ``{"line": "…"}`` for what a person reads as it comes about
and ``{"code": 0, …}`` at the end.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from silolake.errors import WrongState
from silolake.service.places import Places

_LONGEST_QUESTION = 1 << 16
Tell = Callable[[str], None]


def ask(places: Places, question: Mapping[str, Any], tell: Tell = lambda _: None) -> dict[str, Any]:
    """Ask the service of a workspace, and tell what it says as it says it.

    Args:
        places: the workspace's.
        question: a verb and what it needs.
        tell: hears each line.

    Returns:
        The end of its answer: ``code``, and what the verb answers.

    Raises:
        WrongState: no service is up, or it went away before its answer's end.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as spoken:
        try:
            spoken.connect(str(places.socket))
        except OSError as error:
            raise WrongState(f"no service is up for {places.root}", "Start it with silolake up --service") from error
        spoken.sendall(json.dumps(question).encode() + b"\n")
        with spoken.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                said: dict[str, Any] = json.loads(line)
                if "code" in said:
                    return said
                tell(str(said["line"]))
    raise WrongState(f"the service of {places.root} ended before it had answered", "Ask again: it goes on from there")


class Conversation:
    """The service's end: what it tells whoever asked, until they hang up."""

    def __init__(self, spoken: socket.socket) -> None:
        self._spoken, self._gone = spoken, False

    def read(self) -> dict[str, Any]:
        """The question.

        Raises:
            WrongState: it is none.
        """
        with self._spoken.makefile("rb") as lines:
            line = lines.readline(_LONGEST_QUESTION)
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise WrongState("the question is no JSON object", "Ask with silolake's own commands")
        return said

    def tell(self, line: str) -> None:
        """Say a line; to nobody where they have hung up."""
        self._send({"line": line})

    def end(self, code: int, **more: Any) -> None:
        """Say the end."""
        self._send({"code": code, **more})

    @property
    def is_over(self) -> bool:
        """Whether whoever asked has hung up: whoever pushes and presses Ctrl-C wants nothing more to begin."""
        if not self._gone:
            try:
                self._gone = self._spoken.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
            except BlockingIOError:
                return False
            except OSError:
                self._gone = True
        return self._gone

    def _send(self, said: Mapping[str, Any]) -> None:
        if self._gone:
            return
        try:
            self._spoken.sendall(json.dumps(said, ensure_ascii=False).encode() + b"\n")
        except OSError:
            self._gone = True


@contextmanager
def listening(places: Places) -> Iterator[socket.socket]:
    """The socket that the service listens on while the block lasts. Writes."""
    path = places.socket
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(16)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
