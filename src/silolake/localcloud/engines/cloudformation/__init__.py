"""AWS CloudFormation: templates, stacks and their journal, service-managed stack sets.

Read ``templates`` first, then ``types``, ``stacks.deploying`` and ``stacks.phases``; then ``stack_sets.running``.
"""

from __future__ import annotations

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.cloudformation import template_operations
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.schema import SCHEMA
from silolake.localcloud.engines.cloudformation.stack_sets import automatic, instances, operations, sets, trusted_access
from silolake.localcloud.engines.cloudformation.stack_sets import running as stack_sets_running
from silolake.localcloud.engines.cloudformation.stacks import change_sets, reading, requests
from silolake.localcloud.engines.cloudformation.stacks import running as stacks_running
from silolake.localcloud.engines.organizations.events import MEMBERSHIP_LISTENERS

__all__ = [
    "PLAYS",
    "SCHEMA",
    "change_sets",
    "instances",
    "operations",
    "reading",
    "requests",
    "resume",
    "sets",
    "template_operations",
    "trusted_access",
]

if automatic.on_membership not in MEMBERSHIP_LISTENERS:
    MEMBERSHIP_LISTENERS.append(automatic.on_membership)


def resume(cloud: LocalCloud) -> None:
    """Take up the work that a stopped process left: stacks, operations, moves of accounts. Writes."""
    stacks_running.resume(cloud)
    automatic.resume(cloud)
    stack_sets_running.resume(cloud)
