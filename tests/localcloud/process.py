"""A local cloud in a process of its own, which a test may kill and bring back."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from silolake.cloud import Cloud, LocalEndpoint, find_local, sign_in

_PATIENCE_S = 30.0


class Served:
    """A data directory, served or not.

    Args:
        place: where the data directory is made, and beside it what the process says.
    """

    def __init__(self, place: Path) -> None:
        self.directory, self._said = place / "cloud", place / "said"
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> LocalEndpoint:
        """Serve it; what answers."""
        command = [sys.executable, "-m", "silolake", "up", "--foreground", "--port", "0", "--region", "us-east-1"]
        with self._said.open("ab") as said:
            self._process = subprocess.Popen([*command, "--directory", str(self.directory)], stdout=said, stderr=said)
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            found = find_local(self.directory)
            if found is not None and found.pid == self._process.pid:
                return found
            assert self._process.poll() is None, self._said.read_text()
            time.sleep(0.02)
        raise AssertionError("the local cloud did not come up")

    def management(self) -> Cloud:
        """The management account's administrator."""
        endpoint = find_local(self.directory)
        assert endpoint is not None
        return sign_in(endpoint, "management", "Administrator")

    def kill(self) -> None:
        """As kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def down(self) -> None:
        """Let it end by itself."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(_PATIENCE_S)


@contextmanager
def served(place: Path) -> Iterator[Served]:
    """A local cloud that is up when the block begins, and down when it ends."""
    made = Served(place)
    try:
        made.up()
        yield made
    finally:
        made.down()
