"""Athena and Glue as boto3 and awswrangler meet them, unmodified, over HTTPS."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from silolake.localcloud import engines
from silolake.localcloud.server import Endpoint, Ports, running

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
BUCKET = "nyc-lake-desk"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    directory = tmp_path_factory.mktemp("cloud")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "SERVICES", ("organizations", "sts", "iam", "kms", "s3", "glue", "athena"))
        with running(directory, Ports(0, 0), "us-east-1", threading.Event()) as there:
            patch.setenv("AWS_ENDPOINT_URL", there.https)
            patch.setenv("AWS_CA_BUNDLE", there.ca)
            yield there


def _ask_the_door(endpoint: Endpoint, question: str, said: dict[str, Any]) -> dict[str, Any]:
    token = Path(endpoint.ca).parent.joinpath("owner.token").read_text()
    request = urllib.request.Request(
        f"{endpoint.https}/_silolake/{question}",
        json.dumps(said).encode(),
        {"Authorization": f"Bearer {token}"},
        method="POST",
    )
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=endpoint.ca)) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture(scope="module")
def session(endpoint: Endpoint) -> boto3.Session:
    _ask_the_door(endpoint, "accounts", {"name": "ewr", "email": "ewr@example.com"})
    signed_in = _ask_the_door(endpoint, "sessions", {"account": "ewr", "role": "Administrator"})
    made = boto3.Session(
        signed_in["AccessKeyId"], signed_in["SecretAccessKey"], signed_in["SessionToken"], region_name="us-east-1"
    )
    made.client("s3").create_bucket(Bucket=BUCKET)
    made.client("athena").create_work_group(
        Name="lake",
        Configuration={
            "EnforceWorkGroupConfiguration": False,
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"},
        },
    )
    return made


@pytest.fixture(scope="module")
def flights(session: boto3.Session) -> Any:
    """A partitioned table that awswrangler wrote and registered, as a pipeline would."""
    import awswrangler
    import pandas

    awswrangler.catalog.create_database("processed", boto3_session=session)
    frame = pandas.DataFrame(
        {
            "flight": [1545, 1714, 461],
            "dest": ["IAH", None, "ATL"],
            "time_hour": pandas.to_datetime(["2013-01-01 10:00", "2013-01-01 11:00", "2013-02-01 10:00"]),
            "flight_month": ["2013-01", "2013-01", "2013-02"],
        }
    )
    awswrangler.s3.to_parquet(
        frame,
        path=f"s3://{BUCKET}/processed/flights/",
        dataset=True,
        partition_cols=["flight_month"],
        database="processed",
        table="flights",
        boto3_session=session,
    )
    return frame


@pytest.mark.parametrize("how", [{"ctas_approach": True}, {"ctas_approach": False}, {"unload": True}])
def test_awswrangler_reads_a_table_in_each_of_its_ways(
    session: boto3.Session, flights: Any, how: dict[str, Any]
) -> None:
    import awswrangler

    asked = {"database": "processed", "workgroup": "lake", "boto3_session": session}
    if how.get("unload"):
        asked |= {"ctas_approach": False, "unload_approach": True, "s3_output": f"s3://{BUCKET}/unloaded/"}
    else:
        asked |= {**how, "s3_output": f"s3://{BUCKET}/results/"}
    read = awswrangler.athena.read_sql_query("SELECT * FROM flights ORDER BY flight", **asked)
    expected = flights.sort_values("flight")
    assert read["flight"].tolist() == expected["flight"].tolist()
    assert read["time_hour"].tolist() == expected["time_hour"].tolist()
    assert read["flight_month"].tolist() == expected["flight_month"].tolist()
    assert read["dest"].astype(object).fillna("nothing").tolist() == ["ATL", "IAH", "nothing"]
    names = [each["Name"] for each in awswrangler.catalog.get_tables(database="processed", boto3_session=session)]
    assert names == ["flights"]


def test_awswrangler_describes_lists_and_repairs(session: boto3.Session, flights: Any) -> None:
    import awswrangler

    asked = {"database": "processed", "workgroup": "lake", "boto3_session": session}
    described = awswrangler.athena.describe_table("flights", s3_output=f"s3://{BUCKET}/results/", **asked)
    assert described["Column Name"].tolist() == ["flight", "dest", "time_hour", "flight_month"]
    assert described["Partition"].tolist() == [False, False, False, True]
    found = awswrangler.catalog.get_partitions("processed", "flights", boto3_session=session)
    assert sorted(found.values()) == [["2013-01"], ["2013-02"]]
    shown = awswrangler.athena.show_create_table("flights", s3_output=f"s3://{BUCKET}/results/", **asked)
    assert shown.startswith("CREATE EXTERNAL TABLE `processed.flights`(")
    assert awswrangler.athena.repair_table("flights", s3_output=f"s3://{BUCKET}/results/", **asked) == "SUCCEEDED"


def test_awswrangler_says_why_a_query_failed(session: boto3.Session, flights: Any) -> None:
    import awswrangler

    with pytest.raises(awswrangler.exceptions.QueryFailed, match="COLUMN_NOT_FOUND"):
        awswrangler.athena.read_sql_query(
            "SELECT nope FROM flights",
            database="processed",
            workgroup="lake",
            s3_output=f"s3://{BUCKET}/results/",
            ctas_approach=False,
            boto3_session=session,
        )


def test_errors_reach_boto3_as_the_services_own(session: boto3.Session, flights: Any) -> None:
    glue, athena = session.client("glue"), session.client("athena")
    with pytest.raises(glue.exceptions.EntityNotFoundException, match="Table nope not found"):
        glue.get_table(DatabaseName="processed", Name="nope")
    with pytest.raises(athena.exceptions.InvalidRequestException) as caught:
        athena.start_query_execution(QueryString="SELEC 1", WorkGroup="lake")
    assert caught.value.response["AthenaErrorCode"] == "MALFORMED_QUERY"
    with pytest.raises(ClientError, match="does not play glue:SearchTables"):
        glue.search_tables()


def test_pages_of_partitions_and_times_survive_the_wire(session: boto3.Session, flights: Any) -> None:
    glue = session.client("glue")
    pages = glue.get_paginator("get_partitions").paginate(
        DatabaseName="processed", TableName="flights", PaginationConfig={"PageSize": 1}
    )
    assert [each["Values"] for page in pages for each in page["Partitions"]] == [["2013-01"], ["2013-02"]]
    table = glue.get_table(DatabaseName="processed", Name="flights")["Table"]
    assert table["CreateTime"].year >= 2026
