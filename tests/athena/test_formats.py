"""Each format is read the way its SerDe reads it on Athena."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from silolake.athena import BoundPartition, QueryFault, Serde, Source, serde_of_glue

from .conftest import Bench

LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
OPENX = "org.openx.data.jsonserde.JsonSerDe"


def test_partition_keys_are_columns_and_come_last(bench: Bench, months: Callable[[int], Source]) -> None:
    """With the type the catalog gives them."""
    assert bench.ask("SELECT * FROM t ORDER BY n", months(2)) == [
        ("0", "x0", "2013-00", "0"),
        ("1", "x1", "2013-01", "1"),
    ]
    assert bench.ask("SELECT m, count(*) FROM t WHERE n > 0 GROUP BY m", months(2)) == [("2013-01", "1")]


def test_many_partitions_answer_like_few(bench: Bench, months: Callable[[int], Source]) -> None:
    """Forty are bound by file name, three by a branch each; nobody can tell."""
    for count in (3, 40):
        total = sum(range(count))
        assert bench.ask("SELECT count(*), sum(a), sum(n), max(m) FROM t", months(count)) == [
            (str(count), str(total), str(total), f"2013-{count - 1:02}")
        ]


def test_a_table_without_files_has_no_rows(bench: Bench) -> None:
    """And an empty object, which the console makes for a folder, is no file."""
    empty = bench.table("a bigint; b string", Serde("parquet"), bench.file("folder", b""))
    assert bench.ask("SELECT * FROM t", empty) == []
    assert bench.ask("SELECT count(*) FROM t", empty) == [("0",)]
    assert bench.ask("SELECT count(*) FROM t", bench.table("a bigint", Serde("parquet"), partitions=())) == [("0",)]


def test_a_column_that_an_older_file_lacks_is_null(bench: Bench) -> None:
    """Parquet is read by name, whatever the order and the case of its columns."""
    old = bench.parquet("old", "SELECT 1::BIGINT AS A")
    new = bench.parquet("new", "SELECT 'x' AS b, 2::BIGINT AS a")
    table = bench.table("a bigint; b string; c double", Serde("parquet"), old, new)
    assert bench.ask("SELECT * FROM t ORDER BY a", table) == [("1", None, None), ("2", "x", None)]


def test_a_parquet_column_of_another_type_is_bad_data(bench: Bench) -> None:
    """Athena does not turn text into numbers unasked."""
    table = bench.table("a bigint", Serde("parquet"), bench.parquet("p", "SELECT '1' AS a"))
    with pytest.raises(
        QueryFault, match=r"HIVE_BAD_DATA: .*a's type VARCHAR in parquet file s3://lake/p is incompatible"
    ):
        bench.ask("SELECT a FROM t", table)


def test_a_file_that_is_no_parquet_cannot_be_opened(bench: Bench) -> None:
    """And the query says so."""
    table = bench.table("a bigint", Serde("parquet"), bench.file("p", "a,b\n1,2\n"))
    with pytest.raises(QueryFault, match="HIVE_CANNOT_OPEN_SPLIT"):
        bench.ask("SELECT a FROM t", table)


def test_parquet_times_are_read_in_utc(bench: Bench) -> None:
    """A file's instants with a zone become Athena's timestamps without one."""
    file = bench.parquet(
        "p", "SELECT TIMESTAMPTZ '2013-01-01 10:00:00+00' AS a, TIMESTAMP '2013-01-01 10:00:00.123456' AS b"
    )
    table = bench.table("a timestamp; b timestamp", Serde("parquet"), file)
    assert bench.ask("SELECT a, b, typeof(a) FROM t", table) == [
        ("2013-01-01 10:00:00.000", "2013-01-01 10:00:00.123", "timestamp(3)")
    ]


def test_nested_columns_are_read(bench: Bench) -> None:
    """Rows, arrays and maps keep their fields' names."""
    file = bench.parquet("p", "SELECT {'x': 1, 'y': ['a', 'b']} AS r, MAP {'k': 1.5::DOUBLE} AS m")
    table = bench.table("r struct<x:int,y:array<string>>; m map<string,double>", Serde("parquet"), file)
    assert bench.ask("SELECT r.x, r.y[2], m['k'], r, m FROM t", table) == [
        ("1", "b", "1.5", "{x=1, y=[a, b]}", "{k=1.5}")
    ]


def test_a_null_partition_is_null_and_a_bad_one_fails(bench: Bench) -> None:
    """Hive spells a missing key __HIVE_DEFAULT_PARTITION__."""
    file = bench.parquet("p", "SELECT 1::BIGINT AS a")
    table = bench.table(
        "a bigint",
        Serde("parquet"),
        keys="n int",
        partitions=[BoundPartition(("__HIVE_DEFAULT_PARTITION__",), (file,), "")],
    )
    assert bench.ask("SELECT n IS NULL FROM t", table) == [("true",)]
    with pytest.raises(
        QueryFault, match="HIVE_INVALID_PARTITION_VALUE: Invalid partition value 'x' for integer partition key: n"
    ):
        bench.ask("SELECT n FROM t", replace(table, partitions=(BoundPartition(("x",), (file,), ""),)))


def test_hidden_columns_tell_where_a_row_comes_from(bench: Bench) -> None:
    """And SELECT * does not show them."""
    file = replace(bench.parquet("p", "SELECT 1::BIGINT AS a"), modified_at=datetime(2013, 1, 2, 3, 4, 5))
    table = bench.table("a bigint", Serde("parquet"), file)
    found = bench.ask('SELECT "$path", "$file_size", "$file_modified_time" FROM t', table)
    assert found == [("s3://lake/p", str(file.size), "2013-01-02 03:04:05.000 UTC")]
    assert bench.ask("SELECT * FROM t", table) == [("1",)]


def test_plain_text_is_lenient(bench: Bench) -> None:
    r"""LazySimpleSerDe: no quotes, \N is NULL, what cannot be read is NULL, short lines filled, long ones cut."""
    serde = serde_of_glue(LAZY, {"field.delim": ","}, {"skip.header.line.count": "1"})
    table = bench.table(
        "a int; b string; c date", serde, bench.file("x", 'a,b,c\n1,"q",2013-01-05\nx,\\N,\n3\n4,,2013-13-01,more\n')
    )
    assert bench.ask("SELECT * FROM t", table) == [
        ("1", '"q"', "2013-01-05"), (None, None, None), ("3", None, None), ("4", "", None),
    ]  # fmt: skip


def test_plain_text_reads_every_scalar_type(bench: Bench) -> None:
    """By Hive's spellings: an ISO instant is not a timestamp."""
    serde = serde_of_glue(LAZY, {"serialization.format": "1"}, {})
    line = "\x01".join(["1.5", "TRUE", "2013-01-01 10:00:00.5", "2013-01-01T10:00:00Z", "12.345", "a\x02b", "1.5"])
    table = bench.table(
        "a double; b boolean; c timestamp; d timestamp; e decimal(5,2); f array<string>; g int",
        serde,
        bench.file("x", line + "\n"),
    )
    assert bench.ask("SELECT * FROM t", table) == [
        ("1.5", "true", "2013-01-01 10:00:00.500", None, "12.35", "[a, b]", None)
    ]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_packed_files_are_known_by_their_bytes(bench: Bench, packed: bool) -> None:
    """A blob's name has no .gz."""
    content = b"1,a\n2,b\n"
    serde = serde_of_glue(LAZY, {"field.delim": ","}, {})
    table = bench.table("a int; b string", serde, bench.file("x", gzip.compress(content) if packed else content))
    assert bench.ask("SELECT sum(a), max(b) FROM t", table) == [("3", "b")]


def test_quoted_csv_takes_both_escapes(bench: Bench) -> None:
    """OpenCSVSerde reads a doubled quote; where a backslash is used, that one."""
    serde = serde_of_glue(OPEN_CSV, {}, {"skip.header.line.count": "1"})
    doubled = bench.table("a string; b string", serde, bench.file("x", 'a,b\n1,"a ""q"", b"\n2,\n'))
    assert bench.ask("SELECT * FROM t", doubled) == [("1", 'a "q", b'), ("2", "")]
    escaped = bench.table("a string; b string", serde, bench.file("y", 'a,b\n1,"a \\"q\\", b"\n'))
    assert bench.ask("SELECT * FROM t", escaped) == [("1", 'a "q", b')]


def test_quoted_csv_is_strict(bench: Bench) -> None:
    """An empty number is an error, dates are days and timestamps milliseconds since 1970."""
    serde = serde_of_glue(OPEN_CSV, {"separatorChar": ";"}, {})
    table = bench.table("a int; b date; c timestamp", serde, bench.file("x", '"5";"15706";"1357034400000"\n'))
    assert bench.ask("SELECT * FROM t", table) == [("5", "2013-01-01", "2013-01-01 10:00:00.000")]
    with pytest.raises(QueryFault, match="HIVE_BAD_DATA: Error parsing field value '' for field a"):
        bench.ask("SELECT a FROM t", bench.table("a int; b string", serde, bench.file("y", '"";"x"\n')))


def test_json_keys_are_found_without_regard_to_case(bench: Bench) -> None:
    """As OpenX does by default; a key may also be mapped."""
    serde = serde_of_glue(OPENX, {"mapping.when": "time-of-day"}, {})
    lines = '{"Tail":"N1","Tags":[1,2],"time-of-day":"2013-01-01T10:00:00","in":{"x":1}}\n{"Tail":"N2"}\n'
    table = bench.table("tail string; tags array<int>; when timestamp; in struct<x:int>", serde, bench.file("x", lines))
    assert bench.ask('SELECT tail, tags, "when", "in".x FROM t', table) == [
        ("N1", "[1, 2]", "2013-01-01 10:00:00.000", "1"), ("N2", None, None, None),
    ]  # fmt: skip


def test_a_line_that_is_no_json_fails_unless_told_to_be_ignored(bench: Bench) -> None:
    """ignore.malformed.json makes a row of NULL of it."""
    file = bench.file("x", '{"a":1}\nnonsense\n')
    with pytest.raises(QueryFault, match="HIVE_"):
        bench.ask("SELECT a FROM t", bench.table("a int", serde_of_glue(OPENX, {}, {}), file))
    lenient = serde_of_glue(OPENX, {"ignore.malformed.json": "TRUE"}, {})
    assert bench.ask("SELECT a FROM t", bench.table("a int", lenient, file)) == [("1",), (None,)]


def test_a_serde_that_is_not_played_is_refused_by_name() -> None:
    """Rather than read wrongly."""
    with pytest.raises(QueryFault, match=r"does not play the SerDe com\.amazonaws\.glue\.serde\.GrokSerDe"):
        serde_of_glue("com.amazonaws.glue.serde.GrokSerDe", {}, {})
