"""``silolake why``: what decided the last denial, and whom a policy would let in, the published one among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from silolake.errors import CloudError

from .conftest import Lake
from .doors import refused
from .workspaces import ROOT, silolake

CASES = ROOT / "tests" / "cases" / "policies"
OBJECT = "arn:aws:s3:::bucket.code/release.zip"
OUTSIDER = "arn:aws:iam::111111111111:role/evil-codepipeline-rl"


def judged(folder: Path, file: str, *further: str, who: str = OUTSIDER) -> str:
    """What ``why`` says to a policy, typed anywhere: it needs no lake."""
    asked = ("--policy", str(CASES / file), "--principal", who, "--resource", OBJECT, "--owner", "999999999999")
    return silolake(folder, "why", *asked, *further).stdout


def test_the_published_policy_as_printed_is_refused_with_its_line(tmp_path: Path) -> None:
    """The brace that closes too early is on line 18; the exit code tells."""
    asked = ("--policy", str(CASES / "article_as_printed.json"), "--principal", OUTSIDER, "--resource", OBJECT)
    done = silolake(tmp_path, "why", *asked, check=False)
    assert done.returncode == 1
    assert "article_as_printed.json:18" in done.stderr
    assert "aws:PrincipalOrgPaths" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_repaired_carelessly_it_lets_an_outsider_in_and_why_shows_by_which_statement(tmp_path: Path) -> None:
    """A role of that name in an account of no organization."""
    said = judged(tmp_path, "article_repaired_carelessly.json")
    assert said.startswith("allow")
    assert OUTSIDER in said
    assert "article_repaired_carelessly.json:4" in said
    told = json.loads(judged(tmp_path, "article_repaired_carelessly.json", "--json"))
    assert told["effect"] == "allow"


def test_with_the_brace_moved_the_same_outsider_is_kept_out_and_why_shows_by_which_condition(tmp_path: Path) -> None:
    """It hangs in no unit of any organization."""
    said = judged(tmp_path, "article_brace_moved.json")
    assert said.startswith("implicit deny")
    assert "aws:PrincipalOrgPaths" in said


def test_with_the_brace_moved_a_strangers_organization_is_let_in(tmp_path: Path) -> None:
    """The print masks the ids with asterisks, and an asterisk is a wildcard."""
    stranger = "o-zzzzzzzzzz/r-zz12/ou-zz12-11111111/ou-zz12-22222222/"
    assert judged(tmp_path, "article_brace_moved.json", "--path", stranger).startswith("allow")


def test_a_role_of_another_name_is_kept_out(tmp_path: Path) -> None:
    """Why names the condition that it did not meet."""
    said = judged(tmp_path, "article_repaired_carelessly.json", who="arn:aws:iam::111111111111:role/somebody")
    assert said.startswith("implicit deny")
    assert "aws:PrincipalArn" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--policy", "latin.json", "--principal", OUTSIDER, "--resource", OBJECT), "latin.json is not UTF-8 text"),
        (("--policy", "good.json", "--principal", "x", "--resource", OBJECT), "'x' is no role's ARN"),
        (("--policy", "good.json", "--principal", OUTSIDER), "Give --principal and --resource"),
        (("--principal", OUTSIDER), "Give --policy"),
        (("--owner", "999999999999"), "Give --policy"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence_and_exit_code_1(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "latin.json").write_bytes('{"Version": "2012-10-17", "Id": "Zürich"}'.encode("latin-1"))
    (tmp_path / "good.json").write_bytes((CASES / "article_brace_moved.json").read_bytes())
    done = silolake(tmp_path, "why", *words, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and told in line


@pytest.mark.xdist_group("lake")
def test_why_of_a_request_that_nobody_knows_is_exit_code_1(lake: Lake) -> None:
    for further in ((), ("--json",)):
        done = lake.silolake("why", "00000000-0000-0000-0000-000000000000", *further, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert "no decision of a request" in done.stderr


@pytest.mark.xdist_group("lake")
def test_s3_refuses_the_published_policy_as_printed(lake: Lake) -> None:
    """PutBucketPolicy answers MalformedPolicy, and the bucket keeps the policy it had."""
    owner, bucket = lake.as_("platform", "OrganizationAccountAccessRole"), lake.bucket("platform", "code")
    before = owner.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"]
    printed = (CASES / "article_as_printed.json").read_text(encoding="utf-8")
    with pytest.raises(CloudError) as said:
        owner.call("s3", "put_bucket_policy", Bucket=bucket, Policy=printed.replace("bucket.code", bucket))
    assert said.value.code == "MalformedPolicy"
    assert owner.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"] == before


@pytest.mark.xdist_group("lake")
def test_why_tells_the_last_denial(lake: Lake) -> None:
    """Who asked for what, which statement of which policy decided, and where that policy is attached."""
    analyst, bucket = lake.as_("ewr", "analyst"), lake.bucket("jfk", "processed")
    refused(lambda: analyst.call("s3", "list_objects_v2", Bucket=bucket))
    said = lake.silolake("why").stdout
    assert f"s3:ListBucket on arn:aws:s3:::{bucket}" in said
    assert "assumed-role/analyst" in said
    assert "explicit deny" in said
    assert "SiloIsolation" in said
    assert "silo_isolation" in said


@pytest.mark.xdist_group("lake")
def test_why_tells_any_request_by_its_id(lake: Lake) -> None:
    """The id stands in every answer of AWS; a denial's and an allowance's alike."""
    analyst, bucket = lake.as_("ewr", "analyst"), lake.bucket("ewr", "processed")
    answer = analyst.call("s3", "list_objects_v2", Bucket=bucket)
    said = lake.silolake("why", answer["ResponseMetadata"]["RequestId"]).stdout
    assert f"s3:ListBucket on arn:aws:s3:::{bucket}" in said
    assert "allow" in said
    assert "ListProcessed" in said


@pytest.mark.xdist_group("lake")
def test_why_tells_what_was_missing(lake: Lake) -> None:
    """Nothing allowed it, so no statement is to blame; those that came near are told."""
    analyst = lake.as_("analytics", "analyst")
    key = "flights/forged.parquet"
    refused(lambda: analyst.call("s3", "put_object", Bucket=lake.bucket("ewr", "processed"), Key=key, Body=b"a"))
    (told,) = json.loads(lake.silolake("why", "--json").stdout)
    assert told["action"] == "s3:PutObject"
    assert told["decision"]["effect"] == "implicit deny"
    assert "implicit deny" in told["decision"]["text"]
