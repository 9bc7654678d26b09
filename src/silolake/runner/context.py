"""What a run tells the kernel about itself, and what the kernel tells back. No secret in either.

The kernel finds the context's file by ``SILOLAKE_RUN`` and writes its outcome to the file that the context names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from silolake.model import ObjectVersion

VARIABLE = "SILOLAKE_RUN"


@dataclass(frozen=True)
class RunContext:
    """One run, as its kernel may know it.

    Attributes:
        run: the run's id.
        attempt: counted from 1.
        commit: the workspace's commit, or empty outside Git.
        account: the target's name.
        drops: the object versions a delivery's run takes; empty for other runs.
        accounts: the organization's accounts: name → id, path, tags; analytics could not ask for them itself.
        units: the units' paths by name.
        root: the organization's root path.
        management: the management account's id.
        outcome: the file that the kernel's report goes to.
    """

    run: str
    attempt: int
    commit: str
    account: str
    drops: tuple[ObjectVersion, ...]
    accounts: tuple[Mapping[str, Any], ...]
    units: Mapping[str, str]
    root: str
    management: str
    outcome: str

    def write(self, path: Path) -> None:
        """Put it where the kernel finds it. Writes."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def here(cls) -> RunContext | None:
        """The run this process is the kernel of; ``None`` at an analyst's desk."""
        path = os.environ.get(VARIABLE)
        if not path:
            return None
        said = json.loads(Path(path).read_text())
        said["drops"] = tuple(ObjectVersion(**each) for each in said["drops"])
        said["accounts"] = tuple(said["accounts"])
        return cls(**said)


@dataclass
class Outcome:
    """What the verbs of one run did, for its record.

    Attributes:
        verbs: each verb's report, in the order they were called.
        tables_read, tables_written: as ``catalog.database.table``.
    """

    verbs: list[dict[str, Any]] = field(default_factory=list)
    tables_read: list[str] = field(default_factory=list)
    tables_written: list[str] = field(default_factory=list)

    def fault(self, verb: str) -> str:
        """Why a run did not do what it says, though no cell raised; nothing where it did.

        Args:
            verb: what the notebook's metadata promises; nothing for one that promises none.
        """
        last = {(each["verb"], each.get("subject", ""), each.get("silo", "")): each for each in self.verbs}
        for each in last.values():
            if each.get("incomplete"):
                return str(each["incomplete"])
        if verb and not any(each["verb"] == verb for each in self.verbs):
            return f"its verb {verb} was not called"
        return ""

    def keep(self, path: Path) -> None:
        """Write what is known so far. Writes."""
        path.write_text(json.dumps(asdict(self), default=str))

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """What a kernel left, or nothing if it left nothing."""
        if not path.exists() or not path.stat().st_size:
            return cls()
        return cls(**json.loads(path.read_text()))
