"""The lake that these tests share: the demo, run once, by the command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from silolake.cloud import Cloud, LocalEndpoint, find_local, sign_in
from silolake.cloud.door import Reach
from silolake.cloud.organization import Organization, read_organization
from silolake.rooms import Rooms, load

from .small_lakes import SmallLake, make_small, standing
from .workspaces import ROOT, make_workspace, silolake

AWS = ROOT / ".venv-aws" / "bin" / "aws"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let one worker hold what a group shares.

    pytest-xdist 3.8 writes the group into ``_nodeid``, which pytest 9.2 no longer reads: every worker would build a
    lake of its own.
    """
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
            item._id = type(item._id).parse(f"{item.nodeid}@{group.args[0]}")


@dataclass(frozen=True)
class Lake:
    """The demo's lake, up.

    Attributes:
        root: its workspace.
        endpoint: its local cloud.
        told: what the demo printed.
    """

    root: Path
    endpoint: LocalEndpoint
    told: str

    def as_(self, account: str, role: str) -> Cloud:
        """A session of a role in an account, by the account's name or id."""
        return sign_in(self.endpoint, account, role)

    def over_http(self, cloud: Cloud) -> Cloud:
        """The same identity, asking without TLS."""
        return Cloud(Reach(self.endpoint.region, self.endpoint.http), cloud.frozen())

    @cached_property
    def organization(self) -> Organization:
        """Accounts and units, as the demo left them."""
        return read_organization(self.as_("platform", "runner"))

    @cached_property
    def rooms(self) -> Rooms:
        """What the workspace declares."""
        return load(self.root)

    def id_of(self, account: str) -> str:
        """An account's id, by its name."""
        return self.organization.account(account).id.text

    def bucket(self, account: str, zone: str) -> str:
        """The name of an account's bucket."""
        return f"nyc-{self.id_of(account)}-us-east-1-{zone}"

    def silolake(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The command, typed in the lake's workspace."""
        return silolake(self.root, *args, check=check)


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The example as ``silolake demo`` leaves it. Tests that change it change it back: its plan is empty to the end."""
    root = make_workspace(tmp_path_factory.mktemp("story"))
    try:
        told = silolake(root, "demo", timeout=600).stdout
        endpoint = find_local(root / ".silolake")
        assert endpoint is not None
        yield Lake(root, endpoint, told)
        assert silolake(root, "plan", "--json").stdout.strip() == "[]"
    finally:
        silolake(root, "down")


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """EWR and the registry, provisioned, with what they delivered, and down: take a copy."""
    made = make_small(tmp_path_factory.mktemp("settled"))
    with standing(made):
        made.silolake("bootstrap")
        made.silolake("apply")
        made.deliver_all()
        made.silolake("apply")
    return made


@cache
def _made() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", ".venv-aws/.ready"], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def aws() -> Path:
    """The AWS CLI, in its own environment; made if it is not there."""
    _made()
    return AWS
