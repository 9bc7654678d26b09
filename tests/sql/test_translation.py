"""Names, views and types held against a schema."""

from __future__ import annotations

import pytest

from silolake.sql import (
    Column,
    Schema,
    SqlRefused,
    TableName,
    View,
    decode_view,
    encode_view,
    from_glue,
    parse,
    parse_query,
    partition_filter,
    to_duckdb,
    to_glue,
    translate,
)  # fmt: skip

FLIGHTS = TableName.of("awsdatacatalog", "nyc", "flights")
SCHEMA = Schema(
    tuple(
        Column.of_glue(*each)
        for each in [("dest", "string"), ("delay", "int"), ("at", "timestamp"), ("m", "string"), ("d", "int")]
    )
)
KEYS = SCHEMA.columns[3:]


def _view(query: str, columns: tuple[Column, ...], catalog: str = "awsdatacatalog") -> View:
    return View(parse_query(query), catalog, "nyc", columns)


def test_a_name_is_looked_up_where_the_query_runs() -> None:
    """One part in the database of the context, two in its catalog, three anywhere."""
    for name in ("flights", "nyc.flights", '"AwsDataCatalog"."nyc"."flights"', "FLIGHTS"):
        found = translate(parse_query(f"SELECT dest FROM {name}"), {FLIGHTS: SCHEMA}, "AwsDataCatalog", "nyc")
        assert found.reads == {FLIGHTS: ("dest",)}
        assert '"awsdatacatalog.nyc.flights"' in found.sql


def test_another_catalogs_table_is_another_table() -> None:
    """Three-part names reach registered catalogs."""
    ewr = TableName.of("ewr", "nyc", "flights")
    query = 'SELECT a.dest, b.delay FROM flights a JOIN "ewr"."nyc"."flights" b ON a.dest = b.dest'
    found = translate(parse_query(query), {FLIGHTS: SCHEMA, ewr: SCHEMA}, None, "nyc")
    assert {name: set(columns) for name, columns in found.reads.items()} == {FLIGHTS: {"dest"}, ewr: {"dest", "delay"}}


def test_only_the_columns_read_are_told() -> None:
    """What is read decides what is scanned, and what must be granted."""
    found = translate(parse_query("SELECT count(*) FROM flights WHERE delay > 5"), {FLIGHTS: SCHEMA}, None, "nyc")
    assert found.reads == {FLIGHTS: ("delay",)}
    assert translate(parse_query("SELECT count(*) FROM flights"), {FLIGHTS: SCHEMA}, None, "nyc").reads == {FLIGHTS: ()}


def test_a_view_is_expanded_where_it_was_made() -> None:
    """Its names mean what they meant then, whatever the query's own context."""
    late = TableName.of("awsdatacatalog", "other", "late")
    relations = {
        FLIGHTS: SCHEMA,
        late: _view(
            "SELECT dest, delay * 2 AS twice FROM flights",
            (Column("dest", from_glue("string")), Column("twice", from_glue("int"))),
        ),
    }
    found = translate(parse_query("SELECT twice FROM late"), relations, None, "other")
    assert [(c.name, str(c.type)) for c in found.columns] == [("twice", "integer")]
    assert set(found.reads) == {FLIGHTS}


def test_a_view_that_no_longer_fits_is_stale() -> None:
    """A column changed its name or type beneath it."""
    late = TableName.of("awsdatacatalog", "nyc", "late")
    stale = _view("SELECT dest FROM flights", (Column("dest", from_glue("int")),))
    with pytest.raises(
        SqlRefused, match=r"VIEW_IS_STALE: line 1:15: View 'awsdatacatalog.nyc.late' is stale or in invalid state"
    ):
        translate(parse_query("SELECT * FROM late"), {FLIGHTS: SCHEMA, late: stale}, None, "nyc")


def test_a_view_whose_table_is_gone_is_invalid() -> None:
    """And says which."""
    late = TableName.of("awsdatacatalog", "nyc", "late")
    with pytest.raises(SqlRefused, match=r"Failed analyzing stored view .* does not exist"):
        translate(parse_query("SELECT * FROM late"), {late: _view("SELECT * FROM gone", ())}, None, "nyc")


def test_a_view_that_reads_itself_ends() -> None:
    """With an error, not a stack overflow."""
    late = TableName.of("awsdatacatalog", "nyc", "late")
    looped = _view("SELECT dest FROM late", (Column("dest", from_glue("string")),))
    with pytest.raises(SqlRefused):
        translate(parse_query("SELECT * FROM late"), {late: looped}, None, "nyc")


def test_views_are_kept_in_prestos_encoding() -> None:
    """Glue holds base64 of JSON between two marks."""
    columns = (Column("a", from_glue("bigint")), Column("b", from_glue("struct<x:int,y:array<timestamp>>")))
    text = encode_view("SELECT * FROM t", "awsdatacatalog", "nyc", columns)
    assert text.startswith("/* Presto View: ") and text.endswith(" */")
    assert decode_view(text).columns == columns
    with pytest.raises(SqlRefused):
        decode_view("SELECT 1")


@pytest.mark.parametrize(
    "glue", ["array<struct<a:int,b:decimal(10,2)>>", "map<string,bigint>", "varchar(5)", "float", "timestamp"]
)
def test_a_glue_type_comes_back_as_it_went(glue: str) -> None:
    """Through Trino's type and back."""
    assert to_glue(from_glue(glue)) == glue


def test_tables_of_two_catalogs_keep_their_relations_apart() -> None:
    """The relation's name is the table's, so a session knows what to bind."""
    assert '"ewr.nyc.flights"' in to_duckdb(
        parse_query('SELECT dest FROM "ewr"."nyc"."flights"'), {TableName.of("ewr", "nyc", "flights"): SCHEMA}
    )


PRUNED = [
    ("SELECT * FROM flights WHERE m = '2013-01'", {"2013-01"}),
    ("SELECT * FROM flights f WHERE f.m IN ('2013-01', '2013-03')", {"2013-01", "2013-03"}),
    ("SELECT * FROM flights WHERE m BETWEEN '2013-02' AND '2013-03' AND delay > 5", {"2013-02", "2013-03"}),
    ("SELECT * FROM flights WHERE m = '2013-01' OR delay > 5", {"2013-01", "2013-02", "2013-03"}),
    ("SELECT * FROM flights WHERE m = '2013-01' OR m = '2013-02'", {"2013-01", "2013-02"}),
    ("SELECT * FROM flights WHERE d = 2", {"2013-02"}),
    ("SELECT * FROM flights WHERE CAST(d AS varchar) = '3'", {"2013-03"}),
    ("SELECT * FROM flights WHERE m LIKE '%-02'", {"2013-02"}),
    ("SELECT * FROM flights WHERE NOT m = '2013-01'", {"2013-02", "2013-03"}),
    ("SELECT * FROM flights WHERE m IS NULL", set()),
    ("SELECT * FROM flights WHERE substr(m, 6) = '01'", {"2013-01", "2013-02", "2013-03"}),
    ("SELECT * FROM flights", None),
    ("SELECT * FROM flights a JOIN flights b ON a.d = b.d WHERE a.m = '2013-01'", {"2013-01", "2013-02", "2013-03"}),
    (
        "SELECT * FROM x LEFT JOIN flights ON x.i = flights.d WHERE flights.m = '2013-01'",
        {"2013-01", "2013-02", "2013-03"},
    ),
    ("SELECT * FROM x LEFT JOIN flights f ON x.i = f.d AND f.m = '2013-01'", {"2013-01"}),
    ("SELECT * FROM flights f LEFT JOIN x ON f.m = '2013-01'", None),
    ("SELECT * FROM flights f JOIN x ON f.d = x.i AND x.m = '2013-01'", {"2013-01", "2013-02", "2013-03"}),
    ("WITH q AS (SELECT * FROM flights WHERE m = '2013-02') SELECT * FROM q", {"2013-02"}),
    ("INSERT INTO w SELECT * FROM flights WHERE m = '2013-02'", {"2013-02"}),
]


@pytest.mark.parametrize(("text", "wanted"), PRUNED)
def test_partitions_that_cannot_matter_are_left_out(text: str, wanted: set[str] | None) -> None:
    """And no other: a condition that cannot be told without rows keeps them all."""
    predicate = partition_filter(parse(text), TableName.of("flights"), KEYS)
    partitions = [{"m": "2013-01", "d": "1"}, {"m": "2013-02", "d": "2"}, {"m": "2013-03", "d": "3"}]
    found = None if predicate is None else {str(p["m"]) for p in partitions if predicate.may_match(p)}
    assert found == wanted


def test_equalities_are_told_for_the_catalog() -> None:
    """So that a catalog of ten thousand partitions need not send them all."""
    predicate = partition_filter(
        parse("SELECT 1 FROM flights WHERE m IN ('a', 'b') AND d = 1"), TableName.of("flights"), KEYS
    )
    assert predicate is not None and predicate.equalities == {"m": frozenset({"a", "b"})}
