"""Queries, from the call to the file of results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from athena_desk import ANALYTICS, PROCESSED, RESULTS, Hands, make_bench, make_flights, root_of

from silolake.localcloud import engines
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines import athena
from silolake.localcloud.errors import AwsError, NotPlayed

JANUARY = [["1545", "IAH"], ["1714", None]]


def refused(hands: Hands, operation: str, **parameters: object) -> str:
    with pytest.raises(AwsError) as caught:
        hands.athena(operation, **parameters)
    assert caught.value.code == "InvalidRequestException"
    return caught.value.message


def test_a_select_answers_its_header_then_its_rows(lake: Hands) -> None:
    found = lake.run("SELECT flight, dest FROM flights WHERE flight_month = '2013-01' ORDER BY flight")
    assert found["Status"]["State"] == "SUCCEEDED"
    assert (found["StatementType"], found["WorkGroup"]) == ("DML", "lake")
    assert lake.fetched(found["QueryExecutionId"]) == [["flight", "dest"], *JANUARY]


def test_the_result_file_is_athenas_csv_with_its_description_beside_it(lake: Hands) -> None:
    found = lake.run("SELECT flight, dest FROM flights WHERE flight_month = '2013-01' ORDER BY flight")
    location = found["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{RESULTS}/athena/{found['QueryExecutionId']}.csv"
    assert lake.read(location) == b'"flight","dest"\n"1545","IAH"\n"1714",\n'
    described = lake.read(f"{location}.metadata")
    assert described.startswith(b"\n$" + found["QueryExecutionId"].encode())
    assert all(name in described for name in (b"flight", b"integer", b"dest", b"varchar"))


def test_results_say_their_types(lake: Hands) -> None:
    found = lake.run("SELECT flight, dest, CAST(1.5 AS decimal(4,2)) AS price FROM flights")
    answer = lake.athena("GetQueryResults", QueryExecutionId=found["QueryExecutionId"])
    columns = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(each["Name"], each["Type"], each["Precision"], each["Scale"]) for each in columns] == [
        ("flight", "integer", 10, 0),
        ("dest", "varchar", 2147483647, 0),
        ("price", "decimal", 4, 2),
    ]


def test_only_the_partitions_that_matter_are_read(lake: Hands) -> None:
    lake.put(PROCESSED, "flights/flight_month=2013-02/b.csv", b"1,AAA\n" * 100)
    whole = lake.run("SELECT count(*) FROM flights")
    one = lake.run("SELECT count(*) FROM flights WHERE flight_month = '2013-01'")
    assert whole["Statistics"]["DataScannedInBytes"] > 600 > one["Statistics"]["DataScannedInBytes"] > 0


def test_results_come_in_pages_to_the_last_row(lake: Hands) -> None:
    query = "SELECT n, 'a \"b\", ' || CAST(n AS varchar) AS t FROM UNNEST(sequence(1, 2500)) AS s (n) ORDER BY n"
    identity = lake.wait(lake.start(query))["QueryExecutionId"]
    rows, token, pages = [], {}, 0
    while True:
        answer = lake.athena("GetQueryResults", QueryExecutionId=identity, MaxResults=1000, **token)
        rows += [[datum["VarCharValue"] for datum in row["Data"]] for row in answer["ResultSet"]["Rows"]]
        pages += 1
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert pages == 3
    assert rows == [["n", "t"], *([str(n), f'a "b", {n}'] for n in range(1, 2501))]


def test_an_empty_text_and_null_are_told_apart(lake: Hands) -> None:
    assert lake.rows("SELECT '' AS a, CAST(NULL AS varchar) AS b, 'x\ny' AS c") == [["", None, "x\ny"]]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT * FROM nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.processed.nope' does not exist"),
        ("SELECT * FROM no.pe", "SCHEMA_NOT_FOUND: line 1:15: Schema 'no' does not exist"),
        ('SELECT * FROM "jfk"."a"."b"', "CATALOG_NOT_FOUND: line 1:15: Catalog 'jfk' not found"),
        ("SELECT nope FROM flights", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT flight / 0 FROM flights", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT * FROM information_schema.tables", "NOT_SUPPORTED: the local cloud does not play information_schema"),
    ],
)
def test_what_does_not_hold_fails_the_query_in_athenas_words(lake: Hands, query: str, reason: str) -> None:
    assert lake.failure(query).startswith(reason)


def test_a_text_that_is_no_statement_fails_the_call(lake: Hands) -> None:
    with pytest.raises(AwsError) as caught:
        lake.start("SELEC 1")
    assert (caught.value.code, caught.value.members) == (
        "InvalidRequestException",
        {"AthenaErrorCode": "MALFORMED_QUERY"},
    )
    with pytest.raises(AwsError, match="262144"):
        lake.start("SELECT '" + "x" * 262_144 + "'")
    with pytest.raises(NotPlayed, match="VACUUM"):
        lake.start("VACUUM flights")


def test_a_failed_query_has_no_results_and_one_that_is_not_there_is_not_found(lake: Hands) -> None:
    identity = lake.run("SELECT * FROM nope")["QueryExecutionId"]
    assert refused(lake, "GetQueryResults", QueryExecutionId=identity) == (
        "Query did not finish successfully. Final query state: FAILED"
    )
    assert refused(lake, "GetQueryExecution", QueryExecutionId="x") == "QueryExecution x was not found"


def test_another_accounts_query_is_not_found(lake: Hands, ewr: Hands) -> None:
    identity = lake.run("SELECT 1")["QueryExecutionId"]
    assert refused(ewr, "GetQueryResults", QueryExecutionId=identity) == f"QueryExecution {identity} was not found"


def test_the_same_token_starts_one_query(lake: Hands) -> None:
    token = "t" * 32
    first = lake.start("SELECT 1", ClientRequestToken=token)
    assert lake.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(AwsError, match="Idempotent parameters do not match"):
        lake.start("SELECT 2", ClientRequestToken=token)
    lake.wait(first)


def test_history_is_listed_newest_first_in_pages(lake: Hands) -> None:
    made = [lake.run(f"SELECT {n}")["QueryExecutionId"] for n in range(3)]
    first = lake.athena("ListQueryExecutions", WorkGroup="lake", MaxResults=2)
    second = lake.athena("ListQueryExecutions", WorkGroup="lake", MaxResults=2, NextToken=first["NextToken"])
    assert first["QueryExecutionIds"] + second["QueryExecutionIds"] == made[::-1]
    answer = lake.athena("BatchGetQueryExecution", QueryExecutionIds=[made[0], "x"])
    assert [each["Query"] for each in answer["QueryExecutions"]] == ["SELECT 0"]
    assert [each["QueryExecutionId"] for each in answer["UnprocessedQueryExecutionIds"]] == ["x"]


def test_parameters_and_prepared_statements(lake: Hands) -> None:
    query = "SELECT dest FROM flights WHERE flight = ? AND flight_month = ?"
    assert lake.rows(query, ExecutionParameters=["461", "'2013-02'"]) == [["ATL"]]
    lake.athena("CreatePreparedStatement", StatementName="by_flight", WorkGroup="lake", QueryStatement=query)
    assert lake.rows("EXECUTE by_flight USING 461, '2013-02'") == [["ATL"]]
    with pytest.raises(AwsError, match="PreparedStatement nope was not found"):
        lake.start("EXECUTE nope USING 1")


def test_a_query_that_is_stopped_is_cancelled_and_stays_so(lake: Hands) -> None:
    many = "(SELECT 1 AS n FROM UNNEST(sequence(1, 9999)) AS s (x))"
    identity = lake.start(f"SELECT count(*) FROM {many} AS a, {many} AS b, {many} AS c")
    lake.athena("StopQueryExecution", QueryExecutionId=identity)
    found = lake.wait(identity)
    assert (found["Status"]["State"], found["Status"]["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    assert lake.rows("SELECT 1") == [["1"]]
    again = lake.athena("GetQueryExecution", QueryExecutionId=identity)["QueryExecution"]
    assert again["Status"]["State"] == "CANCELLED"


def test_what_was_unfinished_when_the_cloud_went_down_fails_honestly(lake: Hands, cloud: LocalCloud) -> None:
    identity = lake.run("SELECT 1")["QueryExecutionId"]
    with cloud.store.write() as connection:
        connection.execute(
            "UPDATE athena_executions SET state = 'RUNNING', completed_at = '' WHERE id = ?", (identity,)
        )
    athena.resume(cloud)
    found = lake.athena("GetQueryExecution", QueryExecutionId=identity)["QueryExecution"]["Status"]
    assert (found["State"], found["AthenaError"]["ErrorCategory"]) == ("FAILED", 1)
    assert found["StateChangeReason"].startswith("Internal error")


def test_a_workgroup_limits_what_a_query_reads(lake: Hands) -> None:
    cutoff = {"BytesScannedCutoffPerQuery": 10_000_000}
    lake.athena("UpdateWorkGroup", WorkGroup="lake", ConfigurationUpdates=cutoff)
    assert lake.rows("SELECT count(*) FROM flights") == [["3"]]
    lake.put(PROCESSED, "flights/flight_month=2013-02/b.csv", b"1,AAAAAAAA\n" * 1_000_000)
    found = lake.run("SELECT max(flight) FROM flights")["Status"]
    assert (found["State"], found["StateChangeReason"]) == (
        "CANCELLED",
        "Query cancelled! : Bytes scanned limit was exceeded",
    )


def test_a_workgroup_that_enforces_its_place_overrides_the_query(lake: Hands) -> None:
    elsewhere = {"ResultConfiguration": {"OutputLocation": f"s3://{RESULTS}/mine/"}}
    assert lake.run("SELECT 1", **elsewhere)["ResultConfiguration"]["OutputLocation"].startswith(
        f"s3://{RESULTS}/athena/"
    )
    lake.athena("UpdateWorkGroup", WorkGroup="lake", ConfigurationUpdates={"EnforceWorkGroupConfiguration": False})
    assert lake.run("SELECT 1", **elsewhere)["ResultConfiguration"]["OutputLocation"].startswith(
        f"s3://{RESULTS}/mine/"
    )


def test_without_a_place_for_results_there_is_no_query(analytics: Hands) -> None:
    asked = {"QueryString": "SELECT 1"}
    assert refused(analytics, "StartQueryExecution", **asked).startswith("No output location provided.")
    nowhere = {"ResultConfiguration": {"OutputLocation": "s3://not-there/"}}
    assert refused(analytics, "StartQueryExecution", **asked, **nowhere).startswith(
        "Unable to verify/create output bucket not-there"
    )


def test_a_workgroup_that_is_disabled_runs_nothing(lake: Hands) -> None:
    lake.athena("UpdateWorkGroup", WorkGroup="lake", State="DISABLED")
    with pytest.raises(AwsError, match="WorkGroup lake is disabled"):
        lake.start("SELECT 1")


def test_hidden_files_are_not_read(lake: Hands) -> None:
    for name in ("_SUCCESS", ".crc", "_tmp/x.csv"):
        lake.put(PROCESSED, f"flights/flight_month=2013-01/{name}", b"1,HID\n")
    assert lake.rows("SELECT count(*) FROM flights WHERE dest = 'HID'") == [["1"]]


def test_the_hidden_column_path_names_the_object(lake: Hands) -> None:
    assert lake.rows('SELECT DISTINCT "$path" FROM flights WHERE flight = 461') == [
        [f"s3://{PROCESSED}/flights/flight_month=2013-02/a.csv"]
    ]


def test_decisions_are_kept_under_the_querys_id(lake: Hands, cloud: LocalCloud) -> None:
    identity = lake.run("SELECT count(*) FROM flights")["QueryExecutionId"]
    kept = {(each["action"], bool(each["allowed"])) for each in cloud.decisions.find(request_id=identity, limit=100)}
    assert {("glue:GetTable", True), ("glue:GetPartitions", True), ("s3:GetObject", True)} <= kept


def test_json_and_resource_links_are_read(analytics: Hands) -> None:
    make_bench(analytics)
    make_flights(analytics)
    analytics.put(PROCESSED, "notes/a.json", json.dumps({"id": 1, "text": "fog"}).encode() + b"\n")
    analytics.run(
        "CREATE EXTERNAL TABLE notes (id int, text string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        f"LOCATION 's3://{PROCESSED}/notes/'"
    )
    link = {"Name": "linked", "TargetTable": {"DatabaseName": "processed", "Name": "notes"}}
    analytics.glue("CreateTable", DatabaseName="processed", TableInput=link)
    assert analytics.rows("SELECT n.id, l.text FROM notes n JOIN linked l ON l.id = n.id") == [["1", "fog"]]


def test_what_a_query_took_is_told(lake: Hands) -> None:
    identity = lake.run("SELECT count(*) FROM flights WHERE dest IS NULL")["QueryExecutionId"]
    found = lake.athena("GetQueryRuntimeStatistics", QueryExecutionId=identity)["QueryRuntimeStatistics"]
    assert found["Timeline"]["TotalExecutionTimeInMillis"] >= found["Timeline"]["EngineExecutionTimeInMillis"] > 0
    assert found["Rows"]["InputBytes"] > 0
    failed = lake.run("SELECT * FROM nope")
    assert failed["Statistics"]["DataScannedInBytes"] == 0


_DIES_IN_MID_QUERY = """
import os, signal, sys
from pathlib import Path
from athena_desk import ANALYTICS, Hands, make_bench, root_of
from silolake.localcloud import engines
from silolake.localcloud import engines
from silolake.localcloud.cloud import LocalCloud
engines.SERVICES = tuple(sys.argv[2].split(","))
hands = Hands(LocalCloud(Path(sys.argv[1]), "us-east-1"), root_of(ANALYTICS))
make_bench(hands)
print(hands.run("SELECT 1")["QueryExecutionId"])
many = "(SELECT 1 AS n FROM UNNEST(sequence(1, 9999)) AS s (x))"
identity = hands.start(f"SELECT count(*) FROM {many} AS a, {many} AS b, {many} AS c")
while hands.athena("GetQueryExecution", QueryExecutionId=identity)["QueryExecution"]["Status"]["State"] != "RUNNING":
    pass
print(identity, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_history_survives_a_kill_and_the_query_that_was_killed_is_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = ("organizations", "sts", "iam", "kms", "s3", "glue", "athena")
    monkeypatch.setattr(engines, "SERVICES", services)
    ended = subprocess.run(
        [sys.executable, "-c", _DIES_IN_MID_QUERY, str(tmp_path), ",".join(services)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    whole, killed = ended.stdout.split()
    cloud = LocalCloud(tmp_path, "us-east-1")
    athena.resume(cloud)
    hands = Hands(cloud, root_of(ANALYTICS))
    assert hands.fetched(whole) == [["_col0"], ["1"]]
    assert hands.wait(killed)["Status"]["State"] == "FAILED"
    assert list((tmp_path / "athena").iterdir()) == []
    assert hands.rows("SELECT 2") == [["2"]]
    cloud.close()
