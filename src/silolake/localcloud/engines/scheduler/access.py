"""What IAM must allow.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
"""

from __future__ import annotations

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.iam.passing import pass_role_access
from silolake.localcloud.engines.iam.tags import tag_context
from silolake.localcloud.engines.scheduler.records import DEFAULT, PRINCIPAL, find_group, group_arn, schedule_arn


def on_account(call: Call) -> tuple[Access, ...]:
    """Operations that name nothing."""
    return (Access(f"scheduler:{call.operation}", "*", call.account),)


def named_arn(call: Call) -> str:
    """The ARN of the schedule that a call names."""
    group = call.parameters.get("GroupName") or DEFAULT
    return schedule_arn(call.account, call.region, group, call.parameters["Name"])


def on_schedule(call: Call) -> tuple[Access, ...]:
    """Operations on a schedule."""
    return (Access(f"scheduler:{call.operation}", named_arn(call), call.account),)


def with_role(call: Call) -> tuple[Access, ...]:
    """Operations that hand a role to a schedule."""
    role = call.parameters["Target"]["RoleArn"]
    return (*on_schedule(call), pass_role_access(call, role, PRINCIPAL))


def on_group(call: Call) -> tuple[Access, ...]:
    """Operations on a group."""
    asked = call.parameters
    arn = asked.get("ResourceArn") or group_arn(call.account, call.region, asked["Name"])
    with call.cloud.store.read() as connection:
        group = find_group(connection, arn)
    context = tag_context(asked.get("Tags"), asked.get("TagKeys"))
    tags = group.tags if group else {}
    return (Access(f"scheduler:{call.operation}", arn, call.account, context, tags=tags),)
