"""A project, its role and its bucket; and waiting for a build."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from house import House, allow, document, trusts

from silolake.localcloud.call import Caller

PATIENCE_S = 20.0
BUCKET = "site-of-builds"
SERVICE = {"Service": "codebuild.amazonaws.com"}
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}


def spec(*commands: str, more: str = "", **phases: str) -> str:
    """A buildspec; the commands are those of its build phase."""
    lines = ["version: 0.2", *more.splitlines(), "phases:"]
    if commands:
        phases["build"] = "\n".join(["commands:", *(f"  - {each}" for each in commands)])
    for name, text in phases.items():
        lines += [f"  {name}:", *(f"    {line}" for line in text.splitlines())]
    return "\n".join(lines) + "\n"


def zipped(files: Mapping[str, str]) -> bytes:
    """A zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


@dataclass
class Site:
    """Builds in one account of a local cloud."""

    house: House
    me: Caller
    role: str = ""
    made: list[str] = field(default_factory=list)

    def open(self) -> Site:
        trust = document(trusts(SERVICE))
        self.role = self.house.make_role(self.me, "builder", allow("s3:*"), allow("sts:*"), trust=trust)
        self.house.ask(self.me, "s3:CreateBucket", Bucket=BUCKET)
        return self

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.house.ask(self.me, f"codebuild:{operation}", **parameters)

    def code(self, operation: str, **parameters: Any) -> str:
        return self.house.code(self.me, f"codebuild:{operation}", **parameters)

    def asked(self, buildspec: str = "", **more: Any) -> dict[str, Any]:
        """What ``CreateProject`` is asked."""
        return {
            "name": "ship",
            "source": {"type": "NO_SOURCE", "buildspec": buildspec or spec("true")},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": ENVIRONMENT,
            "serviceRole": self.role,
            **more,
        }

    def project(self, buildspec: str = "", **more: Any) -> str:
        """A new project's name."""
        name = more.pop("name", f"ship-{len(self.made)}")
        self.made.append(name)
        self.ask("CreateProject", **self.asked(buildspec, name=name, **more))
        return name

    def start(self, name: str, **more: Any) -> str:
        return str(self.ask("StartBuild", projectName=name, **more)["build"]["id"])

    def look(self, build: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("BatchGetBuilds", ids=[build])["builds"][0]
        return found

    def over(self, build: str) -> dict[str, Any]:
        """The build when it has come to its end."""
        end = time.monotonic() + PATIENCE_S
        while not (found := self.look(build))["buildComplete"]:
            assert time.monotonic() < end, found
            time.sleep(0.02)
        return found

    def build(self, buildspec: str = "", **more: Any) -> dict[str, Any]:
        """Make a project, build it, and wait for the end."""
        return self.over(self.start(self.project(buildspec, **more)))

    def log(self, build: str, until: str = "") -> str:
        """What a build has printed; waits until it says something."""
        from silolake.localcloud.engines.codebuild.place import place_of
        from silolake.localcloud.engines.codebuild.records import build_arn, find_build

        end = time.monotonic() + PATIENCE_S
        while True:
            with self.house.cloud.store.read() as connection:
                found = find_build(connection, build_arn(self.me.account, "us-east-1", build))
            assert found is not None
            path = place_of(self.house.cloud, found).log
            text = path.read_text() if path.exists() else ""
            if until in text:
                return text
            assert time.monotonic() < end, text
            time.sleep(0.02)

    def put(self, key: str, content: bytes) -> None:
        self.house.ask(self.me, "s3:PutObject", Bucket=BUCKET, Key=key, Body=content)

    def got(self, key: str) -> bytes:
        content: bytes = self.house.ask(self.me, "s3:GetObject", Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def printed(self, build: Mapping[str, Any]) -> list[str]:
        """What the commands themselves printed."""
        return [line for line in self.log(build["id"]).splitlines() if not line.startswith("[Container]")]


def failed(build: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The phases that did not go well: status code and message."""
    return {
        each["phaseType"]: (each["contexts"][0]["statusCode"], each["contexts"][0]["message"])
        for each in build["phases"]
        if each.get("phaseStatus", "SUCCEEDED") != "SUCCEEDED"
    }


def phases(build: Mapping[str, Any]) -> list[str]:
    return [each["phaseType"] for each in build["phases"]]
