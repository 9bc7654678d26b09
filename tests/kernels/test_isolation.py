"""One run inherits nothing of another's: each road is tried. What docs/isolation.md says is shared is shown to be."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from silolake.cloud import Credentials
from silolake.kernels import forks
from silolake.kernels.cells import Cells
from silolake.kernels.forks import Limits
from silolake.kernels.outputs import Outputs
from silolake.runner.credentials import CredentialsEndpoint

from .desk import IS_ROOT, SPARE, environment, eventually, is_gone, preloading, refused, said

Begin = Callable[..., Cells]
NOBODY = 65534 if IS_ROOT else None
"""Of root nothing is hidden, so where the tests are root's their kernels are not."""
FROM_IPYTHON = {"TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "GIT_PAGER", "MPLBACKEND"}

LEFT_BEHIND = {
    "an environment variable": ("import os; os.environ['LEFT'] = 'x'", "import os; print('LEFT' in os.environ)"),
    "a working directory": ("import os; os.chdir('/')", "import os; print(os.getcwd() == '/')"),
    "a module's attribute": ("import json; json.left = 1", "import json; print(hasattr(json, 'left'))"),
    "a module": ("import sys; sys.modules['left'] = sys", "import sys; print('left' in sys.modules)"),
    "a search path": ("import sys; sys.path.insert(0, '/left')", "import sys; print('/left' in sys.path)"),
    "boto3's default session": (
        "import boto3; boto3.setup_default_session(region_name='eu-north-1')",
        "import boto3; print(boto3.DEFAULT_SESSION is not None)",
    ),
    "awswrangler's configuration": (
        "import awswrangler as wr; wr.config.s3_endpoint_url = 'http://left.example'",
        "import awswrangler as wr; print(bool(wr.config.s3_endpoint_url))",
    ),
    "a pandas option": (
        "import pandas as pd; pd.set_option('display.max_rows', 3)",
        "import pandas as pd; print(pd.get_option('display.max_rows') == 3)",
    ),
    "matplotlib's settings": (
        "import matplotlib as mpl; mpl.rcParams['lines.linewidth'] = 7",
        "import matplotlib as mpl; print(mpl.rcParams['lines.linewidth'] == 7)",
    ),
    "a warning filter": (
        "import warnings; warnings.simplefilter('error', UnicodeWarning)",
        "import warnings; print(any(each[2] is UnicodeWarning for each in warnings.filters))",
    ),
    "a variable": ("left = 1", "print('left' in globals())"),
    "history": ("left = 1", "print('left = 1' in In)"),
    "a umask": ("import os; os.umask(0)", "import os; was = os.umask(0o77); print(was == 0)"),
    "a signal's handler": (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "import signal; print(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)",
    ),
    "a time zone": (
        "import os, time; os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
        "import time; print(time.tzname[0] == 'JST')",
    ),
}


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_what_a_run_leaves_the_next_does_not_find(begin: Begin, what: str) -> None:
    """Nor does one that goes on beside it; the first does, so the question is a good one."""
    leave, look = LEFT_BEHIND[what]
    first, beside = begin(), begin()
    said(first, leave)
    assert said(first, look) == "True"
    assert said(beside, look) == "False"
    assert said(begin(), look) == "False"


def test_a_kernels_environment_is_what_was_given_and_what_ipython_needs(begin: Begin) -> None:
    """Whole, not on top of anybody's."""
    found = eval(said(begin({"SILO": "ewr"}), "import os; print(dict(os.environ))"))
    assert {name: value for name, value in found.items() if name not in FROM_IPYTHON} == environment({"SILO": "ewr"})


def test_the_zygote_has_no_credentials_whatever_its_starter_has(monkeypatch: pytest.MonkeyPatch, begin: Begin) -> None:
    """Neither the starter's own environment nor the kernel's reaches it, but for what only a start can take in."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-starters")
    preloading(monkeypatch, *SPARE)
    kernel = begin({"AWS_SECRET_ACCESS_KEY": "the-kernels", "SILO": "ewr", "MPL_FRESH": "1"})
    assert said(kernel, "import os; print(os.environ['AWS_SECRET_ACCESS_KEY'])") == "the-kernels"
    (zygote,) = (each for each in forks.zygotes() if kernel.kernel.pid in {one["pid"] for one in each["kernels"]})
    started_with = Path(f"/proc/{zygote['pid']}/environ")
    if not IS_ROOT:
        with pytest.raises(PermissionError):
            started_with.read_bytes()
        return
    names = {entry.partition(b"=")[0].decode() for entry in started_with.read_bytes().split(b"\0") if entry}
    assert "PATH" in names and "MPL_FRESH" in names
    assert not {name for name in names if name.startswith(("AWS_", "SILO"))}


def test_two_kernels_at_once_hold_each_its_own_credentials(begin: Begin) -> None:
    """As boto3 finds them."""
    ask = "import boto3; print(boto3.Session().get_credentials().access_key)"
    kernels = {key: begin({"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "x"}) for key in ("first", "second")}
    assert {key: said(kernel, ask) for key, kernel in kernels.items()} == {"first": "first", "second": "second"}
    assert (
        said(begin({"AWS_EC2_METADATA_DISABLED": "true"}), "import boto3; print(boto3.Session().get_credentials())")
        == "None"
    )


@pytest.mark.parametrize(
    "draw",
    [
        "import random; print(random.random())",
        "import numpy; print(numpy.random.random())",
        "import numpy; print(numpy.random.default_rng().random())",
        "import uuid; print(uuid.uuid4())",
        "import secrets; print(secrets.token_hex())",
        "import tempfile; print(next(tempfile._get_candidate_names()))",
    ],
)
def test_no_two_runs_draw_the_same(begin: Begin, draw: str) -> None:
    assert len({said(begin(), draw) for _ in range(3)}) == 3


def test_the_seed_of_hashes_is_shared_unless_it_is_set(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the documentation says; PYTHONHASHSEED starts a zygote of its own."""
    preloading(monkeypatch, *SPARE)
    ask = "print(hash('silo'))"
    assert said(begin(), ask) == said(begin(), ask)
    fixed = said(begin({"PYTHONHASHSEED": "7"}), ask)
    assert fixed == said(begin({"PYTHONHASHSEED": "7"}), ask) != said(begin(), ask)


READ = {
    "environ": "open('/proc/{pid}/environ', 'rb').read()",
    "mem": "open('/proc/{pid}/mem', 'rb')",
    "maps": "open('/proc/{pid}/maps').read()",
    "fd": "__import__('os').listdir('/proc/{pid}/fd')",
    "cwd": "__import__('os').readlink('/proc/{pid}/cwd')",
}


@pytest.mark.parametrize("road", READ)
def test_a_siblings_memory_cannot_be_read(begin: Begin, road: str) -> None:
    """By the same user, who may read it once the sibling allows that: it is the flag that keeps it shut."""
    held, other = begin({"TOKEN": "secret"}, user=NOBODY), begin(user=NOBODY)
    read = READ[road].format(pid=held.kernel.pid)
    assert refused(other, read) == "PermissionError"
    said(held, "import ctypes; ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)")
    said(other, read)


def test_what_the_environment_says_is_in_no_list_of_processes(begin: Begin) -> None:
    """Neither in what it was started with nor in its command."""
    kernel = begin({"TOKEN": "secret-of-this-run"})
    for name in ("environ", "cmdline") if IS_ROOT else ("cmdline",):
        assert b"secret-of-this-run" not in Path(f"/proc/{kernel.kernel.pid}/{name}").read_bytes()


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a kernel another user")
def test_kernels_of_different_users_cannot_reach_one_another(begin: Begin, folder: Path) -> None:
    """Nor the zygote, nor its socket, nor what the other has written."""
    one, other = begin(user=65533), begin(user=65534)
    assert (
        said(one, "import os; print(os.getresuid(), os.getresgid(), os.getgroups())")
        == f"{(65533,) * 3} {(65533,) * 3} []"
    )
    said(one, "open('mine.txt', 'w').write('x')")
    assert refused(other, f"import os; os.kill({one.kernel.pid}, 0)") == "PermissionError"
    assert refused(other, "open('mine.txt').read()") == "PermissionError"
    (zygote,) = (each for each in forks.zygotes() if each["kernels"])
    assert refused(other, f"import os; os.kill({zygote['pid']}, 0)") == "PermissionError"
    assert (
        refused(other, f"import os; os.listdir({os.environ['XDG_RUNTIME_DIR'] + '/silolake'!r})") == "PermissionError"
    )


def test_a_kernel_holds_no_descriptor_but_its_own(begin: Begin) -> None:
    """The third kernel has as many as the first: nothing of the zygote's, nothing of a sibling's."""
    look = "import os; print(sorted(int(each) for each in os.listdir('/proc/self/fd')))"
    found = [said(begin(), look) for _ in range(3)]
    assert len(set(found)) == 1
    assert len(eval(found[0])) <= 8


def test_what_a_run_started_ends_with_it(begin: Begin) -> None:
    """A process it has left in the background holds nothing open for the next run."""
    with begin() as kernel:
        left = int(said(kernel, "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"))
        assert not is_gone(left)
    assert eventually(lambda: is_gone(left))


def test_a_runs_token_is_dead_when_it_ends(begin: Begin) -> None:
    """What the run has printed of its environment opens nothing any more."""
    endpoint = CredentialsEndpoint()
    ask = "from os import environ as e; print(*(v for k, v in sorted(e.items()) if k.startswith('AWS_CONTAINER')))"
    try:
        with endpoint.lease("run-1", lambda: Credentials("key", "secret", "token")) as leased, begin(leased) as kernel:
            token, url = said(kernel, ask).split()
            assert said(kernel, "import boto3; print(boto3.Session().get_credentials().access_key)") == "key"
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=5)
        connection.request("GET", "/run-1", headers={"Authorization": token})
        assert connection.getresponse().status == 403
        connection.close()
    finally:
        endpoint.close()


def test_a_run_writes_for_its_user_alone_and_leaves_no_history(begin: Begin, folder: Path) -> None:
    kernel = begin({"IPYTHONDIR": str(folder / "ipython")})
    said(kernel, "open('made.txt', 'w').close()")
    assert (folder / "made.txt").stat().st_mode & 0o777 == 0o600
    assert not list(folder.rglob("history.sqlite*"))


def test_a_kernel_leaves_no_core(begin: Begin) -> None:
    ask = "import resource, ctypes; print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3))"
    assert said(begin(), ask) == "(0, 0) 0"


def test_limits_hold(begin: Begin) -> None:
    """Memory and files refuse with an exception; CPU time ends the kernel by a signal of its own."""
    kernel = begin(limits=Limits(memory_mb=2000, open_files=40))
    assert refused(kernel, "bytearray(3_000_000_000)") == "MemoryError"
    assert refused(kernel, "held = [open('/dev/null') for _ in range(50)]") == "OSError"
    ran = begin(limits=Limits(cpu_s=1)).run("while True: pass", Outputs(), 10)
    assert ran.died is not None and ran.died.code == -signal.SIGXCPU
