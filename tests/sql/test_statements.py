"""Statements as values: what is read, what is written, what is refused."""

from __future__ import annotations

import pytest

from silolake import sql
from silolake.sql import (
    ColumnDefinition,
    PartitionSpec,
    SqlNotPlayed,
    SqlRefused,
    TableName,
    parse,
    table_written,
    tables_read,
)

READS = [
    ("SELECT 1", ()),
    ("SELECT * FROM a, b.c", ("a", "b.c")),
    ('SELECT * FROM "EWR"."Processed"."Flights"', ("ewr.processed.flights",)),
    ("WITH a AS (SELECT * FROM x) SELECT * FROM a JOIN y ON a.i = y.i", ("x", "y")),
    ("WITH a AS (SELECT * FROM a) SELECT * FROM a", ("a",)),
    ("WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n FROM a) SELECT * FROM a", ()),
    ("WITH a AS (SELECT 1) SELECT * FROM db.a", ("db.a",)),
    (
        "SELECT (SELECT max(x) FROM s) FROM t WHERE y IN (SELECT y FROM u) AND EXISTS (SELECT 1 FROM v)",
        ("s", "t", "u", "v"),
    ),
    ("SELECT * FROM t UNION ALL (SELECT * FROM t)", ("t",)),
    ("SELECT * FROM (SELECT * FROM deep) q", ("deep",)),
    ("INSERT INTO w SELECT * FROM r", ("r",)),
    ("CREATE TABLE w AS SELECT * FROM r", ("r",)),
    ("UNLOAD (SELECT * FROM r) TO 's3://b/k/' WITH (format = 'PARQUET')", ("r",)),
    ("CREATE VIEW w AS SELECT * FROM r", ("r",)),
    ("DESCRIBE r", ()),
]


@pytest.mark.parametrize(("text", "names"), READS)
def test_the_tables_a_statement_reads(text: str, names: tuple[str, ...]) -> None:
    """Each once, in the order of the text; the names WITH makes are not tables."""
    assert tuple(map(str, tables_read(parse(text)))) == names


WRITES = [
    ("INSERT INTO db.w VALUES (1)", "db.w"),
    ("CREATE OR REPLACE VIEW w AS SELECT 1 AS a", "w"),
    ("DROP TABLE IF EXISTS `db`.`w`", "db.w"),
    ("MSCK REPAIR TABLE w", "w"),
    ("ALTER TABLE w ADD PARTITION (a = '1')", "w"),
    ("SELECT * FROM r", None),
    ("SHOW TABLES IN db", None),
]


@pytest.mark.parametrize(("text", "name"), WRITES)
def test_the_table_a_statement_writes(text: str, name: str | None) -> None:
    """None where it changes nothing."""
    written = table_written(parse(text))
    assert (str(written) if written else None) == name


def test_an_external_table_is_read_whole() -> None:
    """With every clause that Hive's grammar hangs on it."""
    found = parse(
        r"""CREATE EXTERNAL TABLE IF NOT EXISTS `raw`.`flights` (
              `year` int COMMENT 'the year', timestamp string, tags array<struct<a:int,b:decimal(5,2)>>)
            COMMENT 'as delivered' PARTITIONED BY (month string)
            ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
            WITH SERDEPROPERTIES ('separatorChar' = '\t', "quoteChar" = '\"')
            STORED AS INPUTFORMAT 'in' OUTPUTFORMAT 'out'
            LOCATION 's3://b/k/' TBLPROPERTIES ('skip.header.line.count'='1');"""
    )
    assert isinstance(found, sql.CreateExternalTable)
    assert found.name == TableName.of("raw", "flights") and found.if_not_exists
    assert found.columns == (
        ColumnDefinition("year", "int", "the year"),
        ColumnDefinition("timestamp", "string"),
        ColumnDefinition("tags", "array<struct<a:int,b:decimal(5,2)>>"),
    )
    assert found.partitioned_by == (ColumnDefinition("month", "string"),)
    assert dict(found.row_format.serde_properties) == {"separatorChar": "\t", "quoteChar": '"'}
    assert (found.row_format.input_format, found.row_format.output_format) == ("in", "out")
    assert (found.location, found.properties) == ("s3://b/k/", (("skip.header.line.count", "1"),))


def test_delimited_rows_become_serde_properties() -> None:
    """As the Glue catalog keeps them."""
    found = parse(
        r"CREATE EXTERNAL TABLE t (a int) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\001' "
        r"COLLECTION ITEMS TERMINATED BY '|' NULL DEFINED AS '' STORED AS TEXTFILE LOCATION 's3://b/'"
    )
    assert isinstance(found, sql.CreateExternalTable)
    assert found.row_format.stored_as == "TEXTFILE"
    assert dict(found.row_format.serde_properties) == {
        "field.delim": "\x01", "collection.delim": "|", "serialization.null.format": "", "serialization.format": "\x01",
    }  # fmt: skip


def test_partitions_are_added_several_at_once_and_dropped_between_commas() -> None:
    """Each with its own location."""
    added = parse(
        "ALTER TABLE t ADD IF NOT EXISTS PARTITION (y='2013', m=1) LOCATION 's3://b/1/' PARTITION (y='2013', m=2)"
    )
    assert added == sql.AddPartitions(
        TableName.of("t"),
        (PartitionSpec((("y", "2013"), ("m", "1")), "s3://b/1/"), PartitionSpec((("y", "2013"), ("m", "2")))),
        if_not_exists=True,
    )
    dropped = parse("ALTER TABLE t DROP PARTITION (y='2013'), PARTITION (y='2014')")
    assert isinstance(dropped, sql.DropPartitions) and len(dropped.partitions) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SHOW DATABASES LIKE 'a*'", sql.ShowDatabases("a*")),
        ("SHOW SCHEMAS", sql.ShowDatabases()),
        ("SHOW TABLES IN `nyc` '*ight*'", sql.ShowTables("nyc", "*ight*")),
        ("SHOW VIEWS FROM nyc", sql.ShowViews("nyc")),
        ("SHOW PARTITIONS nyc.flights", sql.ShowPartitions(TableName.of("nyc", "flights"))),
        ("SHOW COLUMNS IN flights IN nyc", sql.ShowColumns(TableName.of("nyc", "flights"))),
        ("SHOW CREATE TABLE `t`", sql.ShowCreateTable(TableName.of("t"))),
        ("SHOW CREATE VIEW v", sql.ShowCreateView(TableName.of("v"))),
        ("SHOW TBLPROPERTIES t('k')", sql.ShowTableProperties(TableName.of("t"), "k")),
        ("DESCRIBE FORMATTED nyc.flights dest", sql.Describe(TableName.of("nyc", "flights"), "FORMATTED", "dest")),
        ("CREATE SCHEMA IF NOT EXISTS d COMMENT 'x' LOCATION 's3://b/'", sql.CreateDatabase("d", True, "x", "s3://b/")),
        ("DROP DATABASE IF EXISTS d CASCADE", sql.DropDatabase("d", True, True)),
        ('DROP VIEW IF EXISTS "a"."b"', sql.DropView(TableName.of("a", "b"), True)),
        ("MSCK REPAIR TABLE `d`.`t`;", sql.RepairTable(TableName.of("d", "t"))),
        ("/* why */ -- really\n DROP TABLE t", sql.DropTable(TableName.of("t"))),
        ("ALTER TABLE t ADD COLUMNS (a int)", sql.AddColumns(TableName.of("t"), (ColumnDefinition("a", "int"),))),
        ("ALTER TABLE t SET TBLPROPERTIES ('a'='b')", sql.SetTableProperties(TableName.of("t"), (("a", "b"),))),
        ("ALTER TABLE t SET LOCATION 's3://b/'", sql.SetLocation(TableName.of("t"), "s3://b/")),
    ],
)
def test_definition_is_read_as_values(text: str, expected: sql.Statement) -> None:
    """SHOW, DESCRIBE, MSCK and their kin."""
    assert parse(text) == expected


def test_a_view_keeps_the_text_of_its_query() -> None:
    """As it was written, comments and all."""
    found = parse("CREATE OR REPLACE VIEW v AS\nSELECT a -- the a\nFROM t ;")
    assert isinstance(found, sql.CreateView)
    assert found.text == "SELECT a -- the a\nFROM t"


def test_parameters_stand_for_question_marks() -> None:
    """Execution parameters are literals, counted."""
    found = parse("SELECT * FROM t WHERE a = ? AND b > ?", ["'x''y'", "5"])
    assert found == parse("SELECT * FROM t WHERE a = 'x''y' AND b > 5")
    with pytest.raises(SqlRefused, match="expected 1 but found 2"):
        parse("SELECT ?", ["1", "2"])
    with pytest.raises(SqlRefused, match="expected 2 but found 1"):
        parse("SELECT ?, ?", ["1"])
    with pytest.raises(SqlRefused):
        parse("SELECT ?", ["1 FROM secrets"])


def test_a_statement_over_256_kib_is_refused() -> None:
    """262,144 bytes, counted in UTF-8."""
    parse(f"SELECT '{'x' * 262_100}'")
    with pytest.raises(SqlRefused, match="262144"):
        parse(f"SELECT '{'é' * 131_100}'")


@pytest.mark.parametrize(
    "text",
    ["CREATE TABLE t (a int) LOCATION 's3://b/' TBLPROPERTIES ('table_type'='ICEBERG')", "VACUUM t", "DELETE FROM t"],
)
def test_what_athena_has_and_is_not_played_is_refused_by_name(text: str) -> None:
    """Never an empty success."""
    with pytest.raises(SqlNotPlayed, match="the local cloud does not play"):
        parse(text)


def test_a_refusal_says_whether_the_call_or_the_query_fails() -> None:
    """Grammar fails StartQueryExecution; names and types fail the query."""
    with pytest.raises(SqlRefused) as grammar:
        parse("SELECT FROM")
    assert grammar.value.fails_the_call and str(grammar.value).startswith("line 1:8: mismatched input 'FROM'")
    with pytest.raises(SqlRefused) as meaning:
        sql.translate(sql.parse_query("SELECT nothing(1)"), {})
    assert not meaning.value.fails_the_call
    assert str(meaning.value) == "FUNCTION_NOT_FOUND: line 1:8: Function 'nothing' not registered"
