"""Every type of action that is played, by category, owner, provider and version."""

from __future__ import annotations

from silolake.localcloud.engines.codepipeline.actions.acting import Provider
from silolake.localcloud.engines.codepipeline.actions.cloudformation import CloudFormation
from silolake.localcloud.engines.codepipeline.actions.codebuild import CodeBuild
from silolake.localcloud.engines.codepipeline.actions.s3 import S3Source

PROVIDERS: dict[tuple[str, str, str, str], Provider] = {
    ("Source", "AWS", "S3", "1"): S3Source(),
    ("Build", "AWS", "CodeBuild", "1"): CodeBuild(),
    ("Test", "AWS", "CodeBuild", "1"): CodeBuild(),
    ("Deploy", "AWS", "CloudFormation", "1"): CloudFormation(),
}
