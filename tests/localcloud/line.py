"""A pipeline's account: roles, buckets, a project, and short ways of declaring and asking."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from house import House, allow, document, trusts

from silolake.localcloud.call import Caller

PATIENCE_S = 25.0
STORE, CODE = "line-artifacts", "line-code"
SPEC = "version: 0.2\nphases: {build: {commands: [%s]}}\nartifacts: {files: ['**/*']}\n"
BUCKET_TEMPLATE = {"Resources": {"Made": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "line-made"}}}}


def zipped(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def source(output: str = "Source", bucket: str = CODE, key: str = "release/bundle.zip", **more: Any) -> dict[str, Any]:
    configuration = {"S3Bucket": bucket, "S3ObjectKey": key, "PollForSourceChanges": "false"}
    return action("Source", "Source/S3", {**configuration, **more.pop("configuration", {})}, out=[output], **more)


def build(name: str = "Build", project: str = "ship", **more: Any) -> dict[str, Any]:
    given = {"ins": ["Source"], "out": ["Built"], **more}
    return action(name, "Build/CodeBuild", {"ProjectName": project, **given.pop("configuration", {})}, **given)


def deploy(mode: str = "CREATE_UPDATE", name: str = "Deploy", **more: Any) -> dict[str, Any]:
    configuration = {"ActionMode": mode, "StackName": "line", "RoleArn": "@deployer", **more.pop("configuration", {})}
    if mode in ("CREATE_UPDATE", "CHANGE_SET_REPLACE"):
        configuration.setdefault("TemplatePath", "Source::template.json")
    return action(name, "Deploy/CloudFormation", configuration, **{"ins": ["Source"], **more})


def action(name: str, kind: str, configuration: Mapping[str, str], **more: Any) -> dict[str, Any]:
    category, provider = kind.split("/")
    return {
        "name": more.pop("name", name),
        "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
        "configuration": dict(configuration),
        "inputArtifacts": [{"name": each} for each in more.pop("ins", ())],
        "outputArtifacts": [{"name": each} for each in more.pop("out", ())],
        **more,
    }


def stages(*groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("Fetch", "Second", "Third", "Fourth")
    return [{"name": name, "actions": actions} for name, actions in zip(names, groups, strict=False)]


@dataclass
class Line:
    """Somebody who runs pipelines in one account."""

    house: House
    me: Caller
    pipeline_role: str = ""
    deployer: str = ""

    def open(self) -> Line:
        """Roles, buckets, a project that passes on what it gets."""
        self.pipeline_role = self.house.make_role(
            self.me,
            "silo-codepipeline-rl",
            allow(["s3:*", "codebuild:*", "cloudformation:*", "kms:*"]),
            allow("iam:PassRole", "*"),
            trust=document(trusts({"Service": "codepipeline.amazonaws.com"})),
            Path="/lake/pipeline/",
        )
        self.deployer = self.house.make_role(
            self.me, "deployer", allow("*"), trust=document(trusts({"Service": "cloudformation.amazonaws.com"}))
        )
        self.house.make_role(
            self.me, "builder", allow(["s3:*", "kms:*"]), trust=document(trusts({"Service": "codebuild.amazonaws.com"}))
        )
        self.ask("s3:CreateBucket", Bucket=STORE)
        self.project("ship", "true")
        return self

    def open_code(self) -> Line:
        """A versioned bucket with a bundle, of this account's own."""
        self.ask("s3:CreateBucket", Bucket=CODE)
        self.ask("s3:PutBucketVersioning", Bucket=CODE, VersioningConfiguration={"Status": "Enabled"})
        self.bundle()
        return self

    def project(self, name: str, command: str) -> None:
        self.ask(
            "codebuild:CreateProject",
            name=name,
            source={"type": "CODEPIPELINE", "buildspec": SPEC % json.dumps(command)},
            artifacts={"type": "CODEPIPELINE"},
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "c"},
            serviceRole=f"arn:aws:iam::{self.me.account}:role/builder",
        )

    def bundle(self, template: Mapping[str, Any] = BUCKET_TEMPLATE, **files: str) -> str:
        """Put a new version of the bundle; its version id."""
        content = zipped({"template.json": json.dumps(template), **files})
        return str(self.ask("s3:PutObject", Bucket=CODE, Key="release/bundle.zip", Body=content)["VersionId"])

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        service = operation if ":" in operation else f"codepipeline:{operation}"
        return self.house.ask(self.me, service, **parameters)

    def code(self, operation: str, **parameters: Any) -> str:
        return self.house.code(self.me, f"codepipeline:{operation}", **parameters)

    def declared(self, *groups: list[dict[str, Any]], name: str = "leg", **more: Any) -> dict[str, Any]:
        """A pipeline's declaration."""
        text = json.dumps(stages(*groups)).replace("@deployer", self.deployer)
        store = {"type": "S3", "location": STORE, **more.pop("store", {})}
        return {"name": name, "roleArn": self.pipeline_role, "artifactStore": store, "stages": json.loads(text), **more}

    def create(self, *groups: list[dict[str, Any]], name: str = "leg", **more: Any) -> dict[str, Any]:
        """Create a pipeline and wait for the end of its first execution."""
        self.ask("CreatePipeline", pipeline=self.declared(*groups, name=name, **more))
        return self.over(self.executions(name)[0], name)

    def run(self, name: str = "leg", **more: Any) -> dict[str, Any]:
        """Start an execution and wait for its end."""
        return self.over(self.ask("StartPipelineExecution", name=name, **more)["pipelineExecutionId"], name)

    def executions(self, name: str = "leg") -> list[str]:
        """Newest first."""
        found = self.ask("ListPipelineExecutions", pipelineName=name)["pipelineExecutionSummaries"]
        return [each["pipelineExecutionId"] for each in found]

    def look(self, execution: str, name: str = "leg") -> dict[str, Any]:
        asked = {"pipelineName": name, "pipelineExecutionId": execution}
        found: dict[str, Any] = self.ask("GetPipelineExecution", **asked)["pipelineExecution"]
        return found

    def over(self, execution: str, name: str = "leg") -> dict[str, Any]:
        return self.until(lambda: self._if_over(execution, name))

    def _if_over(self, execution: str, name: str) -> dict[str, Any] | None:
        found = self.look(execution, name)
        return None if found["status"] in ("InProgress", "Stopping") else found

    def until(self, look: Any) -> Any:
        """What ``look`` finds, as soon as it finds something."""
        end = time.monotonic() + PATIENCE_S
        while not (found := look()):
            assert time.monotonic() < end, self.states()
            time.sleep(0.02)
        return found

    def states(self, name: str = "leg") -> dict[str, str]:
        """Every action's latest status, with its error's message."""
        found = self.ask("GetPipelineState", name=name)["stageStates"]
        told = {}
        for stage in found:
            for each in stage["actionStates"]:
                latest = each.get("latestExecution", {})
                error = latest.get("errorDetails") or {}
                told[each["actionName"]] = " ".join(
                    part for part in (latest.get("status", ""), error.get("code"), error.get("message")) if part
                )
        return told

    def stages(self, name: str = "leg") -> dict[str, str]:
        found = self.ask("GetPipelineState", name=name)["stageStates"]
        return {each["stageName"]: each.get("latestExecution", {}).get("status", "") for each in found}

    def buckets(self) -> set[str]:
        return {each["Name"] for each in self.ask("s3:ListBuckets")["Buckets"]}

    def stack(self, name: str = "line") -> str:
        return str(self.ask("cloudformation:DescribeStacks", StackName=name)["Stacks"][0]["StackStatus"])
