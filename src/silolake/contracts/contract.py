"""A data contract as a value: what a producer promises about a delivery, and what the lake promises about keeping it.

The file is an Open Data Contract Standard v3 document, https://bitol-io.github.io/open-data-contract-standard/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from silolake.contracts.types import ColumnType
from silolake.model import digest

Bound = int | float | str

_FORMAT_PART = re.compile("%[YmdH]")


@dataclass(frozen=True)
class Limits:
    """What a value must keep to besides its type.

    Attributes:
        minimum, maximum: bounds, both included; a date's or a timestamp's are ISO texts.
        exclusive_minimum, exclusive_maximum: bounds that are not included.
        multiple_of: a step every number is a multiple of.
        pattern: a regular expression found in every text.
        min_length, max_length: bounds of a text's length in characters.
        allowed: the only values there are, as the delivery spells them.
    """

    minimum: Bound | None = None
    maximum: Bound | None = None
    exclusive_minimum: Bound | None = None
    exclusive_maximum: Bound | None = None
    multiple_of: int | float | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class DateFormat:
    """A partition column's value, derived from a timestamp: ``date_format(time_hour, '%Y-%m')``.

    Attributes:
        source: the timestamp or date column.
        format: of ``%Y``, ``%m``, ``%d``, ``%H`` and what stands between them.
    """

    source: str
    format: str

    def __str__(self) -> str:
        return f"date_format({self.source}, '{self.format}')"

    def of(self, value: object) -> str | None:
        """The partition of a date or a moment, in Athena's spelling; of nothing, nothing.

        >>> DateFormat("time_hour", "%Y-%m").of(datetime(2013, 1, 31))
        '2013-01'
        """
        if not isinstance(value, date):
            return None
        hour = value.hour if isinstance(value, datetime) else 0
        parts = {"%Y": f"{value.year:04}", "%m": f"{value.month:02}", "%d": f"{value.day:02}", "%H": f"{hour:02}"}
        return _FORMAT_PART.sub(lambda found: parts[found.group()], self.format)


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes:
        name: as the delivery's header and the tables spell it.
        type: its type.
        line: where the contract states it.
        description: what it means.
        required: whether it must have a value in every row.
        unique: whether no value may occur twice within a delivery.
        key_position: its place in the primary key, from 1; 0 is none.
        limits: what its values keep to.
        zoned: whether a timestamp is delivered with its offset from UTC.
        partition_position: its place among the partition columns, from 1; 0 is none.
        derived: how a partition column is made, where it is not delivered.
        classification: the contract's own word for how confidential it is.
    """

    name: str
    type: ColumnType
    line: int = field(compare=False, default=0)
    description: str = ""
    required: bool = False
    unique: bool = False
    key_position: int = 0
    limits: Limits = Limits()
    zoned: bool = False
    partition_position: int = 0
    derived: DateFormat | None = None
    classification: str = ""


@dataclass(frozen=True)
class Retention:
    """How long rows are kept: a number of days, months or years."""

    count: int
    unit: Literal["day", "month", "year"]


@dataclass(frozen=True)
class Erasure:
    """How a person's rows are taken out.

    Attributes:
        person: the column that leads to a person; nothing if none does.
        method: ``rewrite`` writes the files again without the rows; ``delete`` is an Iceberg DELETE; ``none``.
        within_days: how soon after being asked.
        reason: why it is so.
    """

    person: str | None
    method: Literal["rewrite", "delete", "none"]
    within_days: int
    reason: str


@dataclass(frozen=True)
class Contract:
    """A versioned promise about one table.

    Attributes:
        name: the table's name, and the product's.
        version: the contract's version.
        status: proposed, draft, active, deprecated or retired.
        owner: the team that answers for it.
        description: what a row is.
        columns: in the order of the delivery's header; derived ones after them.
        null_values: the spellings of "no value" in a delivery.
        table_format: what ``processed`` is written as.
        retention: how long rows are kept.
        erasure: how a person's rows are taken out.
        path: the file it was read from.
        line: where its table is stated.
    """

    name: str
    version: str
    status: str
    owner: str
    description: str
    columns: tuple[Column, ...]
    null_values: tuple[str, ...]
    table_format: Literal["parquet", "iceberg"]
    retention: Retention
    erasure: Erasure
    path: str = field(compare=False, default="")
    line: int = field(compare=False, default=0)

    @property
    def delivered(self) -> tuple[Column, ...]:
        """The columns of a delivery's header, in order."""
        return tuple(each for each in self.columns if each.derived is None)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns inside a processed file: all but the partition columns."""
        return tuple(each for each in self.columns if not each.partition_position)

    @property
    def partitions(self) -> tuple[Column, ...]:
        """The partition columns, in the order of the path."""
        return tuple(sorted((c for c in self.columns if c.partition_position), key=lambda c: c.partition_position))

    @property
    def key(self) -> tuple[Column, ...]:
        """The primary key's columns, in order."""
        return tuple(sorted((c for c in self.columns if c.key_position), key=lambda c: c.key_position))

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: if there is none.
        """
        for each in self.columns:
            if each.name == name:
                return each
        raise KeyError(name)

    @property
    def digest(self) -> str:
        """Equal for contracts that promise the same; comments and line breaks do not count."""
        return digest(_plain(self))


def _plain(contract: Contract) -> dict[str, object]:
    def told(column: Column) -> dict[str, object]:
        limits = {name: getattr(column.limits, name) for name in Limits.__dataclass_fields__}
        return {
            "name": column.name,
            "type": column.type.glue,
            "description": column.description,
            "required": column.required,
            "unique": column.unique,
            "key": column.key_position,
            "limits": limits,
            "zoned": column.zoned,
            "partition": column.partition_position,
            "derived": str(column.derived or ""),
            "class": column.classification,
        }

    return {
        "name": contract.name,
        "version": contract.version,
        "status": contract.status,
        "owner": contract.owner,
        "description": contract.description,
        "columns": [told(column) for column in contract.columns],
        "nulls": contract.null_values,
        "format": contract.table_format,
        "retention": [contract.retention.count, contract.retention.unit],
        "erasure": [
            contract.erasure.person,
            contract.erasure.method,
            contract.erasure.within_days,
            contract.erasure.reason,
        ],
    }
