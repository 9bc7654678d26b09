"""Messages between a zygote, those who ask it for kernels, and a kernel that runs cells: JSON, its length before it.

File descriptors travel beside a message, as Unix sockets let them.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Message = dict[str, Any]

LONGEST = 128 * 1024 * 1024
"""A longer message is no message: whoever says so has lost the thread, or means harm."""

_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 18
_MOST_FDS = 8


class BrokenWire(Exception):
    """What arrives is no message; nothing after it can be understood."""


def send(
    connection: socket.socket,
    message: Message,
    fds: Sequence[int] = (),
    default: Callable[[Any], Any] | None = None,
) -> None:
    """Send one message whole; blocks until the other side has room.

    Args:
        connection: a stream.
        message: what JSON can say.
        fds: descriptors that the other side gets copies of.
        default: what to say of a value that JSON does not know.

    Raises:
        ValueError: it is longer than ``LONGEST``.
    """
    content = json.dumps(message, default=default).encode()
    if len(content) > LONGEST:
        raise ValueError(f"a message of {len(content)} bytes cannot be sent; {LONGEST} is the most")
    framed = _LENGTH.pack(len(content)) + content
    sent = connection.sendmsg([framed], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else [])
    if sent < len(framed):
        connection.sendall(framed[sent:])


class Incoming:
    """What has arrived on a connection and was not read yet.

    Args:
        connection: its other end may be anybody's; lengths are not believed beyond ``LONGEST``.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.fds: list[int] = []
        self.is_over = False
        self._held = bytearray()

    def wait(self, timeout_s: float) -> bool:
        """Whether something has arrived, or the connection is over, waiting that long for it."""
        # Unlike select, poll has no highest descriptor.
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout_s) * 1000))

    def take(self) -> None:
        """Read what is there now; blocks only where the connection does. Sets ``is_over`` at its end."""
        try:
            content, ancillary, _, _ = self.connection.recvmsg(_CHUNK, socket.CMSG_SPACE(_MOST_FDS * 4))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.is_over = True
            return
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                received = array("i")
                received.frombytes(data[: len(data) - len(data) % received.itemsize])
                self.fds += received
        if content:
            self._held += content
        else:
            self.is_over = True

    def messages(self) -> Iterator[Message]:
        """The whole messages among it.

        Raises:
            BrokenWire: it is none.
        """
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > LONGEST:
                raise BrokenWire(f"a message of {length} bytes is announced; {LONGEST} is the most")
            end = _LENGTH.size + length
            if len(self._held) < end:
                return
            content = bytes(self._held[_LENGTH.size : end])
            del self._held[:end]
            try:
                message = json.loads(content)
            except ValueError as error:
                raise BrokenWire(f"what arrived is not JSON: {error}") from error
            if not isinstance(message, dict):
                raise BrokenWire(f"what arrived is no message: {content[:40]!r}")
            yield message
