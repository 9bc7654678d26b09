"""Holding a delivered CSV file to its contract: the good rows, typed; for the others line, column, rule and value."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from silolake.contracts.checked import Checked, EmptyFile, Fault, NotText, Refused, WrongColumns
from silolake.contracts.contract import Column, Contract
from silolake.contracts.records import Broken, Delivery, Record, readable
from silolake.contracts.rules import Breaks, Value, reader_of

if TYPE_CHECKING:
    import pyarrow as pa

# Rows are turned into columns in batches, so that a large file's texts are not all in memory as single objects.
_BATCH = 32_768


def check_csv(stream: BinaryIO, contract: Contract) -> Checked:
    """Hold a CSV file to a contract.

    A row breaks ``unique`` or ``primaryKey`` where a good row above it has the same value; the first one stays good.

    Args:
        stream: the file, open for reading bytes; it is read to its end.
        contract: what it is held to.

    Returns:
        the good rows, and a fault for each value that breaks a rule, or the reason why the whole file is refused.
    """
    delivery = Delivery(stream.read())
    first = next(delivery.records(), None)
    expected = tuple(column.name for column in contract.delivered)
    refused = _refused(first, expected)
    if refused is not None or not isinstance(first, Record):
        return Checked(contract, schema_of(contract).empty_table(), (), 0, refused)
    rows = _Rows(contract)
    for found in delivery.records(len(expected), first.after):
        rows.add(found)
    if not rows.total:
        return Checked(contract, schema_of(contract).empty_table(), (), 0, EmptyFile(has_header=True))
    return rows.checked(delivery, first)


def _refused(first: Record | Broken | None, expected: tuple[str, ...]) -> Refused | None:
    match first:
        case None:
            return EmptyFile(has_header=False)
        case Broken(rule=rule):
            return NotText(rule)
        case Record(fields=found) if tuple(found) != expected:
            return WrongColumns(
                found=tuple(found),
                expected=expected,
                missing=tuple(name for name in expected if name not in found),
                extra=tuple(dict.fromkeys(name for name in found if name not in expected)),
                repeated=tuple(dict.fromkeys(name for name in found if found.count(name) > 1)),
            )
    return None


def schema_of(contract: Contract) -> pa.Schema:
    """The Arrow schema of a contract's good rows, in the order of its columns."""
    import pyarrow as pa

    return pa.schema([pa.field(column.name, _arrow(column)) for column in contract.columns])


def _arrow(column: Column) -> pa.DataType:
    import pyarrow as pa

    match column.type.kind:
        case "decimal":
            return pa.decimal128(column.type.precision, column.type.scale)
        case "timestamp":
            return pa.timestamp("ms")
        case "date":
            return pa.date32()
        case _:
            return pa.type_for_alias(column.type.arrow)


@dataclass
class _Texts:
    """A delivered column: each distinct text once, read once, and a code for each row."""

    column: Column
    known: dict[str, int] = field(default_factory=dict)
    codes: array[int] = field(default_factory=lambda: array("i"))
    texts: list[str] = field(default_factory=list)
    values: list[Value | None] = field(default_factory=list)
    breaks: dict[int, str] = field(default_factory=dict)

    def extend(self, texts: Iterable[str]) -> None:
        known = self.known
        self.codes.extend(known.setdefault(text, len(known)) for text in texts)

    def read(self, null_values: tuple[str, ...]) -> None:
        read = reader_of(self.column, null_values)
        self.texts = list(self.known)
        for code, text in enumerate(self.texts):
            found = read(text)
            if isinstance(found, Breaks):
                self.breaks[code] = found.rule
                found = None
            self.values.append(found)

    def indices(self) -> pa.Array:
        import pyarrow as pa

        return pa.Array.from_buffers(pa.int32(), len(self.codes), [None, pa.py_buffer(self.codes)])

    def broken(self) -> Iterator[tuple[int, str, str]]:
        """Each row with a broken value, its rule and the value."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.breaks:
            codes = pa.array(list(self.breaks), pa.int32())
            for row in pc.indices_nonzero(pc.is_in(self.indices(), value_set=codes)).to_pylist():
                code = self.codes[row]
                yield row, self.breaks[code], self.texts[code]


class _Rows:
    """Records on their way to columns."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._columns = {column.name: _Texts(column) for column in contract.delivered}
        self._batch: list[list[str]] = []
        self._spans: list[tuple[int, int]] = []
        self._broken: list[Broken] = []

    @property
    def total(self) -> int:
        return len(self._spans) + len(self._broken)

    def add(self, found: Record | Broken) -> None:
        if isinstance(found, Broken):
            self._broken.append(found)
            return
        self._spans.append((found.line, found.after))
        self._batch.append(found.fields)
        if len(self._batch) == _BATCH:
            self._encode()

    def checked(self, delivery: Delivery, header: Record) -> Checked:
        import pyarrow as pa

        self._encode()
        is_good = bytearray(b"\1") * len(self._spans)
        faults = [Fault(each.line, "", each.rule, readable(each.text.rstrip("\r\n"))) for each in self._broken]
        for name, texts in self._columns.items():
            texts.read(self._contract.null_values)
            for row, rule, text in texts.broken():
                faults.append(Fault(self._spans[row][0], name, rule, readable(text)))
                is_good[row] = 0
        if self._contract.key:
            faults += self._repeated("primaryKey", self._contract.key, is_good)
        for column in self._contract.delivered:
            if column.unique:
                faults += self._repeated("unique", (column,), is_good)
        kept = pa.array([row for row, good in enumerate(is_good) if good], pa.int64())
        schema = schema_of(self._contract)
        table = pa.table([self._filled(column, kept) for column in self._contract.columns], schema=schema)
        places = {column.name: place for place, column in enumerate(self._contract.columns)}
        faults.sort(key=lambda fault: (fault.line, places.get(fault.column, len(places))))
        return Checked(
            contract=self._contract,
            good=table,
            faults=tuple(faults),
            rows_total=self.total,
            rejected=self._rejected(delivery, header, is_good),
        )

    def _encode(self) -> None:
        if self._batch:
            for texts, column in zip(zip(*self._batch, strict=True), self._columns.values(), strict=True):
                column.extend(texts)
            self._batch.clear()

    def _repeated(self, rule: str, columns: tuple[Column, ...], is_good: bytearray) -> list[Fault]:
        """The faults of rows whose value a good row above has; the rows are no longer good."""
        held = [self._columns[column.name] for column in columns]
        name = ", ".join(column.name for column in columns)
        seen: dict[tuple[Value | None, ...], int] = {}
        faults = []
        for row, key in enumerate(zip(*(map(each.values.__getitem__, each.codes) for each in held), strict=True)):
            if not is_good[row] or (rule == "unique" and key == (None,)):
                continue
            first = seen.setdefault(key, row)
            if first != row:
                shown = readable(", ".join(each.texts[each.codes[row]] for each in held))
                faults.append(Fault(self._spans[row][0], name, rule, shown, self._spans[first][0]))
                is_good[row] = 0
        return faults

    def _filled(self, column: Column, kept: pa.Array) -> pa.Array:
        import pyarrow as pa

        derived = column.derived
        texts = self._columns[derived.source if derived else column.name]
        values = [derived.of(value) for value in texts.values] if derived else texts.values
        return pa.array(values, _arrow(column)).take(texts.indices().take(kept))

    def _rejected(self, delivery: Delivery, header: Record, is_good: bytearray) -> bytes:
        spans = [span for span, good in zip(self._spans, is_good, strict=True) if not good]
        spans += [(each.line, each.after) for each in self._broken]
        if not spans:
            return b""
        pieces = [delivery.text(header.line, header.after), *(delivery.text(*span) for span in sorted(spans))]
        return b"".join(piece if piece.endswith((b"\n", b"\r")) else piece + b"\n" for piece in pieces)
