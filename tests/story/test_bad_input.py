"""What people get wrong, at the command and at the API: a clear error, a truthful exit code, and nothing half done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from silolake.cloud import Cloud, Credentials
from silolake.errors import CloudError

from .kills import calls_so_far
from .observed import journal, observe, rows_of
from .small_lakes import FLIGHTS, ORGANIZATION, SmallLake, change, make_small, small_deliveries

pytestmark = pytest.mark.xdist_group("bad_input")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLake]:
    """EWR and the registry, provisioned, with what they delivered; every test leaves nothing to apply."""
    made = make_small(tmp_path_factory.mktemp("bad-input"))
    made.up()
    try:
        made.silolake("bootstrap")
        made.silolake("apply")
        made.deliver_all()
        made.silolake("apply")
        yield made
    finally:
        made.down()


def refused(lake: SmallLake, *words: str) -> str:
    """What a command says that is refused: plain words on standard error, exit code 1."""
    done = lake.silolake(*words, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("error: "), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


# -- Signatures ------------------------------------------------------------------------------------------------------


def forged(found: Credentials) -> Credentials:
    return replace(found, secret="x" * len(found.secret))


def another_token(found: Credentials) -> Credentials:
    return replace(found, token=found.token[::-1])


def unknown_key(found: Credentials) -> Credentials:
    return replace(found, access_key="ASIA" + "Q" * 16)


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (forged, ("SignatureDoesNotMatch", "InvalidSignatureException")),
        (another_token, ("InvalidToken", "UnrecognizedClientException")),
        (unknown_key, ("InvalidAccessKeyId", "UnrecognizedClientException")),
    ],
    ids=lambda part: part.__name__ if callable(part) else "",
)
def test_credentials_that_are_not_the_sessions_open_nothing(
    lake: SmallLake, spoil: Callable[[Credentials], Credentials], codes: tuple[str, str]
) -> None:
    """In the words of S3 and of Glue; and the object that was put is not there."""
    good = lake.as_("ewr", "administrator")
    bad = Cloud(good.reach, spoil(good.frozen()))
    bucket = lake.bucket("ewr", "drop")
    with pytest.raises(CloudError) as of_s3:
        bad.call("s3", "put_object", Bucket=bucket, Key="flights/forged.csv", Body=b"never")
    with pytest.raises(CloudError) as of_glue:
        bad.call("glue", "get_databases")
    assert (of_s3.value.code, of_glue.value.code) == codes
    assert of_s3.value.message and of_glue.value.message
    assert "flights/forged.csv" not in keys(good, bucket)


def test_a_session_that_has_expired_opens_nothing_and_a_new_one_does(lake: SmallLake) -> None:
    """One that was handed on: an identity that can sign in anew does so, and goes on."""
    signed_in, bucket = lake.as_("ewr", "administrator"), lake.bucket("ewr", "drop")
    old = Cloud(signed_in.reach, signed_in.frozen())
    assert FLIGHTS in keys(old, bucket)
    lake.endpoint.ask("POST", "clock", seconds=3 * 3600)
    with pytest.raises(CloudError) as of_s3:
        keys(old, bucket)
    with pytest.raises(CloudError) as of_glue:
        old.call("glue", "get_databases")
    assert (of_s3.value.code, of_glue.value.code) == ("ExpiredToken", "ExpiredTokenException")
    assert "expired" in of_s3.value.message and "expired" in of_glue.value.message
    assert FLIGHTS in keys(lake.as_("ewr", "administrator"), bucket)
    assert FLIGHTS in keys(signed_in, bucket)


def keys(cloud: Cloud, bucket: str) -> list[str]:
    return [each["Key"] for each in cloud.pages("s3", "list_objects_v2", "Contents", Bucket=bucket)]


# -- Deliveries ------------------------------------------------------------------------------------------------------


def receipt_of(lake: SmallLake, version: str, pipeline: str = "flights") -> dict[str, Any]:
    """The receipt of a drop, as the silo's administrator reads it."""
    key = f"receipts/{pipeline}/{version}.json"
    answer = lake.as_("ewr", "administrator").call("s3", "get_object", Bucket=lake.bucket("ewr", "quarantine"), Key=key)
    return dict(json.loads(answer["Body"].read()))


def flights_of(lake: SmallLake) -> int:
    """How many flights EWR has."""
    return rows_of(lake.as_("ewr", "analyst"), '"processed"."flights"')


def lines(first: int, last: int) -> list[bytes]:
    """The header of EWR's flights and some of its lines, no two tests the same."""
    header, *rows = small_deliveries()["ewr", FLIGHTS].splitlines(keepends=True)
    return [header, *(row.replace(b",EWR,", b",HPN,") for row in rows[first:last])]


def applied(lake: SmallLake) -> str:
    """What ``apply`` tells of a delivery that cannot be taken as it is, with exit code 1; nothing is left to do."""
    done = lake.silolake("apply", check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "did not complete" not in done.stdout
    assert "1 drops were not taken as delivered" in done.stdout
    assert lake.silolake("plan").stdout.startswith("Nothing to do")
    return done.stdout


def test_a_broken_line_is_told_by_line_column_rule_and_value_and_the_good_ones_are_promoted(lake: SmallLake) -> None:
    sent, before = lines(0, 20), flights_of(lake)
    fields = sent[7].split(b",")
    fields[9] = b"united"
    sent[7] = b",".join(fields)
    version = lake.deliver("ewr", "flights/broken.csv", b"".join(sent))
    told = applied(lake)
    assert "flights/broken.csv is partly quarantined, 1 of 20 rows: line 8, carrier: pattern" in told
    assert "united" not in told
    receipt = receipt_of(lake, version)
    assert receipt["status"] == "partly quarantined"
    assert receipt["rows"] == {"total": 20, "good": 19, "bad": 1}
    assert receipt["faults"] == [{"line": 8, "column": "carrier", "rule": "pattern", "value": "united", "same_as": 0}]
    assert flights_of(lake) == before + 19
    waits = lake.as_("ewr", "administrator").call(
        "s3", "get_object", Bucket=lake.bucket("ewr", "quarantine"), Key=receipt["quarantined"]
    )
    assert waits["Body"].read().splitlines() == [sent[0].rstrip(), sent[7].rstrip()]


@pytest.mark.parametrize(
    ("name", "content", "status", "told"),
    [
        ("empty", b"", "empty", "the file is empty"),
        ("header_only", b"".join(lines(0, 0)), "empty", "no rows: the file has a header and nothing below it"),
        ("columns", b"origin,dest\nHPN,BOS\n", "quarantined", "wrong columns: missing year, month, day"),
        ("picture", b"\x89PNG\r\n\x1a\n\x00\x00", "quarantined", "not a CSV text in UTF-8"),
    ],
    ids=["an empty file", "a header alone", "the wrong columns", "no text"],
)
def test_a_file_that_is_refused_whole_waits_in_quarantine_as_it_came(
    lake: SmallLake, name: str, content: bytes, status: str, told: str
) -> None:
    before = flights_of(lake)
    version = lake.deliver("ewr", f"flights/{name}.csv", content)
    assert f"flights/{name}.csv is {status}: " in applied(lake)
    receipt = receipt_of(lake, version)
    assert receipt["status"] == status
    assert told in receipt["refused"]
    assert receipt["rows"] == {"total": 0, "good": 0, "bad": 0}
    assert flights_of(lake) == before
    waits = lake.as_("ewr", "administrator").call(
        "s3", "get_object", Bucket=lake.bucket("ewr", "quarantine"), Key=receipt["quarantined"]
    )
    assert waits["Body"].read() == content


@pytest.mark.parametrize("key", ["flights/twice.csv", "flights/other.csv"], ids=["under its key", "under another key"])
def test_the_same_file_twice_is_told_and_its_rows_count_once(lake: SmallLake, key: str) -> None:
    """A new version of its key, and the same content under another."""
    content = b"".join(lines(30, 40))
    first = lake.deliver("ewr", "flights/twice.csv", content)
    lake.silolake("apply", check=False)
    before = flights_of(lake)
    version = lake.deliver("ewr", key, content)
    assert f"{key} is duplicate: the same content as flights/twice.csv, version " in applied(lake)
    receipt = receipt_of(lake, version)
    assert receipt["status"] == "duplicate"
    assert receipt_of(lake, first)["sha256"] == receipt["sha256"]
    assert flights_of(lake) == before


# -- Notebooks -------------------------------------------------------------------------------------------------------

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": "# Count\nThe most of something."},
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "most: int = 3  # how many"},
    ],
    "metadata": {"silolake": {"target": "analytics"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("provisioning/enroll_silo",), "the parameter 'silo' must be given: the silo's name"),
        (("provisioning/enroll_silo", "-p", "sillo=ewr"), "it takes no parameter 'sillo' (it takes silo)"),
        (("cross_silo_views/count", "-p", "most=many"), "the parameter 'most' is a int, not 'many'"),
        (("provisioning/enroll_silo", "-p", "silo"), "'silo' is no parameter. Write -p name=value"),
        (("provisioning/enrol_silo",), "there is no notebook 'provisioning/enrol_silo'. Known: "),
    ],
    ids=["missing", "unknown", "mistyped", "no parameter", "no notebook"],
)
def test_a_run_that_cannot_be_is_stopped_before_a_kernel_is_started(
    lake: SmallLake, words: tuple[str, ...], told: str
) -> None:
    """Nothing is asked of the cloud but what every command asks, and the journal knows of no run."""
    own = lake.root / "notebooks" / "cross_silo_views" / "count.ipynb"
    own.write_text(json.dumps(NOTEBOOK))
    try:
        before = journal(lake), begun(lake)
        assert told in refused(lake, "run", *words)
        assert (journal(lake), begun(lake)) == before
    finally:
        own.unlink()


def begun(lake: SmallLake) -> list[str]:
    """The folders of runs whose kernel was to be started on this machine."""
    return sorted(str(path) for path in (lake.data / "runs").glob("*/*"))


def test_an_unknown_silo_is_named_with_those_there_are(lake: SmallLake) -> None:
    """Where it is the target, and where it is only a parameter."""
    known = "there is no account 'nope'. Known: analytics, ewr, fleet, management, platform."
    assert known in refused(lake, "run", "pipelines/validate_drop", "-p", "silo=nope", "-p", "pipeline=flights")
    done = lake.silolake("run", "provisioning/enroll_silo", "-p", "silo=nope", check=False)
    assert done.returncode == 1
    assert known in done.stdout + done.stderr
    assert lake.silolake("plan").stdout.startswith("Nothing to do")


def test_a_question_that_athena_refuses_is_an_error(lake: SmallLake) -> None:
    said = refused(lake, "query", "SELECT nothing FROM delay_causes")
    assert "ended FAILED: COLUMN_NOT_FOUND" in said
    assert "'nobody'" in refused(lake, "query", "SELECT 1", "--as", "ewr/nobody")


# -- Rooms -----------------------------------------------------------------------------------------------------------

VIEW, CONTRACT = Path("cross_silo_views/delay_causes/view.sql"), Path("pipelines/planes/contract.yaml")
EWR = "    email: ewr@nyc-lake.example\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (ORGANIZATION, EWR, EWR + "    colour: red\n", "unknown key 'colour'"),
        (ORGANIZATION, "  fleet:\n", "  ewr:\n", "the key 'ewr' is here twice"),
        (ORGANIZATION, "email: fleet@", "email: ewr@", "the e-mail address ewr@nyc-lake.example is already ewr's"),
        (ORGANIZATION, EWR, EWR + '    id: "12345"\n', "'12345' is not an account id; it has twelve digits"),
        (CONTRACT, "physicalType: string\n        description: Registration", "physicalType: uuid\n        description: Registration", "Glue has no type 'uuid'"),  # noqa: E501
        (VIEW, "    w.temp,\n", "    w.temperature,\n", "temperature"),
    ],
    ids=["unknown key", "account twice", "address twice", "bad id", "a type Glue lacks", "a column no silo has"],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_a_fault_in_a_room_is_told_by_file_and_line_before_anything_is_asked(
    lake: SmallLake, verb: str, file: Path, old: str, new: str, told: str
) -> None:
    text = (lake.root / file).read_text()
    change(lake.root / file, old, new)
    line = 1 + next(n for n, (a, b) in enumerate(pairs(text, (lake.root / file).read_text())) if a != b)
    try:
        before = calls_so_far(lake)
        said = refused(lake, verb)
        assert calls_so_far(lake) == before
    finally:
        (lake.root / file).write_text(text)
    assert told in said
    where, found = said.removeprefix("error: ").split(":")[:2]
    assert where == str(file)
    assert line <= int(found) <= line + 1


def pairs(one: str, other: str) -> Iterator[tuple[str, str]]:
    return zip(one.splitlines(), other.splitlines(), strict=False)


EXTRA = """\
Resources:
  Attic:
    Type: AWS::S3::Bucket
    Properties: {BucketName: "@{lake}-@{account}-@{region}-attic"}
  Thing:
    Type: AWS::Nowhere::Thing
    DependsOn: Attic
"""


def test_a_template_of_an_unknown_type_fails_and_leaves_nothing_behind(lake: SmallLake) -> None:
    before = observe(lake)
    template, organization = lake.root / "provisioning" / "stack_sets" / "attic.yaml", lake.root / ORGANIZATION
    declared = organization.read_text()
    template.write_text(EXTRA)
    organization.write_text(declared + "  attic:\n    units: [silos]\n")
    done = lake.silolake("apply", check=False)
    assert done.returncode == 1
    assert "AWS::Nowhere::Thing" in done.stdout
    template.unlink()
    organization.write_text(declared)
    assert observe(lake) == before
    assert lake.silolake("plan").stdout.startswith("Nothing to do")


def test_an_update_to_an_unknown_type_fails_and_the_stacks_stay_as_they_were(lake: SmallLake) -> None:
    before = observe(lake)["in accounts"]
    template = lake.root / "provisioning" / "stack_sets" / "silo_base.yaml"
    text = template.read_text()
    template.write_text(text + "  Thing:\n    Type: AWS::Nowhere::Thing\n")
    done = lake.silolake("apply", check=False)
    assert done.returncode == 1
    assert "AWS::Nowhere::Thing" in done.stdout
    assert statuses_aside(observe(lake)["in accounts"]) == statuses_aside(before)
    template.write_text(text)
    lake.silolake("apply", check=False)
    assert lake.silolake("plan").stdout.startswith("Nothing to do")
    assert statuses_aside(observe(lake)["in accounts"]) == statuses_aside(before)


def statuses_aside(found: Any) -> Any:
    """The same without how each stack and resource has come to be: created, updated, rolled back to where it was."""
    if isinstance(found, dict):
        return {name: statuses_aside(each) for name, each in found.items()}
    if isinstance(found, list):
        return [statuses_aside(each) for each in found if not (isinstance(each, str) and each.endswith("_COMPLETE"))]
    return found
