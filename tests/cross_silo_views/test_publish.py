"""A view is published over tables whose partitions lie where the silos keep them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from view_desk import FLIGHTS, Lake, Watched

from silolake.cloud.queries import query
from silolake.contracts import Contract, column_type
from silolake.cross_silo_views import DropSourceTable, DropView, apply_step, compile_union
from silolake.errors import StepFailed, UnknownName, WrongState
from silolake.sql import parse_query, tables_read

# One lake that each test changes and leaves as it was: they are one worker's.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.xdist_group("publishing")]

ASKED = "SELECT silo, flight, temp, aircraft_age, manufacturer FROM cross_silo.delay_causes"
ANSWER = [
    ("ewr", "1545", "39.02", "14", "BOEING"),
    ("jfk", "1141", "39.02", "14", "BOEING"),
]


def states(lake: Lake, **asked: object) -> set[str]:
    report = lake.publish(**asked)  # type: ignore[arg-type]
    report.raise_if_incomplete()
    return {each.state for each in report.steps[:-1]}


def test_a_view_answers_across_silos(lake: Lake) -> None:
    """Each flight with the weather of its own airport and the registry's aircraft, read by analytics' runner."""
    report = lake.publish()
    report.raise_if_incomplete()
    assert report.silos["flights"][:2] == ("ewr", "jfk") and report.silos["planes"] == ("fleet",)
    assert [row for row in lake.ask(ASKED) if row[0] in ("ewr", "jfk") and row[1] in ("1545", "1141")] == ANSWER
    assert "fleet" not in lake.partitions("flights_in_ou_silos")


def test_a_second_publication_writes_nothing(lake: Lake) -> None:
    """It looks first; only the query for the view's columns is started."""
    lake.publish().raise_if_incomplete()
    watched = Watched(lake.analytics)
    assert states(lake, cloud=watched) == {"unchanged"}
    assert watched.writes == ['athena:start_query_execution SELECT * FROM cross_silo."delay_causes"']


def test_what_a_silo_delivers_is_read_without_another_publication(lake: Lake) -> None:
    """Also in a month that it had nothing of."""
    lake.publish().raise_if_incomplete()
    line = "2013,2,1,517,515,2,830,819,11,UA,2002,N14228,EWR,IAH,227,1400,5,15,2013-02-01T10:00:00Z\n"
    lake.fill("ewr", "flights", FLIGHTS + line)
    assert lake.ask(f"{ASKED} WHERE flight = 2002") == [("ewr", "2002", None, "14", "BOEING")]


def test_a_silo_joins_leaves_and_joins_again(lake: Lake) -> None:
    """Its rows are in the view, out of it, and in it again; its files never move."""
    lake.publish().raise_if_incomplete()
    lake.make_silo("swf", kind="airport")
    line = "2013,1,1,517,515,2,830,819,11,UA,3003,N14228,SWF,IAH,227,1400,5,15,2013-01-01T10:00:00Z\n"
    lake.fill("swf", "flights", FLIGHTS + line)
    asked = f"{ASKED} WHERE flight = 3003"
    row = ("swf", "3003", None, "14", "BOEING")
    assert states(lake) == {"done", "unchanged"}
    assert lake.ask(asked) == [row]
    lake.move("swf", "departed")
    lake.publish().raise_if_incomplete()
    assert "swf" not in lake.partitions("flights_in_ou_silos")
    assert lake.ask(asked) == []
    lake.move("swf", "silos")
    lake.publish().raise_if_incomplete()
    assert lake.ask(asked) == [row]
    lake.move("swf", "departed")
    lake.publish().raise_if_incomplete()


def test_a_partition_that_was_led_astray_is_led_back(lake: Lake) -> None:
    """Whoever changed it."""
    lake.publish().raise_if_incomplete()
    right = lake.partitions("flights_in_ou_silos")
    where = {"DatabaseName": "cross_silo_sources", "TableName": "flights_in_ou_silos"}
    held = lake.analytics.call("glue", "get_partition", **where, PartitionValues=["ewr"])["Partition"]
    astray = {"Values": ["ewr"], "StorageDescriptor": {**held["StorageDescriptor"], "Location": right["jfk"]}}
    lake.analytics.call("glue", "update_partition", **where, PartitionValueList=["ewr"], PartitionInput=astray)
    assert lake.partitions("flights_in_ou_silos") != right
    assert states(lake) == {"done", "unchanged"}
    assert lake.partitions("flights_in_ou_silos") == right


def _widened(contract: Contract) -> Contract:
    columns = tuple(
        replace(each, type=column_type("integer", "bigint")) if each.name == "dep_delay" else each
        for each in contract.columns
    )
    return replace(contract, version="2.0.0", columns=columns)


def test_a_changed_contract_reaches_table_partitions_and_view(lake: Lake) -> None:
    """A view whose source has changed a type is stale in Athena until it is made again."""
    lake.publish().raise_if_incomplete()
    rooms = lake.with_contract("flights", _widened)
    changed = [each.step for each in lake.publish(rooms=rooms).steps if each.state == "done"]
    assert changed == [
        "keep the table cross_silo_sources.flights_in_ou_silos by the contract of flights",
        "partition cross_silo_sources.flights_in_ou_silos by silo: ewr, jfk",
        "publish the view cross_silo.delay_causes",
        "read the columns of cross_silo.delay_causes",
    ]
    found = lake.analytics.call("glue", "get_table", DatabaseName="cross_silo", Name="delay_causes")["Table"]
    types = {each["Name"]: each["Type"] for each in found["StorageDescriptor"]["Columns"]}
    assert types["dep_delay"] == "bigint"
    assert states(lake, rooms=rooms) == {"unchanged"}
    lake.publish().raise_if_incomplete()
    assert lake.ask(f"{ASKED} WHERE flight IN (1545, 1141)") == ANSWER


def test_a_view_said_otherwise_is_made_again_and_one_said_alike_is_not(lake: Lake) -> None:
    """Comments and line breaks say nothing."""
    lake.publish().raise_if_incomplete()
    sql = lake.rooms.views["delay_causes"].sql
    alike = lake.with_view(sql="-- the same\n" + sql.replace("\n    ", " ").replace("select", "SELECT"))
    assert states(lake, rooms=alike) == {"unchanged"}
    otherwise = lake.with_view(sql=sql + "\nwhere f.dep_delay > 60")
    assert states(lake, rooms=otherwise) == {"done", "unchanged"}
    assert lake.ask(ASKED) == []
    lake.publish().raise_if_incomplete()


def test_a_view_that_answers_other_columns_is_told(lake: Lake) -> None:
    """The run fails, with both lists; the rooms' own check would have told it before."""
    view = lake.rooms.views["delay_causes"]
    columns = {name: said for name, said in view.columns.items() if name != "model"}
    report = lake.publish(rooms=lake.with_view(columns=columns))
    with pytest.raises(StepFailed, match=r"it answers silo, .*, manufacturer, model; view\.yaml says"):
        report.raise_if_incomplete()


def test_what_athena_refuses_ends_the_publication(lake: Lake) -> None:
    """The failed step says why, in Athena's words, and what comes after it is not reached."""
    rooms = lake.with_view(sql="select f.silo from flights f, weather w, planes p where f.nothing = 1")
    report = lake.publish(rooms=rooms)
    assert [each.state for each in report.steps[-2:]] == ["failed", "not reached"]
    with pytest.raises(StepFailed, match="publish the view"):
        report.raise_if_incomplete()
    assert "not reached" in str(report) and "<td" in report._repr_html_()


def test_an_unknown_view_is_named(lake: Lake) -> None:
    with pytest.raises(UnknownName, match=r"there is no view 'delays'\. Known: delay_causes"):
        lake.publish("delays")


def test_a_union_is_not_published_as_a_view(lake: Lake) -> None:
    """Athena refuses views over another account's catalog; the error says what else there is."""
    with pytest.raises(WrongState, match="partitioned_table"):
        lake.publish(rooms=lake.with_view(published="union"))


def test_the_union_answers_what_the_table_answers(lake: Lake) -> None:
    """The same question over the catalogs themselves, registered as enrolling does."""
    for silo in ("ewr", "jfk", "fleet"):
        lake.analytics.call(
            "athena",
            "create_data_catalog",
            Name=silo,
            Type="GLUE",
            Parameters={"catalog-id": lake.organization.account(silo).id.text},
        )
    lake.publish().raise_if_incomplete()
    text = compile_union(lake.rooms, lake.rooms.views["delay_causes"], lake.organization)
    read = {str(name) for name in tables_read(parse_query(text))}
    assert read == {
        *(f"{silo}.processed.{product}" for silo in ("ewr", "jfk") for product in ("flights", "weather")),
        "fleet.processed.planes",
    }
    united = sorted(query(lake.analytics, text, workgroup="lake").rows, key=str)
    assert united == lake.ask("SELECT * FROM cross_silo.delay_causes")
    assert len(united) >= 2


def test_what_is_withdrawn_is_there_no_more_and_files_stay(lake: Lake) -> None:
    """Dropping twice is dropping once."""
    lake.publish().raise_if_incomplete()
    steps = (
        DropView("delay_causes"),
        *(DropSourceTable(source.table) for source in lake.rooms.views["delay_causes"].sources.values()),
    )
    for _ in range(2):
        for step in steps:
            apply_step(step, lake.analytics, lake.rooms)
    for database in ("cross_silo", "cross_silo_sources"):
        assert list(lake.analytics.pages("glue", "get_tables", "TableList", DatabaseName=database)) == []
    lake.publish().raise_if_incomplete()
    assert lake.ask(f"{ASKED} WHERE flight IN (1545, 1141)") == ANSWER
