"""The handle of a wait condition: a name, and nothing behind it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudformation-waitconditionhandle.html
"""

from __future__ import annotations

from urllib.parse import quote

from silolake.localcloud.engines.cloudformation.types.kinds import Act, ResourceType, answering_id


def _url(act: Act) -> str:
    key = f"{quote(act.stack_id, safe='')}/{act.logical_id}"
    return f"https://cloudformation-waitcondition-{act.region}.s3.amazonaws.com/{key}?token={act.token}"


def _nothing(_: Act) -> None:
    return None


WAIT_CONDITION_HANDLE = ResourceType(
    name="AWS::CloudFormation::WaitConditionHandle",
    shape={},
    identify=_url,
    create=answering_id(_nothing),
    find=lambda _: "",
    delete=_nothing,
)
