"""Where a service keeps its things, all of them below the workspace's data directory."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from silolake.errors import LocalCloudError


@dataclass(frozen=True)
class Places:
    """A service's folders and files.

    Attributes:
        root: the workspace it was started in.
        data: the data directory; ``.silolake`` in the workspace by default.
    """

    root: Path
    data: Path

    @property
    def remote(self) -> Path:
        """The bare repository that is pushed to."""
        return self.data / "lake.git"

    @property
    def commits(self) -> Path:
        """A folder for each commit that was pushed, as it was checked out."""
        return self.data / "commits"

    @property
    def current(self) -> Path:
        """Names the commit that was applied last."""
        return self.data / "applied.json"

    @property
    def log(self) -> Path:
        """What the service did."""
        return self.data / "service.log"

    @property
    def lock(self) -> Path:
        """Held by the one process that serves."""
        return self.data / "service.lock"

    @property
    def socket(self) -> Path:
        """Where the service listens.

        A socket's path may be 107 bytes long, and a workspace may lie deeper than that.
        https://man7.org/linux/man-pages/man7/unix.7.html
        """
        name = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:16]
        return own_folder() / f"service-{name}.sock"


def own_folder() -> Path:
    """A folder of this user alone for sockets. Writes.

    Raises:
        LocalCloudError: somebody else made it.
    """
    folder = Path(tempfile.gettempdir()) / f"silolake-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077 or not folder.is_dir() or folder.is_symlink():
        raise LocalCloudError(f"{folder} is not this user's alone", "Remove it, or set TMPDIR to a folder of your own")
    return folder


@dataclass(frozen=True)
class AppliedCommit:
    """The commit that the lake was brought to last, and where it lies."""

    commit: str
    folder: str
    applied_at: str

    def keep(self, places: Places) -> None:
        """Write it down. Writes."""
        passing = places.current.with_suffix(".new")
        passing.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        passing.replace(places.current)

    @classmethod
    def read(cls, places: Places) -> AppliedCommit | None:
        """The last one; ``None`` where no push was applied yet, or its folder is gone."""
        try:
            found = cls(**json.loads(places.current.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if Path(found.folder).is_dir() else None
