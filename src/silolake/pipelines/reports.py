"""What validating drops did, shown well to people and kept, without the values, in the run's record."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from silolake.errors import ContractBroken, StepFailed
from silolake.model import ObjectVersion
from silolake.pipelines.receipts import Counts, Receipt

_HEADINGS = ("drop", "status", "rows", "good", "bad", "first fault")
_BROKEN = frozenset({"partly quarantined", "quarantined", "empty"})
_TOLD = _BROKEN | {"duplicate"}


@dataclass(frozen=True)
class DropReport:
    """What became of one drop.

    Attributes:
        drop: which one.
        receipt: its receipt; ``None`` if it could not be given one.
        problem: why not.
    """

    drop: ObjectVersion
    receipt: Receipt | None
    problem: str = ""

    @property
    def status(self) -> str:
        """In a word; ``not validated`` without a receipt."""
        return self.receipt.status if self.receipt else "not validated"

    @property
    def rows(self) -> Counts:
        """Its rows."""
        return self.receipt.rows if self.receipt else Counts()

    @property
    def is_broken(self) -> bool:
        """Whether any of it waits in quarantine for a person."""
        return self.status in _BROKEN

    @property
    def first(self) -> str:
        """The first thing that is wrong with it, as delivered; empty where nothing is."""
        if self.receipt is None:
            return self.problem
        return str(self.receipt.faults[0]) if self.receipt.faults else self.receipt.refused or self.receipt.because

    @property
    def told(self) -> str:
        """The first thing that is wrong with it, without a delivered value, for records that leave the silo."""
        if self.receipt is None or not self.receipt.faults:
            return self.receipt.because if self.receipt else self.problem
        fault = self.receipt.faults[0]
        return f"line {fault.line}, {fault.column or 'the row'}: {fault.rule}"

    @property
    def concern(self) -> str:
        """What whoever delivered it should hear, without a delivered value; empty where it was taken as it is."""
        if self.status not in _TOLD:
            return ""
        counted = f", {self.rows.bad:,} of {self.rows.total:,} rows" if self.rows.bad else ""
        return f"{self.drop.key} is {self.status}{counted}: {self.told}"

    def to_json(self) -> dict[str, Any]:
        """As the run's record keeps it. The record leaves the silo: it counts faults and quotes none."""
        receipt = self.receipt
        return {
            "key": self.drop.key,
            "version_id": self.drop.version_id,
            "status": self.status,
            "rows": self.rows.total,
            "good": self.rows.good,
            "bad": self.rows.bad,
            "because": receipt.because if receipt else self.problem,
            "faults": dict(receipt.faults_by_rule or {}) if receipt else {},
            "files": len(receipt.files) if receipt else 0,
        }

    @property
    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        rows = self.rows
        return self.drop.key, self.status, f"{rows.total:,}", f"{rows.good:,}", f"{rows.bad:,}", self.first


@dataclass(frozen=True)
class ValidationReport:
    """What became of the drops of one silo and pipeline.

    Attributes:
        silo, pipeline: by name.
        drops: in the order they were taken.
        missing: what should be there once all is done and is not, each in words.
    """

    silo: str
    pipeline: str
    drops: tuple[DropReport, ...]
    missing: tuple[str, ...] = ()

    @property
    def totals(self) -> Counts:
        """The rows of all drops together."""
        rows = [each.rows for each in self.drops]
        return Counts(sum(each.total for each in rows), sum(each.good for each in rows), sum(each.bad for each in rows))

    @property
    def broken(self) -> tuple[DropReport, ...]:
        """The drops of which something waits in quarantine for a person."""
        return tuple(each for each in self.drops if each.is_broken)

    def raise_if_incomplete(self) -> None:
        """End the run unless every drop has its receipt and every good row is registered; bad rows are no failure.

        Raises:
            StepFailed: for the first drop, or the first thing, of which that does not hold.
        """
        for each in self.drops:
            if each.receipt is None:
                raise StepFailed(f"validate {each.drop.key}", each.problem)
        for told in self.missing:
            raise StepFailed(f"validate {self.pipeline} of {self.silo}", told)

    def raise_if_broken(self) -> None:
        """For whoever wants a delivery with bad rows to be an error.

        Raises:
            ContractBroken: for the first drop of which something is in quarantine; it quotes no value.
        """
        for each in self.broken:
            raise ContractBroken(self.pipeline, str(each.drop), each.rows.bad, each.told)

    def to_json(self) -> dict[str, Any]:
        """As the run's record keeps it, without delivered values."""
        totals = self.totals
        return {
            "verb": "validate",
            "silo": self.silo,
            "pipeline": self.pipeline,
            "rows": totals.total,
            "good": totals.good,
            "bad": totals.bad,
            "drops": [each.to_json() for each in self.drops],
            "missing": list(self.missing),
            "concerns": [each.concern for each in self.drops if each.concern],
        }

    @property
    def _title(self) -> str:
        return f"validate {self.pipeline} of {self.silo}"

    @property
    def _sum(self) -> tuple[str, ...]:
        totals = self.totals
        return f"{len(self.drops)} drops", "", f"{totals.total:,}", f"{totals.good:,}", f"{totals.bad:,}", ""

    def __str__(self) -> str:
        if not self.drops:
            return f"{self._title}: no new drops"
        table = [_HEADINGS, *(each.cells for each in self.drops), self._sum]
        widths = [max(len(row[place]) for row in table) for place in range(len(_HEADINGS))]
        lines = [
            "  ".join(
                cell.rjust(width) if place in (2, 3, 4) else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
        return "\n".join((self._title, *(f"  {line}" for line in lines), *(f"  missing: {t}" for t in self.missing)))

    def _repr_html_(self) -> str:
        title = f"<p><b>{html.escape(self._title)}</b>"
        if not self.drops:
            return f"{title}: no new drops</p>"
        head = "".join(f"<th>{each}</th>" for each in _HEADINGS)
        body = "".join(_row(each.cells, "td") for each in self.drops) + _row(self._sum, "th")
        missing = "".join(f"<p>missing: {html.escape(told)}</p>" for told in self.missing)
        return f"{title}</p><table><tr>{head}</tr>{body}</table>{missing}"


def _row(cells: tuple[str, ...], tag: str) -> str:
    aligned = ("left", "left", "right", "right", "right", "left")
    inner = "".join(
        f"<{tag} style='text-align:{side}'>{html.escape(cell)}</{tag}>"
        for cell, side in zip(cells, aligned, strict=True)
    )
    return f"<tr>{inner}</tr>"
