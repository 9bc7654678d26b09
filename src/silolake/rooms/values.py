"""What the rooms declare, in values. Every value that a complaint may be about keeps its file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from silolake.contracts import Contract
from silolake.contracts.lines import Node
from silolake.model import AccountId, Name, Region, digest
from silolake.rooms.selectors import Selector

Mode = Literal["managed", "observed"]
PolicyKind = Literal["scp", "rcp", "glue", "kms", "bucket", "organizations", "identity"]
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

Sharing = Literal["ou-condition", "account-list"]
"""How a catalog is shared with a unit: by a condition on its path, constant in size, or by a list of its accounts."""


@dataclass(frozen=True)
class Settings:
    """What ``silolake.yaml`` says: one lake, one stage, one Region, how to reach its cloud, how catalogs are shared."""

    lake: Name
    stage: Name
    region: Region
    cloud: CloudChoice
    sharing: Sharing = "ou-condition"
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


Failure = Literal["throttled", "unreachable", "kernel died", "timed out", "failed"]
"""The classes of failure that a step may be tried again after; ``failed`` is a cell that raised."""

Missed = Literal["skip", "last", "all"]
"""What becomes of due times at which nobody was there: none of them run, the last one, or each in turn."""


@dataclass(frozen=True)
class Retries:
    """How often a step is tried, and after which failures.

    Attributes:
        attempts: in all; 1 is no second one.
        backoff_s: seconds before the second attempt; each later one waits twice as long as the one before.
        on: the classes of failure after which it is tried again.
    """

    attempts: int = 1
    backoff_s: float = 2.0
    on: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class Step:
    """One notebook of a pipeline.

    Attributes:
        name: unique in the pipeline.
        notebook: its file, from the workspace's root.
        parameters: what it is given besides what a run says itself: ``silo``, ``pipeline`` and ``due``, where it takes
            them.
        after: the steps, of the same account, that come before it.
        targets: which of the pipeline's accounts it is for; ``None`` is all of them.
        timeout_s: the longest it may take, in seconds; 0 is no limit but the runner's own.
    """

    name: str
    notebook: str
    parameters: Mapping[str, object]
    after: tuple[str, ...] = ()
    targets: Selector | None = None
    retries: Retries = Retries()
    timeout_s: int = 0
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)


@dataclass(frozen=True)
class OnCommit:
    """A commit that changes what a step reads runs it."""


@dataclass(frozen=True)
class OnDelivery:
    """A delivery into the pipeline's drop runs it, once for each set of new drops."""


@dataclass(frozen=True)
class OnSchedule:
    """A due time runs it.

    Attributes:
        when: what Amazon EventBridge Scheduler takes: ``cron(0 6 * * ? *)``, ``rate(1 hour)``.
        time_zone: an IANA name.
        missed: what becomes of due times at which nobody was there.
    """

    when: str
    time_zone: str = "UTC"
    missed: Missed = "last"

    @property
    def slug(self) -> str:
        """What names it where it is kept how far it was looked at."""
        return digest([self.when, self.time_zone])[:12]


@dataclass(frozen=True)
class OnEnd:
    """The end of another pipeline, with every step of it completed, runs it."""

    pipeline: str


Trigger = OnCommit | OnDelivery | OnSchedule | OnEnd


@dataclass(frozen=True)
class Promise:
    """What a pipeline makes, and what it makes it from.

    Attributes:
        drop: the prefix of its deliveries in the drop zone, with its slash.
        contract: what a delivery is held to; its name is the product's.
        samples: the folder of good and bad deliveries, where there is one.
    """

    drop: str
    contract: Contract
    samples: Path | None


@dataclass(frozen=True)
class Pipeline:
    """A pipeline: what must run, where, when, and, where it makes a product, on which promise.

    Attributes:
        name: its folder's name.
        description: one sentence.
        steps: notebooks, each after those it waits for.
        executor: whose identity runs them: the platform's runner, or the silo itself.
        targets: which accounts.
        triggers: what makes it run.
        waves: which accounts come first, second, …; those that none names come last.
        at_once: how many accounts go on together.
        tolerated: how many of its accounts may fail before those not begun are not begun: a number, or a share.
        promise: what it makes; ``None`` for one that only reads.
        folder: its folder, from the workspace's root.
    """

    name: str
    description: str
    steps: tuple[Step, ...]
    executor: Literal["platform", "silo"]
    targets: Selector
    triggers: tuple[Trigger, ...]
    waves: tuple[Selector, ...]
    at_once: int
    tolerated: int | float
    promise: Promise | None
    folder: str
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)

    @property
    def product(self) -> str:
        """What it makes, the contract's table; nothing for a pipeline that only reads."""
        return self.promise.contract.name if self.promise else ""

    @property
    def contract(self) -> Contract:
        """What its deliveries are held to; only of a pipeline that makes a product."""
        return self._promised.contract

    @property
    def drop(self) -> str:
        """Where its deliveries arrive; only of a pipeline that makes a product."""
        return self._promised.drop

    @property
    def samples(self) -> Path | None:
        """Good and bad deliveries, where there are some."""
        return self.promise.samples if self.promise else None

    @property
    def _promised(self) -> Promise:
        if self.promise is None:
            raise ValueError(f"the pipeline {self.name} makes no product")
        return self.promise

    def is_triggered(self, kind: type[Trigger]) -> bool:
        """Whether one of its triggers is of that kind."""
        return any(isinstance(each, kind) for each in self.triggers)

    def tolerance(self, accounts: int) -> int:
        """How many of that many accounts may fail."""
        return self.tolerated if isinstance(self.tolerated, int) else int(self.tolerated * accounts)


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
        readers: roles that may read it, as ``account/role``; a stack set of the account makes each.
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
    line_of_readers: int = field(compare=False, default=0)


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
        return {each.product: each.contract for each in self.making}

    @property
    def making(self) -> tuple[Pipeline, ...]:
        """The pipelines that make a product, in the order of their products."""
        return tuple(sorted((p for p in self.pipelines.values() if p.promise), key=lambda p: p.product))

    def makers(self, product: str) -> tuple[Pipeline, ...]:
        """The pipelines that make a product: at most one, as loading refuses a second."""
        return tuple(each for each in self.making if each.product == product)
