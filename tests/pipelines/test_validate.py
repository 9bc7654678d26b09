"""A drop is held to its contract: good rows stand in processed, bad ones wait in quarantine, and a receipt tells."""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa
import pytest
from silo_desk import ROOT, Silo

from silolake import pipelines
from silolake.errors import ContractBroken, StepFailed, UnknownName, WrongState
from silolake.model import ObjectVersion
from silolake.pipelines import ValidationReport
from silolake.pipelines.promoting import find_table

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

GOOD = (ROOT / "pipelines/flights/samples/good.csv").read_bytes()
BAD = (ROOT / "pipelines/flights/samples/bad.csv").read_bytes()
HEADER, *LINES = GOOD.splitlines(keepends=True)
JANUARY, FEBRUARY = LINES[:-1], LINES[-1:]


def flights(*lines: bytes) -> bytes:
    return HEADER + b"".join(lines)


def run(silo: Silo, *drops: ObjectVersion) -> ValidationReport:
    return pipelines.validate(silo.runner, silo.rooms, "flights", silo.account, drops or None)


def new(silo: Silo) -> tuple[ObjectVersion, ...]:
    return pipelines.new_drops(silo.runner, silo.rooms, silo.rooms.pipelines["flights"], silo.account)


def statuses(report: ValidationReport) -> list[str]:
    return [each.status for each in report.drops]


def standing(silo: Silo) -> list[int]:
    """The flight numbers that stand in processed."""
    rows = silo.rows("flights")
    return sorted(rows.column("flight").to_pylist()) if rows.num_rows else []


def numbers(*lines: bytes) -> list[int]:
    return sorted(int(line.split(b",")[10]) for line in lines)


def test_good_rows_stand_in_the_partitions_of_their_utc_month(silo: Silo) -> None:
    """The month of the file is local; the last evening of January in New York is February in UTC."""
    drop = silo.deliver("flights/2013-01.csv", GOOD)
    assert new(silo) == (drop,)
    report = run(silo)
    report.raise_if_incomplete()
    assert statuses(report) == ["accepted"]
    name = hashlib.sha256(f"{drop.bucket}/{drop.key}".encode()).hexdigest()[:16]
    processed = silo.bucket("processed")
    assert silo.keys("processed") == [
        f"flights/flight_month=2013-01/{name}.parquet",
        f"flights/flight_month=2013-02/{name}.parquet",
    ]
    assert silo.partitions("flights") == {
        (month,): f"s3://{processed}/flights/flight_month={month}/" for month in ("2013-01", "2013-02")
    }
    assert standing(silo) == numbers(*LINES)
    assert silo.keys("raw") == [f"flights/2013-01.csv/{drop.version_id}.csv"]
    assert silo.read("raw", silo.keys("raw")[0]) == GOOD
    assert silo.keys("quarantine", "flights/") == []
    assert new(silo) == ()
    assert run(silo).drops == ()


def test_a_files_columns_are_the_tables(silo: Silo) -> None:
    """Without the partition column, in order, types as Athena reads them, moments to the millisecond."""
    silo.deliver("flights/2013-01.csv", GOOD)
    run(silo)
    kept = silo.rooms.pipelines["flights"].contract.stored
    schema = silo.rows("flights").schema
    assert schema.names == [column.name for column in kept]
    assert [str(field.type) for field in schema] == [column.type.arrow for column in kept]
    assert schema.field("time_hour").type == pa.timestamp("ms")


def test_bad_rows_wait_in_quarantine_and_the_receipt_says_why(silo: Silo) -> None:
    """Line, column, rule and value of each; the good rows beside them stand."""
    drop = silo.deliver("flights/2013-01.csv", BAD)
    report = run(silo)
    report.raise_if_incomplete()
    (told,) = report.drops
    assert (told.status, told.rows.total, told.rows.good, told.rows.bad) == ("partly quarantined", 15, 3, 12)
    receipt = silo.receipts()[f"receipts/flights/{drop.version_id}.json"]
    sample = json.loads((ROOT / "pipelines/flights/samples/bad.receipt.json").read_text())
    assert [{"same_as": 0, **each} for each in sample["faults"]] == receipt["faults"]
    contract = silo.rooms.pipelines["flights"].contract
    assert receipt["promise"] == {"contract": "flights", "version": "1.0.0", "digest": contract.digest}
    assert receipt["sha256"] == hashlib.sha256(BAD).hexdigest()
    assert receipt["faults_total"] == 13 and sum(receipt["faults_by_rule"].values()) == 13
    assert receipt["quarantined"] == f"flights/2013-01.csv/{drop.version_id}.csv"
    kept = silo.read("quarantine", receipt["quarantined"])
    assert kept.startswith(HEADER) and b",b6,507," in kept and b"\xc1" in kept
    assert not any(line in kept for line in GOOD.splitlines()[5:6])
    assert len(standing(silo)) == 3


@pytest.mark.parametrize(
    ("content", "status", "because"),
    [
        (b"a,b,c\n1,2,3\n", "quarantined", "wrong columns"),
        (b"\xff\xfe\x00broken", "quarantined", "not a CSV text in UTF-8: the header breaks nul"),
        (b"", "empty", "the file is empty"),
        (HEADER, "empty", "no rows: the file has a header and nothing below it"),
        (flights(LINES[0].replace(b"UA", b"united")), "quarantined", "no row keeps the contract"),
    ],
)
def test_a_file_that_cannot_be_used_is_quarantined_whole(silo: Silo, content: bytes, status: str, because: str) -> None:
    """As delivered, with a receipt; nothing is promoted, and the run has done what it should."""
    drop = silo.deliver("flights/odd.csv", content)
    report = run(silo)
    report.raise_if_incomplete()
    (told,) = report.drops
    assert (told.status, told.receipt and told.receipt.because) == (status, because)
    assert silo.read("quarantine", f"flights/odd.csv/{drop.version_id}.csv") == content
    assert silo.keys("processed") == silo.keys("raw") == []
    assert report.broken == (told,)
    with pytest.raises(ContractBroken, match=r"odd\.csv.*break"):
        report.raise_if_broken()


def test_a_newer_version_replaces_the_rows_of_its_key(silo: Silo) -> None:
    """Also in a partition that it no longer touches, whose file goes."""
    silo.deliver("flights/2013-01.csv", flights(*JANUARY, *FEBRUARY))
    silo.deliver("flights/other.csv", flights(FEBRUARY[0].replace(b",890,", b",4000,")))
    run(silo)
    silo.deliver("flights/2013-01.csv", flights(*JANUARY[:2]))
    assert statuses(run(silo)) == ["accepted"]
    assert standing(silo) == sorted([*numbers(*JANUARY[:2]), 4000])


def test_a_newer_version_that_is_broken_whole_leaves_what_stands(silo: Silo) -> None:
    """The last rows that kept the contract stay until better ones come."""
    silo.deliver("flights/2013-01.csv", flights(*JANUARY))
    run(silo)
    silo.deliver("flights/2013-01.csv", b"oops")
    assert statuses(run(silo)) == ["quarantined"]
    assert standing(silo) == numbers(*JANUARY)


def test_only_the_latest_version_of_a_key_is_taken(silo: Silo) -> None:
    """The one before it is superseded, with a receipt that names its successor."""
    first = silo.deliver("flights/2013-01.csv", flights(*JANUARY))
    second = silo.deliver("flights/2013-01.csv", flights(*JANUARY[:2]))
    assert new(silo) == (second,)
    report = run(silo)
    assert [(each.drop, each.status) for each in report.drops] == [(first, "superseded"), (second, "accepted")]
    assert report.drops[0].receipt and second.version_id in report.drops[0].receipt.because
    assert standing(silo) == numbers(*JANUARY[:2])
    assert run(silo).drops == ()


def test_an_older_version_never_undoes_a_newer_one(silo: Silo) -> None:
    """A run planned before the newer version came takes nothing of the older one."""
    first = silo.deliver("flights/2013-01.csv", flights(*JANUARY))
    silo.deliver("flights/2013-01.csv", flights(*JANUARY[:2]))
    run(silo)
    report = run(silo, first)
    assert statuses(report) == ["superseded"]
    assert standing(silo) == numbers(*JANUARY[:2])


def test_a_file_that_its_producer_deleted_is_not_taken(silo: Silo) -> None:
    """Neither as new nor by a run that was planned before."""
    drop = silo.deliver("flights/2013-01.csv", GOOD)
    silo.delete(drop.key)
    assert new(silo) == ()
    assert run(silo).drops == ()
    report = run(silo, drop)
    assert statuses(report) == ["superseded"]
    assert silo.keys("processed") == []


def test_the_same_file_twice_is_taken_once(silo: Silo) -> None:
    """Under another key or as a new version of its own: a duplicate, and no row stands twice."""
    silo.deliver("flights/2013-01.csv", GOOD)
    silo.deliver("flights/again.csv", GOOD)
    report = run(silo)
    assert statuses(report) == ["accepted", "duplicate"]
    silo.deliver("flights/2013-01.csv", GOOD)
    assert statuses(run(silo)) == ["duplicate"]
    assert standing(silo) == numbers(*LINES)


def test_content_that_was_replaced_may_come_back(silo: Silo) -> None:
    """It was accepted once, but does not stand any more, so it is no duplicate."""
    silo.deliver("flights/2013-01.csv", GOOD)
    run(silo)
    silo.deliver("flights/2013-01.csv", flights(*JANUARY[:2]))
    run(silo)
    silo.deliver("flights/2013-01.csv", GOOD)
    assert statuses(run(silo)) == ["accepted"]
    assert standing(silo) == numbers(*LINES)


def test_a_duplicate_of_another_key_replaces_what_its_own_key_stood_for(silo: Silo) -> None:
    """Its rows are there under the other key; those of the version before it are outdated."""
    silo.deliver("flights/a.csv", flights(*JANUARY[:2]))
    silo.deliver("flights/b.csv", flights(*JANUARY[2:]))
    run(silo)
    silo.deliver("flights/b.csv", flights(*JANUARY[:2]))
    assert statuses(run(silo)) == ["duplicate"]
    assert standing(silo) == numbers(*JANUARY[:2])


def test_a_changed_contract_takes_the_same_file_again(silo: Silo) -> None:
    """As a new version of its key; the bad rows of before may be good ones now."""
    silo.deliver("flights/2013-01.csv", BAD)
    run(silo)
    silo.deliver("flights/2013-01.csv", BAD)
    rooms = silo.with_contract("flights", version="1.1.0")
    report = pipelines.validate(silo.runner, rooms, "flights", silo.account)
    assert statuses(report) == ["partly quarantined"]
    assert len(standing(silo)) == 3


def test_what_is_not_a_drop_of_this_pipeline_is_left_alone(silo: Silo) -> None:
    """A folder's marker, another pipeline's prefix."""
    silo.deliver("flights/", b"")
    silo.deliver("weather/2013-01.csv", b"x")
    assert new(silo) == ()


def test_a_key_with_odd_characters_is_a_key_like_any_other(silo: Silo) -> None:
    """Blanks, plus signs, percent signs, folders and letters beyond ASCII."""
    drop = silo.deliver("flights/été 2013/a+b%20c.csv", GOOD)
    report = run(silo)
    report.raise_if_incomplete()
    assert statuses(report) == ["accepted"]
    assert silo.keys("raw") == [f"flights/a+b%20c.csv/{drop.version_id}.csv"]


def test_a_product_without_partitions_stands_in_its_folder(silo: Silo) -> None:
    """Planes are one file."""
    sample = ROOT / "pipelines/planes/samples/good.csv"
    silo.deliver("planes/planes.csv", sample.read_bytes())
    report = pipelines.validate(silo.runner, silo.rooms, "planes", silo.account)
    report.raise_if_incomplete()
    (key,) = silo.keys("processed")
    assert key.startswith("planes/") and key.count("/") == 1
    assert silo.rows("planes").num_rows == len(sample.read_bytes().splitlines()) - 1


def test_many_faults_are_counted_and_a_thousand_told(silo: Silo) -> None:
    """A receipt stays readable."""
    bad = b"".join(LINES[0].replace(b",1545,", f",{20000 + n},".encode()) for n in range(1_200))
    drop = silo.deliver("flights/2013-01.csv", flights(LINES[0], bad))
    run(silo)
    receipt = silo.receipts()[f"receipts/flights/{drop.version_id}.json"]
    assert (len(receipt["faults"]), receipt["faults_total"], receipt["rows"]["bad"]) == (1_000, 1_200, 1_200)


def test_a_silo_that_is_yet_to_come_has_no_new_drops(silo: Silo) -> None:
    """Its buckets are not there."""
    for zone in ("quarantine", "drop"):
        silo.admin.call("s3", "delete_bucket", Bucket=silo.bucket(zone))
        pipeline = silo.rooms.pipelines["flights"]
        assert pipelines.new_drops(silo.admin, silo.rooms, pipeline, silo.account) == ()


def test_a_table_that_is_not_the_contracts_stops_the_run_before_it_writes(silo: Silo) -> None:
    """A contract that was changed and not yet deployed."""
    silo.deliver("flights/2013-01.csv", GOOD)
    contract = silo.rooms.pipelines["flights"].contract
    rooms = silo.with_contract("flights", columns=contract.columns[1:])
    with pytest.raises(WrongState, match="other columns than its contract"):
        pipelines.validate(silo.runner, rooms, "flights", silo.account)
    silo.admin.call("glue", "delete_table", DatabaseName="processed", Name="flights")
    with pytest.raises(WrongState, match=r"no table processed\.flights"):
        find_table(silo.runner, contract, silo.bucket("processed"))
    assert silo.keys("raw") == silo.keys("quarantine") == []
    assert len(new(silo)) == 1


def test_a_drop_of_another_pipeline_is_refused(silo: Silo) -> None:
    """It would be held to a contract that nobody promised for it."""
    drop = silo.deliver("weather/2013-01.csv", GOOD)
    with pytest.raises(WrongState, match=r"does not lie in s3://.*-drop/flights/"):
        run(silo, drop)
    assert silo.receipts() == {}


def test_an_unknown_pipeline_is_named(silo: Silo) -> None:
    with pytest.raises(UnknownName, match=r"there is no pipeline 'flihgts'\. Known: flights, planes, weather"):
        pipelines.validate(silo.runner, silo.rooms, "flihgts", silo.account)


def test_a_drop_that_cannot_be_read_does_not_hold_up_the_others(silo: Silo) -> None:
    """It gets no receipt, so it stays new, and the run is told to be incomplete."""
    silo.deliver("flights/2013-01.csv", GOOD)
    gone = ObjectVersion(silo.bucket("drop"), "flights/2013-02.csv", "no-such-version")
    report = run(silo, gone, *new(silo))
    assert statuses(report) == ["not validated", "accepted"]
    with pytest.raises(StepFailed, match=r"2013-02\.csv"):
        report.raise_if_incomplete()


def test_a_partition_that_somebody_took_away_is_missed(silo: Silo) -> None:
    """The run asks Glue whether every good row is registered, also for what it took before."""
    drop = silo.deliver("flights/2013-01.csv", GOOD)
    run(silo).raise_if_incomplete()
    silo.admin.call(
        "glue", "delete_partition", DatabaseName="processed", TableName="flights", PartitionValues=["2013-02"]
    )
    report = run(silo, drop)
    with pytest.raises(StepFailed, match=r"the partition 2013-02 of processed\.flights is not registered"):
        report.raise_if_incomplete()


def test_reports_show_the_value_at_home_and_keep_it_out_of_the_record(silo: Silo) -> None:
    """The record leaves the silo; the executed notebook does not."""
    silo.deliver("flights/2013-01.csv", BAD)
    silo.deliver("flights/<b>.csv", b"Ada Lovelace,1815\n")
    report = run(silo)
    shown, page = str(report), report._repr_html_()
    assert "line 3, month: '13' breaks maximum" in shown and "partly quarantined" in shown
    assert "Ada Lovelace" in shown and "&lt;b&gt;" in page and "<b>.csv" not in page
    record = json.dumps(report.to_json())
    assert "Ada" not in record and "N53441" not in record and '"month maximum": 1' in record
    with pytest.raises(ContractBroken) as told:
        report.raise_if_broken()
    assert "line 3, month: maximum" in str(told.value)


def test_nothing_new_is_said_so(silo: Silo) -> None:
    report = run(silo)
    assert str(report) == f"validate flights of {silo.account.name}: no new drops"
    report.raise_if_incomplete()
