"""What a build reads from S3 and puts there, as its own role."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codebuild.buildspec import Buildspec, Files
from silolake.localcloud.engines.codebuild.files import Kept, NoFiles, chosen, packed, sums
from silolake.localcloud.engines.codebuild.place import Place
from silolake.localcloud.engines.codebuild.records import Artifact, Build
from silolake.localcloud.errors import AwsError


class PhaseFailed(Exception):
    """A phase that fails, in CodeBuild's words.

    Attributes:
        code: the context's status code, ``COMMAND_EXECUTION_ERROR``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Carrier:
    """Carries what a build needs and makes between S3 and its place."""

    cloud: LocalCloud
    role: Caller
    build: Build
    place: Place

    def sources(self) -> Iterator[tuple[bytes, Path, str]]:
        """Every zip that the build starts from, where it goes, and its version. Reads S3.

        Raises:
            PhaseFailed: one cannot be read.
        """
        source = self.build.body["source"]
        match source["type"]:
            case "S3":
                bucket, _, key = source["location"].partition("/")
                one = Artifact("", bucket, key, version_id=self.build.body.get("sourceVersion", ""))
                yield self._read(one, self.place.source)
            case "CODEPIPELINE":
                for number, each in enumerate(self.build.handed.inputs):
                    yield self._read(each, self.place.secondary(each.name) if number else self.place.source)

    def _read(self, artifact: Artifact, directory: Path) -> tuple[bytes, Path, str]:
        asked = {"Bucket": artifact.bucket, "Key": artifact.key}
        if artifact.version_id:
            asked["VersionId"] = artifact.version_id
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            answer = self.cloud.invoke(self.role, "s3", "GetObject", asked, self.build.region)
            return answer["Body"].read(), directory, str(answer.get("VersionId", ""))
        except AwsError as error:
            where = f"error while downloading key {artifact.key}, error: {error.code}: {error.message}"
            raise PhaseFailed("CLIENT_ERROR", f"{where} for primary source and source version ") from error

    def keep(self, spec: Buildspec) -> dict[str, Any]:
        """Put what was built where it belongs; what the build tells of it. Writes S3.

        Raises:
            PhaseFailed: there is nothing to keep, or it may not be put there.
        """
        match self.build.body["artifacts"].get("type"):
            case "S3":
                return self._keep_in_s3(spec)
            case "CODEPIPELINE":
                return self._keep_for_pipeline(spec)
            case _:
                return {}

    def _keep_in_s3(self, spec: Buildspec) -> dict[str, Any]:
        wanted = self.build.body["artifacts"]
        if spec.artifacts is None:
            raise PhaseFailed("CLIENT_ERROR", "no artifacts are named in the buildspec")
        name = wanted.get("name") or self.build.project
        between = self.build.uuid if wanted.get("namespaceType") == "BUILD_ID" else ""
        key = "/".join(each.strip("/") for each in (wanted.get("path", ""), between, name) if each.strip("/"))
        files, bucket = self._chosen(spec.artifacts), wanted["location"]
        sealed = "" if wanted.get("encryptionDisabled") else self.build.body["encryptionKey"]
        told = {"location": f"arn:aws:s3:::{bucket}/{key}", "encryptionDisabled": not sealed}
        if wanted.get("packaging") != "ZIP":
            for each in files:
                self._put(Artifact(name, bucket, f"{key}/{each.name}", sealed), each.path.read_bytes())
            return told
        content = packed(files)
        self._put(Artifact(name, bucket, key, sealed), content)
        return {**told, **sums(content)}

    def _keep_for_pipeline(self, spec: Buildspec) -> dict[str, Any]:
        outputs = self.build.handed.outputs
        told: dict[str, Any] = {}
        for each in outputs:
            # A pipeline's action with several output artifacts takes the secondary ones of the same names.
            wanted = spec.artifacts if len(outputs) == 1 and not spec.secondary else spec.secondary.get(each.name)
            if wanted is None:
                raise PhaseFailed("CLIENT_ERROR", f"no artifact {each.name} is named in the buildspec")
            content = packed(self._chosen(wanted))
            self._put(each, content)
            told = told or {"location": f"arn:aws:s3:::{each.bucket}/{each.key}", **sums(content)}
        return told

    def _chosen(self, wanted: Files) -> list[Kept]:
        try:
            return chosen(wanted, self.place.source)
        except NoFiles as error:
            raise PhaseFailed("CLIENT_ERROR", str(error)) from error

    def _put(self, artifact: Artifact, content: bytes) -> None:
        try:
            self.put(artifact, content)
        except AwsError as error:
            where = f"error while uploading key {artifact.key}, error: {error.code}: {error.message}"
            raise PhaseFailed("CLIENT_ERROR", where) from error

    def put(self, artifact: Artifact, content: bytes) -> None:
        """Put one object. Writes S3.

        Raises:
            AwsError: the role may not.
        """
        asked: dict[str, Any] = {"Bucket": artifact.bucket, "Key": artifact.key, "Body": content}
        if artifact.key_arn:
            # An alias' ARN of the AWS managed key is S3's own choice where no key is named.
            named = {} if artifact.key_arn.endswith(":alias/aws/s3") else {"SSEKMSKeyId": artifact.key_arn}
            asked |= {"ServerSideEncryption": "aws:kms", **named}
        self.cloud.invoke(self.role, "s3", "PutObject", asked, self.build.region)

    def keep_log(self) -> None:
        """Put the log where the project wants it, as ``<uuid>.gz``. Writes S3.

        https://docs.aws.amazon.com/codebuild/latest/APIReference/API_S3LogsConfig.html

        Raises:
            AwsError: the role may not.
        """
        wanted = self.build.body["logs"]["s3Logs"]
        if wanted["status"] == "ENABLED":
            location = wanted["location"].removeprefix("arn:aws:s3:::")
            bucket, _, prefix = location.partition("/")
            key = "/".join(each for each in (prefix.strip("/"), f"{self.build.uuid}.gz") if each)
            sealed = "" if wanted.get("encryptionDisabled") else self.build.body["encryptionKey"]
            self.put(Artifact("log", bucket, key, sealed), gzip.compress(self.place.log.read_bytes(), mtime=0))
