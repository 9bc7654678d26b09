"""Jupyter's own tools get forked kernels through the kernelspec: nbval, jupyter_client, and so JupyterLab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from silolake.kernels import forks, kernelspec
from silolake.kernels.__main__ import main

from .desk import eventually, is_gone, notebook


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's folder with the kernelspec in it."""
    made = tmp_path_factory.mktemp("prefix")
    assert main(["install", "--prefix", str(made)]) == f"written: {made / 'share/jupyter/kernels/silolake'}"
    return made


@pytest.fixture
def kernel(prefix: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KernelManager]:
    """As JupyterLab starts one, its sockets in a folder that is named in full."""
    monkeypatch.setenv("JUPYTER_PATH", str(prefix / "share/jupyter"))
    manager = KernelManager(kernel_name="silolake", transport="ipc", ip=str(folder / "kernel"))
    yield manager
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)


def start(manager: KernelManager, **how: Any) -> Any:
    """A client of its kernel, once that is ready."""
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=20)
    return client


def answer(client: Any, source: str) -> Mapping[str, Any]:
    """The reply to one cell."""
    return dict(client.execute_interactive(source, timeout=20, output_hook=lambda _: None)["content"])


def result(client: Any, expression: str) -> str:
    """What an expression shows as."""
    asked = client.execute("", user_expressions={"it": expression})
    while (reply := client.get_shell_msg(timeout=20))["parent_header"].get("msg_id") != asked:
        continue
    return str(reply["content"]["user_expressions"]["it"]["data"]["text/plain"])


def test_the_kernelspec_names_the_provisioner_and_this_interpreter(prefix: Path) -> None:
    """It is written, not planted by the wheel."""
    said = json.loads((prefix / "share/jupyter/kernels/silolake/kernel.json").read_text())
    assert said["metadata"]["kernel_provisioner"]["provisioner_name"] == kernelspec.NAME
    assert said["argv"][:3] == [sys.executable, "-m", "ipykernel_launcher"]


def test_a_kernel_of_jupyters_is_forked_and_ends_when_it_is_shut_down(kernel: KernelManager) -> None:
    client = start(kernel)
    assert kernel.provisioner.how == "forked, with comms"
    pid = int(result(client, "__import__('os').getpid()"))
    assert pid == kernel.provisioner.pid
    assert pid in {each["pid"] for zygote in forks.zygotes() for each in zygote["kernels"]}
    assert answer(client, "import awswrangler")["status"] == "ok"
    client.stop_channels()
    kernel.shutdown_kernel()
    assert eventually(lambda: is_gone(pid))


def test_it_can_be_interrupted_and_restarted(kernel: KernelManager) -> None:
    """The stop button, and the two arrows."""
    client = start(kernel)
    asked = client.execute("print('began')\nimport time; time.sleep(60)")
    # Before the cell has begun an interrupt is for nobody.
    while client.get_iopub_msg(timeout=20)["msg_type"] != "stream":
        continue
    kernel.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=20))["parent_header"].get("msg_id") != asked:
        continue
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    first = kernel.provisioner.pid
    kernel.restart_kernel(now=True)
    client.wait_for_ready(timeout=20)
    assert answer(client, "1")["status"] == "ok"
    assert kernel.provisioner.pid != first and eventually(lambda: is_gone(first))
    client.stop_channels()


def test_its_death_is_noticed(kernel: KernelManager) -> None:
    """As of any other's: by its exit code."""
    client = start(kernel)
    client.execute("import os; os._exit(7)")
    assert eventually(lambda: not kernel.is_alive())
    client.stop_channels()


def test_its_environment_and_folder_are_those_it_was_given(kernel: KernelManager, tmp_path: Path) -> None:
    """And its history is in memory, whatever the kernelspec is called."""
    home = tmp_path / "home"
    home.mkdir()
    client = start(kernel, env={"PATH": os.environ["PATH"], "HOME": str(home), "SILO": "ewr"}, cwd=str(tmp_path))
    assert result(client, "__import__('os').environ['SILO']") == "'ewr'"
    assert result(client, "__import__('os').getcwd()") == repr(os.path.realpath(tmp_path))
    assert result(client, "get_ipython().history_manager.hist_file") == "':memory:'"
    client.stop_channels()


def test_where_nothing_is_forked_it_is_spawned_with_a_word(
    kernel: KernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(forks.VARIABLE, "spawn")
    client = start(kernel)
    assert kernel.provisioner.how == "spawned: SILOLAKE_KERNELS=spawn"
    assert answer(client, "1")["status"] == "ok"
    client.stop_channels()


def test_nbval_runs_a_notebook_in_a_forked_kernel(prefix: Path, tmp_path: Path) -> None:
    """``--nbval-kernel-name silolake`` is all it takes; the parent of its kernel is a zygote."""
    node = notebook("print(open('/proc/self/comm').read())", "1 + 1")
    node.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text="silolake-kernel\n\n")]
    node.cells[1].outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "2"}, execution_count=2)]
    for number, cell in enumerate(node.cells, 1):
        cell.execution_count = number
    nbformat.write(node, tmp_path / "checked.ipynb")
    command = ["-m", "pytest", "-p", "no:cacheprovider", "--nbval", "--nbval-kernel-name", "silolake", "checked.ipynb"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env={**os.environ, "JUPYTER_PATH": str(prefix / "share/jupyter")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
