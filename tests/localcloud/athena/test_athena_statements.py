"""Statements that define and that write."""

from __future__ import annotations

import pytest
from athena_desk import PROCESSED, RESULTS, Hands

from silolake.localcloud.errors import AwsError

ALL = [["461", "ATL", "2013-02"], ["1545", "IAH", "2013-01"], ["1714", None, "2013-01"]]


@pytest.mark.parametrize("output", ["PARQUET", "JSON", "TEXTFILE"])
def test_a_table_made_from_a_query_reads_the_same(lake: Hands, output: str) -> None:
    made = lake.run(f"CREATE TABLE copy WITH (format = '{output}') AS SELECT * FROM flights")
    assert (made["StatementType"], made["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    assert lake.rows("SELECT * FROM copy ORDER BY flight") == ALL
    manifest = lake.read(made["Statistics"]["DataManifestLocation"]).decode().split()
    location = lake.glue("GetTable", DatabaseName="processed", Name="copy")["Table"]["StorageDescriptor"]["Location"]
    assert location == f"s3://{RESULTS}/athena/tables/{made['QueryExecutionId']}/"
    assert manifest and all(uri.startswith(location) for uri in manifest)
    answer = lake.athena("GetQueryResults", QueryExecutionId=made["QueryExecutionId"])
    assert (answer["UpdateCount"], answer["ResultSet"]["Rows"]) == (3, [])


def test_a_table_made_in_partitions_has_them_in_the_catalog(lake: Hands) -> None:
    lake.run("CREATE TABLE copy WITH (partitioned_by = ARRAY['flight_month']) AS SELECT * FROM flights")
    assert lake.rows("SHOW PARTITIONS copy") == [["flight_month=2013-01"], ["flight_month=2013-02"]]
    lake.run("INSERT INTO copy VALUES (7, 'SEA', '2013-03'), (8, NULL, '2013-02')")
    assert lake.rows("SELECT flight_month, count(*) FROM copy GROUP BY 1 ORDER BY 1") == [
        ["2013-01", "2"],
        ["2013-02", "2"],
        ["2013-03", "1"],
    ]
    assert lake.rows("SHOW PARTITIONS copy")[2] == ["flight_month=2013-03"]


def test_insert_takes_named_columns_and_refuses_other_types(lake: Hands) -> None:
    lake.run("CREATE TABLE copy AS SELECT flight, dest FROM flights WHERE false")
    lake.run("INSERT INTO copy (dest) SELECT 'BOS'")
    assert lake.rows("SELECT * FROM copy") == [[None, "BOS"]]
    assert lake.failure("INSERT INTO copy SELECT 'x', 'y'").startswith("TYPE_MISMATCH: Insert query has mismatched")
    assert "does not exist in target table: nope" in lake.failure("INSERT INTO copy (nope) SELECT 1")


def test_insert_goes_where_an_existing_partition_lies(lake: Hands) -> None:
    location = f"s3://{PROCESSED}/elsewhere/"
    lake.run(f"ALTER TABLE flights ADD PARTITION (flight_month = '2013-09') LOCATION '{location}'")
    made = lake.run("INSERT INTO flights VALUES (5, 'SFO', '2013-09')")
    assert lake.read(made["Statistics"]["DataManifestLocation"]).decode().startswith(location)
    assert lake.rows("SELECT flight FROM flights WHERE flight_month = '2013-09'") == [["5"]]


def test_more_than_a_hundred_partitions_at_once_are_refused(lake: Hands) -> None:
    many = "SELECT n, CAST(n AS varchar) AS k FROM UNNEST(sequence(1, 101)) AS s (n)"
    reason = lake.failure(f"CREATE TABLE many WITH (partitioned_by = ARRAY['k']) AS {many}")
    assert reason.startswith("HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers")
    assert lake.rows("SHOW TABLES 'many'") == []


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("CREATE TABLE flights AS SELECT 1 AS a", "TABLE_ALREADY_EXISTS"),
        (
            "CREATE TABLE t WITH (external_location = 's3://x/') AS SELECT 1 AS a",
            "The Create Table As Select query failed",
        ),
        ("CREATE TABLE t WITH (format = 'ORC') AS SELECT 1 AS a", "NOT_SUPPORTED: the local cloud does not play"),
        ("CREATE TABLE t WITH (bucketed_by = ARRAY['a'], bucket_count = 2) AS SELECT 1 AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE t WITH (nope = 'x') AS SELECT 1 AS a", "INVALID_TABLE_PROPERTY"),
        ("CREATE TABLE t WITH (partitioned_by = ARRAY['a']) AS SELECT 1 AS a, 2 AS b", "HIVE_COLUMN_ORDER_MISMATCH"),
        ("CREATE TABLE t AS SELECT 1", "MISSING_COLUMN_NAME"),
        (f"UNLOAD (SELECT 1 AS a) TO 's3://{PROCESSED}/flights/' WITH (format = 'JSON')", "HIVE_PATH_ALREADY_EXISTS"),
        ("INSERT INTO nope SELECT 1", "TABLE_NOT_FOUND"),
    ],
)
def test_what_cannot_be_written_is_refused(lake: Hands, query: str, reason: str) -> None:
    assert lake.failure(query).startswith(reason)


def test_unload_leaves_files_and_a_manifest(lake: Hands) -> None:
    made = lake.run(f"UNLOAD (SELECT * FROM flights) TO 's3://{RESULTS}/out/' WITH (format = 'PARQUET')")
    manifest = lake.read(made["Statistics"]["DataManifestLocation"]).decode().split()
    assert manifest and all(lake.read(uri).startswith(b"PAR1") for uri in manifest)


def test_a_view_answers_and_shows_its_query(lake: Hands) -> None:
    lake.run("CREATE VIEW months AS SELECT flight_month, count(*) AS flights FROM flights GROUP BY 1")
    assert lake.rows("SELECT * FROM months ORDER BY 1") == [["2013-01", "2"], ["2013-02", "1"]]
    assert lake.rows("SHOW VIEWS") == [["months"]]
    assert lake.rows("SHOW CREATE VIEW months")[0] == ['CREATE VIEW "months" AS']
    kept = lake.glue("GetTable", DatabaseName="processed", Name="months")["Table"]
    assert kept["TableType"] == "VIRTUAL_VIEW"
    assert [column["Type"] for column in kept["StorageDescriptor"]["Columns"]] == ["string", "bigint"]
    assert lake.failure("CREATE VIEW months AS SELECT 1 AS a").startswith("TABLE_ALREADY_EXISTS")
    lake.run("CREATE OR REPLACE VIEW months AS SELECT 1 AS a")
    assert lake.rows("SELECT * FROM months") == [["1"]]
    lake.run("DROP VIEW months")
    assert lake.rows("SHOW VIEWS") == []


def test_a_view_of_a_view_is_stale_when_what_it_reads_changes(lake: Hands) -> None:
    lake.run("CREATE VIEW a AS SELECT flight, dest FROM flights")
    lake.run("CREATE VIEW b AS SELECT dest FROM a")
    assert len(lake.rows("SELECT * FROM b")) == 3
    lake.run("CREATE OR REPLACE VIEW a AS SELECT flight AS dest FROM flights")
    assert lake.failure("SELECT * FROM b").startswith("VIEW_IS_STALE")
    assert "recursive view" in lake.failure("CREATE OR REPLACE VIEW b AS SELECT dest FROM b")


def test_a_table_is_defined_altered_and_dropped(lake: Hands) -> None:
    lake.put(PROCESSED, "planes/a.csv", b"N10156,2004\n")
    define = (
        "CREATE EXTERNAL TABLE planes (tailnum string, year int) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{PROCESSED}/planes'"
    )
    lake.run(define)
    assert lake.rows("SELECT * FROM planes") == [["N10156", "2004"]]
    assert "AlreadyExistsException(message:Table planes already exists)" in lake.failure(define)
    lake.run("ALTER TABLE planes ADD COLUMNS (maker string)")
    assert lake.rows("SELECT * FROM planes") == [["N10156", "2004", None]]
    lake.run("ALTER TABLE planes SET TBLPROPERTIES ('skip.header.line.count' = '1')")
    assert lake.rows("SELECT * FROM planes") == []
    assert [line[0].split("\t")[0].strip() for line in lake.rows("DESCRIBE planes")] == ["tailnum", "year", "maker"]
    lake.run("DROP TABLE planes")
    assert "Table not found planes" in lake.failure("DROP TABLE planes")
    assert lake.run("DROP TABLE IF EXISTS planes")["Status"]["State"] == "SUCCEEDED"
    assert lake.read(f"s3://{PROCESSED}/planes/a.csv")


def test_partitions_are_added_dropped_and_repaired(lake: Hands) -> None:
    lake.put(PROCESSED, "flights/flight_month=2013-03/a.csv", b"9,SEA\n")
    lake.put(PROCESSED, "flights/notes/a.csv", b"x\n")
    told = lake.rows("MSCK REPAIR TABLE flights")
    assert told == [
        ["Partitions not in metastore:\tflights:flight_month=2013-03"],
        ["Repair: Added partition to metastore flights:flight_month=2013-03"],
    ]
    assert lake.rows("SELECT dest FROM flights WHERE flight_month = '2013-03'") == [["SEA"]]
    assert "Partition already exists" in lake.failure("ALTER TABLE flights ADD PARTITION (flight_month = '2013-03')")
    lake.run("ALTER TABLE flights DROP PARTITION (flight_month = '2013-03')")
    assert lake.rows("SHOW PARTITIONS flights") == [["flight_month=2013-01"], ["flight_month=2013-02"]]


def test_databases_are_made_and_dropped(lake: Hands) -> None:
    lake.run("CREATE DATABASE cross_silo COMMENT 'of all'")
    assert lake.rows("SHOW DATABASES LIKE 'cross*'") == [["cross_silo"]]
    assert "already exists" in lake.failure("CREATE DATABASE cross_silo")
    assert "is not empty" in lake.failure("DROP DATABASE processed")
    lake.run("DROP DATABASE cross_silo")
    assert "Database does not exist: cross_silo" in lake.failure("DROP DATABASE cross_silo")


def test_metadata_is_listed_for_athenas_clients(lake: Hands) -> None:
    catalog = {"CatalogName": "AwsDataCatalog"}
    assert [each["Name"] for each in lake.athena("ListDatabases", **catalog)["DatabaseList"]] == ["processed"]
    (table,) = lake.athena("ListTableMetadata", **catalog, DatabaseName="processed")["TableMetadataList"]
    assert [each["Name"] for each in (*table["Columns"], *table["PartitionKeys"])] == ["flight", "dest", "flight_month"]
    with pytest.raises(AwsError) as caught:
        lake.athena("GetTableMetadata", **catalog, DatabaseName="processed", TableName="nope")
    assert (caught.value.code, caught.value.message) == ("MetadataException", "Table nope not found.")
