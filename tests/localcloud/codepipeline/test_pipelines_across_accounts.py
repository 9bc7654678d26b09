"""The second leg's point: only a silo's pipeline role, in the silos' unit, reads the platform's bundle."""

from __future__ import annotations

from typing import Any

import pytest
from house import House, document, trusts
from line import CODE, Line, build, source

from silolake.localcloud.call import Caller

ROLE = "arn:aws:iam::*:role/lake/pipeline/silo-codepipeline-rl"


def _reads(unit: str, organization: str) -> dict[str, Any]:
    """The condition of the code bucket's and key's statements."""
    return {
        "StringEquals": {"aws:PrincipalOrgID": organization},
        "ArnLike": {"aws:PrincipalArn": ROLE},
        "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [f"{organization}/*/{unit}/*"]},
    }


class Lake:
    """A platform account with a sealed bundle, silos in their unit, and others outside it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.silos, self.others = house.unit("silos"), house.unit("others")
        platform = house.member("platform")
        self.platform = house.admin(platform)
        organization = house.ask(house.management, "organizations:DescribeOrganization")["Organization"]["Id"]
        condition = _reads(self.silos, organization)
        root = {"Effect": "Allow", "Principal": {"AWS": platform}, "Action": "kms:*", "Resource": "*"}
        everyone = {"Effect": "Allow", "Principal": "*", "Condition": condition}
        key = house.ask(
            self.platform, "kms:CreateKey",
            Policy=document(root, {**everyone, "Action": "kms:Decrypt", "Resource": "*"}),
        )["KeyMetadata"]["Arn"]  # fmt: skip
        house.ask(self.platform, "s3:CreateBucket", Bucket=CODE)
        house.ask(self.platform, "s3:PutBucketVersioning", Bucket=CODE, VersioningConfiguration={"Status": "Enabled"})
        arn = f"arn:aws:s3:::{CODE}"
        house.ask(
            self.platform, "s3:PutBucketPolicy", Bucket=CODE,
            Policy=document(
                {**everyone, "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": f"{arn}/release/*"},
                {**everyone, "Action": ["s3:GetBucketVersioning", "s3:GetBucketLocation"], "Resource": arn},
            ),
        )  # fmt: skip
        self.leg = Line(house, self.platform)
        house.ask(
            self.platform, "s3:PutObject", Bucket=CODE, Key="release/bundle.zip", Body=b"PK\x05\x06" + bytes(18),
            ServerSideEncryption="aws:kms", SSEKMSKeyId=key,
        )  # fmt: skip

    def silo(self, name: str, unit: str) -> Caller:
        return self.house.admin(self.house.member(name, unit))


@pytest.fixture
def lake(organized: House) -> Lake:
    return Lake(organized)


def test_a_silos_pipeline_reads_the_bundle(lake: Lake) -> None:
    line = Line(lake.house, lake.silo("ewr", lake.silos)).open()
    found = line.create([source()], [build(out=[])])
    assert found["status"] == "Succeeded", line.states()


def test_a_pipeline_outside_the_silos_unit_is_refused_in_s3s_words(lake: Lake) -> None:
    line = Line(lake.house, lake.silo("stranger", lake.others)).open()
    found = line.create([source()], [build(out=[])])
    assert found["status"] == "Failed"
    said = line.states()["Source"]
    assert "PermissionError Insufficient permissions" in said
    assert "AccessDenied" in said
    assert "s3:GetBucketVersioning" in said
    assert line.states()["Build"] == ""


def test_a_role_of_another_name_in_the_unit_is_refused(lake: Lake) -> None:
    line = Line(lake.house, lake.silo("ewr", lake.silos)).open()
    own = lake.house.make_role(
        line.me, "other", {"Effect": "Allow", "Action": ["s3:*", "kms:*", "codebuild:*"], "Resource": "*"},
        trust=document(trusts({"Service": "codepipeline.amazonaws.com"})),
    )  # fmt: skip
    line.pipeline_role = own
    assert line.create([source()], [build(out=[])])["status"] == "Failed"
    assert "AccessDenied" in line.states()["Source"]


def test_a_silo_that_leaves_its_unit_no_longer_reads(lake: Lake) -> None:
    caller = lake.silo("ewr", lake.silos)
    line = Line(lake.house, caller).open()
    assert line.create([source()], [build(out=[])])["status"] == "Succeeded"
    lake.house.move(caller.account, lake.silos, lake.others)
    assert line.run()["status"] == "Failed"
    assert "AccessDenied" in line.states()["Source"]
    lake.house.move(caller.account, lake.others, lake.silos)
    assert line.run()["status"] == "Succeeded", line.states()


def test_what_is_outside_the_release_prefix_stays_the_platforms(lake: Lake) -> None:
    lake.house.ask(lake.platform, "s3:PutObject", Bucket=CODE, Key="private.zip", Body=b"x")
    line = Line(lake.house, lake.silo("ewr", lake.silos)).open()
    assert line.create([source(key="private.zip")], [build(out=[])])["status"] == "Failed"
    assert "s3:GetObject" in line.states()["Source"]
