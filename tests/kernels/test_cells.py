"""A cell puts out in a forked kernel what it puts out in a spawned one; and where the two differ, how."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from silolake.kernels.cells import Cells
from silolake.kernels.outputs import Outputs

from .desk import Executed, execute, notebook, said

pytestmark = pytest.mark.xdist_group("cells")

Begin = Callable[..., Cells]

CELLS = {
    "streams": "import sys\nprint('out')\nprint('err', file=sys.stderr)",
    "a result": "1 + 1",
    "no result": "None; _ = 3",
    "a result that is shut up": "1 + 1;",
    "a frame": "import pandas as pd; pd.DataFrame({'carrier': ['UA', 'B6'], 'flights': [3, 4]})",
    "a wide frame": "pd.DataFrame([range(60)])",
    "displays": "from IPython.display import HTML, JSON, Image, Markdown\ndisplay(HTML('<b>b</b>'), Markdown('*m*'))",
    "json": "display(JSON({'silos': ['ewr']}))",
    "an image": "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(20), format='png'))",
    "a display that is updated": "shown = display('before', display_id='one')\nshown.update('after')",
    "a display that a later cell updates": "later = display('before', display_id='two')",
    "the later cell": "later.update('after')",
    "output that is cleared": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')",
    "output that waits": "print('gone')\nclear_output(wait=True)\nprint('kept')",
    "an object that shows itself": "class Shown:\n    def _repr_html_(self): return '<i>s</i>'\nShown()",
    "an object that fails to": "class Fails:\n    def __repr__(self): raise ValueError('no')\nFails()",
    "an exception": "def f(x):\n    return 1 / x\nf(0)",
    "a chain of exceptions": "try:\n    f(0)\nexcept ZeroDivisionError as zero:\n    raise KeyError('silo') from zero",
    "a group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "no syntax": "x = = 1",
    "an exit": "import sys; sys.exit(0)",
    "an exit with a word": "sys.exit('no')",
    "an interrupt": "raise KeyboardInterrupt",
    "an assertion": "assert 1 == 2, 'not equal'",
    "await": "import asyncio\nasync def two():\n    await asyncio.sleep(0.01)\n    return 2\nawait two()",
    "a task": "task = asyncio.create_task(two())\nprint(type(task).__name__)",
    "the task's end": "await task",
    "an exception of a task": "async def fails():\n    raise ValueError('late')\nawait fails()",
    "a loop that goes on": "asyncio.get_running_loop().is_running()",
    "a line magic": "%env LAKE=newyork",
    "a cell magic": "%%capture held\nprint('captured')",
    "what it captured": "held.stdout",
    "another": "%%writefile note.txt\nwritten",
    "an unknown magic": "%no_such_magic",
    "a shell's command": "!echo from the shell; echo $LAKE",
    "its lines": "lines = !echo one; echo two\nlines",
    "a shell's failure": "!exit 3\n_exit_code",
    "a cell for the shell": "%%bash\necho from bash",
    "help": "f?",
    "history": "In[2], Out[2]",
    "the last result": "5",
    "is called": "_ + 1",
    "progress": "for n in range(3):\n    print(f'{n}/2', end='\\r')\nprint()",
    "a process that forks": "import multiprocessing as m\nwith m.get_context('fork').Pool(2) as p: p.map(print, [1])",
    "a thread": "from threading import Thread\nt = Thread(target=print, args=['threaded'])\nt.start(); t.join()",
    "a figure": "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
    "another figure": "%matplotlib inline\nfig, ax = plt.subplots(figsize=(2, 1))\nax.bar([1], [2])\nplt.show()",
    "latin and other letters": "print('Nauðungarsala · 空港 · 🛬')",
    "nothing": "   ",
    "what reads stdin": "import sys; sys.stdin.read()",
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Executed]]:
    """All the cells as one notebook, forked and spawned."""
    node = notebook(*CELLS.values())
    for cell in node.cells:
        cell.metadata["tags"] = ["raises-exception"]
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for way in ("fork", "spawn"):
            patch.setenv("SILOLAKE_KERNELS", way)
            home = tmp_path_factory.mktemp(way)
            found[way] = execute(home, node)
    assert [each.told["kernel"].split(":")[0] for each in found.values()] == ["forked", "spawned"]
    yield found


def comparable(outputs: list[dict[str, object]]) -> str:
    """Outputs without addresses and process ids, which are never twice the same."""
    return re.sub(r"0x[0-9a-f]{6,}|ipykernel_\d+", "_", json.dumps(outputs, indent=1, sort_keys=True))


@pytest.mark.parametrize("what", CELLS)
def test_a_cell_puts_out_the_same_forked_and_spawned(both: dict[str, Executed], what: str) -> None:
    """Outputs, the number in brackets, the status."""
    number = list(CELLS).index(what)
    forked, spawned = (both[way].cells[number] for way in ("fork", "spawn"))
    assert comparable(forked.outputs) == comparable(spawned.outputs)
    assert forked.execution_count == spawned.execution_count
    assert forked.metadata.papermill["status"] == spawned.metadata.papermill["status"] == "completed"


def test_a_notebook_says_the_same_of_its_language(both: dict[str, Executed]) -> None:
    """Version and all, as a kernel answers it."""
    assert both["fork"].node.metadata["language_info"] == both["spawn"].node.metadata["language_info"]


def test_streams_and_displays_stay_in_order(begin: Begin) -> None:
    """A spawned kernel's streams are moved together; here each stands where it was written."""
    outputs = Outputs()
    begin().run(
        "print('one')\ndisplay('two')\nprint('three')\nimport sys; print('four', file=sys.stderr); 'five'", outputs
    )
    kinds = [(each["output_type"], each.get("name")) for each in outputs.listed()]
    streams = [("stream", "stdout"), ("display_data", None), ("stream", "stdout"), ("stream", "stderr")]
    assert kinds == [*streams, ("execute_result", None)]


def test_the_first_cell_may_await(begin: Begin) -> None:
    """Nothing that an ordinary cell sets up is missing then."""
    assert said(begin(), "import asyncio\nawait asyncio.sleep(0)\nprint('awaited')") == "awaited"


def test_what_a_c_library_writes_is_kept(begin: Begin) -> None:
    """Descriptors 1 and 2 are the cell's, bytes as well."""
    outputs = Outputs()
    source = (
        "import os, sys",
        "os.write(1, b'to one\\n')",
        "os.write(2, b'to two\\n')",
        "sys.stdout.buffer.write(b'\\xff')",
        "print('!', file=sys.__stdout__)",
    )
    begin().run("\n".join(source), outputs)
    found = [(each["name"], each["text"]) for each in outputs.listed() if each["output_type"] == "stream"]
    assert "".join(text for name, text in found if name == "stdout") == "to one\n\ufffd!\n"
    assert "".join(text for name, text in found if name == "stderr") == "to two\n"


def test_a_cell_that_closes_its_stdout_is_waited_for_in_peace(begin: Begin) -> None:
    """The end of the pipe is there to be read at any time; whoever waited for it would do nothing else."""
    kernel, before = begin(), time.process_time()
    kernel.run("import os, time\nos.close(1)\ntime.sleep(1)\nprint('done')", outputs := Outputs())
    assert time.process_time() - before < 0.5
    assert [each["text"] for each in outputs.listed()] == ["done\n"]


def test_half_a_letter_can_be_written(begin: Begin, folder: Path) -> None:
    """A file name that is no UTF-8, printed, must not make the notebook impossible to save."""
    done = execute(
        folder,
        ["print('name: \\udcff')", "display({'text/plain': '\\ud83d'}, raw=True)", "raise ValueError('\\udcff')"],
    )
    assert done.outputs[0][0]["text"] == "name: \\udcff\n"
    assert done.raised == "ValueError"


def test_there_is_no_stdin(begin: Begin) -> None:
    """Asked for by any road it is refused, and the refusal says what to do."""
    outputs = Outputs()
    assert begin().run("import getpass; getpass.getpass()", outputs).failed
    assert "make it a parameter" in outputs.listed()[-1]["evalue"]


def test_a_widget_is_refused_with_advice(begin: Begin) -> None:
    """Where a library opens one unasked; a notebook that names ipywidgets gets a Jupyter kernel."""
    outputs = Outputs()
    assert begin().run("import comm; comm.create_comm(target_name='jupyter.widget')", outputs).failed
    assert "Import ipywidgets" in outputs.listed()[-1]["evalue"]
    assert "shows no windows" in said(begin(), "import sys; sys.stderr = sys.stdout\n%gui qt")


@pytest.mark.parametrize(
    ("source", "metadata"),
    [("# needs ipywidgets\ncomm_is = 1", {}), ("1", {"silolake": {"kernel": "jupyter"}})],
    ids=["a cell names ipywidgets", "its metadata say so"],
)
def test_a_notebook_with_widgets_gets_a_jupyter_kernel_forked_as_well(
    folder: Path, source: str, metadata: dict[str, object]
) -> None:
    """Comms open there."""
    done = execute(
        folder, notebook(source, "import comm; comm.create_comm(target_name='t'); print('open')", **metadata)
    )
    assert done.told["kernel"] == "forked, with comms"
    assert done.outputs[1][0]["text"] == "open\n"


def test_a_cell_that_is_tagged_may_fail_and_one_may_be_skipped(folder: Path) -> None:
    """As nbclient has it."""
    node = notebook("1/0", "skipped = 1", "'skipped' in globals()")
    node.cells[0].metadata["tags"] = ["raises-exception"]
    node.cells[1].metadata["tags"] = ["skip-execution"]
    done = execute(folder, node)
    assert done.statuses == ["completed"] * 3
    assert done.outputs[2][0]["data"]["text/plain"] == "False"


def test_a_module_beside_the_notebook_can_be_imported(begin: Begin, folder: Path) -> None:
    """From the run's folder, which comes first; PYTHONPATH comes before what is installed."""
    (folder / "beside.py").write_text("where = 'folder'\n")
    assert said(begin(), "import beside; print(beside.where)") == "folder"


def test_the_workspace_is_found_from_the_runs_folder(begin: Begin, folder: Path) -> None:
    """Workspace.here looks upwards from the working directory, which is the run's and not the zygote's."""
    (folder / "silolake.yaml").write_text("lake: newyork\n")
    source = "from silolake.rooms import find_root; from pathlib import Path; print(find_root(Path.cwd()))"
    assert said(begin(), source) == os.path.realpath(folder)
