"""A session answers over the files it was handed, bounded, and reaches nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from silolake.athena import (
    Destination,
    QueryCancelled,
    QueryFault,
    Serde,
    Session,
    Source,
    check_writable,
    column_info,
    parse_csv,
    read_csv,
    write_text,
)  # fmt: skip
from silolake.sql import Column, SqlNotPlayed, SqlRefused, Translation, Type, from_glue, parse_query, translate

from .conftest import Bench

REACHING = [
    "SELECT content FROM read_text('{secret}')",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM glob('{root}/*')",
    "SELECT * FROM '{secret}'",
    "SELECT getenv('HOME')",
]


@pytest.mark.parametrize("attempt", REACHING)
def test_sql_reaches_no_file_that_was_not_bound(bench: Bench, attempt: str) -> None:
    """Even DuckDB text that no Trino query becomes."""
    secret = bench.file("secret", "a,b\n1,2\n")
    sql = attempt.format(secret=secret.path, root=bench.root)
    smuggled = Translation(sql, (Column("x", Type("varchar")),), ('"content"',), {})
    with bench.session, pytest.raises(QueryFault):
        list(bench.session.run(smuggled, ()).rows())


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '{root}/x.db'",
        "COPY (SELECT 1) TO '{root}/stolen'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_the_sandbox_cannot_be_opened_from_inside(bench: Bench, statement: str) -> None:
    """Its settings are locked once it runs."""
    with bench.session:
        bench.session.run(translate(parse_query("SELECT 1"), {}), (), bench.output)
        connection = bench.session._connection
        assert connection is not None
        with pytest.raises(duckdb.Error):
            connection.execute(statement.format(root=bench.root))
    assert not (bench.root / "stolen").exists()


def test_only_the_columns_read_are_counted(bench: Bench) -> None:
    """DataScannedInBytes follows the columns of Parquet and the whole of text."""
    file = bench.parquet("p", "SELECT i AS a, repeat('x', 50) || i AS b FROM range(10000) AS t(i)")
    table = bench.table("a bigint; b string", Serde("parquet"), file)

    def scanned(query: str) -> int:
        with bench.session:
            return bench.session.run(bench.translated(query, table), (table,)).scanned_bytes

    assert scanned("SELECT count(*) FROM t") == 0
    assert 0 < scanned("SELECT sum(a) FROM t") < scanned("SELECT a, b FROM t") <= file.size
    text = bench.table("a string", Serde("text", {"delimiter": ",", "null": "\\N"}), bench.file("x", "1\n2\n"))
    assert bench.ask("SELECT count(*) FROM t", text) == [("2",)]


def test_a_query_is_stopped_from_another_thread(bench: Bench) -> None:
    """And ends as cancelled, soon."""
    endless = "UNNEST(sequence(1, 100000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000000)) AS b(y)"
    query = f"SELECT count(*) FROM {endless} WHERE x * y % 7 = 3"
    result = bench.session.run(translate(parse_query(query), {}), ())
    timer = threading.Timer(0.3, bench.session.interrupt)
    timer.start()
    began = time.monotonic()
    with pytest.raises(QueryCancelled):
        list(result.rows())
    assert time.monotonic() - began < 10
    with pytest.raises(QueryCancelled):
        bench.session.run(translate(parse_query("SELECT 1"), {}), ())


def test_a_query_that_outgrows_its_memory_fails_in_athenas_words(tmp_path: Path) -> None:
    """The process goes on."""
    with Session("20MB", 1, tmp_path / "none") as session:
        long = "CAST(x AS varchar) || 'aaaaaaaaaaaaaaaaaaaaaaaaaa'"
        query = f"SELECT array_agg({long}) FROM UNNEST(sequence(1, 3000000)) AS t(x)"
        with pytest.raises(QueryFault, match="Query exhausted resources at this scale factor"):
            list(session.run(translate(parse_query(query), {}), ()).rows())


def test_a_result_file_is_quoted_as_athena_quotes(bench: Bench) -> None:
    """Every field in quotes, quotes doubled, NULL as nothing."""
    query = "SELECT 1 AS n, 'say \"hi\", all' AS s, NULL AS nothing, '' AS empty, ARRAY[1, NULL] AS a"
    with bench.session:
        result = bench.session.run(translate(parse_query(query), {}), (), bench.output)
        assert result.write_csv(bench.output / "r") == 1
    text = (bench.output / "r").read_text()
    assert text == '"n","s","nothing","empty","a"\n"1","say ""hi"", all",,"","[1, null]"\n'
    assert list(read_csv(bench.output / "r")) == [
        ("n", "s", "nothing", "empty", "a"), ("1", 'say "hi", all', None, "", "[1, null]"),
    ]  # fmt: skip


def test_a_result_without_rows_has_its_header(bench: Bench) -> None:
    """As Athena leaves it."""
    with bench.session:
        result = bench.session.run(translate(parse_query("SELECT 1 AS a, 2 AS b WHERE false"), {}), (), bench.output)
        assert result.write_csv(bench.output / "r") == 0
    assert (bench.output / "r").read_text() == '"a","b"\n'


_FIELD = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@given(st.lists(st.tuples(_FIELD, _FIELD), max_size=5))
def test_a_result_file_reads_back_as_it_was_written(rows: list[tuple[str | None, str | None]]) -> None:
    """NULL and empty text, commas, quotes and line ends included."""
    text = "".join(
        ",".join("" if field is None else '"' + field.replace('"', '""') + '"' for field in row) + "\n" for row in rows
    )
    assert list(parse_csv(text)) == rows


def test_what_shows_is_text_with_tabs(tmp_path: Path) -> None:
    """DESCRIBE and SHOW leave a .txt."""
    write_text(tmp_path / "r.txt", [("a", "bigint"), ("b", "string")])
    assert (tmp_path / "r.txt").read_text() == "a\tbigint\nb\tstring\n"


@pytest.mark.parametrize(
    ("kind", "name", "precision", "scale", "case_sensitive"),
    [
        (from_glue("string"), "varchar", 2147483647, 0, True),
        (from_glue("int"), "integer", 10, 0, False),
        (from_glue("float"), "float", 17, 0, False),
        (from_glue("decimal(10,2)"), "decimal", 10, 2, False),
        (from_glue("timestamp"), "timestamp", 3, 0, False),
        (from_glue("array<int>"), "array", 0, 0, False),
    ],
)
def test_column_info_is_athenas(kind: Type, name: str, precision: int, scale: int, case_sensitive: bool) -> None:
    """Type, precision, scale and case as GetQueryResults tells them."""
    info = column_info("x", kind)
    assert (info.type, info.precision, info.scale, info.case_sensitive) == (name, precision, scale, case_sensitive)
    assert info.as_dict()["Name"] == info.as_dict()["Label"] == "x"


def test_rows_are_written_by_partition(bench: Bench, months: Callable[[int], Source]) -> None:
    """A file each, its key values beside it and not in it."""
    source = months(3)
    more = "UNION ALL SELECT 9, NULL, '2013-00' UNION ALL SELECT 7, 'z', NULL"
    query = bench.translated(f"SELECT a, b, m FROM t WHERE a < 2 {more}", source)
    with bench.session:
        files, scanned = bench.session.write(query, (source,), Destination(bench.output, partitioned_by=("m",)))
    assert [(file.values, file.rows) for file in files] == [(("2013-00",), 2), (("2013-01",), 1), ((None,), 1)]
    assert scanned > 0 and all(file.size == file.path.stat().st_size for file in files)
    described = duckdb.execute(f"DESCRIBE SELECT * FROM read_parquet('{files[0].path}')").fetchall()
    assert [(name, kind) for name, kind, *_ in described] == [("a", "BIGINT"), ("b", "VARCHAR")]


@pytest.mark.parametrize("form", ["PARQUET", "TEXTFILE", "JSON"])
def test_what_is_written_is_read_back(bench: Bench, form: str) -> None:
    """By the SerDe that goes with the format."""
    query = translate(parse_query("SELECT 1 AS a, 'x,y' AS b, DATE '2013-01-05' AS c, CAST(NULL AS double) AS d"), {})
    with bench.session:
        files, _ = bench.session.write(query, (), Destination(bench.output, format=form))  # type: ignore[arg-type]
    serde = {
        "PARQUET": Serde("parquet"), "JSON": Serde("json"),
        "TEXTFILE": Serde("text", {"delimiter": "\x01", "null": "\\N"}),
    }[form]  # fmt: skip
    table = bench.table("a int; b string; c date; d double", serde, bench.file("copy", files[0].path.read_bytes()))
    assert bench.ask("SELECT * FROM t", table) == [("1", "x,y", "2013-01-05", None)]


def test_more_than_a_hundred_partitions_are_refused(bench: Bench) -> None:
    """As CTAS and INSERT refuse them."""
    query = translate(parse_query("SELECT x AS a, x AS p FROM UNNEST(sequence(1, 101)) AS t(x)"), {})
    with bench.session, pytest.raises(SqlRefused, match="HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100"):
        bench.session.write(query, (), Destination(bench.output, partitioned_by=("p",)))
    assert list(bench.output.iterdir()) == []


def test_no_rows_leave_no_files(bench: Bench) -> None:
    """A table may be empty."""
    query = translate(parse_query("SELECT 1 AS a WHERE false"), {})
    with bench.session:
        assert bench.session.write(query, (), Destination(bench.output))[0] == ()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT current_timestamp AS a", "Unsupported Hive type: timestamp\\(3\\) with time zone"),
        ("SELECT NULL AS a", "Unsupported Hive type: unknown"),
        ("SELECT 1", "Column name not specified"),
        ("SELECT 1 AS a, 2 AS A", "Column name 'A' specified more than once"),
    ],
)
def test_what_a_hive_table_cannot_hold_is_refused(query: str, words: str) -> None:
    """Before a byte is written."""
    with pytest.raises(SqlRefused, match=words):
        check_writable(translate(parse_query(query), {}).columns)


def test_a_codec_that_is_not_played_is_refused_by_name(bench: Bench) -> None:
    """Rather than written otherwise."""
    with bench.session, pytest.raises(SqlNotPlayed, match="LZO compression of PARQUET"):
        bench.session.write(
            translate(parse_query("SELECT 1 AS a"), {}), (), Destination(bench.output, compression="LZO")
        )


def test_two_tables_of_one_query_are_bound_apart(bench: Bench) -> None:
    """Each by its whole name."""
    left = bench.table("a bigint", Serde("parquet"), bench.parquet("l", "SELECT 1::BIGINT AS a"))
    right = replace(
        bench.table("a bigint; b string", Serde("parquet"), bench.parquet("r", "SELECT 1::BIGINT AS a, 'x' AS b")),
        name=replace(left.name, catalog="ewr"),
    )
    found = bench.ask('SELECT l.a, r.b FROM t l LEFT JOIN "ewr"."nyc"."t" r ON l.a = r.a', left, right)
    assert found == [("1", "x")]
