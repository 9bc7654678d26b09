"""The kernelspec by which Jupyter, nbval and nbconvert ask for a forked kernel."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

NAME = "silolake"
"""Of the kernelspec and of the provisioner it names."""


def described(python: str) -> dict[str, Any]:
    """What ``kernel.json`` says: ipykernel's own command, and who is to start it."""
    return {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (silolake)",
        "language": "python",
        "metadata": {"debugger": True, "kernel_provisioner": {"provisioner_name": NAME, "config": {}}},
    }


def install(prefix: str = "", *, for_user: bool = False) -> Path:
    """Write the kernelspec where Jupyter looks for it; its folder. Writes.

    Args:
        prefix: an environment's folder; this interpreter's own if it is empty.
        for_user: in the user's own folder instead.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    with tempfile.TemporaryDirectory() as source:
        (Path(source) / "kernel.json").write_text(json.dumps(described(sys.executable), indent=1) + "\n")
        where = {"user": True} if for_user else {"prefix": prefix or sys.prefix}
        return Path(KernelSpecManager().install_kernel_spec(source, NAME, **where))
