"""Kernels for notebooks, forked from a process that has already imported what notebooks import.

``forks`` asks for one, ``zygote`` is the process it is forked from, ``child`` what it does before it is a kernel.
``cells`` runs cells in one without Jupyter's sockets; ``provisioner`` makes one Jupyter's own.
What such a kernel shares with others, and what not, stands in docs/isolation.md.
"""

from __future__ import annotations
