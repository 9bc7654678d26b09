"""Run a lake of AWS accounts from one repository of notebooks, and all of it on a laptop.

>>> import silolake
>>> silolake.__version__.count(".")
2
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["Workspace", "__version__"]


def __getattr__(name: str) -> object:
    # Opened when it is asked for: the command line must not pay for what only notebooks need.
    if name == "Workspace":
        from silolake.workspace import Workspace

        return Workspace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
