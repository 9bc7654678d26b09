"""The process that kernels are forked from: who finds it, who may speak to it, and what is left when it is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from silolake.errors import CannotFork
from silolake.kernels import forks, ground, zygote
from silolake.kernels.__main__ import main
from silolake.kernels.cells import Cells
from silolake.kernels.outputs import Outputs
from silolake.kernels.wire import LONGEST, BrokenWire, Incoming, send

from .desk import IS_ROOT, SPARE, environment, eventually, execute, is_gone, preloading, said

Begin = Callable[..., Cells]


def zygote_of(kernel: Cells) -> Mapping[str, Any]:
    """What the zygote of a kernel says of itself."""
    return next(each for each in forks.zygotes() if kernel.kernel.pid in {one["pid"] for one in each["kernels"]})


def test_one_zygote_serves_all_who_stand_on_its_ground(begin: Begin) -> None:
    """And says who asked for which kernel."""
    one, other = begin(), begin()
    told = zygote_of(one)
    assert told["pid"] == zygote_of(other)["pid"]
    assert {each["pid"]: each["asked_by"] for each in told["kernels"]} == {
        one.kernel.pid: os.getpid(),
        other.kernel.pid: os.getpid(),
    }
    assert 20 < told["pss_mb"] < 400 and told["cpu_s"] > 0


def test_it_does_not_compute_and_has_no_thread_of_its_own(begin: Begin) -> None:
    """jemalloc's, which knows forks, is the only one; OpenBLAS was told to start none."""
    tasks = Path(f"/proc/{zygote_of(begin())['pid']}/task").iterdir()
    assert {(each / "comm").read_text().strip() for each in tasks} - {"python", "python3", "jemalloc_bg_thd"} <= {
        Path(sys.executable).name[:15]
    }


def test_eight_that_start_at_once_start_one_zygote(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Each gets its kernel."""
    preloading(monkeypatch, *SPARE, "silolake.kernels.wire")

    def run(number: int) -> tuple[str, int]:
        with Cells(environment(), str(folder)) as kernel:
            return said(kernel, f"print({number})"), zygote_of(kernel)["pid"]

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(run, range(8)))
    assert [each for each, _ in done] == [str(number) for number in range(8)]
    assert len({pid for _, pid in done}) == 1


@pytest.mark.parametrize(
    ("further", "is_another"),
    [
        ({}, False),
        ({"SILO": "ewr"}, False),
        ({"AWS_SECRET_ACCESS_KEY": "x"}, False),
        ({"SILOLAKE_RUN": "x"}, False),
        ({"PYTHONHASHSEED": "7"}, True),
        ({"PYTHONPATH": "/elsewhere"}, True),
        ({"LD_LIBRARY_PATH": "/elsewhere"}, True),
        ({"LC_ALL": "C"}, True),
        ({"HOME": "/elsewhere"}, True),
        ({"WR_S3_ENDPOINT_URL": "http://x.example"}, True),
    ],
    ids=str,
)
def test_what_only_a_start_can_take_in_asks_for_another_zygote(further: dict[str, str], is_another: bool) -> None:
    """The rest is the kernel's own."""
    plain, other = ground.ground(environment()), ground.ground(environment(further))
    assert (plain.digest != other.digest) is is_another
    assert not [name for name, _ in other.environment if name.startswith(("AWS_", "SILO"))]


def test_an_installation_asks_for_another_zygote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that comes, or that is another version; and a source of silolake's own that is edited."""
    own = tmp_path / "package"
    own.mkdir()
    (own / "module.py").write_text("x = 1\n")
    monkeypatch.setattr(ground, "find_spec", lambda _: SimpleNamespace(submodule_search_locations=[str(own)]))
    monkeypatch.syspath_prepend(str(tmp_path))
    digests = [ground.ground(environment()).digest]
    (tmp_path / "lake-1.0.dist-info").mkdir()
    digests.append(ground.ground(environment()).digest)
    (tmp_path / "lake-1.0.dist-info").rename(tmp_path / "lake-1.1.dist-info")
    digests.append(ground.ground(environment()).digest)
    (own / "module.py").write_text("x = 10\n")
    digests.append(ground.ground(environment()).digest)
    assert len(set(digests)) == 4
    assert ground.ground(environment()).digest == digests[-1]
    assert ground.ground(environment(), ("json",)).digest != digests[-1]


def test_a_zygote_that_was_killed_takes_its_kernels_along_and_another_is_started(
    folder: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is told as a dead kernel, the next one completes."""
    preloading(monkeypatch, *SPARE)
    held = begin()
    first = zygote_of(held)["pid"]
    source = f"import os, signal, time; os.kill({first}, signal.SIGKILL); time.sleep(60)"
    done = execute(folder, [source, "2"])
    assert done.statuses == ["failed", "not run"]
    assert done.told["reason"] == "kernel died: it was ended by SIGKILL"
    assert done.told["cpu_s"] is None
    assert eventually(lambda: is_gone(held.kernel.pid))
    assert held.run("1", Outputs()).died is not None
    assert execute(folder, ["1"]).told["kernel"] == "forked"


def test_a_runner_that_was_killed_takes_its_kernels_along(folder: Path) -> None:
    """With what they have started, though nobody is left to say so."""
    script = (
        "import sys, time\nfrom silolake.kernels.cells import Cells\nfrom silolake.kernels.outputs import Outputs\n"
        f"kernel = Cells({environment()!r}, {str(folder)!r})\noutputs = Outputs()\n"
        'kernel.run(\'import subprocess; print(subprocess.Popen(["sleep", "600"]).pid)\', outputs)\n'
        "print(kernel.kernel.pid, outputs.listed()[0]['text'], flush=True)\n"
        "kernel.run('import time; time.sleep(600)', outputs)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        pids = [int(word) for word in runner.stdout.readline().split()]
        assert len(pids) == 2 and not any(map(is_gone, pids))
        runner.kill()
    assert all(eventually(partial(is_gone, pid)) for pid in pids)


def test_ctrl_c_ends_the_run_and_its_kernel(folder: Path) -> None:
    """The runner is told by an exception, and by then no process is left."""
    kernel = Cells(environment(), str(folder))
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), kernel:
        kernel.run("import time; time.sleep(600)", Outputs())
    assert is_gone(kernel.kernel.pid)
    assert kernel.ended is not None and kernel.ended.code == -signal.SIGKILL


def test_a_library_that_starts_threads_makes_forking_unsafe(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So it is refused, and the record of a run that was spawned instead says why."""
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=[600], daemon=True).start()\n"
    (tmp_path / "with_thread.py").write_text(source)
    preloading(monkeypatch, *SPARE, "with_thread")
    done = execute(folder, ["1"], environment=environment({"PYTHONPATH": str(tmp_path)}))
    assert done.statuses == ["completed"]
    assert done.told["kernel"].startswith("spawned: the preloaded process has threads of its own: python")


def test_a_module_that_cannot_be_preloaded_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is not installed, and what fails; it fails in the notebook that imports it."""
    (tmp_path / "fails.py").write_text("raise OSError('at import')\n")
    preloading(monkeypatch, *SPARE, "no_such_module", "fails")
    done = execute(folder, ["import fails"], environment=environment({"PYTHONPATH": str(tmp_path)}))
    assert (done.told["kernel"], done.raised) == ("forked", "OSError")


def test_a_zygote_that_cannot_start_is_told_with_its_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The run is spawned."""
    (tmp_path / "ends.py").write_text("import os\nos._exit(1)\n")
    preloading(monkeypatch, "ends")
    done = execute(folder, ["1"], environment=environment({"PYTHONPATH": str(tmp_path)}))
    assert done.statuses == ["completed"]
    assert done.told["kernel"].startswith("spawned: the process to fork from did not start; ")
    assert done.told["kernel"].endswith(".log says why")


def test_the_sockets_folder_is_its_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that others could reach into is not used, nor a link to one."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path)[:59])
    base = tmp_path / "b"
    base.mkdir()
    monkeypatch.setattr(ground, "Path", lambda _: base)
    made = ground.place()
    assert made.stat().st_mode & 0o777 == 0o700
    made.chmod(0o750)
    with pytest.raises(CannotFork, match="this user alone"):
        ground.place()
    made.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    made.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotFork, match="this user alone"):
        ground.place()


@pytest.mark.skipif(not IS_ROOT, reason="only root can be another user")
def test_another_user_gets_no_answer_even_where_the_folder_is_open(begin: Begin) -> None:
    """The zygote looks who asks; who asks looks who answers."""
    kernel = begin()
    at = ground.place() / f"{ground.ground(environment()).digest}.socket"
    open_to_all = (at.parent.parent, at.parent, at)
    modes = [each.stat().st_mode for each in open_to_all]
    script = (
        f"import os, socket\nos.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\ns.connect({str(at)!r})\n"
        "try:\n    s.sendall(b'\\0\\0\\0\\x10{\"status\": true }')\n    print(s.recv(100) or 'cut off')\n"
        "except (BrokenPipeError, ConnectionResetError):\n    print('cut off')"
    )
    try:
        for each in open_to_all:
            each.chmod(0o777)
        done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False)
    finally:
        for each, mode in zip(open_to_all, modes, strict=True):
            each.chmod(mode)
    assert done.stdout.strip() == "cut off", done.stderr
    assert said(kernel, "print('still there')") == "still there"


@pytest.mark.parametrize(
    "sent",
    [b"\xff\xff\xff\xff", b"\0\0\0\x02{]", b"\0\0\0\x02[]", b"GET / HTTP/1.1\r\n\r\n", b'\0\0\0\x0b{"fork": 1}'],
    ids=repr,
)
def test_nonsense_on_its_socket_does_not_hurt_it(begin: Begin, sent: bytes) -> None:
    """Who sends it is cut off or refused."""
    kernel = begin()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(ground.place() / f"{ground.ground(environment()).digest}.socket"))
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        answer = connection.recv(1000)
    assert answer == b"" or b"refused" in answer
    assert said(kernel, "print('still there')") == "still there"


def test_nonsense_on_a_kernels_own_socket_ends_that_kernel(begin: Begin) -> None:
    """A cell that writes there has lost its say; the run is told as a dead kernel."""
    outputs = Outputs()
    ran = begin().run("import os, time\nos.write(3, b'\\xff' * 64)\ntime.sleep(60)", outputs)
    assert ran.died is not None


def test_it_ends_when_it_was_idle_for_long_and_when_its_socket_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Asked inside this process, where time is ours."""
    monkeypatch.setattr(zygote, "_LOOK_S", 0.01)
    monkeypatch.setattr(zygote.signal, "set_wakeup_fd", lambda *_, **__: -1)
    monkeypatch.setattr(zygote.signal, "signal", lambda *_: None)
    at = ground.place() / "idle.socket"
    idle = zygote.Zygote(str(at))
    idle.open()
    assert at.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(zygote, "IDLE_S", 0.1)
    assert idle.serve() is None
    assert not at.exists()
    replaced = zygote.Zygote(str(at))
    replaced.open()
    at.unlink()
    at.write_text("somebody else's")
    monkeypatch.setattr(zygote, "IDLE_S", 300)
    assert replaced.serve() is None
    assert at.read_text() == "somebody else's"
    at.unlink()
    for each in (idle, replaced):
        for one in (each._listener, each._wakes, each._wake):
            one.close()


def test_stop_ends_zygotes_and_kernels(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``python -m silolake.kernels stop`` does; ``list`` shows them before."""
    # A folder of its own: the other tests' zygotes stay.
    with TemporaryDirectory(dir="/tmp") as own:
        monkeypatch.setenv("XDG_RUNTIME_DIR", own)
        preloading(monkeypatch, *SPARE)
        stop_all(begin)


def stop_all(begin: Begin) -> None:
    """Begin one, and end it by the command."""
    kernel = begin()
    pid = zygote_of(kernel)["pid"]
    assert str(pid) in main(["list"])
    assert main(["stop"]).startswith("ended: ")
    assert eventually(lambda: is_gone(pid) and is_gone(kernel.kernel.pid))
    assert list(forks.zygotes()) == []


def test_messages_arrive_whole_however_they_are_cut() -> None:
    """Byte by byte, and several at once; one that is too long is none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        incoming, found = Incoming(theirs), list[dict[str, Any]]()
        # Longer than a socket holds, so whoever sends it waits for whoever reads it.
        sending = threading.Thread(
            target=lambda: [send(ours, each) for each in ({"first": "é" * 300_000}, {"second": 2})]
        )
        sending.start()
        while len(found) < 2:
            incoming.take()
            found += incoming.messages()
        sending.join()
        assert found == [{"first": "é" * 300_000}, {"second": 2}]
        ours.sendall((LONGEST + 1).to_bytes(4, "big"))
        incoming.take()
        with pytest.raises(BrokenWire):
            list(incoming.messages())
        with pytest.raises(ValueError, match="is the most"):
            send(ours, {"long": "x" * LONGEST})
