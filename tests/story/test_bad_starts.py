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
from .workspaces import environment, make_workspace, silolake

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
    assert "reset" not in said
    assert contents(desk.data) == before
    for words in (("reset", "--yes"), ("reset", "--all", "--yes")):
        assert "its state.sqlite is not silolake's" in one_line(desk.silolake(*words, check=False))
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


def test_reset_removes_what_the_local_cloud_has_written_and_nothing_else(desk: SmallLake) -> None:
    """In a data directory where other things have come to lie, some under names like its own."""
    desk.up()
    desk.endpoint.ask("POST", "accounts", name="outsider", email="outsider@lake.example")
    desk.silolake("env")
    outside = desk.root / "outside"
    outside.mkdir()
    (outside / ("a" * 32)).write_text("led to by a link")
    bystanders = {"songs.sqlite", "letter.txt", "blobs/aa/letter.txt", "runs/my-own/letter.txt", "provisioning/a.yaml"}
    for name in bystanders:
        (desk.data / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.data / name).write_text(name)
    (desk.data / "blobs" / "ff").symlink_to(outside)
    said = desk.silolake("reset", "--yes").stdout
    assert not (desk.data / "state.sqlite").exists()
    assert (desk.data / "owner.token").exists()
    assert "letter.txt" in said and "songs.sqlite" in said
    desk.up()
    desk.silolake("reset", "--all", "--yes")
    left = {path.relative_to(desk.data).as_posix() for path in desk.data.rglob("*") if path.is_file()}
    assert left - {f"blobs/ff/{'a' * 32}"} == bystanders
    assert (outside / ("a" * 32)).read_text() == "led to by a link"


def test_reset_all_leaves_no_directory_behind_where_nothing_else_lies(desk: SmallLake) -> None:
    desk.up()
    desk.silolake("env")
    desk.silolake("reset", "--all", "--yes")
    assert not desk.data.exists()


def test_up_does_not_move_in_among_other_things(desk: SmallLake) -> None:
    """A workspace, somebody's certificates: neither is a data directory, and nothing is written into it."""
    theirs = desk.root / "theirs"
    theirs.mkdir()
    (theirs / "server.key").write_text("somebody's")
    for folder in (desk.root, theirs):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for further in ((), ("--foreground",)):
            refused = desk.silolake("up", "--port", "0", "--directory", str(folder), *further, check=False)
            assert "holds other things" in one_line(refused)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    said = desk.silolake("reset", "--all", "--yes", "--directory", str(desk.root)).stdout
    assert "nothing to remove" in said


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"https": 1}', b"\xff\xfe"], ids=repr)
def test_an_announcement_that_cannot_be_read_is_as_good_as_none(desk: SmallLake, garbage: bytes) -> None:
    """A process that lives on is told of and ended all the same: it holds the directory's lock."""
    desk.data.mkdir()
    (desk.data / "owner.token").write_text("a token")
    (desk.data / "endpoint.json").write_bytes(garbage)
    status = desk.silolake("status", check=False)
    assert (status.returncode, status.stderr) == (3, "")
    assert "No local cloud is up" in desk.silolake("down").stdout


def test_a_cloud_whose_announcement_is_lost_is_told_of_and_can_be_ended(desk: SmallLake) -> None:
    desk.up()
    pid = desk.endpoint.pid
    (desk.data / "endpoint.json").write_text("{")
    assert f"(process {pid})" in one_line(desk.silolake("up", "--port", "0", check=False))
    status = desk.silolake("status", check=False)
    assert status.returncode == 3
    assert f"process {pid} serves" in status.stdout and "silolake down" in status.stdout
    desk.down()
    desk.up()
    assert desk.endpoint.pid != pid


@pytest.mark.parametrize("name", ["ca.pem", "server.pem", "server.key"])
def test_damaged_certificates_are_made_anew(desk: SmallLake, name: str) -> None:
    """While it is up, each command says so in a sentence; the next start mends it."""
    desk.up()
    (desk.data / name).write_bytes(b"no certificate \xff")
    if name == "ca.pem":
        status = desk.silolake("status", check=False)
        assert (status.returncode, status.stderr) == (3, "")
        assert f"process {desk.endpoint.pid} serves" in status.stdout
        assert "already serves" in one_line(desk.silolake("up", "--port", "0", check=False))
        assert "nothing answers at" in one_line(desk.silolake("env", check=False))
    desk.down()
    desk.up()
    assert desk.endpoint.ask("GET", "status")["accounts"] == 1


@pytest.mark.parametrize("where", ["/proc/nope", "/dev/null/nope"])
def test_a_directory_that_cannot_be_made_is_refused(desk: SmallLake, where: str) -> None:
    for further in ((), ("--foreground",)):
        said = one_line(desk.silolake("up", "--port", "0", "--directory", where, *further, check=False))
        assert f"{where} cannot be a data directory" in said
    assert "No local cloud is up" in desk.silolake("down", "--directory", where).stdout
    assert "nothing to remove" in desk.silolake("reset", "--yes", "--directory", where).stdout


def test_the_demo_starts_a_cloud_that_was_killed(tmp_path: Path) -> None:
    """What the killed one had announced is asked, not believed."""
    lake = SmallLake(make_workspace(tmp_path))
    lake.up()
    killed = lake.endpoint
    os.kill(killed.pid, signal.SIGKILL)
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "silolake", "demo"], cwd=lake.root, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert demo.stdout is not None
        told = next(line for line in demo.stdout if line.startswith("up at "))
        assert lake.endpoint.pid != killed.pid
        assert lake.endpoint.https in told
        assert lake.endpoint.ask("GET", "status")["accounts"] >= 1
    finally:
        demo.kill()
        demo.communicate()
        lake.down()
