"""Small lakes: one airport and the registry, a few hundred of their real lines, and a state that can be copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess

from silolake.cloud import Cloud, LocalEndpoint, find_local, sign_in
from silolake.cloud.organization import Organization, read_organization
from silolake.demo.source import deliveries, files

from .workspaces import commit, make_workspace, silolake

FLIGHTS, WEATHER, PLANES = "flights/2013-01.csv", "weather/2013-01.csv", "planes/planes.csv"
ORGANIZATION = Path("provisioning", "organization.yaml")
_LINES = {FLIGHTS: 301, WEATHER: 401, PLANES: 1001}
_AIRPORT = """\
  {name}:
    email: {name}@nyc-lake.example
    unit: silos
    tags: {{kind: airport}}
"""


@cache
def small_deliveries() -> Mapping[tuple[str, str], bytes]:
    """The first lines of what EWR and the registry sent in January 2013, header included, by silo and key."""
    found = {}
    for each in deliveries(files()):
        if each.silo in ("ewr", "fleet") and each.key in _LINES:
            found[each.silo, each.key] = b"".join(each.content.splitlines(keepends=True)[: _LINES[each.key]])
    assert [key for _, key in found] == list(_LINES)
    return found


@dataclass(frozen=True)
class SmallLake:
    """A workspace and its local cloud.

    Attributes:
        root: the workspace.
    """

    root: Path

    @property
    def data(self) -> Path:
        """The local cloud's data directory."""
        return self.root / ".silolake"

    @property
    def endpoint(self) -> LocalEndpoint:
        """The local cloud, which is up."""
        found = find_local(self.data)
        assert found is not None, f"none is up for {self.root}"
        return found

    @property
    def organization(self) -> Organization:
        """Accounts and units, as they are now."""
        return read_organization(self.as_("platform", "runner"))

    def as_(self, account: str, role: str) -> Cloud:
        """A session of a role in an account, by the account's name or id."""
        return sign_in(self.endpoint, account, role)

    def silolake(self, *args: str, check: bool = True, timeout: float = 120) -> CompletedProcess[str]:
        """The command, typed in the workspace."""
        return silolake(self.root, *args, check=check, timeout=timeout)

    def up(self) -> None:
        """Start the local cloud on free ports. Writes."""
        self.silolake("up", "--port", "0")

    def down(self) -> None:
        """Stop it. Writes."""
        self.silolake("down")

    def bucket(self, silo: str, zone: str) -> str:
        """The name of an account's bucket."""
        return f"nyc-{self.organization.account(silo).id}-us-east-1-{zone}"

    def deliver(self, silo: str, key: str, content: bytes) -> str:
        """Put a file into a silo's drop zone as its producer does; the version's id. Writes."""
        bucket = self.bucket(silo, "drop")
        producer = self.as_(silo, "administrator")
        return str(producer.call("s3", "put_object", Bucket=bucket, Key=key, Body=content)["VersionId"])

    def deliver_all(self) -> None:
        """Deliver the small deliveries. Writes."""
        for (silo, key), content in small_deliveries().items():
            self.deliver(silo, key, content)

    def declare(self, old: str, new: str) -> None:
        """Change one place of ``organization.yaml`` and commit it. Writes."""
        change(self.root / ORGANIZATION, old, new)
        commit(self.root, "The organization has changed")

    def declare_airport(self, name: str) -> None:
        """Add an account for one more airport, and commit it. Writes."""
        self.declare("  fleet:\n    email", _AIRPORT.format(name=name) + "  fleet:\n    email")


def change(path: Path, old: str, new: str) -> None:
    """Change one place of a file. Writes."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def make_small(folder: Path) -> SmallLake:
    """The example's workspace with EWR and the registry as its only silos; nothing is up. Writes."""
    root = make_workspace(folder)
    for airport in ("jfk", "lga"):
        change(root / ORGANIZATION, _AIRPORT.format(name=airport), "")
    commit(root, "One airport is enough")
    return SmallLake(root)


def copy_of(lake: SmallLake, folder: Path) -> SmallLake:
    """A lake with the state of another one that is down. Writes."""
    return SmallLake(Path(shutil.copytree(lake.root, folder / lake.root.name, symlinks=True)))


@contextmanager
def standing(lake: SmallLake) -> Iterator[SmallLake]:
    """A lake that is up while the block lasts. Writes."""
    lake.up()
    try:
        yield lake
    finally:
        lake.down()
