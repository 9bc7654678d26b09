"""The bucket policy of the published description: as printed, mended, and mended carelessly."""

from __future__ import annotations

from pathlib import Path

import pytest

from silolake.iam import (
    Decision,
    Policies,
    PolicyKind,
    PolicyMalformed,
    Principal,
    Request,
    Resource,
    compile_policy,
    decide,
)

CASES = Path(__file__).parents[1] / "cases" / "policies"
MASTER = "999999999999"
IN_ITS_UNIT = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"
STRANGER = "o-zzzzzzzzzz/r-zz12/ou-zz12-11111111/ou-zz12-22222222/"
ADMINISTRATOR = compile_policy(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    PolicyKind.IDENTITY,
    "AdministratorAccess",
)


def ask(file: str, role: str, org_path: str, action: str = "s3:GetObject", secure: str = "true") -> Decision:
    """Whether a role of a foreign account gets an object of the master account's code bucket."""
    text = (CASES / file).read_text(encoding="utf-8")
    principal = Principal(f"arn:aws:iam::111111111111:role/{role}", "111111111111", "role", org_path=org_path)
    arn = "arn:aws:s3:::bucket.code" if "Bucket" in action else "arn:aws:s3:::bucket.code/any.zip"
    resource = Resource(arn, MASTER)
    policy = compile_policy(text, PolicyKind.RESOURCE, "bucket.code", file)
    request = Request(principal, action, resource, {"aws:SecureTransport": (secure,)})
    return decide(request, Policies(identity=(ADMINISTRATOR,), resource=policy))


def test_as_printed_it_is_refused_and_the_line_is_told() -> None:
    """The stray brace is on line 18; what it cuts off follows on line 19."""
    text = (CASES / "article_as_printed.json").read_text(encoding="utf-8")
    with pytest.raises(PolicyMalformed) as refused:
        compile_policy(text, PolicyKind.RESOURCE, "bucket.code", "article_as_printed.json")
    assert refused.value.line == 18
    assert "line 19" in refused.value.problem
    assert "aws:PrincipalOrgPaths" in str(refused.value)


@pytest.mark.parametrize("org_path", ["", "o-zzzzzzzzzz/r-zz12/", "o-zzzzzzzzzz/r-zz12/ou-zz12-11111111/"])
def test_repaired_carelessly_it_lets_the_whole_world_in(org_path: str) -> None:
    """An account in no organization names a role so, and the one statement admits it."""
    answer = ask("article_repaired_carelessly.json", "evil-codepipeline-rl", org_path)
    assert answer
    assert answer.statement is not None
    assert (answer.statement.policy, answer.statement.index, answer.statement.line) == ("bucket.code", 0, 4)


def test_with_the_brace_moved_a_stranger_two_units_deep_gets_in() -> None:
    """The mask of the print is a wildcard: `o-****` means every organization."""
    assert ask("article_brace_moved.json", "evil-codepipeline-rl", STRANGER)


@pytest.mark.parametrize("org_path", ["", "o-zzzzzzzzzz/r-zz12/"])
def test_with_the_brace_moved_nobody_outside_units_does(org_path: str) -> None:
    """Not the lone account; and not the master account of the article either, whose path is the root."""
    assert not ask("article_brace_moved.json", "a-codepipeline-rl", org_path)


def test_with_the_brace_moved_any_role_of_such_a_name_does_whatever_its_path() -> None:
    """The asterisk crosses slashes, so no path can be kept by a guard rail."""
    assert ask("article_brace_moved.json", "people/mallory/x-codepipeline-rl", IN_ITS_UNIT)


@pytest.mark.parametrize("action", ["s3:GetBucketPolicy", "s3:GetBucketAcl", "s3:GetObjectVersion"])
def test_it_gives_away_more_than_objects(action: str) -> None:
    """`s3:Get*` is also the bucket's own policy."""
    assert ask("article_brace_moved.json", "x-codepipeline-rl", IN_ITS_UNIT, action, secure="false")


def test_it_does_not_list() -> None:
    """ListBucket begins with another word."""
    assert not ask("article_brace_moved.json", "x-codepipeline-rl", IN_ITS_UNIT, "s3:ListBucket")
