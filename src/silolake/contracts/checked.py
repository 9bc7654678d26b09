"""What holding a delivery to its contract found, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from silolake.contracts.contract import Contract
from silolake.contracts.records import readable

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, order=True, slots=True)
class Fault:
    """One broken rule.

    Attributes:
        line: the physical line, from 1, on which the record begins.
        column: its column; nothing where the record as a whole is broken.
        rule: as the contract calls it: ``required``, ``type``, ``enum``, ``minimum``, ``pattern``, ``unique``,
            ``primaryKey``, …; for a record ``fields``, ``quotes``, ``utf-8`` or ``nul``.
        value: the value as delivered, what cannot be printed spelled out.
        same_as: for ``unique`` and ``primaryKey``, the line that has the value already; otherwise 0.
    """

    line: int
    column: str
    rule: str
    value: str
    same_as: int = 0

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        also = f", as on line {self.same_as}" if self.same_as else ""
        return f"{where}: {self.value!r} breaks {self.rule}{also}"


@dataclass(frozen=True)
class WrongColumns:
    """The header is not the contract's: nothing of the file can be held to it.

    Attributes:
        found: the header as delivered.
        expected: the contract's.
        missing, extra, repeated: the difference; all empty where only the order is wrong.
    """

    found: tuple[str, ...]
    expected: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    repeated: tuple[str, ...]

    def __str__(self) -> str:
        said = [
            f"{word} {', '.join(readable(name) or '(no name)' for name in names)}"
            for word, names in (("missing", self.missing), ("extra", self.extra), ("twice", self.repeated))
            if names
        ]
        return f"wrong columns: {'; '.join(said) or 'the order is not the contract’s'}"


@dataclass(frozen=True)
class EmptyFile:
    """The file has no rows; ``has_header`` tells whether it has a header."""

    has_header: bool

    def __str__(self) -> str:
        return "no rows: the file has a header and nothing below it" if self.has_header else "the file is empty"


@dataclass(frozen=True)
class NotText:
    """The header cannot be read, so this is no CSV text in UTF-8: ``rule`` says why."""

    rule: str

    def __str__(self) -> str:
        return f"not a CSV text in UTF-8: the header breaks {self.rule}"


Refused = WrongColumns | EmptyFile | NotText


@dataclass(frozen=True)
class Checked:
    """What holding a delivery to a contract found.

    Attributes:
        contract: the contract.
        good: the rows that keep every rule, typed, derived columns included; a ``pyarrow.Table``.
        faults: by line, then in the order of the columns.
        rows_total: how many records there are below the header, broken ones included.
        refused: why the file as a whole was refused; then there are no rows and no faults.
        rejected: the rows with faults as delivered, under the header; empty where there are none.
    """

    contract: Contract
    good: pa.Table
    faults: tuple[Fault, ...]
    rows_total: int
    refused: Refused | None = None
    rejected: bytes = field(default=b"", repr=False)

    @property
    def rows_good(self) -> int:
        """How many rows keep every rule."""
        return int(self.good.num_rows)

    @property
    def rows_bad(self) -> int:
        """How many rows do not."""
        return self.rows_total - self.rows_good

    @property
    def is_good(self) -> bool:
        """Whether the whole delivery keeps the contract."""
        return self.refused is None and not self.faults

    def receipt(self) -> dict[str, object]:
        """What was found, in JSON's values: for the quarantine, beside the rejected rows."""
        return {
            "contract": self.contract.name,
            "contract_version": self.contract.version,
            "rows_total": self.rows_total,
            "rows_good": self.rows_good,
            "rows_bad": self.rows_bad,
            "refused": str(self.refused) if self.refused else None,
            "faults": [
                {"line": f.line, "column": f.column, "rule": f.rule, "value": f.value}
                | ({"same_as": f.same_as} if f.same_as else {})
                for f in self.faults
            ],
        }
