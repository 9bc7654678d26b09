"""One drop taken: read, told apart from what is there already, checked, promoted or quarantined."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from silolake.cloud import Cloud
from silolake.contracts import Checked, EmptyFile, NotText, WrongColumns, check_csv
from silolake.errors import CloudError
from silolake.model import ObjectVersion
from silolake.pipelines.drops import Listed
from silolake.pipelines.promoting import ProductTable, Promotion, parts_of
from silolake.pipelines.receipts import MOST_FAULTS, Counts, Ledger, Promise, Receipt, Standing, Status
from silolake.pipelines.reports import DropReport
from silolake.rooms import Pipeline


@dataclass(frozen=True)
class Zones:
    """A silo's buckets."""

    drop: str
    raw: str
    processed: str
    quarantine: str


@dataclass(frozen=True)
class Desk:
    """Where the drops of one silo and pipeline are taken, one after another.

    Attributes:
        cloud: the silo's runner.
        pipeline: which.
        zones: the silo's buckets.
        ledger: its receipts.
        table: the product's.
        taken: the version ids that had a receipt when the desk opened.
    """

    cloud: Cloud
    pipeline: Pipeline
    zones: Zones
    ledger: Ledger
    table: ProductTable
    taken: frozenset[str]

    def report(self, drop: ObjectVersion, listed: Sequence[Listed]) -> DropReport:
        """Take a drop unless it has its receipt, and say what became of it. Writes; the receipt comes last.

        Args:
            drop: which one.
            listed: all that lies in the drop zone.
        """
        try:
            given = self.ledger.receipt(drop) if drop.version_id in self.taken else None
            return DropReport(drop, given or self.ledger.give(self._take(drop, listed)))
        except CloudError as error:
            return DropReport(drop, None, str(error))

    def _take(self, drop: ObjectVersion, listed: Sequence[Listed]) -> Receipt:
        latest = {each.drop.key: each.drop for each in listed if each.is_latest}.get(drop.key)
        if latest != drop and any(each.drop == drop for each in listed):
            said = f"version {latest.version_id} came after it" if latest else "its producer deleted it"
            return Receipt(drop, "superseded", self._promise, because=said)
        with tempfile.TemporaryDirectory(prefix="silolake-") as folder:
            return self._read(drop, Path(folder))

    def _read(self, drop: ObjectVersion, folder: Path) -> Receipt:
        path = folder / "drop.csv"
        sha256 = self._fetch(drop, path)
        standing = Standing(drop, sha256, self._promise.digest, ())
        twin = self._twin(standing)
        if twin is not None:
            if twin.key != drop.key:
                # The rows are there under the other key; those of its own key's older version are replaced by them.
                Promotion(self.cloud, self.ledger, self.table).withdraw(standing, folder)
            said = f"the same content as {twin.key}, version {twin.version_id}"
            return Receipt(drop, "duplicate", self._promise, sha256, because=said)
        with path.open("rb") as stream:
            checked = check_csv(stream, self.pipeline.contract)
        if checked.refused or not checked.rows_good:
            return self._quarantined(standing, checked)
        return self._promoted(standing, checked, folder)

    def _fetch(self, drop: ObjectVersion, path: Path) -> str:
        sha256 = hashlib.sha256()
        with path.open("wb") as file:
            for piece in self.cloud.stream(Bucket=drop.bucket, Key=drop.key, VersionId=drop.version_id):
                sha256.update(piece)
                file.write(piece)
        return sha256.hexdigest()

    def _twin(self, standing: Standing) -> ObjectVersion | None:
        """Another drop whose rows stand, and had the same content.

        A newer version of the same key whose content was held to an older contract is held to the present one.
        """
        found = self.ledger.bearer(standing.sha256)
        if found is None or found.drop == standing.drop:
            return None
        is_older = found.drop.key == standing.drop.key and found.digest != standing.digest
        return None if is_older else found.drop

    def _quarantined(self, standing: Standing, checked: Checked) -> Receipt:
        is_empty = isinstance(checked.refused, EmptyFile)
        found = self._found(standing, checked, "empty" if is_empty else "quarantined")
        return replace(found, quarantined=self._copy(standing.drop, self.zones.quarantine))

    def _promoted(self, standing: Standing, checked: Checked, folder: Path) -> Receipt:
        drop = standing.drop
        found = self._found(standing, checked, "partly quarantined" if checked.faults else "accepted")
        raw = self._copy(drop, self.zones.raw)
        parts = tuple(parts_of(checked.good, self.pipeline.contract))
        files = Promotion(self.cloud, self.ledger, self.table).promote(standing, parts, folder)
        key = self._key(drop) if checked.rejected else ""
        if key:
            bucket, body = self.zones.quarantine, checked.rejected
            self.cloud.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, ContentType="text/csv")
        self.ledger.put_bearer(standing.sha256, drop)
        partitions = tuple(part.values for part in parts if part.values)
        return replace(found, raw=raw, files=files, partitions=partitions, quarantined=key)

    @property
    def _promise(self) -> Promise:
        contract = self.pipeline.contract
        return Promise(contract.name, contract.version, contract.digest)

    def _key(self, drop: ObjectVersion) -> str:
        return f"{self.pipeline.name}/{PurePosixPath(drop.key).name}/{drop.version_id}.csv"

    def _copy(self, drop: ObjectVersion, bucket: str) -> str:
        key = self._key(drop)
        self.cloud.call(
            "s3",
            "copy_object",
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": drop.bucket, "Key": drop.key, "VersionId": drop.version_id},
            # A producer's tags and metadata stay behind: whoever copies tags needs the right to read them.
            TaggingDirective="REPLACE",
            MetadataDirective="REPLACE",
            ContentType="text/csv",
        )
        return key

    def _found(self, standing: Standing, checked: Checked, status: Status) -> Receipt:
        by_rule = Counter(f"{fault.column or 'row'} {fault.rule}" for fault in checked.faults)
        return Receipt(
            drop=standing.drop,
            status=status,
            promise=self._promise,
            sha256=standing.sha256,
            rows=Counts(checked.rows_total, checked.rows_good, checked.rows_bad),
            refused=str(checked.refused or ""),
            because=_kind(checked),
            faults=checked.faults[:MOST_FAULTS],
            faults_total=len(checked.faults),
            faults_by_rule=dict(sorted(by_rule.items())),
        )


def _kind(checked: Checked) -> str:
    """Why nothing was promoted, without a delivered value: a file without a header has data in its first line."""
    match checked.refused:
        case WrongColumns():
            return "wrong columns"
        case EmptyFile() | NotText():
            return str(checked.refused)
        case None:
            return "" if checked.rows_good else "no row keeps the contract"
