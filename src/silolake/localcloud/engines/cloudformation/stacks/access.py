"""What IAM must allow for an operation on a stack.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
"""

from __future__ import annotations

from collections.abc import Sequence

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.cloudformation.stacks.records import Stack, find_stack
from silolake.localcloud.engines.cloudformation.stacks.site import PRINCIPAL


def account_wide(call: Call) -> Sequence[Access]:
    """Operations that name no stack."""
    return (Access(f"cloudformation:{call.operation}", "*", call.account),)


def _on_stack(call: Call, *, hands_role: bool) -> Sequence[Access]:
    given = call.parameters
    name = str(given.get("StackName") or "")
    change_set = str(given.get("ChangeSetName") or "")
    if not name and not change_set:
        return account_wide(call)
    stack = _stack(call, name or change_set)
    role = str(given.get("RoleARN") or "")
    context: dict[str, tuple[str, ...]] = {}
    if change_set:
        context["cloudformation:ChangeSetName"] = (change_set,)
    if given.get("TemplateURL"):
        context["cloudformation:TemplateUrl"] = (str(given["TemplateURL"]),)
    if tags := given.get("Tags"):
        context["aws:TagKeys"] = tuple(each["Key"] for each in tags)
        context |= {f"aws:RequestTag/{each['Key']}": (each["Value"],) for each in tags}
    if role:
        context["cloudformation:RoleArn"] = (role,)
    arn = stack.id if stack else _arn_of(call, name)
    tags_of = stack.wanted.tags if stack else {}
    found = [Access(f"cloudformation:{call.operation}", arn, call.account, context, tags=tags_of)]
    if hands_role and role:
        found.append(Access("iam:PassRole", role, role.split(":")[4], {"iam:PassedToService": (PRINCIPAL,)}))
    return found


def _stack(call: Call, name: str) -> Stack | None:
    with call.cloud.store.read() as connection:
        if ":changeSet/" in name:
            row = connection.execute("SELECT stack FROM cfn_change_sets WHERE id = ?", (name,)).fetchone()
            name = row["stack"] if row else name
        return find_stack(connection, call.account, call.region, name)


def _arn_of(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{name}/*"


def on_stack(call: Call) -> Sequence[Access]:
    """Operations on one stack."""
    return _on_stack(call, hands_role=False)


def deploying(call: Call) -> Sequence[Access]:
    """Operations that may hand a role to the stack: ``iam:PassRole`` beside the operation itself."""
    return _on_stack(call, hands_role=True)
