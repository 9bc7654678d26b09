"""A decision carries its reasons: as lines, as JSON, as a table in a notebook."""

from __future__ import annotations

import json

from silolake.iam import Policies, PolicyKind, Request, Resource, compile_policy, decide

from .world import read_principal

BUCKET_POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ReadFromSilos",
      "Effect": "Allow",
      "Principal": "*",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::code/*",
      "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/r-ab12/ou-ab12-silos000/*"}}
    },
    {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
     "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
  ]
}"""
BUCKET = compile_policy(BUCKET_POLICY, PolicyKind.RESOURCE, "bucket policy of code", "policies/code.bucket.json")
READ = compile_policy(
    {"Version": "2012-10-17", "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}]},
    PolicyKind.IDENTITY,
    "lake-read",
)
OBJECT = Resource("arn:aws:s3:::code/app.zip", "222222222222")


def ask(who: str, secure: str = "true") -> Request:
    return Request(read_principal(who), "s3:GetObject", OBJECT, {"aws:SecureTransport": (secure,)})


def test_an_allow_names_the_statement_its_file_and_its_line() -> None:
    """The reader can open the file at the statement."""
    decision = decide(ask("ewr:role/pipeline"), Policies(identity=(READ,), resource=BUCKET))
    assert decision.explain().splitlines() == [
        "allow: bucket policy of code / ReadFromSilos (policies/code.bucket.json:4) allows s3:GetObject on "
        "arn:aws:s3:::code/app.zip for arn:aws:sts::111111111111:assumed-role/pipeline/at-work",
        "  resource policy: allow by bucket policy of code / ReadFromSilos (policies/code.bucket.json:4)",
        "  identity policy: allow by lake-read / Read",
    ]


def test_an_implicit_deny_names_the_condition_that_failed_and_on_what() -> None:
    """A near miss says key, value and what was wanted."""
    decision = decide(ask("analytics:role/pipeline"), Policies(identity=(READ,), resource=BUCKET))
    assert decision.explain().splitlines() == [
        "implicit deny: no resource policy allows s3:GetObject on arn:aws:s3:::code/app.zip for "
        "arn:aws:sts::444444444444:assumed-role/pipeline/at-work",
        "  resource policy: implicit deny",
        "  identity policy: allow by lake-read / Read",
        "  bucket policy of code / ReadFromSilos (policies/code.bucket.json:4) did not match: "
        "aws:PrincipalOrgPaths is o-abcdefghij/r-ab12/ou-ab12-analytic/; "
        "ForAnyValue:StringLike wants o-abcdefghij/r-ab12/ou-ab12-silos000/*",
    ]
    (miss,) = decision.near_misses
    assert (miss.statement.sid, miss.mismatches[0].key) == ("ReadFromSilos", "aws:PrincipalOrgPaths")
    assert miss.mismatches[0].found == ("o-abcdefghij/r-ab12/ou-ab12-analytic/",)


def test_an_explicit_deny_names_its_statement() -> None:
    """The statement that denies comes first."""
    decision = decide(ask("ewr:role/pipeline", secure="false"), Policies(identity=(READ,), resource=BUCKET))
    assert decision.explain().startswith(
        "explicit deny: bucket policy of code / Tls (policies/code.bucket.json:12) denies s3:GetObject on "
    )
    assert decision.near_misses == ()


def test_a_deny_that_nothing_came_near_says_so() -> None:
    """An empty list of near misses is told in words."""
    decision = decide(ask("ewr:role/pipeline"), Policies())
    assert decision.explain().splitlines()[-1] == "  no statement there speaks of s3:GetObject"


def test_near_misses_come_nearest_first_and_only_from_layers_that_did_not_allow() -> None:
    """What failed on one thing stands before what failed on two; a layer that allows has none."""
    far = {
        "Sid": "Far",
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::x",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    near = {"Sid": "Near", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::y"}
    other = {"Sid": "Other", "Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    identity = compile_policy({"Version": "2012-10-17", "Statement": [far, near, other]}, PolicyKind.IDENTITY, "p")
    decision = decide(ask("ewr:role/pipeline"), Policies(identity=(identity,), resource=BUCKET))
    assert [miss.statement.sid for miss in decision.near_misses] == ["Near", "Far"]


def test_a_layer_that_allows_has_no_near_misses() -> None:
    """The owner's other statements are no reason where the caller's own account is silent."""
    elsewhere = {
        "Sid": "Elsewhere",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::x",
    }
    here = {**elsewhere, "Sid": "Here", "Resource": "arn:aws:s3:::code/*"}
    bucket = compile_policy({"Version": "2012-10-17", "Statement": [elsewhere, here]}, PolicyKind.RESOURCE, "bucket")
    decision = decide(ask("analytics:role/pipeline"), Policies(resource=bucket))
    assert decision.layer is PolicyKind.IDENTITY
    assert decision.near_misses == ()


def test_json_says_what_the_lines_say() -> None:
    """The answer for programs has the same statement, layer and near misses."""
    decision = decide(ask("analytics:role/pipeline"), Policies(identity=(READ,), resource=BUCKET))
    said = json.loads(json.dumps(decision.to_json()))
    assert said["effect"] == "implicit deny"
    assert said["layer"] == "resource policy"
    assert said["statement"] is None
    assert said["request"]["principal"] == "arn:aws:iam::444444444444:role/pipeline"
    assert [verdict["effect"] for verdict in said["verdicts"]] == ["implicit deny", "allow"]
    assert said["verdicts"][1]["statement"]["sid"] == "Read"
    assert said["near_misses"][0]["mismatches"][0]["key"] == "aws:PrincipalOrgPaths"


def test_a_notebook_shows_a_table() -> None:
    """One row for each layer."""
    shown = decide(ask("ewr:role/pipeline"), Policies(identity=(READ,), resource=BUCKET))._repr_markdown_()
    assert "| identity policy | allow | lake-read / Read |  |" in shown


def test_aws_words_for_each_kind_of_policy() -> None:
    """Access-denied messages name the kinds as AWS does."""
    assert PolicyKind.RESOURCE.in_error_messages == "resource-based policy"
    assert PolicyKind.SCP.in_error_messages == "service control policy"
