"""Who reads what, as the lake stands: a silo its own, analytics what is processed, nobody else anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from silolake.cloud import Cloud
from silolake.cloud.queries import query
from silolake.demo.story import attempts
from silolake.errors import CloudError
from silolake.model import Name

from .conftest import Lake
from .doors import BY_RCP, BY_RESOURCE, BY_SCP, NOBODY_ALLOWS, failed, one, refused

pytestmark = pytest.mark.xdist_group("lake")

SILOS = ("ewr", "fleet", "jfk", "lga")
AIRPORTS = ("ewr", "jfk", "lga")
FIRST_MONTH = {"ewr": 9893, "jfk": 9161, "lga": 7950}


@pytest.fixture
def analyst(lake: Lake) -> Cloud:
    """EWR's."""
    return lake.as_("ewr", "analyst")


@pytest.fixture
def head_office(lake: Lake) -> Cloud:
    """Analytics' analyst."""
    return lake.as_("analytics", "analyst")


@pytest.fixture
def own_catalog(lake: Lake) -> Iterator[str]:
    """A data catalog on JFK's catalog that EWR's administrator registers in EWR."""
    administrator = lake.as_("ewr", "administrator")
    administrator.call(
        "athena", "create_data_catalog", Name="neighbour", Type="GLUE", Parameters={"catalog-id": lake.id_of("jfk")}
    )
    yield "neighbour"
    administrator.call("athena", "delete_data_catalog", Name="neighbour")


def first_processed(cloud: Cloud, bucket: str) -> str:
    """The key of some object in a bucket, asked by somebody who may list it."""
    return str(cloud.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1)["Contents"][0]["Key"])


@pytest.mark.parametrize("silo", AIRPORTS)
def test_a_silos_analyst_reads_its_own_table(lake: Lake, silo: str) -> None:
    """Without that the refusals below would mean nothing."""
    mine = lake.as_(silo, "analyst")
    sql = "SELECT count(*) FROM flights WHERE year = 2013 AND month = 1"
    assert one(mine, sql, database="processed") == FIRST_MONTH[silo]


def test_a_neighbours_table_is_not_read_by_its_catalogs_arn(lake: Lake, analyst: Cloud) -> None:
    """Athena takes the query; the query fails and names the permission that is missing."""
    catalog = f'"glue:arn:aws:glue:us-east-1:{lake.id_of("jfk")}:catalog"'
    said = failed(analyst, f"SELECT count(*) FROM {catalog}.processed.flights")
    assert "Insufficient permissions to execute the query" in said
    assert "glue:GetTable" in said
    assert lake.id_of("jfk") in said
    assert BY_SCP in said


def test_a_neighbours_table_is_not_read_through_a_catalog_registered_by_oneself(lake: Lake, own_catalog: str) -> None:
    """Registering is not reading: the administrator's own query fails at the other account's Glue."""
    said = failed(lake.as_("ewr", "administrator"), f"SELECT count(*) FROM {own_catalog}.processed.flights")
    assert "glue:GetTable" in said
    assert BY_SCP in said


def test_a_neighbours_analyst_may_not_use_a_catalog_nobody_gave_it(analyst: Cloud, own_catalog: str) -> None:
    """Its role names the data catalogs it may use."""
    assert "athena:GetDataCatalog" in failed(analyst, f"SELECT count(*) FROM {own_catalog}.processed.flights")


def test_a_neighbours_catalog_is_not_looked_into(lake: Lake, analyst: Cloud) -> None:
    """Glue asked directly, for tables, databases and partitions."""
    jfk = lake.id_of("jfk")
    for operation, parameters in (
        ("get_table", {"DatabaseName": "processed", "Name": "flights"}),
        ("get_tables", {"DatabaseName": "processed"}),
        ("get_databases", {}),
        ("get_partitions", {"DatabaseName": "processed", "TableName": "flights"}),
    ):
        assert BY_SCP in refused(lambda o=operation, p=parameters: analyst.call("glue", o, CatalogId=jfk, **p))


@pytest.mark.parametrize("zone", ["drop", "raw", "processed", "quarantine", "run", "results"])
def test_a_neighbours_buckets_are_not_listed(lake: Lake, zone: str) -> None:
    """By nobody in EWR: a guard rail says so, whatever the bucket's own policy says."""
    for role in ("analyst", "administrator", "runner"):
        mine = lake.as_("ewr", role)
        assert BY_RCP in refused(lambda m=mine: m.call("s3", "list_objects_v2", Bucket=lake.bucket("jfk", zone)))


def test_a_neighbours_objects_are_not_read(lake: Lake) -> None:
    """Neither an object nor what is known of it, neither its like of another name."""
    bucket = lake.bucket("jfk", "processed")
    key = first_processed(lake.as_("jfk", "administrator"), bucket)
    mine = lake.as_("ewr", "administrator")
    assert BY_RCP in refused(lambda: mine.call("s3", "get_object", Bucket=bucket, Key=key))
    # HEAD has no body, so AWS says no more than 403.
    assert refused(lambda: mine.call("s3", "head_object", Bucket=bucket, Key=key)) == "Forbidden"
    assert BY_RCP in refused(lambda: mine.call("s3", "get_object_tagging", Bucket=bucket, Key=key))
    assert BY_RCP in refused(lambda: mine.call("s3", "get_object", Bucket=bucket, Key="nothing-here"))


def test_a_neighbours_objects_are_not_copied(lake: Lake) -> None:
    """Out of the neighbour's bucket into one's own, nor the other way round."""
    theirs, own = lake.bucket("jfk", "processed"), lake.bucket("ewr", "run")
    key = first_processed(lake.as_("jfk", "administrator"), theirs)
    mine = lake.as_("ewr", "administrator")
    out = {"Bucket": own, "Key": "taken", "CopySource": {"Bucket": theirs, "Key": key}}
    assert BY_RCP in refused(lambda: mine.call("s3", "copy_object", **out))
    mine.call("s3", "put_object", Bucket=own, Key="gift", Body=b"a")
    back = {"Bucket": theirs, "Key": "gift", "CopySource": {"Bucket": own, "Key": "gift"}}
    assert BY_RCP in refused(lambda: mine.call("s3", "copy_object", **back))
    mine.call("s3", "delete_object", Bucket=own, Key="gift")


@pytest.mark.parametrize("silo", AIRPORTS)
def test_analytics_reads_what_is_processed(lake: Lake, head_office: Cloud, silo: str) -> None:
    """Through Athena by the catalog registered for it, and the objects themselves."""
    sql = f"SELECT count(*) FROM {silo}.processed.flights WHERE year = 2013 AND month = 1"
    assert one(head_office, sql) == FIRST_MONTH[silo]
    bucket = lake.bucket(silo, "processed")
    key = first_processed(head_office, bucket)
    assert head_office.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read(4) == b"PAR1"


def test_analytics_reads_the_registry(head_office: Cloud) -> None:
    """The fourth silo's only product."""
    assert one(head_office, "SELECT count(*) FROM fleet.processed.planes") == 3322


@pytest.mark.parametrize("silo", SILOS)
def test_analytics_reads_raw_of_none(lake: Lake, head_office: Cloud, silo: str) -> None:
    """Neither the tables nor the objects, nor what is known of them."""
    table = "planes" if silo == "fleet" else "flights"
    said = failed(head_office, f"SELECT count(*) FROM {silo}.raw.{table}")
    assert "glue:GetTable" in said
    assert NOBODY_ALLOWS in said
    raw = lake.bucket(silo, "raw")
    key = first_processed(lake.as_(silo, "administrator"), raw)
    assert BY_RESOURCE in refused(lambda: head_office.call("s3", "list_objects_v2", Bucket=raw))
    assert BY_RESOURCE in refused(lambda: head_office.call("s3", "get_object", Bucket=raw, Key=key))
    silo_id = lake.id_of(silo)
    assert NOBODY_ALLOWS in refused(
        lambda: head_office.call("glue", "get_tables", CatalogId=silo_id, DatabaseName="raw")
    )


@pytest.mark.parametrize("zone", ["drop", "quarantine", "run", "results"])
def test_analytics_reads_nothing_else_of_a_silo(lake: Lake, zone: str) -> None:
    """Not even as an administrator of the analytics account: the buckets' own policies say so."""
    whole = lake.as_("analytics", "OrganizationAccountAccessRole")
    assert BY_RESOURCE in refused(lambda: whole.call("s3", "list_objects_v2", Bucket=lake.bucket("ewr", zone)))


def test_analytics_changes_nothing_of_a_silo(lake: Lake, head_office: Cloud) -> None:
    """It reads: it neither writes nor deletes objects, nor changes a table."""
    bucket, ewr = lake.bucket("ewr", "processed"), lake.id_of("ewr")
    key = first_processed(head_office, bucket)
    refused(lambda: head_office.call("s3", "put_object", Bucket=bucket, Key="flights/forged.parquet", Body=b"a"))
    refused(lambda: head_office.call("s3", "delete_object", Bucket=bucket, Key=key))
    refused(lambda: head_office.call("glue", "delete_table", CatalogId=ewr, DatabaseName="processed", Name="flights"))
    assert head_office.call("s3", "head_object", Bucket=bucket, Key=key)["ContentLength"] > 0


@pytest.mark.parametrize("zone", ["drop", "raw", "processed", "quarantine", "run", "results"])
def test_plain_http_is_denied_to_the_owner_too(lake: Lake, zone: str) -> None:
    """The same session lists the bucket over TLS."""
    bucket, mine = lake.bucket("jfk", zone), lake.as_("jfk", "administrator")
    assert "KeyCount" in mine.call("s3", "list_objects_v2", Bucket=bucket)
    plain = lake.over_http(mine)
    assert "with an explicit deny" in refused(lambda: plain.call("s3", "list_objects_v2", Bucket=bucket))


def test_plain_http_assumes_no_role(lake: Lake) -> None:
    """The guard rail speaks of sts too: keys would travel in the clear."""
    mine, role = lake.as_("jfk", "administrator"), f"arn:aws:iam::{lake.id_of('jfk')}:role/lake/silo/analyst"
    ask = {"RoleArn": role, "RoleSessionName": "me"}
    assert mine.call("sts", "assume_role", **ask)["Credentials"]["SessionToken"]
    assert BY_RCP in refused(lambda: lake.over_http(mine).call("sts", "assume_role", **ask))


def test_plain_http_is_no_matter_where_no_policy_speaks_of_it(lake: Lake) -> None:
    """Glue has no resource control policies, and the catalog's own policy asks for no TLS."""
    plain = lake.over_http(lake.as_("jfk", "analyst"))
    assert plain.call("glue", "get_table", DatabaseName="processed", Name="flights")["Table"]["Name"] == "flights"


def test_the_demo_showed_the_denials(lake: Lake) -> None:
    """What a reader sees at the end of it."""
    assert sum(line.startswith("denied ") for line in lake.told.splitlines()) == 4
    assert BY_SCP in lake.told
    assert BY_RCP in lake.told


def test_the_cross_silo_view_is_for_analytics_alone(lake: Lake, analyst: Cloud) -> None:
    """A silo's analyst finds no such database at home, and may not look into analytics' catalog."""
    analytics = lake.id_of("analytics")
    catalog = f'"glue:arn:aws:glue:us-east-1:{analytics}:catalog"'
    assert "glue:GetTable" in failed(analyst, f"SELECT count(*) FROM {catalog}.cross_silo.delay_causes")
    answer = query(lake.as_("analytics", "analyst"), "SELECT 1 FROM delay_causes LIMIT 1", workgroup="lake",
                   database="cross_silo")  # fmt: skip
    assert answer.rows == (("1",),)


def test_the_demos_attempts_are_denied_for_the_reasons_it_tells(lake: Lake) -> None:
    """Athena for want of Glue's; S3 by a guard rail, by the bucket that is not for head office, and without TLS."""
    by_query, by_object, by_raw, by_http = attempts(lake.endpoint, lake.rooms, lake.organization)
    assert by_query.answer.startswith("Insufficient permissions to execute the query.")
    assert "glue:GetTable" in by_query.answer
    assert "s3:ListBucket" in by_object.answer and BY_RCP in by_object.answer
    assert "s3:ListBucket" in by_raw.answer and BY_RESOURCE in by_raw.answer
    assert "s3:ListBucket" in by_http.answer and BY_RCP in by_http.answer
    over_tls = lake.as_("jfk", "analyst").call("s3", "list_objects_v2", Bucket=lake.bucket("jfk", "processed"))
    assert over_tls["KeyCount"] > 0
    for each in (by_query, by_object, by_raw, by_http):
        assert f"{each.who} tried to {each.what}" in lake.told


def test_the_demo_takes_no_other_failure_for_a_denial(lake: Lake) -> None:
    """A bucket that is not there, a table that is not there: the demo would end there."""
    nowhere = replace(lake.rooms, settings=replace(lake.rooms.settings, lake=Name("nowhere")))
    found = attempts(lake.endpoint, nowhere, lake.organization)
    assert next(found)
    with pytest.raises(CloudError) as said:
        list(found)
    assert said.value.code == "NoSuchBucket"
