"""Reading an Open Data Contract Standard v3 file into a :class:`Contract`.

What the standard has and this reader does not hold anyone to is refused by name: a check that is written down and
never made would be a false promise. Keys that only document are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from silolake.contracts.contract import Bound, Column, Contract, DateFormat, Erasure, Limits, Retention
from silolake.contracts.lines import Node, advise, read_yaml
from silolake.contracts.types import GLUE, LOGICAL, ColumnType, column_type
from silolake.contracts.values import bound_fault

API_VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")

_STATUSES = ("proposed", "draft", "active", "deprecated", "retired")
_TOP = ("kind", "apiVersion", "id", "version", "status", "team", "schema", "slaProperties", "customProperties")
_TOP_NOTES = (
    "name", "tenant", "tags", "dataProduct", "domain", "description", "support", "price", "roles", "slaDefaultElement",
    "authoritativeDefinitions", "contractCreatedTs", "context",
)  # fmt: skip
_TABLE_NOTES = (
    "id", "description", "physicalType", "logicalType", "businessName", "tags", "deprecated",
    "dataGranularityDescription", "authoritativeDefinitions", "synonyms", "context",
)  # fmt: skip
_COLUMN_NOTES = (
    "id", "businessName", "deprecated", "tags", "examples", "criticalDataElement", "authoritativeDefinitions",
    "synonyms", "transformDescription",
)  # fmt: skip
_COLUMN_HELD = (
    "physicalType", "description", "logicalTypeOptions", "required", "unique", "primaryKey", "primaryKeyPosition",
    "enum", "partitioned", "partitionKeyPosition", "transformSourceObjects", "transformLogic", "classification",
)  # fmt: skip
_REFUSED: Mapping[str, str] = {
    "quality": "State it as required, unique, primaryKey, enum or logicalTypeOptions; those are held.",
    "relationships": "A delivery is checked by itself; state what joins to what in the description.",
    "customProperties": "State it in a description; no custom property of a column or table is held.",
    "physicalName": "A column has one name; give it in name.",
    "encryptedName": "Columns are not encrypted one by one; the bucket's key encrypts them all.",
    "semanticType": "Every property here is a column; leave it out.",
    "properties": "A CSV file has no columns within columns; list them side by side.",
    "items": "A CSV file has no lists; give each item a row or a column.",
    "map": "A CSV file has no maps; give each key a column.",
}
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern"),
    "boolean": (),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "date": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "timestamp": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "timezone", "defaultTimezone"),
}
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,127}")
_DATE_FORMAT = re.compile(r"date_format\(\s*([a-z_][a-z0-9_]*)\s*,\s*'([^']*)'\s*\)")
_FORMAT_PARTS = re.compile(r"(%[YmdH]|[-_A-Za-z0-9])+")
_UNITS: Mapping[str, Literal["day", "month", "year"]] = {
    "d": "day", "day": "day", "days": "day", "month": "month", "months": "month",
    "y": "year", "yr": "year", "year": "year", "years": "year",
}  # fmt: skip


def read_contract(text: str, path: str) -> Contract:
    """Read a contract.

    Args:
        text: the ODCS document, YAML.
        path: the file's name in complaints.

    Raises:
        RoomError: with the line, for anything the standard or Glue does not have, or this engine does not hold.
    """
    root = read_yaml(text, path)
    top = _fields(root, _TOP, _TOP_NOTES, {"servers": "Where the data lies is the provisioning room's; take it away."})
    if top["kind"].value != "DataContract":
        raise top["kind"].fault(f"{top['kind'].value!r} is not a data contract", "Write kind: DataContract.")
    _one_of(top["apiVersion"], "a version of the standard", API_VERSIONS)
    tables = top["schema"].items("a table")
    if len(tables) != 1:
        raise root.fault_at(
            "schema", f"{len(tables)} tables are stated", "State one table; another table is another pipeline."
        )
    owner = _fields(top["team"], ("name",), ("id", "description", "members", "tags", "authoritativeDefinitions"))[
        "name"
    ]
    custom = _custom(top["customProperties"])
    table_format = cast(
        Literal["parquet", "iceberg"], _one_of(custom["tableFormat"], "a table format", ("parquet", "iceberg"))
    )
    name, description, columns = _table(tables[0])
    return Contract(
        name=name,
        version=top["version"].text("a version, such as 1.0.0"),
        status=_one_of(top["status"], "a status", _STATUSES),
        owner=owner.text("a team's name"),
        description=description,
        columns=columns,
        null_values=_nulls(custom),
        table_format=table_format,
        retention=_retention(top["slaProperties"], root),
        erasure=_erasure(custom["erasure"], columns, table_format),
        path=path,
        line=tables[0].line,
    )


def _fields(
    node: Node, must: Sequence[str], may: Sequence[str], refused: Mapping[str, str] = _REFUSED
) -> Mapping[str, Node]:
    known = (*must, *may)
    for key in node.entries(", ".join(must)):
        if key not in known and key in refused:
            raise node.fault_at(key, f"{key} is not held here", refused[key])
    return node.fields(must, may)


def _one_of(node: Node, what: str, known: Sequence[str]) -> str:
    word = node.text(what)
    if word not in known:
        raise node.fault(f"{word!r} is not {what}", advise(word, known))
    return word


def _custom(node: Node) -> Mapping[str, Node]:
    known = ("tableFormat", "nullValues", "erasure")
    found: dict[str, Node] = {}
    for item in node.items("a property and its value"):
        entry = item.fields(("property", "value"), ("id", "description", "vendor"))
        name = entry["property"].text("a property's name")
        if entry.get("vendor") is not None and entry["vendor"].text("a vendor") != "silolake":
            continue
        if name not in known:
            raise item.fault(
                f"unknown custom property {name!r}", f"{advise(name, known)} Another tool's property names its vendor."
            )
        if name in found:
            raise item.fault(
                f"the property {name!r} is stated twice", f"Its first place is line {found[name].line}; keep one."
            )
        found[name] = entry["value"]
    for name in ("tableFormat", "erasure"):
        if name not in found:
            raise node.fault(f"the contract does not state {name}", f"Add - property: {name} with its value.")
    return found


def _nulls(custom: Mapping[str, Node]) -> tuple[str, ...]:
    if "nullValues" not in custom:
        return ("",)
    spelled = []
    for item in custom["nullValues"].items("a spelling of no value"):
        if not isinstance(item.value, str):
            raise item.fault("a spelling of no value is a text", 'Put it in quotes: "NA".')
        spelled.append(item.value)
    return tuple(spelled)


def _retention(node: Node, root: Node) -> Retention:
    for item in node.items("a service level"):
        entry = item.fields(
            ("property", "value"),
            ("id", "unit", "valueExt", "element", "driver", "description", "scheduler", "schedule"),
        )
        if entry["property"].value != "retention":
            continue
        count = entry["value"].whole()
        if count < 1:
            raise entry["value"].fault(f"a retention of {count} keeps nothing", "Write a number from 1 on.")
        if "unit" not in entry:
            raise item.fault("the retention has no unit", "Add unit: year.")
        return Retention(count, _UNITS[_one_of(entry["unit"], "a unit of time", tuple(_UNITS))])
    raise root.fault_at(
        "slaProperties", "the contract does not state how long rows are kept", "Add - property: retention, value, unit."
    )


def _erasure(node: Node, columns: Sequence[Column], table_format: str) -> Erasure:
    entry = node.fields(("person", "reason"), ("method", "within_days"))
    reason = entry["reason"].text("a reason")
    person = entry["person"].text("a column, or none")
    if person == "none":
        if "method" in entry or "within_days" in entry:
            raise node.fault(
                "nobody's rows are erased, yet it says how",
                "Name the person's column, or take method and within_days away.",
            )
        return Erasure(None, "none", 0, reason)
    if person not in [column.name for column in columns]:
        raise entry["person"].fault(
            f"no column is called {person!r}", advise(person, [column.name for column in columns])
        )
    if "method" not in entry or "within_days" not in entry:
        raise node.fault(
            "it does not say how and how soon a person's rows are erased", "Add method: rewrite and within_days: 30."
        )
    fitting: Literal["rewrite", "delete"] = "rewrite" if table_format == "parquet" else "delete"
    if _one_of(entry["method"], "a method", ("rewrite", "delete")) != fitting:
        raise entry["method"].fault(
            f"rows of a {table_format} table are not erased that way", f"Write method: {fitting}."
        )
    return Erasure(person, fitting, entry["within_days"].whole(), reason)


def _table(node: Node) -> tuple[str, str, tuple[Column, ...]]:
    entry = _fields(node, ("name", "properties"), _TABLE_NOTES)
    name = _identifier(entry["name"], "a table's name")
    if "physicalType" in entry and entry["physicalType"].value != "table":
        raise entry["physicalType"].fault(
            f"{entry['physicalType'].value!r} is not what a pipeline makes", "Write physicalType: table."
        )
    nodes = entry["properties"].items("a column")
    columns: dict[str, Column] = {}
    for item in nodes:
        column = _column(item)
        if column.name in columns:
            raise item.fault(
                f"the column {column.name!r} is stated twice", f"Its first place is line {columns[column.name].line}."
            )
        columns[column.name] = column
    if not any(column.derived is None for column in columns.values()):
        raise entry["properties"].fault("no column is delivered", "State the columns of the delivery's header.")
    for item, column in zip(nodes, columns.values(), strict=True):
        _check_derived(item, column, columns)
    _positions(node, [c.key_position for c in columns.values()], "primaryKeyPosition")
    _positions(node, [c.partition_position for c in columns.values()], "partitionKeyPosition")
    if all(column.partition_position for column in columns.values()):
        raise entry["properties"].fault("every column is a partition column", "Leave at least one inside the files.")
    description = entry["description"].text("a description") if "description" in entry else ""
    return name, description, tuple(columns.values())


def _identifier(node: Node, what: str) -> str:
    word = node.text(what)
    # Glue folds names to lower case, so two spellings would be one column.
    if not _IDENTIFIER.fullmatch(word):
        raise node.fault(
            f"{word!r} cannot be {what} in Glue", "Use lower-case letters, digits and _; do not begin with a digit."
        )
    return word


def _positions(node: Node, positions: Sequence[int], key: str) -> None:
    held = sorted(position for position in positions if position)
    if held != list(range(1, len(held) + 1)):
        raise node.fault(f"{key} says {held}", f"Count {key} from 1 on, without gaps.")


def _column(node: Node) -> Column:
    entry = _fields(node, ("name", "logicalType"), (*_COLUMN_HELD, *_COLUMN_NOTES))
    kind = _type(node, entry)
    limits, zoned = _limits(entry, kind)
    partition = _position(node, entry, "partitioned", "partitionKeyPosition")
    derived = _derived(node, entry, kind, partition)
    required = _flag(entry, "required")
    if partition and derived is None and not (required and kind.kind in ("string", "integer", "date")):
        raise node.fault(
            "a partition column that may be missing, or is not a text, a whole number or a date", "Add required: true."
        )
    key = _position(node, entry, "primaryKey", "primaryKeyPosition")
    if (key or partition) and kind.kind in ("number",):
        raise node.fault(
            f"a {kind.glue} is no key: its digits are not exact", "Use a decimal, a whole number or a text."
        )
    return Column(
        name=_identifier(entry["name"], "a column's name"),
        type=kind,
        line=node.line,
        description=entry["description"].text("a description") if "description" in entry else "",
        required=required,
        unique=_flag(entry, "unique"),
        key_position=key,
        limits=limits,
        zoned=zoned,
        partition_position=partition,
        derived=derived,
        classification=entry["classification"].text("a classification") if "classification" in entry else "",
    )


def _flag(entry: Mapping[str, Node], key: str) -> bool:
    return key in entry and entry[key].flag()


def _position(node: Node, entry: Mapping[str, Node], flag: str, key: str) -> int:
    if not _flag(entry, flag):
        if key in entry and entry[key].whole() != -1:
            raise entry[key].fault(f"{key} without {flag}", f"Add {flag}: true, or take {key} away.")
        return 0
    position = entry[key].whole() if key in entry else 1
    if position < 1:
        raise node.fault_at(key, f"{key} is {position}", "Count from 1 on.")
    return position


def _type(node: Node, entry: Mapping[str, Node]) -> ColumnType:
    logical = entry["logicalType"].text("a logical type")
    physical = entry["physicalType"].text("a Glue type") if "physicalType" in entry else None
    try:
        return column_type(logical, physical)
    except ValueError as error:
        if logical not in LOGICAL:
            raise entry["logicalType"].fault(str(error), advise(logical, LOGICAL)) from None
        raise node.fault_at("physicalType", str(error), advise(physical or "", GLUE)) from None


def _limits(entry: Mapping[str, Node], kind: ColumnType) -> tuple[Limits, bool]:
    allowed = _allowed(entry["enum"], kind) if "enum" in entry else ()
    if "logicalTypeOptions" not in entry:
        return Limits(allowed=allowed, max_length=kind.length or None), False
    logical = str(entry["logicalType"].value)
    refused = {"format": "The spelling is ISO 8601's; a narrower one is a pattern."}
    options = _fields(entry["logicalTypeOptions"], (), _OPTIONS[logical], refused)
    if "defaultTimezone" in options and options["defaultTimezone"].value != "UTC":
        raise options["defaultTimezone"].fault(
            "a time without an offset is UTC here", "Write defaultTimezone: UTC, or deliver the offset."
        )

    def bound(key: str) -> Bound | None:
        if key not in options:
            return None
        value = options[key].text("an ISO 8601 time") if kind.kind in ("date", "timestamp") else options[key].number()
        if problem := bound_fault(kind, value):
            raise options[key].fault(problem, f"Write a bound that a {kind.glue} can have.")
        return value

    step = bound("multipleOf")
    if step is not None and (isinstance(step, str) or step <= 0):
        raise options["multipleOf"].fault("a step is greater than zero", "Write a number from 1 on, or 0.01.")
    longest = _length(options, "maxLength")
    limits = Limits(
        minimum=bound("minimum"),
        maximum=bound("maximum"),
        exclusive_minimum=bound("exclusiveMinimum"),
        exclusive_maximum=bound("exclusiveMaximum"),
        multiple_of=step if not isinstance(step, str) else None,
        pattern=_pattern(options["pattern"]) if "pattern" in options else None,
        min_length=_length(options, "minLength"),
        max_length=min(filter(None, (longest, kind.length)), default=None),
        allowed=allowed,
    )
    return limits, _flag(options, "timezone")


def _length(options: Mapping[str, Node], key: str) -> int | None:
    if key not in options:
        return None
    length = options[key].whole()
    if length < 1:
        raise options[key].fault(f"{key} is {length}", "Write a length from 1 on.")
    return length


def _pattern(node: Node) -> str:
    pattern = node.text("a regular expression")
    try:
        re.compile(pattern, re.ASCII)
    except re.error as error:
        raise node.fault(
            f"{pattern!r} is not a regular expression: {error}", "Mend it; a backslash stays one in single quotes."
        ) from None
    return pattern


def _allowed(node: Node, kind: ColumnType) -> tuple[str, ...]:
    if kind.kind not in ("string", "integer"):
        raise node.fault(
            f"a {kind.glue} cannot have a list of values", "Use a text or a whole number, or minimum and maximum."
        )
    said: list[str] = []
    for item in node.items("- value:"):
        value = item.fields(("value",), ("id", "label", "description", "tags", "authoritativeDefinitions"))["value"]
        word = value.text("an allowed value") if kind.kind == "string" else str(value.whole())
        if word in said:
            raise value.fault(f"{word!r} is listed twice", "Take one of them away.")
        said.append(word)
    if not said:
        raise node.fault("no value is allowed", "List at least one - value:.")
    return tuple(said)


def _derived(node: Node, entry: Mapping[str, Node], kind: ColumnType, partition: int) -> DateFormat | None:
    if "transformLogic" not in entry:
        if "transformSourceObjects" in entry:
            raise node.fault_at(
                "transformSourceObjects", "a source without a transformLogic", "Add transformLogic, or take it away."
            )
        return None
    logic = entry["transformLogic"].text("a transform")
    found = _DATE_FORMAT.fullmatch(logic)
    if not found or not _FORMAT_PARTS.fullmatch(found[2]) or "%" not in found[2]:
        advice = "It is date_format(<timestamp or date column>, '<of %Y %m %d %H and - _>')."
        raise entry["transformLogic"].fault(f"the transform {logic!r} is not one this engine makes", advice)
    if not partition:
        raise node.fault("only partition columns are derived", "Add partitioned: true, or deliver the column.")
    if kind.kind != "string":
        raise node.fault_at(
            "physicalType", f"date_format makes a string, not a {kind.glue}", "Write logicalType: string."
        )
    sources = entry["transformSourceObjects"].texts("a column") if "transformSourceObjects" in entry else ()
    if sources != (found[1],):
        raise node.fault_at(
            "transformSourceObjects",
            f"the transform reads {found[1]!r}, the sources say {list(sources)}",
            f"Write transformSourceObjects: [{found[1]}].",
        )
    return DateFormat(found[1], found[2])


def _check_derived(node: Node, column: Column, columns: Mapping[str, Column]) -> None:
    if column.derived is None:
        return
    source = columns.get(column.derived.source)
    if source is None or source.derived is not None:
        raise node.fault_at(
            "transformLogic",
            f"no delivered column is called {column.derived.source!r}",
            advise(column.derived.source, columns),
        )
    if source.type.kind not in ("timestamp", "date"):
        raise node.fault_at(
            "transformLogic",
            f"{source.name} is a {source.type.glue}, not a time",
            "Derive it from a timestamp or a date.",
        )
    if source.type.kind == "date" and "%H" in column.derived.format:
        raise node.fault_at("transformLogic", f"{source.name} is a date and has no hour", "Take %H away.")
    if not source.required:
        raise node.fault_at(
            "transformLogic",
            f"{source.name} may be missing, and the partition with it",
            f"Make {source.name} required.",
        )
