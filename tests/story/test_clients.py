"""boto3 and awswrangler from outside, with nothing but environment variables and a profile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Lake
from .outside import python, variables

pytestmark = pytest.mark.xdist_group("lake")

_BOTO3 = """
import boto3, json
from botocore.exceptions import ClientError

said = {"who": boto3.client("sts").get_caller_identity()["Arn"]}
s3 = boto3.client("s3")
found = s3.list_objects_v2(Bucket=processed, Prefix="flights/flight_month=2013-01/")["Contents"][0]
said["magic"] = s3.get_object(Bucket=processed, Key=found["Key"], Range="bytes=0-3")["Body"].read().decode()
glue = boto3.client("glue")
partitions = glue.get_paginator("get_partitions").paginate(
    CatalogId=catalog, DatabaseName="processed", TableName="flights"
)
said["partitions"] = [each["Values"][0] for page in partitions for each in page["Partitions"]]
try:
    s3.list_objects_v2(Bucket=raw)
except ClientError as error:
    said["raw"] = error.response["Error"]["Code"]
print(json.dumps(said))
"""

_READING = """
import json
import awswrangler as wr
from botocore.exceptions import ClientError

sql = "SELECT origin, count(*) AS flights, avg(dep_delay) AS delay FROM delay_causes GROUP BY origin ORDER BY origin"
ask = {"database": "cross_silo", "workgroup": "lake"}
plain = wr.athena.read_sql_query(sql, ctas_approach=False, **ask)
unloaded = wr.athena.read_sql_query(sql, ctas_approach=False, unload_approach=True, s3_output=results, **ask)
said = {
    "plain": plain["flights"].tolist(),
    "types": [str(each) for each in plain.dtypes],
    "unloaded": unloaded.sort_values("origin")["flights"].tolist(),
    "delays_agree": bool(((plain["delay"] - unloaded.sort_values("origin")["delay"].values).abs() < 1e-9).all()),
}
try:
    wr.athena.read_sql_query(sql, ctas_approach=True, s3_output=results, **ask)
except ClientError as error:
    # Athena refuses the table; then the library wants to remove it, and may not do that either.
    said["ctas"], said["removal"] = str(error.__context__), error.response["Error"]["Code"]
month = wr.s3.read_parquet(f"s3://{processed}/flights/", dataset=True,
                           partition_filter=lambda each: each["flight_month"] == "2013-02", columns=["carrier", "day"])
said["february"] = len(month)
said["tables"] = sorted(wr.catalog.tables(database="processed", catalog_id=catalog)["Table"])
said["columns"] = wr.catalog.get_table_types("cross_silo", "delay_causes")["dep_delay"]
print(json.dumps(said))
"""

_CTAS = """
import json
import awswrangler as wr

sql = "SELECT carrier, count(*) AS flights FROM flights GROUP BY carrier"
before = sorted(wr.catalog.tables(database="processed")["Table"])
frame = wr.athena.read_sql_query(sql, database="processed", workgroup="lake", ctas_approach=True)
chunks = wr.athena.read_sql_query("SELECT * FROM planes LIMIT 0", database="processed", workgroup="lake",
                                  ctas_approach=False)
print(json.dumps({
    "flights": int(frame["flights"].sum()),
    "carriers": len(frame),
    "columns": list(chunks.columns)[:2],
    "left": sorted(wr.catalog.tables(database="processed")["Table"]) == before,
}))
"""

_WRITING = """
import json
import pandas as pd
import awswrangler as wr

path = f"s3://{bucket}/notes/"
wr.s3.to_parquet(pd.DataFrame({"month": ["2013-01", "2013-02"], "note": ["snow", "ice"]}), path=path, dataset=True,
                 database="processed", table="notes", partition_cols=["month"])
read = wr.athena.read_sql_query("SELECT note FROM notes WHERE month = '2013-02'", database="processed",
                                workgroup="lake", ctas_approach=False)
wr.catalog.delete_table_if_exists("processed", "notes")
wr.s3.delete_objects(path)
print(json.dumps({"note": read["note"].tolist(), "left": wr.s3.list_objects(path)}))
"""


def test_boto3_needs_the_variables_and_no_more(lake: Lake, tmp_path: Path) -> None:
    """It signs in by the profile's credential_process; no key stands in the environment."""
    said = python(
        lake, "analytics/analyst", _BOTO3, tmp_path,
        processed=lake.bucket("ewr", "processed"), raw=lake.bucket("ewr", "raw"), catalog=lake.id_of("ewr"),
    )  # fmt: skip
    assert f":sts::{lake.id_of('analytics')}:assumed-role/analyst/" in said["who"]
    assert said["magic"] == "PAR1"
    assert set(said["partitions"]) >= {f"2013-{month:02d}" for month in range(1, 13)}
    assert said["raw"] == "AccessDenied"


def test_the_variables_hold_no_credential(lake: Lake) -> None:
    """Neither they nor the file they name, which says how to ask for a session."""
    said = variables(lake, "analytics/analyst")
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(said)
    profile = Path(said["AWS_CONFIG_FILE"]).read_text()
    assert "credential_process" in profile
    assert "ASIA" not in profile
    assert "secret" not in profile


def test_a_shell_evaluates_what_env_prints(lake: Lake, tmp_path: Path) -> None:
    """Keys that the shell had are put away: they would win over the profile."""
    printed = lake.silolake("env", "--as", "analytics/analyst").stdout
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    done = subprocess.run(
        ["sh", "-c", f'{printed}\n"$0" -c "{code}"', sys.executable],
        env={**variables(lake, "management/Administrator"), "AWS_ACCESS_KEY_ID": "stale", "AWS_SECRET_ACCESS_KEY": "s"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == lake.id_of("analytics"), done.stderr


def test_awswrangler_reads_the_lake_as_head_offices_analyst(lake: Lake, tmp_path: Path) -> None:
    """Plain and by UNLOAD; by CTAS it would have to make a table, and may not, as Athena says."""
    said = python(
        lake, "analytics/analyst", _READING, tmp_path,
        results=f"s3://{lake.bucket('analytics', 'results')}/athena/wrangler/",
        processed=lake.bucket("lga", "processed"), catalog=lake.id_of("lga"),
    )  # fmt: skip
    assert said["plain"] == said["unloaded"] == [120835, 111279, 104662]
    assert said["delays_agree"]
    assert said["types"] == ["string", "Int64", "float64"]
    assert "Insufficient permissions to execute the query" in said["ctas"]
    assert "glue:CreateTable" in said["ctas"]
    assert said["removal"] == "AccessDeniedException"
    assert said["february"] > 0
    assert said["tables"] == ["flights", "planes", "weather"]
    assert said["columns"] == "int"


def test_awswrangler_reads_by_ctas_where_tables_may_be_made(lake: Lake, tmp_path: Path) -> None:
    """As the silo's administrator; the passing table is gone afterwards."""
    said = python(lake, "jfk/administrator", _CTAS, tmp_path)
    assert said == {"flights": 111279, "carriers": 10, "columns": ["tailnum", "year"], "left": True}


def test_awswrangler_writes_a_dataset_with_its_table(lake: Lake, tmp_path: Path) -> None:
    """Parquet, partitions and catalog entry, read back through Athena and removed again."""
    said = python(lake, "fleet/administrator", _WRITING, tmp_path, bucket=lake.bucket("fleet", "run"))
    assert said == {"note": ["ice"], "left": []}
