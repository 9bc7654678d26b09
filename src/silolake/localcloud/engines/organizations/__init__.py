"""AWS Organizations. Read in this order: ``tree``, ``accounts``, ``nodes``, ``access``, then the operations.

Asked directly by others: ``tree`` at every decision, ``accounts`` by the owner's door;
``events.MEMBERSHIP_LISTENERS`` tells them of comings and goings.
"""

from __future__ import annotations

from silolake.localcloud.engines.organizations import (
    account_operations,
    attachment_operations,
    delegation_operations,
    organization_operations,
    policy_operations,
    tag_operations,
    unit_operations,
)
from silolake.localcloud.engines.organizations.moving import close, resume
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.engines.organizations.schema import SCHEMA

__all__ = [
    "PLAYS",
    "SCHEMA",
    "account_operations",
    "attachment_operations",
    "close",
    "delegation_operations",
    "organization_operations",
    "policy_operations",
    "resume",
    "tag_operations",
    "unit_operations",
]
