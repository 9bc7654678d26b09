"""What a zygote stands on: an interpreter, what is installed, what it imports, and the environment it starts in.

The digest of it all is in the name of its socket, so a zygote whose ground has changed is not found any more.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from silolake.errors import CannotFork

PRELOAD = (
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.parquet",
    "boto3",
    "awswrangler",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "silolake.workspace",
    "ipykernel.kernelapp",
    "silolake.kernels.shell",
    # What IPython and pandas would import in the first cells of every run.
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.magics.ast_mod",
    "IPython.core.magics.execution",
    "IPython.core.oinspect",
    "pandas.io.formats.html",
    "pandas.io.formats.string",
    "boto3.s3.inject",
    "pexpect",
    # What a traceback is shown by.
    "bdb",
    "stack_data",
    "executing.executing",
    "pygments.formatters.html",
    "pygments.formatters.terminal256",
    "pygments.lexers.python",
    "pygments.styles.default",
)
"""What notebooks and the shell import first; what is not installed is left out.

Not ``matplotlib_inline.backend_inline``, which looks once, while it is imported, for the shell it is to draw into.
"""

_AT_START = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "CONDA_PREFIX", "USER", "LOGNAME"})
# Read by the loader, the interpreter, or a library while it is imported; a child forked later comes too late for it.
_AT_START_PREFIXES = ("LC_", "LD_", "DYLD_", "PYTHON", "WR_", "MPL", "OMP_", "MKL_", "NUMEXPR_", "ARROW_")
_SUPPOSED = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
_IMPOSED = {"OPENBLAS_NUM_THREADS": "1"}
"""OpenBLAS starts its threads while numpy is imported, and a process that is to fork has none."""


@dataclass(frozen=True)
class Ground:
    """What decides whether a zygote can be the parent of a kernel.

    Attributes:
        environment: all that the zygote is started with: an allow-list, nothing of AWS.
        preload: the modules it imports.
        digest: of these, the interpreter, and what is installed.
    """

    environment: tuple[tuple[str, str], ...]
    preload: tuple[str, ...]
    digest: str


def ground(environment: Mapping[str, str], preload: tuple[str, ...] = PRELOAD) -> Ground:
    """The ground of kernels with an environment, as it is now. Reads only.

    Args:
        environment: the kernel's; of it the zygote gets what only a fresh process could take in.
        preload: the modules to import.
    """
    handed_on = {name: value for name, value in environment.items() if _is_for_the_start(name)}
    started = {**_SUPPOSED, **handed_on, **_IMPOSED}
    said = hashlib.sha256()
    for part in (sys.executable, sys.version, *preload, *_installed(), *_own_sources()):
        said.update(part.encode() + b"\0")
    for name, value in sorted(started.items()):
        said.update(f"{name}={value}\0".encode())
    return Ground(tuple(sorted(started.items())), preload, said.hexdigest()[:16])


def _is_for_the_start(name: str) -> bool:
    return name in _AT_START or name.startswith(_AT_START_PREFIXES)


def _installed() -> Iterator[str]:
    """What is installed where this interpreter looks; a version is in a folder's name, a new install in its time."""
    for entry in sys.path:
        try:
            with os.scandir(entry or ".") as found:
                kept = [each for each in found if each.name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link"))]
                yield from sorted(f"{each.path} {each.stat().st_mtime_ns}" for each in kept)
        except OSError:
            continue


def _own_sources() -> Iterator[str]:
    """silolake's own files: installed for editing, they change without any installation."""
    spec = find_spec("silolake")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        # Asked for every kernel, and pathlib takes four times as long.
        for folder, below, names in os.walk(root):
            below.sort()
            for path in (f"{folder}/{name}" for name in sorted(names) if name.endswith(".py")):
                about = os.stat(path)  # noqa: PTH116
                yield f"{path} {about.st_mtime_ns} {about.st_size}"


def place() -> Path:
    """The folder of this user's sockets: nobody else can look into it. Makes it if it is not there.

    Raises:
        CannotFork: it cannot be made, or somebody else could reach into it.
    """
    # A socket's path may be 107 bytes long, so the folder is not where a long TMPDIR would put it.
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    at = Path(base) / "silolake" if base and len(base) < 60 else Path(f"/tmp/silolake-{os.getuid()}")
    try:
        at.mkdir(mode=0o700, exist_ok=True)
        found = at.lstat()
    except OSError as error:
        raise CannotFork(f"{at} cannot be made: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise CannotFork(f"{at} is not a folder that this user alone can reach into; remove it")
    return at
