"""Holding CSV to a contract: physical lines, broken records, whole files, each rule."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from silolake.contracts import Checked, EmptyFile, NotText, WrongColumns, check_csv, read_contract

CASES = YAML(typ="safe").load((Path(__file__).parents[1] / "cases" / "contracts" / "values.yaml").read_text("utf-8"))

HEAD = """\
kind: DataContract
apiVersion: v3.2.0
id: t
version: 1.0.0
status: active
team: {name: tests}
slaProperties:
  - {property: retention, value: 1, unit: year}
customProperties:
  - {property: tableFormat, value: parquet}
  - {property: nullValues, value: [NA]}
  - {property: erasure, value: {person: none, reason: made up}}
schema:
  - name: t
    properties:
"""
TWO = HEAD + "      - {name: a, logicalType: integer, required: true}\n      - {name: b, logicalType: string}\n"


def check(data: bytes, contract: str = TWO) -> Checked:
    return check_csv(io.BytesIO(data), read_contract(contract, "contract.yaml"))


def told(checked: Checked) -> list[tuple[int, str, str, str]]:
    return [(fault.line, fault.column, fault.rule, fault.value) for fault in checked.faults]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['column']}: {case['text']!r}"[:90])
def test_a_value_is_read_or_breaks_one_rule(case: dict[str, object]) -> None:
    """The table of tests/cases/contracts/values.yaml, one column each."""
    column = "      - {name: x, " + str(case["column"]) + "}\n"
    quoted = '"' + str(case["text"]).replace('"', '""') + '"'
    checked = check(f"x\n{quoted}\n".encode(), HEAD + column)
    if "breaks" in case:
        assert [fault.rule for fault in checked.faults] == [case["breaks"]]
        assert checked.rows_good == 0
    else:
        assert checked.faults == ()
        value = checked.good.column("x")[0].as_py()
        assert (str(value) if isinstance(value, (datetime, date, Decimal)) else value) == case["is"]


def test_a_record_of_several_lines_reports_its_first_and_the_next_one_its_own() -> None:
    """Line breaks within quotes are data; the physical lines are counted all the same."""
    checked = check(b'a,b\n1,"x\ny\nz"\nno,b\n2,"p\r\nq"\nno,c\n')
    assert told(checked) == [(5, "a", "type", "no"), (8, "a", "type", "no")]
    assert checked.good.column("b").to_pylist() == ["x\ny\nz", "p\r\nq"]


def test_a_broken_record_of_several_lines_is_told_at_its_first_line() -> None:
    checked = check(b'a,b\n1,x\n"n\no",y\n2,z\n')
    assert told(checked) == [(3, "a", "type", "n\\no")]
    assert checked.rejected == b'a,b\n"n\no",y\n'


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"1", "fields"),
        (b"1,x,y", "fields"),
        (b"", "fields"),
        (b'1,"x', "quotes"),
        (b'1,"x"y', "quotes"),
        (b"1,\xff\xfe", "utf-8"),
        (b"1,caf\xe9", "utf-8"),
        (b"1,x\x00y", "nul"),
    ],
)
def test_a_line_that_is_no_record_breaks_alone(line: bytes, rule: str) -> None:
    """The lines above and below it stay good."""
    checked = check(b"a,b\n1,x\n" + line + b"\n3,z\n4,w\n")
    assert [(fault.line, fault.column, fault.rule) for fault in checked.faults] == [(3, "", rule)]
    assert checked.good.column("a").to_pylist() == [1, 3, 4]
    assert checked.rows_total == 4
    assert checked.rejected == b"a,b\n" + line + b"\n"


def test_an_unclosed_quote_does_not_swallow_the_rest_of_the_file() -> None:
    rows = b"".join(b"%d,x\n" % n for n in range(50_000))
    checked = check(b'a,b\n1,"x\n' + rows)
    assert [(fault.line, fault.rule) for fault in checked.faults] == [(2, "quotes")]
    assert checked.rows_good == 50_000


def test_many_unclosed_quotes_are_told_one_by_one() -> None:
    """The work grows with the file, not with its square."""
    checked = check(b"a,b\n" + b'1,"x\n' * 3_000 + b"2,y\n")
    assert [fault.line for fault in checked.faults] == list(range(2, 3_002))
    assert checked.good.column("a").to_pylist() == [2]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_each_line_ending_counts_lines(ending: bytes) -> None:
    checked = check(ending.join([b"a,b", b"1,x", b"no,y", b"2,z"]))
    assert told(checked) == [(3, "a", "type", "no")]


def test_blank_lines_at_the_end_are_no_rows_and_a_byte_order_mark_is_no_name() -> None:
    checked = check(b"\xef\xbb\xbfa,b\n1,x\n\n\r\n")
    assert checked.is_good
    assert checked.rows_total == 1


@pytest.mark.parametrize(
    ("header", "missing", "extra", "repeated"),
    [
        (b"a", ("b",), (), ()),
        (b"a,b,c", (), ("c",), ()),
        (b"a,b,b", (), (), ("b",)),
        (b"b,a", (), (), ()),
        (b"A,b", ("a",), ("A",), ()),
        (b"1,x", ("a", "b"), ("1", "x"), ()),
        (b"a;b", ("a", "b"), ("a;b",), ()),
    ],
)
def test_a_header_that_is_not_the_contracts_refuses_the_file(
    header: bytes, missing: tuple[str, ...], extra: tuple[str, ...], repeated: tuple[str, ...]
) -> None:
    """Raw tables read columns by their place, so their order is the contract's as well."""
    checked = check(header + b"\n1,x\n")
    assert isinstance(checked.refused, WrongColumns)
    assert (checked.refused.missing, checked.refused.extra, checked.refused.repeated) == (missing, extra, repeated)
    assert (checked.rows_good, checked.faults, checked.is_good) == (0, (), False)


@pytest.mark.parametrize(("data", "has_header"), [(b"", False), (b"\n\n", False), (b"a,b", True), (b"a,b\n\n", True)])
def test_a_file_without_rows_is_refused(data: bytes, has_header: bool) -> None:
    assert check(data).refused == EmptyFile(has_header)


@pytest.mark.parametrize(
    ("data", "rule"),
    [("a,b\n1,x\n".encode("utf-16"), "nul"), (b"\x1f\x8b\x08\xff", "utf-8"), (b'"a,b\n1,x\n', "quotes")],
)
def test_what_is_no_text_is_refused_as_a_whole(data: bytes, rule: str) -> None:
    assert check(data).refused == NotText(rule)


def test_a_row_may_break_several_columns_and_each_is_told_in_their_order() -> None:
    contract = HEAD + "      - {name: a, logicalType: integer}\n      - {name: b, logicalType: date}\n"
    assert told(check(b"a,b\nx,y\n", contract)) == [(2, "a", "type", "x"), (2, "b", "type", "y")]


def test_a_repeated_key_is_told_with_the_line_that_has_it() -> None:
    """The first row with a key stays good; a broken row claims none."""
    contract = (
        HEAD + "      - {name: a, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}\n"
        "      - {name: b, logicalType: timestamp, logicalTypeOptions: {timezone: true}, primaryKey: true, "
        "primaryKeyPosition: 2}\n      - {name: c, logicalType: integer}\n"
    )
    rows = [
        "1,2013-11-03T05:00:00Z,x",  # broken, so line 3 is the first
        "1,2013-11-03T05:00:00Z,1",
        "1,2013-11-03T06:00:00Z,2",
        "01,2013-11-03T01:00:00-04:00,3",  # the same moment as line 3
        "NA,2013-11-03T05:00:00Z,4",
    ]
    checked = check("\n".join(["a,b,c", *rows]).encode(), contract)
    assert [(f.line, f.column, f.rule, f.same_as) for f in checked.faults] == [
        (2, "c", "type", 0),
        (5, "a, b", "primaryKey", 3),
        (6, "a", "required", 0),
    ]
    assert checked.good.column("c").to_pylist() == [1, 2]


def test_a_unique_column_may_have_many_missing_values() -> None:
    contract = HEAD + "      - {name: a, logicalType: string, unique: true}\n      - {name: b, logicalType: integer}\n"
    checked = check(b"a,b\nNA,1\nNA,2\nx,3\nx,4\n", contract)
    assert [(f.line, f.rule, f.same_as) for f in checked.faults] == [(5, "unique", 4)]


def test_a_partition_is_derived_and_the_schema_is_the_contracts() -> None:
    contract = (
        HEAD + "      - {name: at, logicalType: timestamp, required: true, logicalTypeOptions: {timezone: true}}\n"
        "      - {name: day, logicalType: string, partitioned: true, transformSourceObjects: [at],\n"
        "         transformLogic: \"date_format(at, '%Y-%m-%d_%H')\"}\n"
    )
    checked = check(b"at\n2013-12-31T23:30:00-05:00\n0987-01-01T00:00:00Z\n", contract)
    assert [str(kind) for kind in checked.good.schema.types] == ["timestamp[ms]", "string"]
    assert checked.good.column("day").to_pylist() == ["2014-01-01_04", "0987-01-01_00"]


def test_values_are_cut_short_and_spelled_out_in_a_receipt() -> None:
    checked = check(b"a,b\n" + b"9" * 5_000 + b",x\n")
    assert len(checked.faults[0].value) == 201


def test_more_rows_than_a_batch_keep_their_lines() -> None:
    count = 70_000
    data = b"a,b\n" + b"".join(b"%s,y\n" % (b"no" if n % 10_000 == 0 else str(n).encode()) for n in range(count))
    checked = check(data)
    assert [fault.line for fault in checked.faults] == [n + 2 for n in range(0, count, 10_000)]
    assert checked.rows_good == count - 7


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_upset_the_check(tail: bytes) -> None:
    """Whatever follows the header, every record is either good or told, and the first row survives."""
    checked = check(b"a,b\n1,x\n" + tail)
    broken = {fault.line for fault in checked.faults}
    assert checked.refused is None
    assert checked.rows_good + len(broken) == checked.rows_total
    assert checked.good.column("a")[0].as_py() == 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
        min_size=1,
    )
)
def test_what_python_writes_is_read_back(rows: list[tuple[int, str]]) -> None:
    import csv

    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *rows])
    checked = check(text.getvalue().encode())
    assert checked.is_good
    assert checked.good.column("a").to_pylist() == [row[0] for row in rows]
    assert checked.good.column("b").to_pylist() == [None if row[1] == "NA" else row[1] for row in rows]
