"""What the rooms declare, in values. Every value that a complaint may be about keeps its file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from silolake.contracts import Contract
from silolake.contracts.lines import Node
from silolake.model import AccountId, Name, Region
from silolake.rooms.selectors import Selector

Mode = Literal["managed", "observed"]
PolicyKind = Literal["scp", "rcp", "glue", "kms", "bucket", "organizations"]
Published = Literal["partitioned_table", "union"]
Plain = str | int | float | bool | None


@dataclass(frozen=True)
class LocalCloud:
    """The workspace's own local cloud, started by ``silolake up``."""


@dataclass(frozen=True)
class Endpoint:
    """A cloud at a URL."""

    url: str


@dataclass(frozen=True)
class Profile:
    """AWS, through a profile of the shared configuration files."""

    name: str


CloudChoice = LocalCloud | Endpoint | Profile


@dataclass(frozen=True)
class Settings:
    """What ``silolake.yaml`` says: one lake, one stage, one Region, and how to reach its cloud."""

    lake: Name
    stage: Name
    region: Region
    cloud: CloudChoice
    path: str = field(compare=False, default="silolake.yaml")

    def bucket(self, account: AccountId, zone: str) -> str:
        """The name of an account's bucket for a zone: ``<lake>-<account>-<region>-<zone>``."""
        return f"{self.lake}-{account}-{self.region}-{zone}"


@dataclass(frozen=True)
class Unit:
    """An organizational unit, directly under the root."""

    name: str
    mode: Mode
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class DeclaredAccount:
    """A member account as it is wanted.

    Attributes:
        name: what the rooms call it.
        email: the organization's second key for it.
        unit: where it hangs.
        tags: what selectors read.
        mode: whether the lake makes and moves it, or only verifies it.
        id: stated only to pin an account that is there already; otherwise discovered.
    """

    name: str
    email: str
    unit: str
    tags: Mapping[str, str]
    mode: Mode
    id: AccountId | None = None
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class Delegation:
    """A member account that administers services for the organization, by their service principals."""

    account: str
    services: tuple[str, ...]
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class GuardRail:
    """A policy attached to units, or to the root.

    Attributes:
        policy: its key among the policies: ``silo_isolation.rcp``.
        targets: units by name; ``root`` is the organization's root.
    """

    policy: str
    kind: PolicyKind
    targets: tuple[str, ...]
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class Deployment:
    """A stack set and the units whose accounts receive it, by automatic deployment.

    Attributes:
        stack_set: the template's name.
        units: by name.
        depends_on: stack sets that are there first.
        retain: whether an account that leaves keeps its stack.
    """

    stack_set: str
    units: tuple[str, ...]
    depends_on: tuple[str, ...]
    retain: bool
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class Organization:
    """What ``provisioning/organization.yaml`` declares.

    Attributes:
        management: the name of the account that owns the organization.
        units, accounts: by name.
        delegations, guard_rails: in the order of the file.
        deployments: each after what it depends on.
    """

    management: str
    units: Mapping[str, Unit]
    accounts: Mapping[str, DeclaredAccount]
    delegations: tuple[Delegation, ...]
    guard_rails: tuple[GuardRail, ...]
    deployments: tuple[Deployment, ...]
    path: str = field(compare=False, default="")

    def selected(self, selector: Selector) -> tuple[DeclaredAccount, ...]:
        """The declared accounts that a selector means, by name."""
        found = (a for a in self.accounts.values() if selector.selects(a.name, frozenset({a.unit}), a.tags))
        return tuple(sorted(found, key=lambda account: account.name))


@dataclass(frozen=True)
class Step:
    """One notebook of a pipeline, and the parameters it is given besides the run's own."""

    name: str
    notebook: str
    parameters: Mapping[str, object]
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class Pipeline:
    """A pipeline: what must run, where, on which promise.

    Attributes:
        name: its folder's name.
        description: one sentence.
        steps: notebooks in order.
        executor: whose identity runs them: the platform's runner, or the silo itself.
        targets: which accounts.
        drop: the prefix of its deliveries in the drop zone, with its slash.
        contract: what a delivery is held to; its name is the product's.
        samples: the folder of good and bad deliveries, where there is one.
        folder: its folder, from the workspace's root.
    """

    name: str
    description: str
    steps: tuple[Step, ...]
    executor: Literal["platform", "silo"]
    targets: Selector
    drop: str
    contract: Contract
    samples: Path | None
    folder: str
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)

    @property
    def product(self) -> str:
        """What it makes: the contract's table."""
        return self.contract.name

    @property
    def notebook(self) -> str:
        """The first step's notebook, from the workspace's root."""
        return self.steps[0].notebook


@dataclass(frozen=True)
class Source:
    """What a view reads under one name: a product, in the silos a selector means that make it."""

    name: str
    product: str
    within: Selector
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)

    @property
    def table(self) -> str:
        """The name of its partitioned table in ``cross_silo_sources``: ``flights_in_ou_silos``."""
        return f"{self.product}_in_{self.within.slug}"


@dataclass(frozen=True)
class Case:
    """Rows given to a view and the rows it must answer.

    Attributes:
        name: the fact it states, a sentence.
        given: rows by source name; a column that is left out is null.
        expected: the answer's rows, in any order; all name the same columns.
    """

    name: str
    given: Mapping[str, tuple[Mapping[str, Plain], ...]]
    expected: tuple[Mapping[str, Plain], ...]
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class View:
    """A cross-silo view.

    Attributes:
        name: its folder's name.
        owner: the team that answers for it.
        description: what a row is.
        sources: by the name its SQL gives them; each has a column ``silo`` besides its product's own.
        readers: roles that may read it, as ``account/role``.
        published: a table partitioned by silo under a plain view, or a union over registered catalogs.
        columns: what each column means, in the order of the answer.
        sql: Athena SQL over the sources' names.
        sql_path: the file of the SQL.
        cases: what proves it.
    """

    name: str
    owner: str
    description: str
    sources: Mapping[str, Source]
    readers: tuple[str, ...]
    published: Published
    columns: Mapping[str, str]
    sql: str
    sql_path: str
    cases: tuple[Case, ...]
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class Policy:
    """A policy document of the provisioning room, placeholders and all.

    Attributes:
        name, kind: from the file's name, ``<name>.<kind>.json``.
        node: the document, each value with its line.
        text: the file as it is.
    """

    name: str
    kind: PolicyKind
    node: Node = field(compare=False)
    text: str
    path: str = field(compare=False, default="")

    @property
    def key(self) -> str:
        """Its key among the policies: ``silo_isolation.rcp``."""
        return f"{self.name}.{self.kind}"


@dataclass(frozen=True)
class StackSet:
    """A stack set's template, placeholders and all.

    Attributes:
        name: the file's name.
        node: the template, each value with its line and its CloudFormation tag.
        text: the file as it is.
    """

    name: str
    node: Node = field(compare=False)
    text: str
    path: str = field(compare=False, default="")

    def line_of(self, *keys: str) -> int:
        """The line of a place in the template, or of the nearest place above it: ``line_of("Resources", "Key")``."""
        node, line = self.node, 1
        for key in keys:
            entries = node.value
            if not isinstance(entries, Mapping) or key not in entries:
                break
            line = node.key_lines.get(key, line)
            node = entries[key]
        return line


@dataclass(frozen=True)
class Rooms:
    """A workspace's rooms, read.

    Attributes:
        root: the folder of ``silolake.yaml``.
        settings, organization: single files.
        pipelines, views, stack_sets: by name.
        policies: by key, ``silo_isolation.rcp``.
    """

    root: Path
    settings: Settings
    organization: Organization
    pipelines: Mapping[str, Pipeline]
    views: Mapping[str, View]
    policies: Mapping[str, Policy]
    stack_sets: Mapping[str, StackSet]

    @property
    def contracts(self) -> Mapping[str, Contract]:
        """Every product's contract, by the product's name, in that order."""
        return {p.product: p.contract for p in sorted(self.pipelines.values(), key=lambda p: p.product)}

    def makers(self, product: str) -> tuple[Pipeline, ...]:
        """The pipelines that make a product: at most one, as loading refuses a second."""
        return tuple(p for p in self.pipelines.values() if p.product == product)
