"""The ledger of a pipeline: a receipt for each drop that was taken, and what stands in ``processed`` for each key.

    receipts/<pipeline>/<version id>.json       what became of one drop; written last, so a drop without one is new
    receipts/<pipeline>/by-key/<name>.json      which files hold the rows of one drop key
    receipts/<pipeline>/by-content/<sha256>     which drop brought that content in

It lies in the silo's quarantine bucket: a receipt quotes values as delivered, which may speak of persons.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from silolake.cloud import Cloud
from silolake.contracts import Fault
from silolake.errors import CloudError
from silolake.model import ObjectVersion

Status = Literal["accepted", "partly quarantined", "quarantined", "duplicate", "superseded", "empty"]

MOST_FAULTS = 1_000
"""How many faults a receipt spells out; all are counted."""


def name_of(drop: ObjectVersion) -> str:
    """The name of a drop's files in ``processed``: the same for every version of a key, so that a newer one replaces.

    >>> name_of(ObjectVersion("drop", "flights/2013-01.csv", "v1"))
    'ee23babb782c98d9'
    """
    return hashlib.sha256(f"{drop.bucket}/{drop.key}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Promise:
    """The contract that a drop was held to, as it was then."""

    contract: str
    version: str
    digest: str


@dataclass(frozen=True)
class Counts:
    """Rows below the header: all, those that keep every rule, and the others."""

    total: int = 0
    good: int = 0
    bad: int = 0


@dataclass(frozen=True)
class Receipt:
    """What became of one drop.

    Attributes:
        drop: which one.
        status: in a word.
        promise: what it was held to.
        sha256: of its content; empty where it was not read.
        rows: its rows.
        refused: why the file as a whole was refused, in the contract's words; may quote its header.
        because: the kind of that reason, or of any other, without a delivered value.
        faults: the first of them.
        faults_total: all of them.
        faults_by_rule: all of them, by ``column rule``.
        files: the keys in ``processed`` that hold its good rows.
        partitions: the partitions that those are in.
        raw: its copy in ``raw``, if there is one.
        quarantined: its bad lines, or the whole file, in the quarantine bucket.
    """

    drop: ObjectVersion
    status: Status
    promise: Promise
    sha256: str = ""
    rows: Counts = Counts()
    refused: str = ""
    because: str = ""
    faults: tuple[Fault, ...] = ()
    faults_total: int = 0
    faults_by_rule: Mapping[str, int] | None = None
    files: tuple[str, ...] = ()
    partitions: tuple[tuple[str, ...], ...] = ()
    raw: str = ""
    quarantined: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return asdict(self)

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Receipt:
        """As the ledger kept it."""
        return cls(
            **{
                **said,
                "drop": ObjectVersion(**said["drop"]),
                "promise": Promise(**said["promise"]),
                "rows": Counts(**said["rows"]),
                "faults": tuple(Fault(**each) for each in said["faults"]),
                "files": tuple(said["files"]),
                "partitions": tuple(tuple(each) for each in said["partitions"]),
            }
        )


@dataclass(frozen=True)
class Standing:
    """What stands in ``processed`` for one drop key.

    Attributes:
        drop: whose rows those are.
        sha256: the content they came from; empty while files are being replaced.
        digest: the contract's.
        files: the keys that hold them; while files are being replaced, every key that may.
    """

    drop: ObjectVersion
    sha256: str
    digest: str
    files: tuple[str, ...]


class Ledger:
    """The receipts of one pipeline in one silo.

    Args:
        cloud: who reads and writes it.
        bucket: the silo's quarantine bucket.
        pipeline: the pipeline's name.
    """

    def __init__(self, cloud: Cloud, bucket: str, pipeline: str) -> None:
        self._cloud, self._bucket, self._prefix = cloud, bucket, f"receipts/{pipeline}/"

    def taken(self) -> frozenset[str]:
        """The version ids of all drops that have a receipt. Reads only."""
        listed = self._cloud.pages(
            "s3", "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
        )
        names = (each["Key"].removeprefix(self._prefix) for each in listed)
        return frozenset(name.removesuffix(".json") for name in names if name.endswith(".json"))

    def receipt(self, drop: ObjectVersion) -> Receipt | None:
        """The receipt of a drop. Reads only."""
        found = self._read(f"{drop.version_id}.json")
        return Receipt.of_json(found) if found else None

    def give(self, receipt: Receipt) -> Receipt:
        """Write a drop's receipt: from here on it is taken. Writes."""
        self._write(f"{receipt.drop.version_id}.json", receipt.to_json())
        return receipt

    def standing(self, drop: ObjectVersion) -> Standing | None:
        """What stands for a drop's key. Reads only."""
        found = self._read(f"by-key/{name_of(drop)}.json")
        if not found:
            return None
        return Standing(ObjectVersion(**found["drop"]), found["sha256"], found["digest"], tuple(found["files"]))

    def put_standing(self, standing: Standing) -> None:
        """Say what stands for a drop's key. Writes."""
        self._write(f"by-key/{name_of(standing.drop)}.json", asdict(standing))

    def bearer(self, sha256: str) -> Standing | None:
        """What stands with that content, under whatever key. Reads only."""
        found = self._read(f"by-content/{sha256}")
        standing = self.standing(ObjectVersion(**found)) if found else None
        return standing if standing and standing.sha256 == sha256 else None

    def put_bearer(self, sha256: str, drop: ObjectVersion) -> None:
        """Say which drop brought a content in. Writes."""
        self._write(f"by-content/{sha256}", asdict(drop))

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            text = b"".join(self._cloud.stream(Bucket=self._bucket, Key=self._prefix + name))
        except CloudError as error:
            if error.code != "NoSuchKey":
                raise
            return None
        found: dict[str, Any] = json.loads(text)
        return found

    def _write(self, name: str, said: Mapping[str, Any]) -> None:
        text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        self._cloud.call(
            "s3",
            "put_object",
            Bucket=self._bucket,
            Key=self._prefix + name,
            Body=text.encode(),
            ContentType="application/json",
        )
