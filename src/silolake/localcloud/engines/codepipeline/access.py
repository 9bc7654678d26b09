"""What IAM must allow.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodepipeline.html
"""

from __future__ import annotations

from dataclasses import replace

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.codepipeline.records import PRINCIPAL, find_pipeline, pipeline_arn
from silolake.localcloud.engines.iam.passing import pass_role_access
from silolake.localcloud.engines.iam.tags import tag_context


def on_account(call: Call) -> tuple[Access, ...]:
    """Operations that name no pipeline."""
    return (Access(f"codepipeline:{call.operation}", "*", call.account),)


def _on(call: Call, name: str, beneath: str = "") -> Access:
    arn = pipeline_arn(call.account, call.region, name)
    with call.cloud.store.read() as connection:
        known = find_pipeline(connection, arn)
    tags = [{"Key": each["key"], "Value": each["value"]} for each in call.parameters.get("tags") or ()]
    return Access(
        f"codepipeline:{call.operation}",
        arn + beneath,
        call.account,
        tag_context(tags),
        tags=known.tags if known else {},
    )


def on_pipeline(call: Call) -> tuple[Access, ...]:
    """Operations on a pipeline."""
    return (_on(call, call.parameters.get("name") or call.parameters["pipelineName"]),)


def on_named_resource(call: Call) -> tuple[Access, ...]:
    """Operations on the tags of a pipeline."""
    given = [{"Key": each["key"], "Value": each["value"]} for each in call.parameters.get("tags") or ()]
    found = _on(call, call.parameters["resourceArn"].rpartition(":")[2])
    return (replace(found, context=tag_context(given, call.parameters.get("tagKeys"))),)


def on_stage(call: Call) -> tuple[Access, ...]:
    """Operations on a stage of a pipeline."""
    return (_on(call, call.parameters["pipelineName"], f"/{call.parameters['stageName']}"),)


def declaring(call: Call) -> tuple[Access, ...]:
    """Operations that hand a role to a pipeline."""
    declared = call.parameters["pipeline"]
    return (_on(call, declared["name"]), pass_role_access(call, declared["roleArn"], PRINCIPAL))
