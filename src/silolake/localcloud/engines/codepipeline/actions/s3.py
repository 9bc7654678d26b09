"""Source S3: a version of an object in a versioned bucket, read as the pipeline's role.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
"""

from __future__ import annotations

from collections.abc import Mapping

from silolake.localcloud.engines.codepipeline.actions.acting import (
    Act,
    ActionFailed,
    Outcome,
    check_configuration,
    invalid_action,
    refused,
)
from silolake.localcloud.errors import AwsError, NotPlayed


class S3Source:
    """Copies the object into the pipeline's artifact bucket."""

    inputs, outputs = (0, 0), (1, 1)

    def check(self, name: str, configuration: Mapping[str, str], inputs: list[str]) -> None:
        """Bucket and key must be said. See ``Provider``."""
        if configuration.get("AllowOverrideForS3ObjectKey", "false") != "false":
            raise NotPlayed("codepipeline with AllowOverrideForS3ObjectKey")
        check_configuration(
            name, configuration, ("S3Bucket", "S3ObjectKey"), ("PollForSourceChanges", "AllowOverrideForS3ObjectKey")
        )
        if configuration.get("PollForSourceChanges", "true") not in ("true", "false"):
            raise invalid_action(f"PollForSourceChanges of action '{name}' is true or false")

    def begin(self, act: Act) -> Outcome:
        """Find the version, copy it. Writes the artifact bucket. See ``Provider``."""
        bucket, key = act.configuration["S3Bucket"], act.configuration["S3ObjectKey"]
        try:
            versioning = act.ask("s3:GetBucketVersioning", {"Bucket": bucket}).get("Status")
            if versioning != "Enabled":
                raise ActionFailed("ConfigurationError", f"The bucket {bucket} is not versioned")
            version = {"VersionId": act.revision} if act.revision else {}
            found = act.ask("s3:GetObject", {"Bucket": bucket, "Key": key, **version})
            content: bytes = found["Body"].read()
        except AwsError as error:
            raise refused(error, "Amazon S3") from error
        (output,) = act.outputs
        act.put(output, content)
        return Outcome(
            summary=f"Amazon S3 version id: {found['VersionId']}",
            revision=found["VersionId"],
            variables={
                "BucketName": bucket,
                "ETag": found["ETag"].strip('"'),
                "ObjectKey": key,
                "VersionId": found["VersionId"],
            },
            outputs=act.outputs,
        )

    def look(self, act: Act, external: str) -> Outcome | None:
        """Nothing goes on elsewhere. See ``Provider``."""
        return None
