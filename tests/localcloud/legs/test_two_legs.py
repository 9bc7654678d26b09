"""Code reaches a silo in two legs: signed in the platform, verified and deployed by the silo's own pipeline."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house import House, document, trusts

from silolake.localcloud import certificates
from silolake.localcloud.cloud import Reached
from silolake.localcloud.door import Door
from silolake.localcloud.engines.codebuild.place import place_of
from silolake.localcloud.engines.codebuild.records import find_build
from silolake.localcloud.gateway import Gateway
from silolake.localcloud.listening import bound, serving

CODE, SOURCE = "legs-code", "legs-source"
LEG_TWO = (Path(__file__).parent / "leg_two.yaml").read_text()
ROLE = "arn:aws:iam::*:role/lake/pipeline/silo-codepipeline-rl"
# Leg one: the commit's files, zipped to the same bytes whenever they are the same, signed, and put as one object.
BUNDLES = """
version: 0.2
phases:
  build:
    commands:
      - |
        python - <<'END'
        import boto3, hashlib, io, os, pathlib, zipfile
        def pack(files):
            made = io.BytesIO()
            with zipfile.ZipFile(made, "w") as archive:
                for name in sorted(files):
                    archive.writestr(zipfile.ZipInfo(name), files[name])
            return made.getvalue()
        content = pack({"template.json": pathlib.Path("template.json").read_bytes()})
        signed = boto3.client("kms").sign(
            KeyId=os.environ["SIGNING_KEY"], Message=hashlib.sha256(content).digest(), MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        bundle = pack({"content.zip": content, "signature": signed["Signature"]})
        boto3.client("s3").put_object(Bucket=os.environ["CODE"], Key="release/bundle.zip", Body=bundle)
        END
"""


def _template(name: str) -> str:
    """What a commit wants the silo to hold."""
    made = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}
    outputs = {"Digest": {"Value": {"Ref": "Digest"}}}
    return json.dumps({"Parameters": {"Digest": {"Type": "String"}}, "Resources": {"Own": made}, "Outputs": outputs})


class Legs:
    """A platform that publishes bundles, and silos that fetch them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.silos, self.others = house.unit("silos"), house.unit("others")
        self.platform = house.admin(house.member("platform"))
        organization = house.ask(house.management, "organizations:DescribeOrganization")["Organization"]["Id"]
        in_silos = {
            "StringEquals": {"aws:PrincipalOrgID": organization},
            "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [f"{organization}/*/{self.silos}/*"]},
        }
        pipelines = {**in_silos, "ArnLike": {"aws:PrincipalArn": ROLE}}
        account = {"AWS": f"arn:aws:iam::{self.platform.account}:root"}
        self.key = self.ask(
            "kms:CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY",
            Policy=document(
                {"Effect": "Allow", "Principal": account, "Action": "kms:*", "Resource": "*"},
                {"Effect": "Allow", "Principal": "*", "Action": "kms:Verify", "Resource": "*", "Condition": in_silos},
            ),
        )["KeyMetadata"]["Arn"]  # fmt: skip
        for bucket in (CODE, SOURCE):
            self.ask("s3:CreateBucket", Bucket=bucket)
        self.ask("s3:PutBucketVersioning", Bucket=CODE, VersioningConfiguration={"Status": "Enabled"})
        read = {"Effect": "Allow", "Principal": "*", "Condition": pipelines}
        release = [f"arn:aws:s3:::{CODE}/release/*"]
        self.ask(
            "s3:PutBucketPolicy", Bucket=CODE,
            Policy=document(
                {**read, "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": release},
                {**read, "Action": "s3:GetBucketVersioning", "Resource": f"arn:aws:s3:::{CODE}"},
            ),
        )  # fmt: skip
        bundler = house.make_role(
            self.platform, "bundler", {"Effect": "Allow", "Action": ["s3:*", "kms:Sign"], "Resource": "*"},
            trust=document(trusts({"Service": "codebuild.amazonaws.com"})),
        )  # fmt: skip
        variables = [{"name": "SIGNING_KEY", "value": self.key}, {"name": "CODE", "value": CODE}]
        self.ask(
            "codebuild:CreateProject", name="leg-one", serviceRole=bundler, artifacts={"type": "NO_ARTIFACTS"},
            source={"type": "S3", "location": f"{SOURCE}/commit.zip", "buildspec": BUNDLES},
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "c",
                         "environmentVariables": variables},
        )  # fmt: skip

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.house.ask(self.platform, operation, **parameters)

    def publish(self, template: str) -> str:
        """Leg one: the bundle's version id."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("template.json", template)
        self.ask("s3:PutObject", Bucket=SOURCE, Key="commit.zip", Body=made.getvalue())
        build = self.ask("codebuild:StartBuild", projectName="leg-one")["build"]["id"]
        end = time.monotonic() + 30
        while not (found := self.ask("codebuild:BatchGetBuilds", ids=[build])["builds"][0])["buildComplete"]:
            assert time.monotonic() < end
            time.sleep(0.05)
        with self.house.cloud.store.read() as connection:
            kept = find_build(connection, found["arn"])
        assert kept is not None
        assert found["buildStatus"] == "SUCCEEDED", place_of(self.house.cloud, kept).log.read_text()
        return str(self.ask("s3:HeadObject", Bucket=CODE, Key="release/bundle.zip")["VersionId"])

    def night_comes(self) -> None:
        """Three o'clock, when the silos' schedules start their pipelines."""
        clock = self.house.cloud.clock
        three = (clock.now() + timedelta(days=1)).replace(hour=3, minute=0, second=0, microsecond=0)
        clock.advance((three - clock.now()).total_seconds() + 1)

    def tamper(self) -> None:
        """Somebody who can write the bundle, and cannot sign, puts something else under the old signature."""
        with zipfile.ZipFile(io.BytesIO(self.bundle())) as archive:
            signature = archive.read("signature")
        content, made = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("template.json", _template("legs-evil"))
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("content.zip", content.getvalue())
            archive.writestr("signature", signature)
        self.ask("s3:PutObject", Bucket=CODE, Key="release/bundle.zip", Body=made.getvalue())

    def bundle(self) -> bytes:
        content: bytes = self.ask("s3:GetObject", Bucket=CODE, Key="release/bundle.zip")["Body"].read()
        return content


class Silo:
    """One silo with its second leg."""

    def __init__(self, legs: Legs, name: str, unit: str) -> None:
        self.house, self.me = legs.house, legs.house.admin(legs.house.member(name, unit))
        parameters = {"CodeBucket": CODE, "SigningKey": legs.key}
        self.ask(
            "cloudformation:CreateStack", StackName="leg-two", TemplateBody=LEG_TWO,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )  # fmt: skip
        (stack,) = self.ask("cloudformation:DescribeStacks", StackName="leg-two")["Stacks"]
        events = self.ask("cloudformation:DescribeStackEvents", StackName="leg-two")["StackEvents"]
        assert stack["StackStatus"] == "CREATE_COMPLETE", [each.get("ResourceStatusReason") for each in events]

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.house.ask(self.me, operation, **parameters)

    def newest(self, count: int) -> dict[str, Any]:
        """The newest execution, when there are so many and it has come to its end."""
        end = time.monotonic() + 30
        while True:
            found = self.ask("codepipeline:ListPipelineExecutions", pipelineName="silo-leg")
            executions: list[dict[str, Any]] = found["pipelineExecutionSummaries"]
            if len(executions) == count and executions[0]["status"] != "InProgress":
                return executions[0]
            assert time.monotonic() < end, (executions, self.errors())
            time.sleep(0.05)

    def errors(self) -> str:
        states = self.ask("codepipeline:GetPipelineState", name="silo-leg")["stageStates"]
        latest = [each.get("latestExecution", {}) for stage in states for each in stage["actionStates"]]
        return " ".join((each.get("errorDetails") or {}).get("message", "") for each in latest)

    def owns(self) -> set[str]:
        return {each["Name"] for each in self.ask("s3:ListBuckets")["Buckets"] if "artifacts" not in each["Name"]}


@pytest.fixture
def legs(organized: House) -> Iterator[Legs]:
    """An organization whose local cloud is reached over HTTPS too, for the builds' own boto3."""
    cloud = organized.cloud
    gateway = Gateway(cloud, Door(cloud, "token", threading.Event().set))
    with bound(gateway, 0, certificates.ensure(cloud.directory)) as https, serving(https):
        cloud.reached = Reached(f"https://127.0.0.1:{https.bind_addr[1]}", str(cloud.directory / "ca.pem"))
        yield Legs(organized)


def test_a_commit_reaches_the_silo_at_night_and_a_tampered_one_does_not(legs: Legs) -> None:
    first = legs.publish(_template("legs-one"))
    before = legs.bundle()
    silo = Silo(legs, "ewr", legs.silos)
    assert silo.newest(1)["status"] == "Succeeded", silo.errors()
    assert silo.owns() == {"legs-one"}

    legs.publish(_template("legs-two"))
    legs.night_comes()
    assert silo.newest(2)["status"] == "Succeeded", silo.errors()
    assert silo.owns() == {"legs-two"}

    legs.tamper()
    legs.night_comes()
    assert silo.newest(3)["status"] == "Failed"
    assert "COMMAND_EXECUTION_ERROR" in silo.errors()
    assert silo.owns() == {"legs-two"}

    revision = {"actionName": "Bundle", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": first}
    silo.ask("codepipeline:StartPipelineExecution", name="silo-leg", sourceRevisions=[revision])
    assert silo.newest(4)["status"] == "Succeeded", silo.errors()
    assert silo.owns() == {"legs-one"}

    legs.publish(_template("legs-one"))
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(io.BytesIO(legs.bundle())) as new:
        assert old.read("content.zip") == new.read("content.zip"), "the same commit makes the same bytes"


def test_an_account_outside_the_silos_unit_fetches_nothing(legs: Legs) -> None:
    legs.publish(_template("legs-one"))
    stranger = Silo(legs, "stranger", legs.others)
    assert stranger.newest(1)["status"] == "Failed"
    assert "Error Code: AccessDenied" in stranger.errors()
    assert stranger.owns() == set()
