"""The lake's own values: small, frozen, and refusing nonsense when they are born.

Standard library only: everything may import this, and this imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

_ACCOUNT_ID = re.compile(r"\d{12}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_OU_PATH = re.compile(r"o-[a-z0-9]{10,32}/r-[0-9a-z]{4,32}/(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}/)*")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


@dataclass(frozen=True, order=True)
class AccountId:
    """Twelve digits that name an AWS account.

    >>> AccountId("111111111111").text
    '111111111111'
    >>> AccountId("sales")
    Traceback (most recent call last):
    ValueError: 'sales' is not an account id; it has twelve digits
    """

    text: str

    def __post_init__(self) -> None:
        if not _ACCOUNT_ID.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is not an account id; it has twelve digits")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, order=True)
class OuPath:
    """Where an account hangs in the organization, spelled the way IAM spells it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths

    >>> sales = OuPath("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/")
    >>> sales.and_below
    'o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*'
    >>> sales.organization
    'o-a1b2c3d4e5'
    """

    text: str

    def __post_init__(self) -> None:
        if not _OU_PATH.fullmatch(self.text):
            raise ValueError(
                f"{self.text!r} is not an organization path; from the organization on, ending in a slash: o-…/r-…/ou-…/"
            )

    def __str__(self) -> str:
        return self.text

    @property
    def and_below(self) -> str:
        """The pattern that matches this unit and every unit beneath it."""
        return self.text + "*"

    @property
    def organization(self) -> str:
        """The organization's id, ``o-…``."""
        return self.text.split("/", 1)[0]

    def holds(self, other: OuPath) -> bool:
        """Whether ``other`` is this unit or hangs beneath it."""
        return other.text.startswith(self.text)


@dataclass(frozen=True, order=True)
class Name:
    """A name of ours: a silo, a view, a pipeline, a unit.

    >>> Name("ewr").text
    'ewr'
    """

    text: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.text):
            raise ValueError(
                f"{self.text!r} is not a name; lower-case letters, digits, _ and -, a letter first, at most 63"
            )

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, order=True)
class Region:
    """An AWS Region's code."""

    text: str

    def __post_init__(self) -> None:
        if not _REGION.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is not a Region; it looks like eu-west-1")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, order=True)
class Target:
    """The account and Region that a step is for."""

    account: AccountId
    region: Region

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


@dataclass(frozen=True)
class Account:
    """A member account as the cloud answers it: discovered, never invented.

    Attributes:
        name: what the rooms call it; the silo's name.
        id: its twelve digits.
        email: its root user's address, the organization's second key for it.
        path: where it hangs.
        tags: the organization's tags on it, which selectors read.
    """

    name: str
    id: AccountId
    email: str
    path: OuPath
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class ObjectVersion:
    """One version of one object in S3."""

    bucket: str
    key: str
    version_id: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}?versionId={self.version_id}"


@dataclass(frozen=True)
class Declared:
    """The occasion of a run that a commit declares: the digest of what it read there."""

    digest: str


@dataclass(frozen=True)
class Delivered:
    """The occasion of a run that a delivery started: the object versions it takes."""

    versions: tuple[ObjectVersion, ...]


@dataclass(frozen=True)
class Due:
    """The occasion of a run that a schedule started: the time it was due."""

    at: datetime


@dataclass(frozen=True)
class Ended:
    """The occasion of a run that another pipeline's end started: which, and the digest of that one's occasion."""

    pipeline: str
    digest: str


Occasion = Declared | Delivered | Due | Ended


@dataclass(frozen=True)
class Pending:
    """An occasion that has come and whose runs have not all completed.

    Attributes:
        pipeline: which runs for it.
        occasion: why.
        account: the one account it is for; nothing for all of the pipeline's.
    """

    pipeline: str
    occasion: Occasion
    account: str = ""

    @property
    def key(self) -> str:
        """What tells it from every other: the same occasion has the same key."""
        return digest([self.pipeline, self.account, occasion_json(self.occasion)])[:16]

    @property
    def slug(self) -> str:
        """The occasion in a step's name: the time it was due, else the beginning of its digest."""
        if isinstance(self.occasion, Due):
            return self.occasion.at.isoformat(timespec="minutes")
        return self.key[:8]


DriftKind = Literal["missing", "changed", "extra", "foreign"]
"""What is declared and not there, what is otherwise than declared, what is the lake's and declared no more, and what is
somebody else's."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is not what the lake declares.

    Attributes:
        kind: in which way.
        account: whose it is, by name; the management account's for what belongs to the organization.
        what: which thing.
        expected: what is declared of it.
        found: what is there.
        mended_by: the names of the steps that make it what is declared; none where it is only told.
        resource: a part of the ARN that calls about it name.
        since: the call that last wrote to it and who made it, where that is known.
    """

    kind: DriftKind
    account: str
    what: str
    expected: str = ""
    found: str = ""
    mended_by: tuple[str, ...] = ()
    resource: str = field(default="", compare=False)
    since: str = field(default="", compare=False)

    def __str__(self) -> str:
        """One line that says all of it.

        >>> str(Finding("changed", "ewr", "bucket raw: versioning", "Enabled", "Suspended", ("mend/ewr",)))
        'changed  ewr  bucket raw: versioning is Suspended, declared is Enabled'
        """
        return f"{self.kind:<7}  {self.account}  {self.what}{self._said()}" + (f" ({self.since})" if self.since else "")

    def _said(self) -> str:
        match self.kind:
            case "missing":
                return f" is not there; declared is {self.expected}" if self.expected else " is not there"
            case "changed":
                return f" is {self.found or 'not said'}, declared is {self.expected or 'nothing'}"
            case "extra":
                told = f" ({self.found})" if self.found else ""
                return f"{told} is declared no more; apply --prune takes it away"
            case "foreign":
                return f" is somebody else's: {self.found}" if self.found else " is somebody else's"


def occasion_json(occasion: Occasion) -> dict[str, object]:
    """An occasion as JSON has it; ``read_occasion`` reads it back."""
    match occasion:
        case Declared(digest=said):
            return {"declared": said}
        case Delivered(versions=versions):
            return {"delivered": [asdict(each) for each in sorted(versions)]}
        case Due(at=at):
            return {"due": at.isoformat()}
        case Ended(pipeline=pipeline, digest=said):
            return {"ended": pipeline, "of": said}


def read_occasion(said: Mapping[str, Any]) -> Occasion:
    """An occasion from its JSON.

    Raises:
        ValueError: it is none.

    >>> read_occasion(occasion_json(Ended("flights", "1a2b")))
    Ended(pipeline='flights', digest='1a2b')
    """
    match said:
        case {"declared": str(found)}:
            return Declared(found)
        case {"delivered": list(versions)}:
            return Delivered(tuple(ObjectVersion(**each) for each in versions))
        case {"due": str(at)}:
            return Due(datetime.fromisoformat(at))
        case {"ended": str(pipeline), "of": str(found)}:
            return Ended(pipeline, found)
        case _:
            raise ValueError(f"{said!r} is no occasion")


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON, in hex; equal values have equal digests.

    Args:
        value: anything of dicts, lists, tuples, strings, numbers, booleans and None.

    Raises:
        TypeError: for a value JSON does not have.

    >>> digest({"b": 1, "a": [2]}) == digest({"a": (2,), "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
