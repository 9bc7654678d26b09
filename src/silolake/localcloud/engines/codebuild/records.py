"""Projects and builds, as they lie in the store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from silolake.localcloud.errors import AwsError

IN_PROGRESS = "IN_PROGRESS"
PRINCIPAL = "codebuild.amazonaws.com"


def invalid(message: str) -> AwsError:
    """CodeBuild's word for a request that makes no sense."""
    return AwsError("InvalidInputException", message)


def not_found(message: str) -> AwsError:
    """CodeBuild's word for something that is not there."""
    return AwsError("ResourceNotFoundException", message)


@dataclass(frozen=True, slots=True)
class Project:
    """A project.

    Attributes:
        body: as ``CreateProject`` was asked, with what it leaves open.
        builds: how many there have been.
    """

    arn: str
    account: str
    region: str
    name: str
    body: Mapping[str, Any]
    builds: int
    created_at: datetime
    modified_at: datetime

    def shown(self) -> dict[str, Any]:
        """As ``BatchGetProjects`` answers it."""
        key = f"arn:aws:kms:{self.region}:{self.account}:alias/aws/s3"
        times = {"created": self.created_at, "lastModified": self.modified_at}
        return {"encryptionKey": key, "badge": {"badgeEnabled": False}, **self.body, "arn": self.arn, **times}

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return {each["key"]: each["value"] for each in self.body.get("tags", ())}


def project_arn(account: str, region: str, name: str) -> str:
    """The ARN that a project has or would have."""
    return f"arn:aws:codebuild:{region}:{account}:project/{name}"


def find_project(connection: sqlite3.Connection, arn: str) -> Project | None:
    """A project. Reads only."""
    row = connection.execute("SELECT * FROM codebuild_projects WHERE arn = ?", (arn,)).fetchone()
    return _project(row) if row else None


def projects_of(connection: sqlite3.Connection, account: str, region: str) -> list[Project]:
    """An account's projects. Reads only."""
    query = "SELECT * FROM codebuild_projects WHERE account = ? AND region = ?"
    return [_project(row) for row in connection.execute(query, (account, region)).fetchall()]


def _project(row: sqlite3.Row) -> Project:
    values: dict[str, Any] = dict(row)
    for member in ("created_at", "modified_at"):
        values[member] = datetime.fromisoformat(values[member])
    return Project(**{**values, "body": json.loads(values["body"])})


def put_project(connection: sqlite3.Connection, project: Project) -> None:
    """Keep a project; the count of its builds stays. Writes."""
    connection.execute(
        "INSERT INTO codebuild_projects (arn, account, region, name, body, created_at, modified_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (arn) DO UPDATE SET body = excluded.body,"
        " modified_at = excluded.modified_at",
        (
            project.arn, project.account, project.region, project.name, json.dumps(project.body),
            project.created_at.isoformat(), project.modified_at.isoformat(),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Artifact:
    """A zip in a pipeline's bucket, handed in or to be made.

    Attributes:
        key_arn: the KMS key it is sealed with; empty for S3's own.
        version_id: empty for the current one.
    """

    name: str
    bucket: str
    key: str
    key_arn: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True)
class Handed:
    """What a pipeline hands to a build.

    Attributes:
        initiator: ``codepipeline/<pipeline>``; empty for a build that somebody started by itself.
        inputs: the primary one first.
    """

    initiator: str = ""
    inputs: tuple[Artifact, ...] = ()
    outputs: tuple[Artifact, ...] = ()

    def to_json(self) -> str:
        """As it lies in the store."""

        def plain(artifacts: tuple[Artifact, ...]) -> list[list[str]]:
            return [[each.name, each.bucket, each.key, each.key_arn, each.version_id] for each in artifacts]

        return json.dumps([self.initiator, plain(self.inputs), plain(self.outputs)])

    @classmethod
    def from_json(cls, text: str) -> Handed:
        """From the store."""
        initiator, inputs, outputs = json.loads(text)
        return cls(initiator, tuple(Artifact(*each) for each in inputs), tuple(Artifact(*each) for each in outputs))


@dataclass(frozen=True, slots=True)
class Build:
    """One build.

    Attributes:
        body: as ``BatchGetBuilds`` answers it, times as ISO 8601.
        token, asked: the idempotency token, and the digest of what was asked with it.
    """

    arn: str
    account: str
    region: str
    project: str
    status: str
    body: Mapping[str, Any]
    handed: Handed = field(default_factory=Handed)
    token: str = ""
    asked: str = ""
    sequence: int = 0

    @property
    def uuid(self) -> str:
        """What tells it from the project's other builds."""
        return self.arn.rpartition(":")[2]

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end, whichever."""
        return self.status != IN_PROGRESS

    def with_(self, **members: Any) -> Build:
        """The same build, members of its body changed."""
        return replace(self, body={**self.body, **members})

    def shown(self) -> dict[str, Any]:
        """As ``BatchGetBuilds`` answers it."""
        phases = [_timed(each) for each in self.body["phases"]]
        return {**_timed(self.body), "phases": phases, "buildStatus": self.status, "buildComplete": self.is_over}


def _timed(body: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(body[name]) for name in ("startTime", "endTime") if name in body}
    return {**body, **times}


def build_arn(account: str, region: str, name: str) -> str:
    """The ARN of a build by its id, ``project:uuid``."""
    return f"arn:aws:codebuild:{region}:{account}:build/{name}"


def find_build(connection: sqlite3.Connection, arn: str) -> Build | None:
    """A build. Reads only."""
    row = connection.execute("SELECT * FROM codebuild_builds WHERE arn = ?", (arn,)).fetchone()
    return _build(row) if row else None


def builds_where(connection: sqlite3.Connection, where: str, *values: str) -> list[Build]:
    """Builds, oldest first. Reads only.

    Args:
        where: a condition of ours on the table's columns.
    """
    query = f"SELECT * FROM codebuild_builds WHERE {where} ORDER BY sequence"
    return [_build(row) for row in connection.execute(query, values).fetchall()]


def _build(row: sqlite3.Row) -> Build:
    values: dict[str, Any] = dict(row)
    return Build(**{**values, "body": json.loads(values["body"]), "handed": Handed.from_json(values["handed"])})


def insert_build(connection: sqlite3.Connection, build: Build) -> None:
    """Keep a new build. Writes."""
    connection.execute(
        "INSERT INTO codebuild_builds (arn, account, region, project, status, body, handed, token, asked)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            build.arn, build.account, build.region, build.project, build.status, json.dumps(build.body),
            build.handed.to_json(), build.token, build.asked,
        ),
    )  # fmt: skip


def update_build(connection: sqlite3.Connection, build: Build) -> None:
    """Keep what became of a build. Writes."""
    connection.execute(
        "UPDATE codebuild_builds SET status = ?, body = ? WHERE arn = ?",
        (build.status, json.dumps(build.body), build.arn),
    )
