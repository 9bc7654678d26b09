"""Starting the local cloud where it cannot: one plain sentence, exit code 1, and nothing that is there is touched."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from silolake.cloud import find_local

from .small_lakes import SmallLake
from .workspaces import environment, silolake

pytestmark = pytest.mark.xdist_group("bad_starts")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SmallLake]:
    """A folder of one's own with the settings of a workspace; whatever serves it at the end is stopped."""
    (tmp_path / "silolake.yaml").write_text("lake: nyc\nstage: dev\nregion: us-east-1\ncloud:\n  local: true\n")
    yield SmallLake(tmp_path)
    silolake(tmp_path, "down", check=False)


@contextmanager
def listener() -> Iterator[int]:
    """Another program's port."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield int(held.getsockname()[1])


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a refused command says: one sentence on standard error, and exit code 1."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize("below", [0, 1], ids=["the port for HTTPS", "the port for plain HTTP"])
def test_a_port_that_is_taken_is_named_and_nothing_stays_behind(desk: SmallLake, below: int) -> None:
    """The one for plain HTTP is the next one; the port that is named is the one that is taken."""
    with listener() as taken:
        said = one_line(desk.silolake("up", "--port", str(taken - below), check=False))
    assert f"port {taken} on 127.0.0.1 cannot be listened on" in said
    assert "--port 0" in said
    assert find_local(desk.data) is None
    assert desk.silolake("status", check=False).returncode == 3
    desk.up()
    assert desk.endpoint.ask("GET", "status")["accounts"] == 1


def test_a_second_up_on_one_data_directory_is_refused_and_the_first_goes_on(desk: SmallLake) -> None:
    """Both ways: the command that looks first, and the process that finds the directory locked."""
    desk.up()
    first = desk.endpoint
    assert f"already serves {desk.data} at {first.https}" in one_line(desk.silolake("up", "--port", "0", check=False))
    held = desk.silolake("up", "--port", "0", "--foreground", check=False)
    assert f"already serves {desk.data} (process {first.pid})" in one_line(held)
    assert desk.endpoint == first
    assert first.ask("GET", "status")["accounts"] == 1


def test_of_two_ups_at_once_one_serves_and_the_other_says_so(desk: SmallLake) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: desk.silolake("up", "--port", "0", check=False), range(2)))
    codes = sorted(each.returncode for each in done)
    assert codes == [0, 1], [each.stderr for each in done]
    (refused,) = (each for each in done if each.returncode)
    assert "already serves" in one_line(refused)
    assert desk.endpoint.ask("GET", "status")["accounts"] == 1


def half(content: bytes) -> bytes:
    """Cut off, as a full disk leaves a file."""
    return content[: len(content) // 2]


def garbled_head(content: bytes) -> bytes:
    return b"not a database at all, only text" + content[32:]


def garbled_inside(content: bytes) -> bytes:
    """The head is well; a page within is not."""
    return content[:8192] + b"\xa5" * 4096 + content[12288:]


@pytest.mark.parametrize("spoil", [half, garbled_head, garbled_inside], ids=lambda spoil: spoil.__name__)
def test_a_corrupt_state_is_refused_and_left_as_it_was(desk: SmallLake, spoil: Callable[[bytes], bytes]) -> None:
    desk.up()
    desk.down()
    state = desk.data / "state.sqlite"
    good = state.read_bytes()
    state.write_bytes(spoil(good))
    before = contents(desk.data)
    said = one_line(desk.silolake("up", "--port", "0", check=False))
    assert f"{state} cannot be read" in said
    assert "It was left as it is" in said and "silolake reset --all" in said
    assert contents(desk.data) == before
    state.write_bytes(good)
    desk.up()
    assert desk.endpoint.ask("GET", "status")["accounts"] == 1


def test_what_a_killed_cloud_had_acknowledged_is_not_lost_by_a_refused_start(desk: SmallLake) -> None:
    """Its last transactions are in the write-ahead log, which a start that is refused must not take away."""
    desk.up()
    desk.down()
    desk.up()
    desk.endpoint.ask("POST", "accounts", name="outsider", email="outsider@lake.example")
    os.kill(desk.endpoint.pid, signal.SIGKILL)
    state, log = desk.data / "state.sqlite", desk.data / "state.sqlite-wal"
    good, acknowledged = state.read_bytes(), log.read_bytes()
    assert acknowledged
    state.write_bytes(half(good))
    one_line(desk.silolake("up", "--port", "0", check=False))
    assert log.read_bytes() == acknowledged
    state.write_bytes(good)
    desk.up()
    assert "outsider" in [each["name"] for each in desk.endpoint.ask("GET", "accounts")]


def test_the_state_of_another_format_is_refused_and_left_as_it_was(desk: SmallLake) -> None:
    desk.up()
    desk.down()
    with closing(sqlite3.connect(desk.data / "state.sqlite")) as connection, connection:
        connection.execute("UPDATE meta SET value = '999' WHERE name = 'format'")
    before = contents(desk.data)
    said = one_line(desk.silolake("up", "--port", "0", check=False))
    assert "it is of format 999, this release reads format" in said
    assert contents(desk.data) == before


def test_another_programs_database_is_refused_and_left_as_it_was(desk: SmallLake) -> None:
    """It would otherwise get our tables among its own."""
    desk.data.mkdir()
    with closing(sqlite3.connect(desk.data / "state.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    before = contents(desk.data)
    said = one_line(desk.silolake("up", "--port", "0", check=False))
    assert "cannot be read" in said and "not silolake's" in said
    assert contents(desk.data) == before


def contents(folder: Path) -> dict[str, str]:
    """What lies in a data directory; its log, its lock and SQLite's index of a log may change."""
    free = {"local-cloud.log", "lock", "state.sqlite-shm"}
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in free and path.stat().st_size
    }


def test_down_after_a_kill_does_not_end_a_process_that_has_got_the_number(desk: SmallLake) -> None:
    """A killed local cloud leaves its number behind, and the system gives it to somebody else in time."""
    desk.up()
    os.kill(desk.endpoint.pid, signal.SIGKILL)
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=environment(), start_new_session=True
    ) as stranger:
        announced = desk.data / "endpoint.json"
        announced.write_text(announced.read_text().replace(f'"pid": {desk.endpoint.pid}', f'"pid": {stranger.pid}'))
        try:
            desk.down()
            assert stranger.poll() is None
            assert desk.silolake("status", check=False).returncode == 3
        finally:
            stranger.send_signal(signal.SIGKILL)
