"""What IAM must allow for an operation on a stack set.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
"""

from __future__ import annotations

from collections.abc import Sequence

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.cloudformation.stack_sets.organization import Administered
from silolake.localcloud.engines.cloudformation.stack_sets.records import find_set
from silolake.localcloud.engines.organizations import tree


def on_set(call: Call) -> Sequence[Access]:
    """Operations on one stack set. Whether the caller administers stack sets at all is the operation's own question."""
    name = str(call.parameters["StackSetName"])
    with call.cloud.store.read() as connection:
        place = tree.placement(connection, call.account)
        where = Administered(place.organization, place.management_account)
        found = find_set(connection, where, call.region, name)
    account = place.management_account or call.account
    short = name.rsplit(":stackset/", 1)[-1]
    arn = found.arn if found else f"arn:aws:cloudformation:{call.region}:{account}:stackset/{short}:*"
    context: dict[str, tuple[str, ...]] = {}
    if regions := call.parameters.get("Regions"):
        context["cloudformation:TargetRegion"] = tuple(regions)
    if url := call.parameters.get("TemplateURL"):
        context["cloudformation:TemplateUrl"] = (str(url),)
    if tags := call.parameters.get("Tags"):
        context["aws:TagKeys"] = tuple(each["Key"] for each in tags)
        context |= {f"aws:RequestTag/{each['Key']}": (each["Value"],) for each in tags}
    # A delegated administrator acts on the organization's stack sets as on its own: no second account decides.
    return (Access(f"cloudformation:{call.operation}", arn, call.account, context, tags=found.tags if found else {}),)


def every_set(call: Call) -> Sequence[Access]:
    """Operations on all stack sets."""
    return (Access(f"cloudformation:{call.operation}", "*", call.account),)
